//! The persons, hospitals and codes of a load: a seed decides them, and each is computed when it is needed, so that ten
//! million persons take no memory.

use super::random::{Purpose, Random};
use crate::reference::table::ReferenceTable;

/// The number of codes in the catalogue.
pub(super) const CODES: u64 = 2_000;

/// The day from which every row is in force.
const FROM: &str = "2014-01-01";

/// The prefectures of Shandong.
const REGIONS: u64 = 16;

/// Registers of hardship with their shares of a thousand residents; the rest are on none.
const CATEGORIES: &[(&str, u64)] = &[
    ("subsistence_allowance", 24),
    ("low_income_edge", 12),
    ("monitored", 8),
    ("destitute", 4),
    ("rigid_spending", 4),
    ("returned_poor", 2),
];

/// The persons, hospitals and codes of a load.
#[derive(Clone, Debug)]
pub(super) struct Population {
    /// The seed.
    pub(super) seed: u64,
    /// What every id begins with.
    pub(super) name: String,
    /// The number of persons.
    pub(super) persons: u64,
    /// The number of hospitals.
    pub(super) hospitals: u64,
}

/// What is known about a person.
pub(super) struct Person {
    is_employee: bool,
    region: String,
    category: Option<&'static str>,
    /// Whether outpatient visits for chronic diseases are approved.
    pub(super) is_chronic: bool,
    /// Whether outpatient visits for serious diseases are approved.
    pub(super) is_serious: bool,
    is_registered_elsewhere: bool,
}

/// A row: its table, and its cells in the order of the table's columns.
pub(super) type Row = (ReferenceTable, Vec<String>);

impl Population {
    /// The id of a person.
    pub(super) fn person_id(&self, person: u64) -> String {
        format!("{}-P{person:08}", self.name)
    }

    /// The id of a hospital.
    pub(super) fn hospital_id(&self, hospital: u64) -> String {
        format!("{}-H{hospital:04}", self.name)
    }

    /// The code at this position of the catalogue.
    pub(super) fn code(position: u64) -> String {
        format!("LOAD-{position:04}")
    }

    /// The insurance of a person.
    pub(super) fn insurance(&self, person: u64) -> &'static str {
        if self.person(person).is_employee { "employee" } else { "resident" }
    }

    /// What is known about a person.
    pub(super) fn person(&self, person: u64) -> Person {
        let mut random = Random::new(self.seed, Purpose::Person, person);
        let (is_employee, region) = (random.chance(250), region(&mut random));
        let category = match is_employee {
            true => random.chance(280).then_some("retired"),
            false => category(random.below(1_000)),
        };
        let (is_chronic, is_serious) = (random.chance(120), random.chance(40));
        Person { is_employee, region, category, is_chronic, is_serious, is_registered_elsewhere: random.chance(30) }
    }

    /// The rows about a person.
    pub(super) fn rows_of_person(&self, number: u64) -> Vec<Row> {
        let (id, person) = (self.person_id(number), self.person(number));
        let approvals = [
            ("outpatient_chronic", person.is_chronic),
            ("outpatient_serious", person.is_serious),
            ("cross_region", person.is_registered_elsewhere),
        ];
        let approvals = approvals.iter().filter(|(_, holds)| *holds);
        let enrolment = (ReferenceTable::Enrolments, cells(&[&id, FROM, self.insurance(number), &person.region, ""]));
        let category = person.category.map(|word| (ReferenceTable::Categories, cells(&[&id, word, FROM, ""])));
        let approvals = approvals.map(|(kind, _)| (ReferenceTable::Approvals, cells(&[&id, kind, FROM, ""])));
        [enrolment].into_iter().chain(category).chain(approvals).collect()
    }

    /// The rows of a table.
    pub(super) fn rows(&self, table: ReferenceTable) -> Box<dyn Iterator<Item = Vec<String>> + Send> {
        let own = self.clone();
        match table {
            ReferenceTable::Hospitals => Box::new((0..self.hospitals).map(move |number| own.hospital(number))),
            ReferenceTable::Designations => {
                Box::new((0..self.hospitals).map(move |number| cells(&[&own.hospital_id(number), FROM, ""])))
            }
            ReferenceTable::Catalogue => Box::new((0..CODES).map(move |position| own.catalogue_row(position))),
            ReferenceTable::Enrolments | ReferenceTable::Categories | ReferenceTable::Approvals => {
                let of_person = move |number| own.rows_of_person(number).into_iter();
                let rows = (0..self.persons).flat_map(of_person).filter(move |(of, _)| *of == table);
                Box::new(rows.map(|(_, cells)| cells))
            }
        }
    }

    fn hospital(&self, number: u64) -> Vec<String> {
        let mut random = Random::new(self.seed, Purpose::Hospital, number);
        // The large ones are the ones that are called most.
        let level = match number * 100 / self.hospitals.max(1) {
            0..15 => "tertiary",
            15..50 => "secondary",
            _ => "primary",
        };
        let (region, tags) = (region(&mut random), if random.chance(100) { "tcm" } else { "" });
        cells(&[&self.hospital_id(number), FROM, "a hospital of a load test", level, &region, tags, ""])
    }

    fn catalogue_row(&self, position: u64) -> Vec<String> {
        let mut random = Random::new(self.seed, Purpose::Code, position);
        let class = match random.below(100) {
            0..45 => "A",
            45..90 => "B",
            90..98 => "C",
            98 => "special",
            _ => "transitional",
        };
        let ratio = if class == "B" { format!("0.{:02}", 5 + random.below(26)) } else { String::new() };
        let ceiling = if random.chance(100) { (10 + random.below(200)).to_string() } else { String::new() };
        cells(&[&Population::code(position), "", FROM, "an item of a load test", class, &ratio, &ceiling, ""])
    }
}

fn cells(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn region(random: &mut Random) -> String {
    format!("37{:02}00", 1 + random.below(REGIONS))
}

fn category(mut drawn: u64) -> Option<&'static str> {
    for (word, share) in CATEGORIES {
        if drawn < *share {
            return Some(word);
        }
        drawn -= share;
    }
    None
}
