//! The reference tables of a policy test, turned into the rows that an import takes.

use serde::Deserialize;

use crate::reference::table::ReferenceTable;

use super::case::Case;
use crate::cli::client::claim_text::DayText;

/// A person, with everything dated about them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PersonText {
    person_id: String,
    insurance: String,
    insured_region: String,
    #[serde(default)]
    enrolments: Vec<Days>,
    #[serde(default)]
    categories: Vec<DatedCategory>,
    #[serde(default)]
    approvals: Vec<DatedApproval>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Days {
    from: Option<DayText>,
    until: Option<DayText>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DatedCategory {
    category: String,
    from: Option<DayText>,
    until: Option<DayText>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DatedApproval {
    kind: String,
    from: Option<DayText>,
    until: Option<DayText>,
}

/// A hospital.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HospitalText {
    hospital_id: String,
    #[serde(default)]
    name: String,
    level: String,
    region: String,
    #[serde(default)]
    designated: Vec<Days>,
}

/// A row of the catalogue.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CatalogueText {
    code: String,
    #[serde(default)]
    name: String,
    class: String,
    #[serde(default)]
    self_pay_ratio: String,
    #[serde(default)]
    price_ceiling: String,
    #[serde(default)]
    regions: Vec<String>,
    from: Option<DayText>,
    until: Option<DayText>,
}

impl Case {
    /// The cells of its rows, table by table, in the order of each table's columns.
    pub(super) fn tables(&self) -> Vec<(ReferenceTable, Vec<Vec<String>>)> {
        ReferenceTable::ALL.iter().map(|table| (*table, self.rows(*table))).collect()
    }

    fn rows(&self, table: ReferenceTable) -> Vec<Vec<String>> {
        let rows = match table {
            ReferenceTable::Persons => self.persons.iter().map(PersonText::cells).collect(),
            ReferenceTable::Enrolments => {
                self.of_persons(|person| &person.enrolments, |days, id| days.cells("person_id", id))
            }
            ReferenceTable::Categories => self.of_persons(|person| &person.categories, DatedCategory::cells),
            ReferenceTable::Approvals => self.of_persons(|person| &person.approvals, DatedApproval::cells),
            ReferenceTable::Hospitals => self.hospitals.iter().map(HospitalText::cells).collect(),
            ReferenceTable::Designations => {
                let days = |hospital: &HospitalText| -> Vec<Cells> {
                    hospital.designated.iter().map(|days| days.cells("hospital_id", &hospital.hospital_id)).collect()
                };
                self.hospitals.iter().flat_map(days).collect()
            }
            ReferenceTable::Catalogue => self.catalogue.iter().map(CatalogueText::cells).collect::<Vec<_>>(),
        };
        rows.into_iter().map(|cells| in_order(table, &cells)).collect()
    }

    fn of_persons<T>(&self, list: fn(&PersonText) -> &Vec<T>, cells: fn(&T, &str) -> Cells) -> Vec<Cells> {
        let of = |person: &PersonText| -> Vec<Cells> {
            list(person).iter().map(|one| cells(one, &person.person_id)).collect()
        };
        self.persons.iter().flat_map(of).collect()
    }
}

type Cells = Vec<(&'static str, String)>;

fn in_order(table: ReferenceTable, cells: &Cells) -> Vec<String> {
    let cell = |name: &&str| cells.iter().find(|(column, _)| column == name).map(|(_, text)| text.clone());
    table.columns().iter().map(|name| cell(name).unwrap_or_default()).collect()
}

fn end(day: &Option<DayText>) -> String {
    day.as_ref().map(DayText::text).unwrap_or_default()
}

impl Days {
    fn cells(&self, key: &'static str, id: &str) -> Cells {
        vec![(key, id.to_owned()), ("from", end(&self.from)), ("until", end(&self.until))]
    }
}

impl DatedCategory {
    fn cells(&self, person: &str) -> Cells {
        let category = ("category", self.category.clone());
        vec![("person_id", person.to_owned()), category, ("from", end(&self.from)), ("until", end(&self.until))]
    }
}

impl DatedApproval {
    fn cells(&self, person: &str) -> Cells {
        let kind = ("kind", self.kind.clone());
        vec![("person_id", person.to_owned()), kind, ("from", end(&self.from)), ("until", end(&self.until))]
    }
}

impl PersonText {
    fn cells(&self) -> Cells {
        vec![
            ("person_id", self.person_id.clone()),
            ("insurance", self.insurance.clone()),
            ("insured_region", self.insured_region.clone()),
        ]
    }
}

/// A case may leave names out; a table may not.
fn name_or(name: &str, id: &str) -> String {
    if name.is_empty() { id.to_owned() } else { name.to_owned() }
}

impl HospitalText {
    fn cells(&self) -> Cells {
        vec![
            ("hospital_id", self.hospital_id.clone()),
            ("name", name_or(&self.name, &self.hospital_id)),
            ("level", self.level.clone()),
            ("region", self.region.clone()),
        ]
    }
}

impl CatalogueText {
    fn cells(&self) -> Cells {
        vec![
            ("code", self.code.clone()),
            ("name", name_or(&self.name, &self.code)),
            ("class", self.class.clone()),
            ("self_pay_ratio", self.self_pay_ratio.clone()),
            ("price_ceiling", self.price_ceiling.clone()),
            ("regions", self.regions.join(" ")),
            ("from", end(&self.from)),
            ("until", end(&self.until)),
        ]
    }
}
