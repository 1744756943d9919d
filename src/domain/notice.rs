//! Notices: what the answer to a settlement or a quote draws attention to without refusing it.

use super::ids::EntryId;

/// A notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The stay overlaps other stays of the person by more than the day of a transfer (`semantics`, section 2).
    OverlappingStay {
        /// The settlements of the same hospital, at most the newest hundred.
        own: Vec<EntryId>,
        /// The number of settlements of other hospitals.
        others: u32,
    },
}

impl Notice {
    /// The word that programs read.
    pub fn reason(&self) -> &'static str {
        match self {
            Notice::OverlappingStay { .. } => "OVERLAPPING_STAY",
        }
    }
}
