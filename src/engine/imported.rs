//! How many rows an import took, and what of them is worth a word.

use crate::reference::dated::RowChange;

use super::import_unmatched::UnmatchedRows;

/// How many rows an import took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// New rows, and rows that replaced one of their key.
    pub changed: u64,
    /// Rows that the table held already.
    pub unchanged: u64,
    /// Rows about persons who have no enrolment.
    pub not_enrolled: u64,
    /// Rows that name an insurance, a region or a hospital that is not known.
    pub unmatched: UnmatchedRows,
}

impl Imported {
    pub(super) fn count(&mut self, change: RowChange) {
        match change {
            RowChange::Changed => self.changed += 1,
            RowChange::Unchanged => self.unchanged += 1,
        }
    }
}
