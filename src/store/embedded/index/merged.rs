//! Rows of several sources in the order of keys; of rows with the same key, that of the newest source.

use super::error::IndexError;
use super::key::Row;
use super::run::RunCursor;

/// Rows in the order of keys.
pub(super) enum Source {
    /// Rows in memory.
    Memory(std::vec::IntoIter<Row>),
    /// The rows of a table of a run.
    Run(RunCursor),
}

impl Source {
    fn next(&mut self) -> Result<Option<Row>, IndexError> {
        match self {
            Source::Memory(rows) => Ok(rows.next()),
            Source::Run(cursor) => cursor.next(),
        }
    }
}

/// The merged rows.
pub(super) struct Merged {
    /// The sources, newest first, each with its next row.
    sources: Vec<(Source, Option<Row>)>,
}

impl Merged {
    /// The rows of these sources, newest first.
    pub(super) fn new(sources: impl IntoIterator<Item = Source>) -> Result<Merged, IndexError> {
        let sources = sources.into_iter().map(|mut source| {
            let next = source.next()?;
            Ok((source, next))
        });
        Ok(Merged { sources: sources.collect::<Result<_, _>>()? })
    }

    /// The next row.
    pub(super) fn next(&mut self) -> Result<Option<Row>, IndexError> {
        let mut smallest: Option<Row> = None;
        for (_, next) in &self.sources {
            smallest = match (smallest, next) {
                (Some(one), Some(other)) if other.key < one.key => Some(*other),
                (None, next) => *next,
                (one, _) => one,
            };
        }
        let Some(smallest) = smallest else { return Ok(None) };
        for (source, next) in &mut self.sources {
            if next.is_some_and(|row| row.key == smallest.key) {
                *next = source.next()?;
            }
        }
        Ok(Some(smallest))
    }
}
