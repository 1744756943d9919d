//! A commit that a scan of the log meets.

use super::commit_record::{entries, index_rows, rows};
use super::index::{LogPosition, Table};
use super::log::{LogDamage, LogError, LogSizes, Record, RecordPart, place};
use crate::domain::ids::EntryId;
use crate::journal::record;
use crate::store::StoreError;
use crate::store::commit_log::{CommitParts, IndexTable, IndexTally, RecordPosition, ScannedCommit};
use crate::store::keys::StoreKey;
use crate::store::rows::PersonState;

/// A record of a frame.
pub(super) struct FrameRecord<'a> {
    pub position: LogPosition,
    pub record: Record<'a>,
    /// The byte of the log at which the frame begins.
    pub frame: u64,
    /// Whether the checksum of the frame is wrong, so that the parts of the record are to be trusted one by one.
    pub is_damaged: bool,
    pub sizes: LogSizes,
}

impl FrameRecord<'_> {
    /// The damage of this record, with its frame.
    fn damaged(&self, damage: LogDamage) -> StoreError {
        let (file, byte) = place(self.sizes, self.position.lsn);
        let frame = place(self.sizes, self.frame).1;
        StoreError::Damaged(format!("{}, in the frame at byte {frame}", LogError::damaged(&file, byte, damage)))
    }
}

impl ScannedCommit for FrameRecord<'_> {
    fn position(&self) -> RecordPosition {
        neutral(self.position)
    }

    fn person(&self) -> Option<StoreKey> {
        if self.is_damaged && !self.record.has_checksum(RecordPart::Rows) {
            return None;
        }
        let first = rows(self.record.rows()).next()?.ok()?;
        first.key.try_into().ok().filter(|_| first.table == Table::Person)
    }

    fn parts(&self) -> Result<CommitParts<'_>, StoreError> {
        if let Some(fault) = self.record.fault() {
            return Err(self.damaged(LogDamage::Record(fault)));
        }
        let mut parts = CommitParts::default();
        for row in rows(self.record.rows()) {
            let row = row?;
            let keyed = || row.key.try_into().map(|key: StoreKey| (key, row.value)).ok();
            match row.table {
                Table::Person => parts.person = keyed(),
                Table::Request => parts.request = keyed(),
                Table::Claim => parts.claims.extend(keyed()),
                Table::ListPosition => parts.listed.push((row.key, row.value)),
                Table::Entry | Table::ReferenceWrite | Table::Administration => {}
            }
        }
        for entry in entries(self.record.entries()) {
            parts.entries.push(entry?);
        }
        Ok(parts)
    }

    fn salvaged_entry(&self) -> Option<EntryId> {
        if self.record.has_checksum(RecordPart::Rows) {
            let person = rows(self.record.rows()).filter_map(Result::ok).find(|row| row.table == Table::Person)?;
            return record::decode::<PersonState>(person.value).ok()?.head;
        }
        let last = entries(self.record.entries()).filter_map(Result::ok).last();
        last.filter(|_| self.record.has_checksum(RecordPart::Entries)).map(|(id, _)| id)
    }

    fn tally(&self, tally: &mut IndexTally) -> Result<(), StoreError> {
        for row in index_rows(self.record, self.position)? {
            let table = neutral_table(row.key.table());
            if let Some(table) = table.filter(|table| ![IndexTable::Person, IndexTable::Claim].contains(table)) {
                tally.add(table, &row.key.padded_bytes(), self.position());
            }
        }
        Ok(())
    }
}

/// A position as other stores would have it.
pub(super) fn neutral(position: LogPosition) -> RecordPosition {
    RecordPosition { lsn: position.lsn, length: position.length }
}

/// A table of the index as an audit names it; `None` for that of the administration, whose one row leads to a chain that is
/// checked by itself.
pub(super) fn neutral_table(table: Table) -> Option<IndexTable> {
    Some(match table {
        Table::Person => IndexTable::Person,
        Table::Request => IndexTable::Request,
        Table::Claim => IndexTable::Claim,
        Table::Entry => IndexTable::Entry,
        Table::ListPosition => IndexTable::List,
        Table::ReferenceWrite => IndexTable::Reference,
        Table::Administration => return None,
    })
}
