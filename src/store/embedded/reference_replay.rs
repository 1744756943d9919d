//! Brings the database of reference tables up to the log when a store is opened.

use super::database::{Persistence, Tables};
use super::directory::StoreDirectory;
use super::index::{Key, KeyRange, LogPosition, Row, Table};
use super::journal::{Journal, index_error, log_error};
use super::log::RecordPart;
use super::open_error::OpenError;
use super::reference_record::table_rows;
use crate::store::StoreError;

/// The records of the log that are written to the database at once.
const RECORDS: usize = 16;

/// Writes to the database what only the log holds: after a crash the last write, in an older database more.
///
/// # Errors
/// [`OpenError::LogOlder`] if the database holds what the log does not; or if one cannot be read or written.
pub fn replay(tables: &Tables, journal: &Journal, directory: &StoreDirectory) -> Result<(), OpenError> {
    let unreadable = |error| OpenError::Commits { path: directory.path.clone(), error };
    let written = tables.written().map_err(unreadable)?;
    if !written.map_or(Ok(true), |written| is_in_log(journal, written)).map_err(unreadable)? {
        return Err(OpenError::LogOlder(directory.database_file()));
    }
    let (mut records, mut written) = (0, written);
    loop {
        let missing = reference_write_positions_after(journal, written).map_err(unreadable)?;
        let Some(last) = missing.last() else { break };
        let mut rows = Vec::new();
        for Row { position, .. } in &missing {
            rows.extend(rows_at(journal, *position).map_err(unreadable)?);
        }
        let failed = |error| OpenError::Database { path: directory.database_file(), error };
        tables.write(&rows, last.position, Persistence::Now).map_err(failed)?;
        (records, written) = (records + missing.len(), Some(last.position));
    }
    if records > 0 {
        let file = directory.database_file().display().to_string();
        tracing::warn!(file, records, "the reference tables were older than the log, and were completed from it");
    }
    Ok(())
}

/// Whether a record with rows of reference tables is at this position of the log.
fn is_in_log(journal: &Journal, written: LogPosition) -> Result<bool, StoreError> {
    Ok(journal.look_up([Key::reference_write(written.lsn)])? == [Some(written)])
}

fn reference_write_positions_after(journal: &Journal, written: Option<LogPosition>) -> Result<Vec<Row>, StoreError> {
    let all = KeyRange::all(Table::ReferenceWrite);
    let range = written.map_or(all, |written| KeyRange::after(Key::reference_write(written.lsn)));
    journal.index().range(range, RECORDS).map_err(index_error)
}

fn rows_at(journal: &Journal, position: LogPosition) -> Result<Vec<super::redb_table::TableRow>, StoreError> {
    let rows = journal.segments.read(position, RecordPart::Rows).map_err(log_error)?;
    table_rows(rows.bytes())
}
