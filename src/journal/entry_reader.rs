//! Records to entries.

use bytes::Bytes;

use super::administration::{act_from_kind, administration_from_message};
use super::form::{Malformed, digest, entry_id, id, optional_entry_id, present};
use super::record::{RecordError, decode_message};
use super::revision::{fence_from_message, reversal_from_message, revision_from_message};
use super::settlement::settlement_from_message;
use crate::domain::ids::{Digest, EntryId, RequestId};
use crate::domain::journal::{AdministrationEntry, Entry, EntryKind, Instant, Link};
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

/// An entry of any chain.
#[derive(Clone, Debug, PartialEq)]
pub enum CommittedEntry {
    /// One of a person.
    Person(Box<Entry>),
    /// One of the administration of the store.
    Administration(Box<AdministrationEntry>),
}

impl CommittedEntry {
    /// Its id.
    pub fn id(&self) -> EntryId {
        match self {
            CommittedEntry::Person(entry) => entry.id,
            CommittedEntry::Administration(entry) => entry.id,
        }
    }

    /// When it was committed.
    pub fn committed(&self) -> Instant {
        match self {
            CommittedEntry::Person(entry) => entry.committed,
            CommittedEntry::Administration(entry) => entry.committed,
        }
    }
}

/// The entry of a record, whichever chain it is of, and the digest of the record.
///
/// # Errors
/// If the record is damaged, or is no entry.
pub fn decode_committed(record: &[u8]) -> Result<(CommittedEntry, Digest), RecordError> {
    let (message, digest) = decode_message::<pb::Entry>(record)?;
    let entry = match act_from_kind(&message.kind)? {
        Some(act) => CommittedEntry::Administration(Box::new(administration_from_message(&message, act)?)),
        None => CommittedEntry::Person(Box::new(entry_from_message(message)?)),
    };
    Ok((entry, digest))
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

/// The id and the link of an entry, and the digest of its record, without decoding what was committed.
///
/// # Errors
/// If the record is damaged, or is no entry.
pub fn decode_link(record: &[u8]) -> Result<(EntryId, Link, Digest), RecordError> {
    let (message, digest) = decode_message::<LinkMessage>(record)?;
    let link = link(message.number, &message.previous_id, &message.previous_digest)?;
    Ok((entry_id("entry_id", &message.entry_id)?, link, digest))
}

/// The first fields of an `Entry` message; a decoder skips the others.
#[derive(Clone, PartialEq, prost::Message)]
struct LinkMessage {
    #[prost(bytes = "vec", tag = "1")]
    entry_id: Vec<u8>,
    #[prost(uint64, tag = "2")]
    number: u64,
    #[prost(bytes = "vec", tag = "3")]
    previous_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    previous_digest: Vec<u8>,
}

fn link(number: u64, previous: &[u8], chained: &[u8]) -> Result<Link, Malformed> {
    let previous = optional_entry_id("previous_id", previous)?;
    Ok(Link { number, previous, chained: digest("previous_digest", chained)? })
}

fn entry_from_message(message: pb::Entry) -> Result<Entry, Malformed> {
    Ok(Entry {
        id: entry_id("entry_id", &message.entry_id)?,
        link: link(message.number, &message.previous_id, &message.previous_digest)?,
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
        Kind::PolicyActivation(_) | Kind::ImportEnd(_) | Kind::MonthClosing(_) => return Err(Malformed("kind")),
    })
}
