//! A policy test (`cases/*.toml`): persons, hospitals, catalogue, steps, and what each step must give.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::domain::money::Money;
use crate::domain::vocabulary::Pool;
use crate::policy::{Book, PolicyFault, shipped};
use crate::reference::row::{Row, Table};

use super::claim_text::{ClaimText, DayText, ReversalText};

/// A case as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Policy files beside the case, in place of the book.
    policies: Option<Vec<String>>,
    #[serde(default)]
    persons: Vec<PersonText>,
    #[serde(default)]
    hospitals: Vec<HospitalText>,
    #[serde(default)]
    catalogue: Vec<CatalogueText>,
    /// Its steps, in order.
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonText {
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

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HospitalText {
    hospital_id: String,
    #[serde(default)]
    name: String,
    level: String,
    region: String,
    #[serde(default)]
    designated: Vec<Days>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogueText {
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

/// One step.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    quote: Option<ClaimText>,
    settle: Option<ClaimText>,
    reverse: Option<ReversalText>,
    /// What it must give.
    #[serde(default)]
    pub expect: Expect,
}

/// What a step asks for.
pub enum Ask<'a> {
    /// A quote.
    Quote(&'a ClaimText),
    /// A settlement.
    Settle(&'a ClaimText),
    /// A reversal.
    Reverse(&'a ReversalText),
}

impl Step {
    /// What it asks for, if it is exactly one thing.
    pub fn ask(&self) -> Option<Ask<'_>> {
        match (&self.quote, &self.settle, &self.reverse) {
            (Some(claim), None, None) => Some(Ask::Quote(claim)),
            (None, Some(claim), None) => Some(Ask::Settle(claim)),
            (None, None, Some(reversal)) => Some(Ask::Reverse(reversal)),
            _ => None,
        }
    }
}

/// What a step must give; what is left out is not checked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The bill's total.
    pub total: Option<String>,
    /// What the patient pays.
    pub patient: Option<String>,
    /// What payers pay.
    #[serde(default)]
    pub payers: BTreeMap<String, String>,
    /// What layers pay.
    #[serde(default)]
    pub layers: BTreeMap<String, String>,
    /// What fell into pools.
    #[serde(default)]
    pub pools: BTreeMap<String, String>,
    /// The status of a refusal.
    pub refused: Option<String>,
    /// The claim that is reversed.
    pub reversed: Option<String>,
}

/// A case that was read, and what it needs beside it.
pub struct Loaded {
    /// The case.
    pub case: Case,
    /// The policies it runs on.
    pub book: Book,
    /// Its tables, table by table.
    pub tables: Vec<(Table, Vec<Row>)>,
}

/// Whether a file is a policy and not a case, so that `*.toml` may name both.
pub fn is_policy(text: &str) -> bool {
    toml::from_str::<toml::Table>(text).is_ok_and(|table| table.contains_key("format") && !table.contains_key("step"))
}

/// Reads a case; `book` is what it runs on if it names no policies of its own.
///
/// # Errors
/// Why it cannot be run, for people.
pub fn load(path: &Path, text: &str, book: &Book) -> Result<Loaded, String> {
    let mut case: Case = toml::from_str(text).map_err(|error| error.to_string())?;
    if case.name.is_empty() {
        case.name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    }
    check(&case)?;
    let book = match &case.policies {
        None => book.clone(),
        Some(files) => beside(path, files)?,
    };
    let tables = case.tables()?;
    Ok(Loaded { case, book, tables })
}

/// The book that `--policies` names, or the shipped one.
///
/// # Errors
/// Every fault of its files.
pub fn book(dir: Option<&Path>) -> Result<Book, Vec<PolicyFault>> {
    dir.map_or_else(shipped::book, Book::from_dir)
}

fn beside(case: &Path, files: &[String]) -> Result<Book, String> {
    let dir = case.parent().unwrap_or(Path::new("."));
    let texts = files.iter().map(|file| {
        let path: PathBuf = dir.join(file);
        std::fs::read_to_string(&path).map(|text| (file.clone(), text)).map_err(|e| format!("{}: {e}", path.display()))
    });
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    let book = Book::from_texts(texts.iter().map(|(file, text)| (file.as_str(), text.as_str())));
    book.map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

fn check(case: &Case) -> Result<(), String> {
    for (at, step) in case.steps.iter().enumerate() {
        let at = at + 1;
        if step.ask().is_none() {
            return Err(format!("step {at} is not exactly one of quote, settle and reverse"));
        }
        let expect = &step.expect;
        let single = [&expect.total, &expect.patient].into_iter().flatten();
        let maps = [&expect.payers, &expect.layers, &expect.pools];
        for text in single.chain(maps.iter().flat_map(|map| map.values())) {
            text.parse::<Money>().map_err(|why| format!("step {at} expects \"{text}\", which {why}"))?;
        }
        if let Some(pool) = expect.pools.keys().find(|pool| Pool::from_word(pool).is_none()) {
            return Err(format!("step {at} expects the pool `{pool}`, which does not exist"));
        }
    }
    Ok(())
}

impl Case {
    fn tables(&self) -> Result<Vec<(Table, Vec<Row>)>, String> {
        Table::ALL.iter().map(|table| Ok((*table, self.rows(*table)?))).collect()
    }

    fn rows(&self, table: Table) -> Result<Vec<Row>, String> {
        let rows = match table {
            Table::Persons => self.persons.iter().map(PersonText::cells).collect(),
            Table::Enrolments => self.of_persons(|person| &person.enrolments, |days, id| days.cells("person_id", id)),
            Table::Categories => self.of_persons(|person| &person.categories, DatedCategory::cells),
            Table::Approvals => self.of_persons(|person| &person.approvals, DatedApproval::cells),
            Table::Hospitals => self.hospitals.iter().map(HospitalText::cells).collect(),
            Table::Designations => {
                let days = |hospital: &HospitalText| -> Vec<Cells> {
                    hospital.designated.iter().map(|days| days.cells("hospital_id", &hospital.hospital_id)).collect()
                };
                self.hospitals.iter().flat_map(days).collect()
            }
            Table::Catalogue => self.catalogue.iter().map(CatalogueText::cells).collect::<Vec<_>>(),
        };
        rows.iter().map(|cells| row(table, cells)).collect()
    }

    fn of_persons<T>(&self, list: fn(&PersonText) -> &Vec<T>, cells: fn(&T, &str) -> Cells) -> Vec<Cells> {
        let of = |person: &PersonText| -> Vec<Cells> {
            list(person).iter().map(|one| cells(one, &person.person_id)).collect()
        };
        self.persons.iter().flat_map(of).collect()
    }
}

type Cells = Vec<(&'static str, String)>;

fn row(table: Table, cells: &Cells) -> Result<Row, String> {
    let cell = |name: &str| cells.iter().find(|(column, _)| *column == name).map_or("", |(_, text)| text.as_str());
    Row::read(table, cell).map_err(|faults| {
        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        format!("{}: {}", table.as_str(), told.join("; "))
    })
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
