//! The lines of a ledger and its report without a cache: from every entry of the journal.

use crate::domain::journal::Instant;
use crate::store::JournalStore;
use crate::store::rows::CommitPosition;

use super::chunk::{Chunk, ChunkBuilder};
use super::error::ReportError;
use super::line_reader::{LinePage, lines_after};
use super::question::Question;
use super::report::Report;
use super::tally::Tally;

/// The entries that are read at once.
const PAGE: usize = 1_000;

/// A report, and what was read for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// The report.
    pub report: Report,
    /// Where it ends in the order of commits.
    pub end: LedgerEnd,
    /// What was read.
    pub read: Read,
}

/// Where a report ends in the order of commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LedgerEnd {
    /// The moment that is reported: the one that is asked about, otherwise the latest commit; none if there is none.
    pub as_of: Option<Instant>,
    /// The lines of the ledger that come before the end.
    pub lines: u64,
}

/// What was read for a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Entries of the journal.
    pub entries: u64,
    /// Lines, from entries or from a cache.
    pub lines: u64,
}

/// What shows the lines of a ledger.
pub(super) trait Ledger {
    /// Shows the lines up to the end that a question asks for, in the order of commits; those that are not of its days may be left
    /// out.
    async fn visit(&mut self, question: &Question, visit: impl FnMut(&Chunk)) -> Result<LedgerEnd, ReportError>;

    /// What was read since it was asked last.
    fn take_read(&mut self) -> Read;
}

/// The ledger of a store, read from every entry of its journal.
pub(super) struct JournalLedger<'s, S> {
    store: &'s S,
    read: Read,
}

impl<'s, S> JournalLedger<'s, S> {
    /// The ledger of this store.
    pub fn new(store: &'s S) -> JournalLedger<'s, S> {
        JournalLedger { store, read: Read::default() }
    }
}

impl<S: JournalStore> Ledger for JournalLedger<'_, S> {
    async fn visit(&mut self, question: &Question, mut visit: impl FnMut(&Chunk)) -> Result<LedgerEnd, ReportError> {
        let (mut lines, mut latest, mut after) = (0, None, CommitPosition::FIRST);
        loop {
            let page = lines_after(self.store, after, PAGE).await?;
            let mut chunk = chunk_of(self.store, &page);
            let end = question.end_within(&chunk.lines, lines)?;
            chunk.truncate(end);
            self.read.entries += page.entries;
            self.read.lines += chunk.lines.len() as u64;
            lines += chunk.lines.len() as u64;
            latest = latest.max(chunk.latest_commit());
            visit(&chunk);
            after = page.last.map_or(after, |last| last.position);
            if page.is_end || end.is_some() {
                return Ok(LedgerEnd { as_of: question.as_of.or(latest), lines });
            }
        }
    }

    fn take_read(&mut self) -> Read {
        std::mem::take(&mut self.read)
    }
}

fn chunk_of<S: JournalStore>(store: &S, page: &LinePage) -> Chunk {
    let mut builder = ChunkBuilder::default();
    for line in &page.lines {
        builder.push(line, store.person_key(&line.decided.person_id));
    }
    builder.finish()
}

/// Answers a question from the journal of a store.
///
/// # Errors
/// If the store cannot be read, an entry is damaged, or the report is too large.
pub async fn report<S: JournalStore>(store: &S, question: &Question) -> Result<Reported, ReportError> {
    report_of(&mut JournalLedger::new(store), question).await
}

/// Answers a question from a ledger.
pub(super) async fn report_of(ledger: &mut impl Ledger, question: &Question) -> Result<Reported, ReportError> {
    let mut tally = Tally::new(question);
    let end = ledger.visit(question, |chunk| tally.add(chunk)).await?;
    Ok(Reported { report: tally.finish()?, end, read: ledger.take_read() })
}
