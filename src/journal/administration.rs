//! Entries of the administration to records, and back.

use super::form::{Malformed, digest, entry_id, id_bytes, month, optional_entry_id};
use super::record::encode_message;
use crate::domain::ids::Digest;
use crate::domain::journal::{
    AdministrationAct, AdministrationEntry, Instant, JournaledImport, Link, MonthClosing, PolicyActivation,
};
use crate::pb::journal as pb;
use crate::pb::journal::entry::Kind;

/// The record of an entry, and its digest, which the next entry of the chain carries.
pub fn encode_administration(entry: &AdministrationEntry) -> (Vec<u8>, Digest) {
    let Link { number, previous, chained } = entry.link;
    encode_message(&pb::Entry {
        entry_id: id_bytes(Some(entry.id)),
        number,
        previous_id: id_bytes(previous),
        previous_digest: chained.0.to_vec(),
        commit_time_micros: entry.committed.0,
        request_id: String::new(),
        content_digest: Vec::new(),
        kind: Some(kind(&entry.act)),
    })
}

fn kind(act: &AdministrationAct) -> Kind {
    match act {
        AdministrationAct::PolicyActivation(PolicyActivation { activated_by, book }) => {
            Kind::PolicyActivation(pb::PolicyActivationEntry {
                activated_by: activated_by.clone(),
                book_digest: book.0.to_vec(),
            })
        }
        AdministrationAct::ImportEnd(import) => Kind::ImportEnd(pb::ImportEndEntry {
            import_number: import.number,
            table: import.table.clone(),
            source: import.source.clone(),
            imported_by: import.imported_by.clone(),
            digest: import.digest.0.to_vec(),
            changed: import.changed,
            unchanged: import.unchanged,
        }),
        AdministrationAct::MonthClosing(MonthClosing { closed_by, month }) => {
            Kind::MonthClosing(pb::MonthClosingEntry { closed_by: closed_by.clone(), month: month.number() })
        }
    }
}

/// The entry of a message with this act.
pub(super) fn administration_from_message(
    message: &pb::Entry,
    act: AdministrationAct,
) -> Result<AdministrationEntry, Malformed> {
    if !message.request_id.is_empty() || !message.content_digest.is_empty() {
        return Err(Malformed("request_id"));
    }
    Ok(AdministrationEntry {
        id: entry_id("entry_id", &message.entry_id)?,
        link: Link {
            number: message.number,
            previous: optional_entry_id("previous_id", &message.previous_id)?,
            chained: digest("previous_digest", &message.previous_digest)?,
        },
        committed: Instant(message.commit_time_micros),
        act,
    })
}

/// What a message says that was done; `None` if it is an entry of a person.
pub(super) fn act_from_kind(kind: &Option<Kind>) -> Result<Option<AdministrationAct>, Malformed> {
    Ok(match kind {
        Some(Kind::PolicyActivation(message)) => Some(AdministrationAct::PolicyActivation(PolicyActivation {
            activated_by: message.activated_by.clone(),
            book: digest("book_digest", &message.book_digest)?,
        })),
        Some(Kind::ImportEnd(message)) => Some(AdministrationAct::ImportEnd(JournaledImport {
            number: message.import_number,
            table: message.table.clone(),
            source: message.source.clone(),
            imported_by: message.imported_by.clone(),
            digest: digest("digest", &message.digest)?,
            changed: message.changed,
            unchanged: message.unchanged,
        })),
        Some(Kind::MonthClosing(message)) => Some(AdministrationAct::MonthClosing(MonthClosing {
            closed_by: message.closed_by.clone(),
            month: month("month", message.month)?,
        })),
        _ => None,
    })
}
