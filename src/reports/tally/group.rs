//! The sums of one group.

use std::collections::HashMap;

use smallvec::SmallVec;

use crate::reports::chunk::{ChunkLine, WordNumber};

/// The sums of one group.
#[derive(Default)]
pub(super) struct Group {
    pub(super) settlements: i64,
    persons: HashMap<u32, i64>,
    pub(super) total: i64,
    pub(super) patient: i64,
    pub(super) paid: i64,
    pub(super) pools: Amounts,
    pub(super) payers: Amounts,
}

/// Amounts in fen by word.
#[derive(Default)]
pub(super) struct Amounts(SmallVec<[(WordNumber, i64); 4]>);

impl Amounts {
    pub(super) fn add(&mut self, word: WordNumber, amount: i64) {
        match self.0.iter_mut().find(|(known, _)| *known == word) {
            Some((_, sum)) => *sum = sum.saturating_add(amount),
            None => self.0.push((word, amount)),
        }
    }

    pub(super) fn of(&self, word: WordNumber) -> i64 {
        self.0.iter().find(|(known, _)| *known == word).map_or(0, |(_, sum)| *sum)
    }

    /// The words that have an amount.
    pub(super) fn words(&self) -> impl Iterator<Item = WordNumber> {
        self.0.iter().filter(|(_, amount)| *amount != 0).map(|(word, _)| *word)
    }
}

impl Group {
    /// Adds a line, and says whether it is the first of its person here.
    pub(super) fn add(&mut self, line: &ChunkLine, person: u32, paid: i64) -> bool {
        let (factor, known) = (line.sign.factor(), self.persons.len());
        self.settlements += factor;
        *self.persons.entry(person).or_default() += factor;
        self.total = self.total.saturating_add(factor * line.total);
        self.patient = self.patient.saturating_add(factor * line.patient);
        self.paid = self.paid.saturating_add(factor * paid);
        self.persons.len() > known
    }

    /// Whether nothing is left of it: no amount, and no person. As many settlements of other persons may have been reversed as were
    /// made.
    pub(super) fn is_zero(&self) -> bool {
        let is_zero = |amounts: &Amounts| amounts.0.iter().all(|(_, amount)| *amount == 0);
        (self.settlements, self.total, self.patient, self.paid) == (0, 0, 0, 0)
            && is_zero(&self.pools)
            && is_zero(&self.payers)
            && self.persons() == 0
    }

    pub(super) fn persons(&self) -> u64 {
        self.persons.values().filter(|settlements| **settlements > 0).count() as u64
    }
}
