//! The report of a store, without a cache: from every entry of the journal.

use crate::domain::journal::Instant;
use crate::store::JournalStore;
use crate::store::rows::CommitPosition;

use super::chunk::ChunkBuilder;
use super::error::ReportError;
use super::line_reader::lines_after;
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
    /// The moment that it reports: the one that is asked about, otherwise the latest commit; none if there is none.
    pub as_of: Option<Instant>,
    /// What was read.
    pub read: Read,
}

/// What was read for a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Entries of the journal.
    pub entries: u64,
    /// Lines, from entries or from a cache.
    pub lines: u64,
}

/// Answers a question from the journal of a store.
///
/// # Errors
/// If the store cannot be read, an entry is damaged, or the report is too large.
pub async fn report<S: JournalStore>(store: &S, question: &Question) -> Result<Reported, ReportError> {
    let (mut tally, mut read) = (Tally::new(question), Read::default());
    let mut after = CommitPosition::FIRST;
    loop {
        let page = lines_after(store, after, PAGE).await?;
        read.entries += page.entries;
        let mut builder = ChunkBuilder::default();
        for line in &page.lines {
            builder.push(line, store.person_key(&line.decided.person_id));
        }
        let goes_on = tally.add(&builder.finish());
        after = page.last.map_or(after, |last| last.position);
        if page.is_end || !goes_on {
            read.lines = tally.lines();
            return Ok(Reported { as_of: question.as_of.or(tally.latest()), report: tally.finish()?, read });
        }
    }
}
