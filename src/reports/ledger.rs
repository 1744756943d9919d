//! The report of a store.

use crate::domain::journal::Instant;
use crate::store::rows::CommitPosition;
use crate::store::{JournalStore, StoreError};

use super::chunk::{Chunk, ChunkBuilder};
use super::line_reader::lines_after;
use super::question::Question;
use super::report::Report;
use super::tally::Tally;

/// The entries that are read at once.
const PAGE: usize = 1_000;

/// A report, and what was read for it.
#[derive(Debug)]
pub struct Reported {
    /// The report.
    pub report: Report,
    /// The latest commit that it takes in; none if there is none.
    pub as_of: Option<Instant>,
    /// The entries of the journal that were read.
    pub entries_read: u64,
}

/// Answers a question from the journal of a store.
///
/// # Errors
/// If the store cannot be read, or an entry is damaged.
pub async fn report<S: JournalStore>(store: &S, question: &Question) -> Result<Reported, StoreError> {
    let mut tally = Tally::new(question);
    let (mut after, mut entries_read) = (CommitPosition::FIRST, 0);
    loop {
        let page = lines_after(store, after, PAGE).await?;
        entries_read += page.entries;
        let mut builder = ChunkBuilder::default();
        for line in &page.lines {
            builder.push(line, store.person_key(&line.decided.person_id));
        }
        let chunk: Chunk = builder.finish();
        let goes_on = tally.add(&chunk);
        after = page.last.last().map_or(after, |(position, _)| *position);
        if page.is_end || !goes_on {
            return Ok(Reported { as_of: tally.latest(), report: tally.finish(), entries_read });
        }
    }
}
