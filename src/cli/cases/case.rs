//! A policy case (`cases/*.toml`): persons, hospitals, catalogue, and steps with their expected results.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::cli::client::claim_text::{ClaimText, ReversalText};
use crate::domain::file_fault::{FaultText, FileFault, line_at};
use crate::domain::file_faults::FileFaults;
use crate::domain::money::Money;
use crate::policy::{Book, VOCABULARY_FILE, toml_message_zh};
use crate::reference::table::ReferenceTable;

use super::case_tables::{self, CatalogueText, HospitalText, PersonText};

/// A policy case, as its file contains it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Policy files in the directory of the case, instead of the book.
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

/// One step.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    quote: Option<ClaimText>,
    settle: Option<ClaimText>,
    reverse: Option<ReversalText>,
    /// A reversal that adjudicates later settlements again.
    readjudicate: Option<ReversalText>,
    /// The expected result.
    #[serde(default)]
    pub expect: Expect,
}

/// The request of a step.
pub enum StepRequest<'a> {
    /// A quote.
    Quote(&'a ClaimText),
    /// A settlement.
    Settle(&'a ClaimText),
    /// A reversal.
    Reverse(&'a ReversalText),
}

impl StepRequest<'_> {
    /// The person whom it is about.
    pub(super) fn person_id(&self) -> &str {
        match self {
            StepRequest::Quote(claim) | StepRequest::Settle(claim) => &claim.person_id,
            StepRequest::Reverse(reversal) => &reversal.person_id,
        }
    }
}

impl Step {
    /// The request, if the step has exactly one.
    pub fn request(&self) -> Option<StepRequest<'_>> {
        let claims = [self.quote.as_ref().map(StepRequest::Quote), self.settle.as_ref().map(StepRequest::Settle)];
        let reversals = [self.reverse.as_ref(), self.readjudicate.as_ref()];
        let reversals = reversals.map(|reversal| reversal.map(StepRequest::Reverse));
        let mut requests = claims.into_iter().chain(reversals).flatten();
        requests.next().filter(|_| requests.next().is_none())
    }

    /// `readjudicate = {…}` means `reverse = {…, readjudicate = true}`.
    fn normalized(mut self) -> Step {
        if let Some(reversal) = &mut self.readjudicate {
            reversal.readjudicate = true;
        }
        self
    }
}

/// The expected result of a step; an absent figure is not checked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The bill's total.
    pub total: Option<String>,
    /// What the patient pays.
    pub patient: Option<String>,
    /// The amount of each payer.
    #[serde(default)]
    pub payers: BTreeMap<String, String>,
    /// The amount of each layer.
    #[serde(default)]
    pub layers: BTreeMap<String, String>,
    /// The amount in each pool.
    #[serde(default)]
    pub pools: BTreeMap<String, String>,
    /// The reasons of the notices.
    pub notices: Option<Vec<String>>,
    /// The status of a refusal.
    pub refused: Option<String>,
    /// The reversed claim.
    pub reversed: Option<String>,
    /// The new revision of each claim's settlement.
    #[serde(default)]
    pub revised: BTreeMap<String, ExpectedRevision>,
}

/// An expected revision; an absent figure is not checked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedRevision {
    /// What the patient pays.
    pub patient: Option<String>,
    /// The amount of each payer.
    #[serde(default)]
    pub payers: BTreeMap<String, String>,
    /// The amount of each layer.
    #[serde(default)]
    pub layers: BTreeMap<String, String>,
    /// The change from the previous revision by payer; `patient` is the patient.
    #[serde(default)]
    pub differences: BTreeMap<String, String>,
}

impl ExpectedRevision {
    /// Every amount in it.
    fn amounts(&self) -> impl Iterator<Item = &String> {
        let maps = [&self.payers, &self.layers, &self.differences];
        self.patient.iter().chain(maps.into_iter().flat_map(|map| map.values()))
    }
}

/// A case that was read, with its policies and tables.
pub struct LoadedCase {
    /// The case.
    pub case: Case,
    /// The policies it runs on.
    pub book: Book,
    /// The rows of its tables.
    pub tables: Vec<(ReferenceTable, Vec<Vec<String>>)>,
}

/// Whether a file is a policy and not a case: `*.toml` may match both.
pub fn is_policy(text: &str) -> bool {
    toml::from_str::<toml::Table>(text).is_ok_and(|table| table.contains_key("format") && !table.contains_key("step"))
}

/// Why a case cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The file is not a case, or a step of it is none.
    #[error("{0}")]
    Faults(FileFaults),
    /// A policy file of the case cannot be read.
    #[error("cannot read the policy file {path}: {error}")]
    PolicyFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: std::io::Error,
    },
    /// The policies of the case are refused.
    #[error("{0}")]
    Policies(FileFaults),
}

/// Reads a case. It runs on `book` unless it names policies of its own.
///
/// # Errors
/// If the case cannot be run.
pub fn load(path: &Path, text: &str, book: &Book) -> Result<LoadedCase, CaseError> {
    let file = path.display().to_string();
    let mut case: Case = toml::from_str(text).map_err(|error| {
        let line = line_at(text, error.span().map_or(0, |span| span.start));
        let message = FaultText::new(error.message(), toml_message_zh(error.message()));
        CaseError::Faults(FileFault::bilingual(&file, line, message).into())
    })?;
    if case.name.is_empty() {
        case.name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    }
    case.steps = std::mem::take(&mut case.steps).into_iter().map(Step::normalized).collect();
    let book = match &case.policies {
        None => book.clone(),
        Some(files) => own_policies(path, files)?,
    };
    check_steps(&file, text, &case.steps)?;
    let tables = case_tables::rows_by_table(&case.persons, &case.hospitals, &case.catalogue);
    Ok(LoadedCase { case, book, tables })
}

fn own_policies(case: &Path, files: &[String]) -> Result<Book, CaseError> {
    let dir = case.parent().unwrap_or(Path::new("."));
    let texts = files.iter().map(|file| {
        let path: PathBuf = dir.join(file);
        Ok((file.clone(), policy_text(path, file)?))
    });
    let mut texts = texts.collect::<Result<Vec<_>, CaseError>>()?;
    texts.extend(own_vocabulary(dir, files)?);
    let book = Book::from_texts(texts.iter().map(|(file, text)| (file.as_str(), text.as_str())));
    book.map_err(CaseError::Policies)
}

/// The `vocabulary.toml` beside the policies of a case, if there is one.
fn own_vocabulary(dir: &Path, files: &[String]) -> Result<Option<(String, String)>, CaseError> {
    let beside = |file: &String| dir.join(file).with_file_name(VOCABULARY_FILE);
    let Some(path) = files.iter().map(beside).find(|path| path.is_file()) else { return Ok(None) };
    if files.iter().any(|file| dir.join(file) == path) {
        return Ok(None);
    }
    Ok(Some((VOCABULARY_FILE.to_owned(), policy_text(path, VOCABULARY_FILE)?)))
}

fn policy_text(path: PathBuf, file: &str) -> Result<String, CaseError> {
    let bytes = std::fs::read(&path).map_err(|error| CaseError::PolicyFile { path, error })?;
    FileFault::utf8_text(file, bytes).map_err(|fault| CaseError::Policies(fault.into()))
}

/// Refuses the first step that has not exactly one request, or that expects an amount that is none.
fn check_steps(file: &str, text: &str, steps: &[Step]) -> Result<(), CaseError> {
    let lines: Vec<usize> =
        text.lines().zip(1..).filter(|(line, _)| line.trim() == "[[step]]").map(|(_, at)| at).collect();
    for (at, step) in steps.iter().enumerate() {
        if let Some(fault) = step_fault(at + 1, step) {
            let line = lines.get(at).copied().unwrap_or(1);
            return Err(CaseError::Faults(FileFault::bilingual(file, line, fault).into()));
        }
    }
    Ok(())
}

fn step_fault(number: usize, step: &Step) -> Option<FaultText> {
    if step.request().is_none() {
        return Some(FaultText::new(
            format!("step {number} is not exactly one of quote, settle, reverse and readjudicate"),
            format!("第 {number} 步应只有 quote、settle、reverse、readjudicate 之一"),
        ));
    }
    let expect = &step.expect;
    let single = [&expect.total, &expect.patient].into_iter().flatten();
    let maps = [&expect.payers, &expect.layers, &expect.pools];
    let revised = expect.revised.values().flat_map(ExpectedRevision::amounts);
    let mut amounts = single.chain(maps.into_iter().flat_map(|map| map.values())).chain(revised);
    amounts.find_map(|text| {
        let error = text.parse::<Money>().err()?;
        Some(FaultText::new(
            format!("step {number} expects \"{text}\", which {error}"),
            format!("第 {number} 步的期望金额 \"{text}\" 应只写半角数字，如 \"2006.30\""),
        ))
    })
}
