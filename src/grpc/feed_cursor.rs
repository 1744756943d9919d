//! The cursors of the feed: a position in the order of commits, which a caller keeps for as long as it likes.
//!
//! A cursor is sealed ([`crate::access::sealed_token`]): it reveals nothing and opens only for the same caller, in both calls
//! that read the feed and on every instance over the store. It does not expire.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::access::sealed_token::{TokenContext, TokenKey};
use crate::domain::fault::FaultReason;
use crate::domain::ids::Digest;
use crate::store::Store;
use crate::store::rows::CommitPosition;

use super::authorize::Permitted;
use super::commit_stamp;
use super::error::CallError;

/// What the key of cursors is derived for.
const KEY_PURPOSE: &str = "onestop feed cursors, version 1";

/// The name under which cursors are sealed, common to the calls that read the feed.
const FEED: &str = "feed";

/// Issues and reads the cursors of a server.
#[derive(Clone, Debug)]
pub struct FeedCursors(TokenKey);

impl FeedCursors {
    /// The cursors of every instance over this store.
    pub fn new(store: &impl Store) -> FeedCursors {
        FeedCursors(TokenKey::new(store.derived_key(KEY_PURPOSE).0))
    }

    /// The cursor of this caller after a position.
    ///
    /// # Errors
    /// If it cannot be sealed.
    pub fn encode(&self, permitted: &Permitted, CommitPosition(after): CommitPosition) -> Result<String, CallError> {
        let now = commit_stamp::instant();
        let cursor = self.0.seal_for_ever(context(permitted), &after.to_be_bytes(), now);
        Ok(URL_SAFE_NO_PAD.encode(cursor.map_err(|error| CallError::Internal(error.to_string()))?))
    }

    /// The position of a cursor; the one before every entry if the cursor is empty.
    ///
    /// # Errors
    /// [`CallError::InvalidMessage`] for a text that is no cursor of this caller.
    pub fn decode(&self, permitted: &Permitted, cursor: &str) -> Result<CommitPosition, CallError> {
        if cursor.is_empty() {
            return Ok(CommitPosition::FIRST);
        }
        let sealed = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| foreign_cursor_fault())?;
        let position = self.0.open(context(permitted), &sealed, commit_stamp::instant());
        let position = position.ok().and_then(|position| position.try_into().ok());
        position.map(|bytes| CommitPosition(u64::from_be_bytes(bytes))).ok_or_else(foreign_cursor_fault)
    }
}

fn context(permitted: &Permitted) -> TokenContext<'_> {
    TokenContext { caller: &permitted.caller.name, call: FEED, subject: Digest::default() }
}

fn foreign_cursor_fault() -> CallError {
    let message = "is not a cursor that this service issued to this caller; send one of its answers, or none";
    CallError::invalid_field("cursor", FaultReason::NotAuthentic, message)
}
