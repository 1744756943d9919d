//! How much of a settlement a response holds (AIP-157). What is stored, and what a retry replays, is the same.

use bytes::Bytes;

use crate::domain::fault::FaultReason;
use crate::journal::answer;
use crate::pb::settlement as pb;

use super::error::CallError;
/// How much of a settlement a response holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// All of it.
    Full,
    /// All but the derivation.
    Summary,
}

impl View {
    /// The view that a request asks for; the whole settlement if it asks for none.
    ///
    /// # Errors
    /// [`CallError::InvalidMessage`] if there is no such view.
    pub(super) fn from_request(view: i32) -> Result<View, CallError> {
        let unknown = |_| CallError::invalid_field("view", FaultReason::UnknownWord, "is not one of the views");
        Ok(match pb::SettlementView::try_from(view).map_err(unknown)? {
            pb::SettlementView::Unspecified | pb::SettlementView::Full => View::Full,
            pb::SettlementView::Summary => View::Summary,
        })
    }

    /// An encoded settlement in this view.
    pub(super) fn settlement(self, answer: &Bytes) -> Bytes {
        if self.is_full() { answer.clone() } else { answer::summary_bytes(answer) }
    }

    /// Whether it holds derivations.
    pub(super) fn is_full(self) -> bool {
        self == View::Full
    }
}
