//! One row of one reference table, from texts by column to typed values.

use std::sync::Arc;

use crate::domain::claim::UnitPrice;
use crate::domain::day::{Day, Interval};
use crate::domain::exact::Exact;
use crate::domain::facts::{CatalogueEntry, Class, Region};
use crate::domain::fault::{FaultReason, FieldFault};
use crate::domain::ids::{HospitalId, PersonId};
use crate::domain::rate::Rate;
use crate::domain::vocabulary::{Approval, Category, Level};

use super::catalogue::CatalogueRow;
use super::hospital::{HospitalHead, HospitalPart};
use super::person::PersonPart;
use super::table::ReferenceTable;

/// The most bytes of an id or a code in a table.
const ID_BYTES: usize = 64;

/// The most bytes of a name.
const NAME_BYTES: usize = 200;

/// The most regions that a row of the catalogue names: more than there are.
const REGIONS: usize = 4_000;

/// One row.
#[derive(Clone, PartialEq, Eq)]
pub enum ReferenceRow {
    /// Of a table about persons.
    Person(PersonId, PersonPart),
    /// Of a table about hospitals.
    Hospital(HospitalId, HospitalPart),
    /// Of the catalogue.
    Catalogue(CatalogueRow),
}

crate::domain::ids::silent_debug!(ReferenceRow);

/// The texts of one row by column, and the faults found in them.
pub struct Cells<'a, F: Fn(&str) -> &'a str> {
    cell: F,
    faults: Vec<FieldFault>,
}

impl ReferenceRow {
    /// The row of these cells, in the order of the table's columns.
    ///
    /// # Errors
    /// Every column that cannot be read; or that there are more or fewer cells than columns.
    pub fn from_cells(table: ReferenceTable, cells: &[String]) -> Result<ReferenceRow, Vec<FieldFault>> {
        let columns = table.columns();
        if cells.len() != columns.len() {
            let told = format!("has {} cells; the columns are {}", cells.len(), columns.join(", "));
            return Err(vec![FieldFault::new("cells", FaultReason::Unreadable, told)]);
        }
        let at = |name: &str| columns.iter().position(|column| *column == name);
        ReferenceRow::read(table, |name| at(name).map_or("", |at| cells[at].as_str()))
    }

    /// The row that these texts give; `cell` gives the text of a column, empty where there is none.
    ///
    /// # Errors
    /// Every column that cannot be read.
    fn read<'a>(table: ReferenceTable, cell: impl Fn(&str) -> &'a str) -> Result<ReferenceRow, Vec<FieldFault>> {
        let mut cells = Cells { cell, faults: Vec::new() };
        let row = cells.row(table);
        match row {
            Some(row) if cells.faults.is_empty() => Ok(row),
            _ => Err(cells.faults),
        }
    }
}

impl<'a, F: Fn(&str) -> &'a str> Cells<'a, F> {
    fn row(&mut self, table: ReferenceTable) -> Option<ReferenceRow> {
        match table {
            ReferenceTable::Persons => self.persons(),
            ReferenceTable::Enrolments => self.of_person(|days, _| Some(PersonPart::Enrolment(days))),
            ReferenceTable::Categories => self.of_person(|days, cells| {
                Some(PersonPart::Category(cells.word("category", Category::ALL, Category::as_str)?, days))
            }),
            ReferenceTable::Approvals => self.of_person(|days, cells| {
                Some(PersonPart::Approval(cells.word("kind", Approval::ALL, Approval::as_str)?, days))
            }),
            ReferenceTable::Hospitals => self.hospitals(),
            ReferenceTable::Designations => {
                let (id, days) = (self.text("hospital_id", ID_BYTES), self.days());
                Some(ReferenceRow::Hospital(id?.into(), HospitalPart::Designation(days?)))
            }
            ReferenceTable::Catalogue => self.catalogue(),
        }
    }

    fn persons(&mut self) -> Option<ReferenceRow> {
        let id = self.text("person_id", ID_BYTES);
        let (insurance, region) = (self.text("insurance", ID_BYTES), self.region("insured_region"));
        Some(ReferenceRow::Person(id?.into(), PersonPart::Insured(insurance?.into(), region?)))
    }

    fn of_person(&mut self, part: impl FnOnce(Interval, &mut Self) -> Option<PersonPart>) -> Option<ReferenceRow> {
        let (id, days) = (self.text("person_id", ID_BYTES), self.days());
        let part = part(days.unwrap_or_default(), self);
        days.and(Some(ReferenceRow::Person(id?.into(), part?)))
    }

    fn hospitals(&mut self) -> Option<ReferenceRow> {
        let (id, name) = (self.text("hospital_id", ID_BYTES), self.text("name", NAME_BYTES));
        let (level, region) = (self.word("level", Level::ALL, Level::as_str), self.region("region"));
        let head = HospitalHead { name: name?.into(), level: level?, region: region? };
        Some(ReferenceRow::Hospital(id?.into(), HospitalPart::Head(head)))
    }

    fn catalogue(&mut self) -> Option<ReferenceRow> {
        let (code, name) = (self.text("code", ID_BYTES), self.text("name", NAME_BYTES));
        let (regions, days) = (self.regions(), self.days());
        let (class, price_ceiling) = (self.class(), self.price_ceiling());
        let entry =
            CatalogueEntry { code: code?.into(), name: name?.into(), class: class?, price_ceiling: price_ceiling? };
        Some(ReferenceRow::Catalogue(CatalogueRow { regions: regions?, days: days?, entry: Arc::new(entry) }))
    }

    fn fault(&mut self, column: &str, reason: FaultReason, told: impl Into<String>) {
        self.faults.push(FieldFault::new(column, reason, told));
    }

    fn text(&mut self, column: &str, most: usize) -> Option<&'a str> {
        let text = (self.cell)(column);
        if text.is_empty() {
            self.fault(column, FaultReason::Missing, "is missing");
        } else if text.len() > most {
            self.fault(column, FaultReason::TooLong, format!("has more than {most} bytes"));
        }
        (1..=most).contains(&text.len()).then_some(text)
    }

    fn word<T: Copy>(&mut self, column: &str, all: &[T], word: fn(T) -> &'static str) -> Option<T> {
        let text = (self.cell)(column);
        let known = all.iter().copied().find(|known| word(*known) == text);
        if known.is_none() {
            let words: Vec<_> = all.iter().map(|known| word(*known)).collect();
            self.fault(column, FaultReason::Unreadable, format!("is not one of {}", words.join(", ")));
        }
        known
    }

    fn region(&mut self, column: &str) -> Option<Region> {
        let region = Region::parse((self.cell)(column));
        if region.is_none() {
            self.fault(column, FaultReason::Unreadable, "is not a region of six digits");
        }
        region
    }

    fn regions(&mut self) -> Option<Vec<Arc<str>>> {
        let mut prefixes: Vec<&str> = (self.cell)("regions").split_ascii_whitespace().collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        let digits = |prefix: &&str| prefix.len() <= 6 && prefix.bytes().all(|b| b.is_ascii_digit());
        if !prefixes.iter().all(digits) {
            self.fault("regions", FaultReason::Unreadable, "is not a list of prefixes of one to six digits");
            return None;
        }
        if prefixes.len() > REGIONS {
            self.fault("regions", FaultReason::TooMany, format!("names more than {REGIONS}"));
            return None;
        }
        Some(prefixes.into_iter().map(Arc::from).collect())
    }

    fn days(&mut self) -> Option<Interval> {
        let (from, until) = (self.end("from"), self.end("until"));
        let days = Interval { from: from?, until: until? };
        if days.is_empty() {
            self.fault("until", FaultReason::Unreadable, "is not after `from`");
        }
        Some(days)
    }

    fn end(&mut self, column: &str) -> Option<Option<Day>> {
        match (self.cell)(column) {
            "" => Some(None),
            text => match text.parse() {
                Ok(day) => Some(Some(day)),
                Err(_) => {
                    self.fault(column, FaultReason::NotADay, "is not a day, such as 2017-06-15");
                    None
                }
            },
        }
    }

    fn class(&mut self) -> Option<Class> {
        let ratio = (self.cell)("self_pay_ratio");
        let class = match (self.cell)("class") {
            "A" => Class::A,
            "B" => return self.ratio(ratio).map(Class::B),
            "C" => Class::C,
            "special" => Class::Special,
            "transitional" => Class::Transitional,
            _ => {
                self.fault("class", FaultReason::Unreadable, "is not A, B, C, special or transitional");
                return None;
            }
        };
        if !ratio.is_empty() {
            self.fault("self_pay_ratio", FaultReason::Unreadable, "is given, but only class B has one");
        }
        Some(class)
    }

    fn ratio(&mut self, text: &str) -> Option<Rate> {
        if text.is_empty() {
            self.fault("self_pay_ratio", FaultReason::Missing, "is missing, and class B has one");
            return None;
        }
        text.parse().map_err(|told: String| self.fault("self_pay_ratio", FaultReason::Unreadable, told)).ok()
    }

    fn price_ceiling(&mut self) -> Option<Option<UnitPrice>> {
        let text = (self.cell)("price_ceiling");
        if text.is_empty() {
            return Some(None);
        }
        match text.parse::<Exact>().and_then(|exact| exact.units(6)) {
            Ok(price) if price >= 0 => Some(Some(UnitPrice(price))),
            Ok(_) => {
                self.fault("price_ceiling", FaultReason::Negative, "is negative");
                None
            }
            Err(told) => {
                self.fault("price_ceiling", FaultReason::Unreadable, told.to_string());
                None
            }
        }
    }
}
