//! Records to entries.

use bytes::Bytes;

use super::form::{Malformed, digest, entry_id, id, optional_entry_id, present};
use super::record::{RecordError, decode_message};
use super::revision::{fence_from_message, reversal_from_message, revision_from_message};
use super::settlement::settlement_from_message;
use crate::domain::ids::{Digest, RequestId};
use crate::domain::journal::{Entry, EntryKind, Instant, Link};
use crate::pb::journal as pb;
use crate::pb::journal::entry::Kind;

/// The entry of a record, and the digest of the record.
///
/// # Errors
/// If the record is damaged, or is no entry of a person.
pub fn decode_entry(record: &[u8]) -> Result<(Entry, Digest), RecordError> {
    let (message, digest) = decode_message(record)?;
    Ok((entry_from_message(message)?, digest))
}

/// The entry of a record, and its answer if it is a settlement; otherwise the answer is empty.
///
/// # Errors
/// If the record is damaged, or is no entry of a person.
pub fn decode_answered(record: &[u8]) -> Result<(Entry, Bytes), RecordError> {
    let (message, _) = decode_message::<pb::Entry>(record)?;
    let answer = match &message.kind {
        Some(Kind::Settlement(settlement)) => settlement.answer.clone(),
        _ => Bytes::new(),
    };
    Ok((entry_from_message(message)?, answer))
}

fn entry_from_message(message: pb::Entry) -> Result<Entry, Malformed> {
    Ok(Entry {
        id: entry_id("entry_id", &message.entry_id)?,
        link: Link {
            number: message.number,
            previous: optional_entry_id("previous_id", &message.previous_id)?,
            chained: digest("previous_digest", &message.previous_digest)?,
        },
        committed: Instant(message.commit_time_micros),
        request_id: id("request_id", message.request_id, RequestId::from_stored)?,
        content: digest("content_digest", &message.content_digest)?,
        body: kind_from_message(present("kind", message.kind)?)?,
    })
}

fn kind_from_message(kind: Kind) -> Result<EntryKind, Malformed> {
    Ok(match kind {
        Kind::Settlement(message) => EntryKind::Settlement(Box::new(settlement_from_message(message)?)),
        Kind::Reversal(message) => EntryKind::Reversal(reversal_from_message(message)?),
        Kind::Revision(message) => EntryKind::Revision(Box::new(revision_from_message(message)?)),
        Kind::Fence(message) => EntryKind::Fence(fence_from_message(message)?),
        Kind::PolicyActivation(_) | Kind::ImportEnd(_) => return Err(Malformed("kind")),
    })
}
