//! Statistics that are being added up: a part of the persons after the other, from their registers and the lines of the ledger.

use crate::domain::money::Money;
use crate::domain::month::Month;
use crate::reports::chunk::{CATEGORY_SEPARATOR, Chunk, LineView, Word, WordNumber};
use crate::reports::error::ReportError;
use crate::reports::ledger::{LedgerEnd, Read};
use crate::reports::person_names::person_id;
use crate::reports::question::Question;
use crate::store::ReferenceStore;

use super::groups::Groups;
use super::person_sums::{OrdinaryPerson, PersonSums, SettledAs};
use super::register::Register;
use super::{Poverty, PovertyLayer, PovertyLimits, PovertyQuestion, SettledAsOrdinary, is_in};

/// Statistics that lines are added to.
pub(super) struct OpenPoverty<'q> {
    question: &'q PovertyQuestion,
    limits: PovertyLimits,
    layers: Vec<PovertyLayer>,
    groups: Groups,
    named: Vec<SettledAsOrdinary>,
    /// The layers of all persons are found with the first part.
    is_first_part: bool,
    /// Of the part.
    register: Register,
    /// Of the part.
    sums: PersonSums,
}

/// What is looked up once for the words of a chunk.
struct ChunkWords {
    /// Whether a region is asked about.
    is_asked: Vec<bool>,
    /// Whether categories are those of a person on a register.
    is_registered: Vec<bool>,
}

impl<'q> OpenPoverty<'q> {
    /// Statistics of nothing.
    pub fn new(question: &'q PovertyQuestion, limits: PovertyLimits) -> OpenPoverty<'q> {
        OpenPoverty {
            question,
            limits,
            layers: Vec::new(),
            groups: Groups::default(),
            named: Vec::new(),
            is_first_part: true,
            register: Register::default(),
            sums: PersonSums::default(),
        }
    }

    /// Reads the registers of the next part of the persons, and says whether it is the last one.
    ///
    /// # Errors
    /// If the store cannot be read, or a record is damaged.
    pub async fn read_register<S: ReferenceStore>(&mut self, store: &S) -> Result<bool, ReportError> {
        let part = (self.limits.registered, &mut self.groups);
        self.register = self.register.read_next(store, self.question, part).await?;
        Ok(self.register.is_last())
    }

    /// Adds the lines of a chunk that are about a person of the part.
    pub fn add(&mut self, chunk: &Chunk, lines: &Question) {
        let words = self.look_up(chunk);
        let persons: Vec<bool> = chunk.persons.iter().map(|person| self.register.covers(person)).collect();
        for view in chunk.views() {
            let line = view.line;
            if !self.is_within_limit() {
                return;
            }
            if !lines.includes(line.settled_on) || !is_set(&words.is_asked, line.words[Word::Region as usize]) {
                continue;
            }
            let is_registered = is_set(&words.is_registered, line.words[Word::Categories as usize]);
            if is_registered && self.is_first_part {
                self.add_layers(chunk, view);
            }
            if is_set(&persons, line.person) {
                self.add_line(chunk, view, is_registered);
            }
        }
    }

    fn look_up(&self, chunk: &Chunk) -> ChunkWords {
        let PovertyQuestion { regions, categories, .. } = self.question;
        let is_register = |held: &str| categories.iter().any(|category| category == held);
        ChunkWords {
            is_asked: chunk.words.iter().map(|word| is_in(regions, word)).collect(),
            is_registered: chunk.words.iter().map(|word| word.split(CATEGORY_SEPARATOR).any(is_register)).collect(),
        }
    }

    fn add_line(&mut self, chunk: &Chunk, view: LineView<'_>, is_registered: bool) {
        let line = view.line;
        let Some(person) = chunk.persons.get(line.person as usize) else { return };
        let settled_as = match is_registered {
            true => SettledAs::Registered,
            false if self.register.holds(person, line.discharged) => SettledAs::Ordinary,
            false => return,
        };
        let region = chunk.word(line.words[Word::Region as usize]);
        let county = self.groups.county(Month::of_day(line.settled_on), &region);
        self.sums.add(*person, settled_as, county, line);
        if settled_as == SettledAs::Registered {
            let paid: Vec<_> = view.layers.iter().map(|paid| (chunk.word(paid.layer), paid.pays)).collect();
            for group in self.groups.of_county(county) {
                self.groups.measures_of(group).into_iter().for_each(|measures| measures.add_bill(line, &paid));
            }
        }
    }

    /// Adds the layers that pay. A layer that is new stands after the one before it in the line.
    fn add_layers(&mut self, chunk: &Chunk, view: LineView<'_>) {
        let mut after = 0;
        for payment in view.layers {
            let (id, payer) = (chunk.word(payment.layer), chunk.word(payment.payer));
            match self.layers.iter().position(|layer| layer.id == id) {
                Some(at) => after = after.max(at + 1),
                None => {
                    self.layers.insert(after, PovertyLayer { id, payer });
                    after += 1;
                }
            }
        }
    }

    /// Counts the persons of the part.
    ///
    /// # Errors
    /// If the store cannot be read, or more would be held than is allowed.
    pub async fn close_part<S: ReferenceStore>(&mut self, store: &S) -> Result<(), ReportError> {
        self.check_limit()?;
        self.is_first_part = false;
        let ordinary = std::mem::take(&mut self.sums).count(&mut self.groups, &self.question.thresholds);
        if self.question.names_persons {
            for OrdinaryPerson { key, region, sum } in ordinary {
                let person_id = person_id(store, key).await?;
                let (settlements, patient) = (sum.settlements, Money::from_fen(sum.patient));
                self.named.push(SettledAsOrdinary { person_id, region, settlements, patient });
            }
        }
        self.check_limit()
    }

    /// The statistics.
    pub fn finish(self, end: LedgerEnd, read: Read) -> Poverty {
        let OpenPoverty { question, layers, groups, named: mut ordinary, .. } = self;
        ordinary.sort_by(|one, other| one.person_id.cmp(&other.person_id));
        let groups = groups.finish(&layers, &question.thresholds);
        Poverty { end, layers, groups, ordinary, read }
    }

    fn is_within_limit(&self) -> bool {
        self.groups.len() + self.named.len() + self.sums.len() <= self.limits.sums
    }

    fn check_limit(&self) -> Result<(), ReportError> {
        if self.is_within_limit() { Ok(()) } else { Err(ReportError::TooLarge(self.limits.sums)) }
    }
}

fn is_set(flags: &[bool], number: WordNumber) -> bool {
    flags.get(number as usize).copied().unwrap_or(false)
}
