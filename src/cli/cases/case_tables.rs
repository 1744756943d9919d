//! The reference tables of a policy case, as the rows of an import.

use serde::Deserialize;

use crate::cli::client::claim_text::DayText;
use crate::reference::table::ReferenceTable;

/// A person with enrolments, categories and approvals. `insurance` and `insured_region` are the defaults of the
/// enrolments.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PersonText {
    person_id: String,
    #[serde(default)]
    insurance: String,
    #[serde(default)]
    insured_region: String,
    #[serde(default)]
    enrolments: Vec<EnrolmentText>,
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
struct EnrolmentText {
    from: Option<DayText>,
    until: Option<DayText>,
    insurance: Option<String>,
    insured_region: Option<String>,
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

/// A row of a hospital.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HospitalText {
    hospital_id: String,
    #[serde(default)]
    name: String,
    level: String,
    region: String,
    #[serde(default)]
    tags: Vec<String>,
    from: Option<DayText>,
    until: Option<DayText>,
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

/// The rows of each table, with cells in the order of the table's columns.
pub(super) fn rows_by_table(
    persons: &[PersonText],
    hospitals: &[HospitalText],
    catalogue: &[CatalogueText],
) -> Vec<(ReferenceTable, Vec<Vec<String>>)> {
    let rows = |table| -> Vec<Cells> {
        match table {
            ReferenceTable::Enrolments => persons.iter().flat_map(PersonText::enrolment_cells).collect(),
            ReferenceTable::Categories => dated_cells(persons, |person| &person.categories, DatedCategory::cells),
            ReferenceTable::Approvals => dated_cells(persons, |person| &person.approvals, DatedApproval::cells),
            ReferenceTable::Hospitals => hospitals.iter().map(HospitalText::cells).collect(),
            ReferenceTable::Designations => hospitals.iter().flat_map(HospitalText::designation_cells).collect(),
            ReferenceTable::Catalogue => catalogue.iter().map(CatalogueText::cells).collect(),
        }
    };
    let in_order = |table| rows(table).iter().map(|cells| in_column_order(table, cells)).collect();
    ReferenceTable::ALL.iter().map(|table| (*table, in_order(*table))).collect()
}

/// The cells of everything dated about persons: `list` selects it, `cells` converts one with the person's id.
fn dated_cells<T>(
    persons: &[PersonText],
    list: fn(&PersonText) -> &Vec<T>,
    cells: fn(&T, &str) -> Cells,
) -> Vec<Cells> {
    let of_person = |person: &PersonText| -> Vec<Cells> {
        list(person).iter().map(|dated| cells(dated, &person.person_id)).collect()
    };
    persons.iter().flat_map(of_person).collect()
}

type Cells = Vec<(&'static str, String)>;

fn in_column_order(table: ReferenceTable, cells: &Cells) -> Vec<String> {
    let cell = |name: &&str| cells.iter().find(|(column, _)| column == name).map(|(_, text)| text.clone());
    table.columns().iter().map(|name| cell(name).unwrap_or_default()).collect()
}

fn day_cell(day: &Option<DayText>) -> String {
    day.as_ref().map(DayText::text).unwrap_or_default()
}

impl Days {
    fn cells(&self, key: &'static str, id: &str) -> Cells {
        vec![(key, id.to_owned()), ("from", day_cell(&self.from)), ("until", day_cell(&self.until))]
    }
}

impl DatedCategory {
    fn cells(&self, person: &str) -> Cells {
        let category = ("category", self.category.clone());
        vec![
            ("person_id", person.to_owned()),
            category,
            ("from", day_cell(&self.from)),
            ("until", day_cell(&self.until)),
        ]
    }
}

impl DatedApproval {
    fn cells(&self, person: &str) -> Cells {
        let kind = ("kind", self.kind.clone());
        vec![("person_id", person.to_owned()), kind, ("from", day_cell(&self.from)), ("until", day_cell(&self.until))]
    }
}

impl PersonText {
    fn enrolment_cells(&self) -> Vec<Cells> {
        let or_default = |own: &Option<String>, default: &String| own.as_ref().unwrap_or(default).clone();
        let cells = |enrolment: &EnrolmentText| {
            vec![
                ("person_id", self.person_id.clone()),
                ("from", day_cell(&enrolment.from)),
                ("insurance", or_default(&enrolment.insurance, &self.insurance)),
                ("insured_region", or_default(&enrolment.insured_region, &self.insured_region)),
                ("until", day_cell(&enrolment.until)),
            ]
        };
        self.enrolments.iter().map(cells).collect()
    }
}

/// The name, or the id if a case omits the name, which a table requires.
fn name_or_id(name: &str, id: &str) -> String {
    if name.is_empty() { id.to_owned() } else { name.to_owned() }
}

impl HospitalText {
    fn designation_cells(&self) -> Vec<Cells> {
        self.designated.iter().map(|days| days.cells("hospital_id", &self.hospital_id)).collect()
    }

    fn cells(&self) -> Cells {
        vec![
            ("hospital_id", self.hospital_id.clone()),
            ("name", name_or_id(&self.name, &self.hospital_id)),
            ("level", self.level.clone()),
            ("region", self.region.clone()),
            ("tags", self.tags.join(" ")),
            ("from", day_cell(&self.from)),
            ("until", day_cell(&self.until)),
        ]
    }
}

impl CatalogueText {
    fn cells(&self) -> Cells {
        vec![
            ("code", self.code.clone()),
            ("name", name_or_id(&self.name, &self.code)),
            ("class", self.class.clone()),
            ("self_pay_ratio", self.self_pay_ratio.clone()),
            ("price_ceiling", self.price_ceiling.clone()),
            ("regions", self.regions.join(" ")),
            ("from", day_cell(&self.from)),
            ("until", day_cell(&self.until)),
        ]
    }
}
