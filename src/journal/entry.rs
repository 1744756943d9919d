//! Entries to records.

use bytes::Bytes;

use super::form::id_bytes;
use super::record::encode_message;
use super::revision::{fence_message, reversal_message, revision_message};
use super::settlement::settlement_message;
use super::{ClaimMessage, answer};
use crate::domain::ids::Digest;
use crate::domain::journal::{Entry, EntryBody, EntryKindRef, Link, Settlement};
use crate::pb::journal as pb;
use crate::pb::journal::entry::Kind;

/// An encoded settlement.
pub struct EncodedSettlement {
    /// The record.
    pub record: Vec<u8>,
    /// The digest of the record, which the next entry of the chain carries.
    pub digest: Digest,
    /// The answer, the same bytes as in the record.
    pub answer: Bytes,
}

/// The record of a settlement, and its answer; `claim` is the message of its claim.
pub fn encode_settlement(entry: &Entry<Settlement>, claim: &ClaimMessage) -> EncodedSettlement {
    let answer = answer::settlement(entry, &entry.body);
    let kind = Kind::Settlement(settlement_message(&entry.body, answer.clone(), claim));
    let (record, digest) = encode_message(&entry_message(entry, kind));
    EncodedSettlement { record, digest, answer }
}

/// The record of an entry, and its digest, which the next entry of the chain carries.
pub fn encode_entry<B: EntryBody>(entry: &Entry<B>) -> (Vec<u8>, Digest) {
    let kind = match entry.body.by_kind() {
        EntryKindRef::Settlement(settled) => {
            let answer = answer::settlement(entry, settled);
            Kind::Settlement(settlement_message(settled, answer, &ClaimMessage::from(&settled.claim)))
        }
        EntryKindRef::Reversal(reversal) => Kind::Reversal(reversal_message(reversal)),
        EntryKindRef::Revision(revision) => Kind::Revision(revision_message(revision)),
        EntryKindRef::Fence(fence) => Kind::Fence(fence_message(fence)),
    };
    encode_message(&entry_message(entry, kind))
}

fn entry_message<B>(entry: &Entry<B>, kind: Kind) -> pb::Entry {
    let Link { number, previous, chained } = entry.link;
    pb::Entry {
        entry_id: id_bytes(Some(entry.id)),
        number,
        previous_id: id_bytes(previous),
        previous_digest: chained.0.to_vec(),
        commit_time_micros: entry.committed.0,
        request_id: entry.request_id.as_str().to_owned(),
        content_digest: entry.content.0.to_vec(),
        kind: Some(kind),
    }
}
