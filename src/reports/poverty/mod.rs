//! Statistics of poverty relief: who is on a register, who was treated, what was paid before and after each layer, and who was
//! settled as ordinary although a register has the person on the day of discharge.
//!
//! Registered persons come from the categories table as it is now; what was paid comes from the lines of the ledger. A month of the
//! span is that of the day of settlement.

mod measures;
mod register;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::day::Day;
use crate::domain::journal::Instant;
use crate::domain::money::Money;
use crate::domain::month::Month;
use crate::store::keys::StoreKey;
use crate::store::rows::CommitPosition;
use crate::store::{JournalStore, ReferenceStore};

use super::cache::ReportCache;
use super::chunk::{CATEGORY_SEPARATOR, Chunk, ChunkBuilder, LineView, Word};
use super::error::ReportError;
use super::ledger::Read;
use super::line_reader::lines_after;
use super::person_names::person_id;
use super::question::{CITY_DIGITS, DayOf, Question};

use measures::OpenMeasures;
pub use measures::{Measures, share};
use register::Register;

/// The entries that are read at once.
const PAGE: usize = 1_000;

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
    /// The moment that they report; none if nothing was committed.
    pub as_of: Option<Instant>,
    /// The layers that paid for registered persons, in the order of payment.
    pub layers: Vec<PovertyLayer>,
    /// The measures of each group.
    pub groups: BTreeMap<Group, Measures>,
    /// The persons who were settled as ordinary, if they are to be named, in the order of ids.
    pub ordinary: Vec<SettledAsOrdinary>,
    /// What was read.
    pub read: Read,
}

impl<S: JournalStore + ReferenceStore> ReportCache<'_, S> {
    /// The statistics of poverty relief, after the cache was brought up to the end of the journal.
    ///
    /// # Errors
    /// If the store cannot be read, an entry or a person's record is damaged, or a file cannot be read or written.
    pub async fn poverty(&mut self, question: &PovertyQuestion) -> Result<Poverty, ReportError> {
        let store = self.store();
        let mut open = OpenPoverty::new(question, Register::read(store, question).await?);
        let lines = question.lines();
        let as_of = self.visit_chunks(&lines, |chunk| open.add(chunk, &lines)).await?;
        let ordinary = if question.names_persons { open.named(store).await? } else { Vec::new() };
        Ok(open.finish(as_of, ordinary, self.take_read()))
    }
}

/// The statistics of poverty relief, from every entry of the journal.
///
/// # Errors
/// If the store cannot be read, or an entry or a person's record is damaged.
pub async fn poverty<S: JournalStore + ReferenceStore>(
    store: &S,
    question: &PovertyQuestion,
) -> Result<Poverty, ReportError> {
    let mut open = OpenPoverty::new(question, Register::read(store, question).await?);
    let (lines, mut read, mut newest) = (question.lines(), Read::default(), None);
    let mut after = CommitPosition::FIRST;
    loop {
        let page = lines_after(store, after, PAGE).await?;
        read.entries += page.entries;
        read.lines += page.lines.len() as u64;
        newest = newest.max(page.lines.iter().map(|line| line.committed).max());
        let mut builder = ChunkBuilder::default();
        for line in &page.lines {
            builder.push(line, store.person_key(&line.decided.person_id));
        }
        open.add(&builder.finish(), &lines);
        after = page.last.map_or(after, |last| last.position);
        if page.is_end {
            break;
        }
    }
    let ordinary = if question.names_persons { open.named(store).await? } else { Vec::new() };
    Ok(open.finish(question.as_of.or(newest), ordinary, read))
}

impl PovertyQuestion {
    /// The lines that are asked about.
    fn lines(&self) -> Question {
        Question {
            day_of: DayOf::Settlement,
            from: Some(self.from),
            until: Some(self.until),
            as_of: self.as_of,
            ..Question::default()
        }
    }
}

/// Statistics that lines are added to.
struct OpenPoverty<'q> {
    question: &'q PovertyQuestion,
    register: Register,
    layers: Vec<PovertyLayer>,
    groups: BTreeMap<Group, OpenMeasures>,
}

impl<'q> OpenPoverty<'q> {
    fn new(question: &'q PovertyQuestion, mut register: Register) -> OpenPoverty<'q> {
        let mut groups: BTreeMap<Group, OpenMeasures> = BTreeMap::new();
        for (group, counts) in register.take_counts() {
            let measures = groups.entry(group).or_default();
            (measures.registered, measures.removed) = (counts.registered, counts.removed);
        }
        OpenPoverty { question, register, layers: Vec::new(), groups }
    }

    /// Adds the lines of a chunk.
    fn add(&mut self, chunk: &Chunk, lines: &Question) {
        let of_word = |number: u32| chunk.words.get(number as usize).cloned().unwrap_or_default();
        for view in chunk.views() {
            let line = view.line;
            if lines.as_of.is_some_and(|as_of| line.committed > as_of) {
                return;
            }
            let region = of_word(line.words[Word::Region as usize]);
            if !lines.includes(line.settled_on) || !is_in(&self.question.regions, &region) {
                continue;
            }
            let person = chunk.persons.get(line.person as usize).copied().unwrap_or_default();
            let categories = of_word(line.words[Word::Categories as usize]);
            let is_registered =
                categories.split(CATEGORY_SEPARATOR).any(|held| self.question.categories.iter().any(|one| one == held));
            let groups = groups_of(Month::of_day(line.settled_on), &region);
            if is_registered {
                let paid = self.paid(chunk, view);
                for group in groups {
                    self.groups.entry(group).or_default().add_treated(line, person, &paid);
                }
            } else if self.register.holds(&person, line.discharged) {
                for group in groups {
                    self.groups.entry(group).or_default().add_ordinary(line, person, &region);
                }
            }
        }
    }

    /// The payments of a line by the position of the layer. A layer that is new stands after the one before it in the line.
    fn paid(&mut self, chunk: &Chunk, view: LineView<'_>) -> Vec<(Arc<str>, i64)> {
        let of_word = |number: u32| chunk.words.get(number as usize).cloned().unwrap_or_default();
        let mut after = 0;
        let mut paid = Vec::with_capacity(view.layers.len());
        for payment in view.layers {
            let (id, payer) = (of_word(payment.layer), of_word(payment.payer));
            match self.layers.iter().position(|layer| layer.id == id) {
                Some(at) => after = after.max(at + 1),
                None => {
                    self.layers.insert(after, PovertyLayer { id: id.clone(), payer });
                    after += 1;
                }
            }
            paid.push((id, payment.pays));
        }
        paid
    }

    /// The persons who were settled as ordinary.
    async fn named<S: ReferenceStore>(&self, store: &S) -> Result<Vec<SettledAsOrdinary>, ReportError> {
        let mut named = Vec::new();
        for (key, region, settlements, patient) in
            self.groups.get(&Group::All).map_or_else(Vec::new, |all| all.ordinary())
        {
            let person_id = person_id(store, key).await?;
            named.push(SettledAsOrdinary { person_id, region, settlements, patient });
        }
        named.sort_by(|one, other| one.person_id.cmp(&other.person_id));
        Ok(named)
    }

    fn finish(self, as_of: Option<Instant>, ordinary: Vec<SettledAsOrdinary>, read: Read) -> Poverty {
        let OpenPoverty { question, layers, mut groups, .. } = self;
        groups.entry(Group::All).or_default();
        let measures = |(group, open): (Group, OpenMeasures)| (group, open.finish(&layers, &question.thresholds));
        let groups = groups.into_iter().map(measures).collect();
        Poverty { as_of, layers, groups, ordinary, read }
    }
}

/// The groups of a month and a region.
fn groups_of(month: Month, region: &Arc<str>) -> [Group; 5] {
    [
        Group::All,
        Group::Month(month),
        Group::City(city_of(region)),
        Group::County(region.clone()),
        Group::CountyInMonth(month, region.clone()),
    ]
}

fn city_of(region: &str) -> Arc<str> {
    region.get(..CITY_DIGITS).unwrap_or(region).into()
}

/// Whether a region begins with one of these prefixes; it does if there is none.
fn is_in(prefixes: &[String], region: &str) -> bool {
    prefixes.is_empty() || prefixes.iter().any(|prefix| region.starts_with(&**prefix))
}

/// A person's key.
type PersonKey = StoreKey;
