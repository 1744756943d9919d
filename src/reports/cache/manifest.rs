//! What the cache holds: its chunks, the entries that each covers, and the days that its lines have.

use std::collections::BTreeSet;

use crate::domain::day::Day;
use crate::domain::journal::Instant;
use crate::reports::chunk::Chunk;
use crate::reports::question::{DayOf, Question};
use crate::store::derived_files::{Code, LastEntry};
use crate::store::rows::CommitPosition;

/// The chunks of a cache, in the order of commits: together they cover the journal from its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    pub chunks: Vec<CachedChunk>,
}

/// A chunk in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CachedChunk {
    /// The entries that it covers.
    pub entries: u64,
    /// Its lines.
    pub lines: u64,
    /// The last entry that it covers.
    pub last: LastEntry,
    /// The latest commit of its lines.
    pub latest_commit: Option<Instant>,
    /// The code of its file.
    pub code: Code,
    /// The days that its lines have, in order, by the days that reports go by.
    pub days: [Vec<Day>; DayOf::ALL.len()],
}

impl Manifest {
    /// The position that the chunks before this one cover.
    pub fn covered_before(&self, number: usize) -> CommitPosition {
        let before = number.checked_sub(1).and_then(|before| self.chunks.get(before));
        before.map_or(CommitPosition::FIRST, |chunk| chunk.last.position)
    }

    /// The position that all chunks cover.
    pub fn covered(&self) -> CommitPosition {
        self.covered_before(self.chunks.len())
    }
}

impl CachedChunk {
    /// The entry of a chunk with this code.
    pub fn new(chunk: &Chunk, entries: u64, last: LastEntry, code: Code) -> CachedChunk {
        let days = DayOf::ALL.map(|day_of| {
            let days: BTreeSet<Day> = chunk.lines.iter().map(|line| day_of.day(line)).collect();
            days.into_iter().collect()
        });
        let (lines, latest_commit) = (chunk.lines.len() as u64, chunk.latest_commit());
        CachedChunk { entries, lines, last, latest_commit, code, days }
    }

    /// Whether a line of it may be asked about.
    pub fn may_hold(&self, question: &Question) -> bool {
        let days = DayOf::ALL.iter().zip(&self.days).find(|(day_of, _)| **day_of == question.day_of);
        days.is_none_or(|(_, days)| days.iter().any(|day| question.includes(*day)))
    }

    /// Whether the end that is asked for is among its lines, of which `before` others come before in the ledger.
    pub fn has_end(&self, question: &Question, before: u64) -> bool {
        let is_later = question.as_of.is_some_and(|as_of| self.latest_commit.is_some_and(|latest| latest > as_of));
        is_later || question.first_lines.is_some_and(|first| first < before + self.lines)
    }
}
