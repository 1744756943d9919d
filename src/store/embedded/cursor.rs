//! Reads the rows of a table of the database under keys in ascending order: close ones one after the other, far ones from the
//! root.

use redb::{AccessGuard, ReadOnlyTable, StorageError};

/// Keys and rows as they are stored.
pub(super) type Bytes = &'static [u8];

/// The rows that a cursor passes one by one before it looks for a key from the root.
const PASSED_ROWS: usize = 16;

/// A position in a table that moves to keys in ascending order.
pub(super) struct Cursor<'t> {
    table: &'t ReadOnlyTable<Bytes, Bytes>,
    rows: Option<redb::Range<'static, Bytes, Bytes>>,
    /// The row at the position.
    next: Option<RowGuards>,
}

type RowGuards = (AccessGuard<'static, Bytes>, AccessGuard<'static, Bytes>);

impl<'t> Cursor<'t> {
    /// A cursor before the first row of a table.
    pub(super) fn new(table: &'t ReadOnlyTable<Bytes, Bytes>) -> Cursor<'t> {
        Cursor { table, rows: None, next: None }
    }

    /// Moves to a key; returns its row.
    pub(super) fn seek(&mut self, key: &[u8]) -> Result<Option<AccessGuard<'static, Bytes>>, StorageError> {
        for _ in 0..PASSED_ROWS {
            match &self.next {
                Some((at, _)) if at.value() >= key => return Ok(self.take(key)),
                _ => {}
            }
            let Some(rows) = &mut self.rows else { break };
            self.next = rows.next().transpose()?;
            if self.next.is_none() {
                return Ok(None);
            }
        }
        let mut rows = self.table.range(key..)?;
        self.next = rows.next().transpose()?;
        self.rows = Some(rows);
        Ok(self.take(key))
    }

    /// The row at the position, if it has this key.
    fn take(&mut self, key: &[u8]) -> Option<AccessGuard<'static, Bytes>> {
        let at = self.next.take_if(|(at, _)| at.value() == key);
        at.map(|(_, row)| row)
    }
}
