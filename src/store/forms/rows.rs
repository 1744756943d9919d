//! The rows of claims, requests and lists, and the notes of a store.

use crate::domain::ids::{EntryId, PersonId};
use crate::journal::StoredForm;
use crate::journal::form::{Malformed, day, entry_id, entry_ids, id, id_bytes, optional_entry_id};
use crate::pb::journal as pb;
use crate::store::archive::{ArchiveIdentity, ArchivedYears};
use crate::store::rows::{ClaimBinding, ClaimRow, ListedRow, PolicyText, RequestRow, SettlementStatus};

impl StoredForm for ClaimRow {
    type Message = pb::ClaimRow;

    fn to_message(&self) -> pb::ClaimRow {
        pb::ClaimRow {
            person_id: self.person_id.as_str().to_owned(),
            settlements: self.settlements.iter().map(status_message).collect(),
        }
    }

    fn from_message(message: pb::ClaimRow) -> Result<Self, Malformed> {
        Ok(ClaimRow {
            person_id: id("person_id", message.person_id, PersonId::from_stored)?,
            settlements: message.settlements.into_iter().map(status).collect::<Result<_, _>>()?,
        })
    }
}

fn status_message(status: &SettlementStatus) -> pb::SettlementStatus {
    pb::SettlementStatus {
        settlement_id: id_bytes(Some(status.settlement)),
        revision_ids: status.revisions.iter().map(|EntryId(id)| id.to_vec()).collect(),
        reversal_id: id_bytes(status.reversal),
    }
}

fn status(message: pb::SettlementStatus) -> Result<SettlementStatus, Malformed> {
    Ok(SettlementStatus {
        settlement: entry_id("settlement_id", &message.settlement_id)?,
        revisions: entry_ids("revision_ids", &message.revision_ids)?,
        reversal: optional_entry_id("reversal_id", &message.reversal_id)?,
    })
}

impl StoredForm for RequestRow {
    type Message = pb::RequestRow;

    fn to_message(&self) -> pb::RequestRow {
        pb::RequestRow { entry_id: id_bytes(Some(self.0)) }
    }

    fn from_message(message: pb::RequestRow) -> Result<Self, Malformed> {
        entry_id("entry_id", &message.entry_id).map(RequestRow)
    }
}

impl StoredForm for ListedRow {
    type Message = pb::ListedRow;

    fn to_message(&self) -> pb::ListedRow {
        pb::ListedRow { settlement_id: id_bytes(Some(self.settlement)), day: self.day.number() }
    }

    fn from_message(message: pb::ListedRow) -> Result<Self, Malformed> {
        let settlement = entry_id("settlement_id", &message.settlement_id)?;
        Ok(ListedRow { settlement, day: day("day", message.day)? })
    }
}

impl StoredForm for ClaimBinding {
    type Message = pb::ClaimBinding;

    fn to_message(&self) -> pb::ClaimBinding {
        pb::ClaimBinding { person_id: self.0.as_str().to_owned() }
    }

    fn from_message(message: pb::ClaimBinding) -> Result<Self, Malformed> {
        id("person_id", message.person_id, PersonId::from_stored).map(ClaimBinding)
    }
}

impl StoredForm for PolicyText {
    type Message = pb::PolicyText;

    fn to_message(&self) -> pb::PolicyText {
        pb::PolicyText { canonical: self.0.clone() }
    }

    fn from_message(message: pb::PolicyText) -> Result<Self, Malformed> {
        Ok(PolicyText(message.canonical))
    }
}

impl StoredForm for ArchivedYears {
    type Message = pb::ArchivedYears;

    fn to_message(&self) -> pb::ArchivedYears {
        pb::ArchivedYears {
            before: self.before,
            secret_fingerprint: self.archive.secret_fingerprint.to_vec(),
            entries: self.archive.entries,
        }
    }

    fn from_message(message: pb::ArchivedYears) -> Result<Self, Malformed> {
        let fingerprint = message.secret_fingerprint.try_into().map_err(|_| Malformed("secret_fingerprint"))?;
        let archive = ArchiveIdentity { secret_fingerprint: fingerprint, entries: message.entries };
        Ok(ArchivedYears { before: message.before, archive })
    }
}
