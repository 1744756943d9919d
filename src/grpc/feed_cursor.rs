//! The cursors of the feed: the position in the order of commits and the id of the last entry that was read, which a caller
//! keeps for as long as it likes.
//!
//! A cursor is sealed ([`crate::access::sealed_token`]): it reveals nothing and opens only for the same caller, in both calls
//! that read the feed and on every instance over the store. It does not expire. By the id a store knows that it holds the
//! entry: one that was restored to an earlier moment has another entry at the position, or none.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::access::sealed_token::{TokenContext, TokenKey};
use crate::domain::fault::FaultReason;
use crate::domain::ids::{Digest, EntryId};
use crate::engine::feed::SeenEntry;
use crate::store::Store;
use crate::store::rows::CommitPosition;

use super::authorize::Permitted;
use super::commit_stamp;
use super::error::CallError;

/// What the key of cursors is derived for.
const KEY_PURPOSE: &str = "onestop feed cursors, version 1";

/// The name under which cursors are sealed, common to the calls that read the feed.
const FEED: &str = "feed";

/// The length of a position in bytes; the id follows.
const POSITION: usize = size_of::<u64>();

/// Issues and reads the cursors of a server.
#[derive(Clone, Debug)]
pub struct FeedCursors(TokenKey);

impl FeedCursors {
    /// The cursors of every instance over this store.
    pub fn new(store: &impl Store) -> FeedCursors {
        FeedCursors(TokenKey::new(store.derived_key(KEY_PURPOSE).0))
    }

    /// The cursor of this caller after an entry, or before every entry.
    ///
    /// # Errors
    /// If it cannot be sealed.
    pub fn encode(&self, permitted: &Permitted, seen: Option<SeenEntry>) -> Result<String, CallError> {
        let now = commit_stamp::instant();
        let cursor = self.0.seal_for_ever(context(permitted), &payload(seen), now);
        Ok(URL_SAFE_NO_PAD.encode(cursor.map_err(|error| CallError::Internal(error.to_string()))?))
    }

    /// The entry of a cursor; none if it is the one before every entry, or empty.
    ///
    /// # Errors
    /// [`CallError::InvalidMessage`] for a text that is no cursor of this caller.
    pub fn decode(&self, permitted: &Permitted, cursor: &str) -> Result<Option<SeenEntry>, CallError> {
        if cursor.is_empty() {
            return Ok(None);
        }
        let sealed = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| foreign_cursor_fault())?;
        let payload = self.0.open(context(permitted), &sealed, commit_stamp::instant());
        match payload {
            Ok(payload) if payload.is_empty() => Ok(None),
            Ok(payload) => seen_entry(&payload).map(Some).ok_or_else(foreign_cursor_fault),
            Err(_) => Err(foreign_cursor_fault()),
        }
    }
}

/// What is sealed: nothing before every entry.
fn payload(seen: Option<SeenEntry>) -> Vec<u8> {
    let bytes = |SeenEntry { position, id }: SeenEntry| [&position.0.to_be_bytes()[..], &id.0].concat();
    seen.map(bytes).unwrap_or_default()
}

fn seen_entry(payload: &[u8]) -> Option<SeenEntry> {
    let (position, id) = payload.split_first_chunk::<POSITION>()?;
    let position = CommitPosition(u64::from_be_bytes(*position));
    Some(SeenEntry { position, id: EntryId(id.try_into().ok()?) })
}

fn context(permitted: &Permitted) -> TokenContext<'_> {
    TokenContext { caller: &permitted.caller.name, call: FEED, subject: Digest::default() }
}

fn foreign_cursor_fault() -> CallError {
    let message = "is not a cursor that this service issued to this caller; send one of its answers, or none";
    CallError::invalid_field("cursor", FaultReason::NotAuthentic, message)
}
