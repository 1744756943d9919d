//! Statistics of poverty relief: who is on a register, who was treated, what was paid before and after each layer, and who was
//! settled as ordinary although a register has the person on the day of discharge.
//!
//! Registered persons come from the categories table as it is now; what was paid comes from the lines of the ledger. A month of the
//! span is that of the day of settlement. Persons are taken in the order of their keys, so many at once that what is held of them
//! stays bounded: for each such part the lines are shown again, up to the same end.

mod groups;
mod measures;
mod open;
mod person_sums;
mod register;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::day::Day;
use crate::domain::journal::Instant;
use crate::domain::money::Money;
use crate::domain::month::Month;
use crate::store::{JournalStore, ReferenceStore};

use super::cache::ReportCache;
use super::error::ReportError;
use super::ledger::{JournalLedger, Ledger, LedgerEnd, Read};
use super::question::{DayOf, Question};

pub use measures::{Measures, share};
use open::OpenPoverty;

/// What statistics are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PovertyQuestion {
    /// The first day of settlement.
    pub from: Day,
    /// The day after the last one.
    pub until: Day,
    /// Only persons insured in regions that begin with one of these; of all regions if there is none.
    pub regions: Vec<String>,
    /// The categories that are registers of poverty.
    pub categories: Vec<String>,
    /// The amounts above which persons are counted by what they paid themselves in the span.
    pub thresholds: Vec<Money>,
    /// The moment: the first later commit is left out with all that follow it.
    pub as_of: Option<Instant>,
    /// Only the first so many lines of the ledger, see [`Question::first_lines`].
    pub first_lines: Option<u64>,
    /// Whether the persons who were settled as ordinary are named.
    pub names_persons: bool,
}

/// A layer, in the order of payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PovertyLayer {
    /// Its id.
    pub id: Arc<str>,
    /// Who pays.
    pub payer: Arc<str>,
}

/// What the statistics are about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Everything.
    All,
    /// A month.
    Month(Month),
    /// The city in which persons are insured, four digits.
    City(Arc<str>),
    /// The county in which persons are insured, six digits.
    County(Arc<str>),
    /// A county in a month.
    CountyInMonth(Month, Arc<str>),
}

/// A person who was settled as ordinary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledAsOrdinary {
    /// The person.
    pub person_id: Arc<str>,
    /// Where the person is insured.
    pub region: Arc<str>,
    /// The settlements.
    pub settlements: i64,
    /// What the person paid.
    pub patient: Money,
}

/// The statistics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poverty {
    /// Where they end in the order of commits.
    pub end: LedgerEnd,
    /// The layers that paid for registered persons, in the order of payment.
    pub layers: Vec<PovertyLayer>,
    /// The measures of each group.
    pub groups: BTreeMap<Group, Measures>,
    /// The persons who were settled as ordinary, if they are to be named, in the order of ids.
    pub ordinary: Vec<SettledAsOrdinary>,
    /// What was read.
    pub read: Read,
}

/// What is held at once.
#[derive(Clone, Copy, Debug)]
pub struct PovertyLimits {
    /// The persons on registers in a part of the persons: some 60 bytes each. For more, the lines are shown again.
    pub registered: usize,
    /// The groups, the persons who are named, and the sums of a part of the persons, one for each county and month in which a
    /// person was settled: some 100 bytes each. More are refused.
    pub sums: usize,
}

impl Default for PovertyLimits {
    fn default() -> PovertyLimits {
        PovertyLimits { registered: 250_000, sums: 5_000_000 }
    }
}

impl<S: JournalStore + ReferenceStore> ReportCache<'_, S> {
    /// The statistics of poverty relief, after the cache was brought up to the end of the journal.
    ///
    /// # Errors
    /// If the store cannot be read, an entry or a person's record is damaged, a file cannot be read or written, or more would be
    /// held than is allowed.
    pub async fn poverty(&mut self, question: &PovertyQuestion, limits: PovertyLimits) -> Result<Poverty, ReportError> {
        self.extend().await?;
        poverty_of(self.store(), self, question, limits).await
    }
}

/// The statistics of poverty relief, from every entry of the journal.
///
/// # Errors
/// If the store cannot be read, an entry or a person's record is damaged, or more would be held than is allowed.
pub async fn poverty<S: JournalStore + ReferenceStore>(
    store: &S,
    question: &PovertyQuestion,
    limits: PovertyLimits,
) -> Result<Poverty, ReportError> {
    poverty_of(store, &mut JournalLedger::new(store), question, limits).await
}

async fn poverty_of<S: ReferenceStore>(
    store: &S,
    ledger: &mut impl Ledger,
    question: &PovertyQuestion,
    limits: PovertyLimits,
) -> Result<Poverty, ReportError> {
    let mut lines = question.lines();
    let mut open = OpenPoverty::new(question, limits);
    loop {
        let is_last = open.read_register(store).await?;
        let end = ledger.visit(&lines, |chunk| open.add(chunk, &lines)).await?;
        open.close_part(store).await?;
        if is_last {
            return Ok(open.finish(end, ledger.take_read()));
        }
        lines.first_lines = Some(end.lines);
    }
}

impl PovertyQuestion {
    /// The lines that are asked about.
    fn lines(&self) -> Question {
        Question {
            day_of: DayOf::Settlement,
            from: Some(self.from),
            until: Some(self.until),
            as_of: self.as_of,
            first_lines: self.first_lines,
            ..Question::default()
        }
    }
}

/// Whether a region begins with one of these prefixes; it does if there is none.
fn is_in(prefixes: &[String], region: &str) -> bool {
    prefixes.is_empty() || prefixes.iter().any(|prefix| region.starts_with(&**prefix))
}
