//! Lines of the ledger by column: what reports add up, without ids of claims and persons.
//!
//! Words (hospitals, regions, levels, layers, …) are numbers of a dictionary, and a person is the key under which the store
//! keeps it: a keyed hash.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::day::Day;
use crate::domain::journal::Instant;
use crate::domain::month::Month;
use crate::store::keys::StoreKey;

use super::ledger_line::{Decided, LayerPayment, LedgerLine, LineKind, Sign};

/// What joins the words of several categories to one value.
pub const CATEGORY_SEPARATOR: &str = "+";

/// The number of a word in a dictionary.
pub type WordNumber = u32;

/// A line of a chunk: the dimensions as numbers of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLine {
    /// Whether it is added or taken away.
    pub sign: Sign,
    /// Whether it is what a revision decides: the line before it is what the revision replaces.
    pub completes_revision: bool,
    /// When its entry was committed.
    pub committed: Instant,
    /// The day of settlement.
    pub settled_on: Day,
    /// The day of discharge.
    pub discharged: Day,
    /// The month in which it is booked.
    pub booked: Month,
    /// The words, each at the place of a [`Word`].
    pub words: [WordNumber; WORDS],
    /// The benefit year.
    pub year: i32,
    /// The number of the person among those of the chunk.
    pub person: u32,
    /// The total of the bill, in fen.
    pub total: i64,
    /// What the patient pays, in fen.
    pub patient: i64,
    /// Where its pools end among those of the chunk.
    pub pools_end: u32,
    /// Where its layers end among those of the chunk.
    pub layers_end: u32,
}

/// How many words a line has.
pub const WORDS: usize = 8;

/// The place of a word in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The hospital.
    Hospital,
    /// The insured region.
    Region,
    /// The hospital's region.
    HospitalRegion,
    /// The hospital's level.
    Level,
    /// The categories, joined.
    Categories,
    /// The visit.
    Visit,
    /// The insurance.
    Insurance,
    /// The policy.
    Policy,
}

/// What a layer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkPayment {
    /// The layer.
    pub layer: WordNumber,
    /// Who pays.
    pub payer: WordNumber,
    /// The amount in fen.
    pub pays: i64,
}

/// Consecutive lines of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// The dictionary.
    pub words: Vec<Arc<str>>,
    /// The persons.
    pub persons: Vec<StoreKey>,
    /// The lines, in the order of commits.
    pub lines: Vec<ChunkLine>,
    /// The pools of all lines, with their amounts in fen.
    pub pools: Vec<(WordNumber, i64)>,
    /// The layers of all lines.
    pub layers: Vec<ChunkPayment>,
}

/// A line with its pools and layers.
#[derive(Clone, Copy)]
pub struct LineView<'c> {
    /// The line.
    pub line: &'c ChunkLine,
    /// Its pools.
    pub pools: &'c [(WordNumber, i64)],
    /// Its layers.
    pub layers: &'c [ChunkPayment],
}

impl Chunk {
    /// Leaves out the lines from this one on.
    pub(super) fn truncate(&mut self, end: Option<usize>) {
        self.lines.truncate(end.unwrap_or(usize::MAX));
    }

    /// The latest commit of its lines.
    pub(super) fn latest_commit(&self) -> Option<Instant> {
        self.lines.iter().map(|line| line.committed).max()
    }

    /// The word of a number.
    pub(super) fn word(&self, number: WordNumber) -> Arc<str> {
        self.words.get(number as usize).cloned().unwrap_or_default()
    }

    /// Its lines with their parts, in order.
    pub fn views(&self) -> impl Iterator<Item = LineView<'_>> {
        let (mut pool, mut layer) = (0, 0);
        self.lines.iter().map(move |line| {
            let pools = self.pools.get(pool..line.pools_end as usize).unwrap_or_default();
            let layers = self.layers.get(layer..line.layers_end as usize).unwrap_or_default();
            (pool, layer) = (line.pools_end as usize, line.layers_end as usize);
            LineView { line, pools, layers }
        })
    }
}

/// A chunk that lines are appended to.
#[derive(Default)]
pub struct ChunkBuilder {
    chunk: Chunk,
    words: HashMap<Arc<str>, WordNumber>,
    persons: HashMap<StoreKey, u32>,
}

impl ChunkBuilder {
    /// A builder that goes on after the lines of a chunk.
    pub fn after(chunk: Chunk) -> ChunkBuilder {
        let numbered = |number: usize| number as u32;
        let words = chunk.words.iter().enumerate().map(|(number, word)| (word.clone(), numbered(number))).collect();
        let persons = chunk.persons.iter().enumerate().map(|(number, key)| (*key, numbered(number))).collect();
        ChunkBuilder { chunk, words, persons }
    }

    /// The number of its lines.
    pub fn lines(&self) -> usize {
        self.chunk.lines.len()
    }

    /// Appends a line about the person with this key.
    pub fn push(&mut self, line: &LedgerLine, person: StoreKey) {
        let Decided { pools, layers, .. } = &line.decided;
        for (pool, amount) in pools {
            let pool = self.word(pool.as_str());
            self.chunk.pools.push((pool, amount.fen()));
        }
        for LayerPayment { layer, payer, pays } in layers {
            let payment = ChunkPayment { layer: self.word(layer), payer: self.word(payer), pays: pays.fen() };
            self.chunk.layers.push(payment);
        }
        let line = self.chunk_line(line, person);
        self.chunk.lines.push(line);
    }

    /// The lines that were appended.
    pub fn finish(self) -> Chunk {
        self.chunk
    }

    fn chunk_line(&mut self, line: &LedgerLine, person: StoreKey) -> ChunkLine {
        let decided = &line.decided;
        let categories: Vec<_> = decided.categories.iter().map(|category| category.as_str()).collect();
        let words = [
            decided.hospital_id.as_str(),
            decided.insured_region.as_str(),
            decided.hospital_region.as_str(),
            decided.level.as_str(),
            &categories.join(CATEGORY_SEPARATOR),
            decided.visit.as_str(),
            &decided.insurance,
            &decided.policy,
        ];
        ChunkLine {
            sign: line.sign,
            completes_revision: line.kind == LineKind::Revision && line.sign == Sign::Plus,
            committed: line.committed,
            settled_on: decided.settled_on,
            discharged: decided.discharged,
            booked: line.booked,
            words: words.map(|word| self.word(word)),
            year: decided.year,
            person: self.person(person),
            total: decided.total.fen(),
            patient: decided.patient.fen(),
            pools_end: self.chunk.pools.len() as u32,
            layers_end: self.chunk.layers.len() as u32,
        }
    }

    fn word(&mut self, word: &str) -> WordNumber {
        if let Some(number) = self.words.get(word) {
            return *number;
        }
        let (word, number) = (Arc::<str>::from(word), self.chunk.words.len() as WordNumber);
        self.chunk.words.push(word.clone());
        self.words.insert(word, number);
        number
    }

    fn person(&mut self, key: StoreKey) -> u32 {
        *self.persons.entry(key).or_insert_with(|| {
            self.chunk.persons.push(key);
            self.chunk.persons.len() as u32 - 1
        })
    }
}
