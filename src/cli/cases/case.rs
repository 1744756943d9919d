//! A policy test (`cases/*.toml`): persons, hospitals, catalogue, steps, and what each step must give.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::domain::file_fault::FileFault;
use crate::domain::money::Money;
use crate::domain::vocabulary::Pool;
use crate::policy::{Book, shipped};
use crate::reference::table::ReferenceTable;

use super::case_tables::{CatalogueText, HospitalText, PersonText};
use crate::cli::client::claim_text::{ClaimText, ReversalText};

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
    pub(super) persons: Vec<PersonText>,
    #[serde(default)]
    pub(super) hospitals: Vec<HospitalText>,
    #[serde(default)]
    pub(super) catalogue: Vec<CatalogueText>,
    /// Its steps, in order.
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    quote: Option<ClaimText>,
    settle: Option<ClaimText>,
    reverse: Option<ReversalText>,
    /// A reversal after which later settlements are decided anew.
    readjudicate: Option<ReversalText>,
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
        let claims = [self.quote.as_ref().map(Ask::Quote), self.settle.as_ref().map(Ask::Settle)];
        let reversals = [self.reverse.as_ref(), self.readjudicate.as_ref()].map(|told| told.map(Ask::Reverse));
        let mut asks = claims.into_iter().chain(reversals).flatten();
        asks.next().filter(|_| asks.next().is_none())
    }

    /// `readjudicate = {…}` is `reverse = {…, readjudicate = true}`.
    fn normal(mut self) -> Step {
        if let Some(told) = &mut self.readjudicate {
            told.readjudicate = true;
        }
        self
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
    /// By claim: what the new revision of its settlement gives.
    #[serde(default)]
    pub revised: BTreeMap<String, Revised>,
}

/// What a revision must give; what is left out is not checked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revised {
    /// What the patient pays.
    pub patient: Option<String>,
    /// What payers pay.
    #[serde(default)]
    pub payers: BTreeMap<String, String>,
    /// What layers pay.
    #[serde(default)]
    pub layers: BTreeMap<String, String>,
    /// What changed against the revision before, by payer; `patient` is the patient.
    #[serde(default)]
    pub differences: BTreeMap<String, String>,
}

impl Revised {
    /// Every amount in it.
    fn amounts(&self) -> impl Iterator<Item = &String> {
        let maps = [&self.payers, &self.layers, &self.differences];
        self.patient.iter().chain(maps.into_iter().flat_map(|map| map.values()))
    }
}

/// A case that was read, and what it needs beside it.
pub struct Loaded {
    /// The case.
    pub case: Case,
    /// The policies it runs on.
    pub book: Book,
    /// The cells of its tables, table by table.
    pub tables: Vec<(ReferenceTable, Vec<Vec<String>>)>,
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
    case.steps = std::mem::take(&mut case.steps).into_iter().map(Step::normal).collect();
    check(&case)?;
    let book = match &case.policies {
        None => book.clone(),
        Some(files) => beside(path, files)?,
    };
    let tables = case.tables();
    Ok(Loaded { case, book, tables })
}

/// The book that `--policies` names, or the shipped one.
///
/// # Errors
/// Every fault of its files.
pub fn book(dir: Option<&Path>) -> Result<Book, Vec<FileFault>> {
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
            return Err(format!("step {at} is not exactly one of quote, settle, reverse and readjudicate"));
        }
        let expect = &step.expect;
        let single = [&expect.total, &expect.patient].into_iter().flatten();
        let maps = [&expect.payers, &expect.layers, &expect.pools];
        let revised = expect.revised.values().flat_map(Revised::amounts);
        for text in single.chain(maps.iter().flat_map(|map| map.values())).chain(revised) {
            text.parse::<Money>().map_err(|why| format!("step {at} expects \"{text}\", which {why}"))?;
        }
        if let Some(pool) = expect.pools.keys().find(|pool| Pool::from_word(pool).is_none()) {
            return Err(format!("step {at} expects the pool `{pool}`, which does not exist"));
        }
    }
    Ok(())
}
