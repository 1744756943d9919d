//! The rows of claims, requests and lists, and the notes of a store.

use crate::domain::ids::{EntryId, PersonId};
use crate::journal::form::{Malformed, bytes_of, day, entry_id, entry_ids, id, optional_entry_id};
use crate::journal::{MessageWriter, StoredForm};
use crate::pb::journal as pb;
use crate::store::archive::{ArchiveIdentity, ArchivedYears};
use crate::store::rows::{ClaimBinding, ClaimRow, ListedRow, PolicyText, RequestRow, SettlementStatus};

impl StoredForm for ClaimRow {
    type Message = pb::ClaimRow;

    fn write(&self, message: &mut MessageWriter) {
        message.text(1, self.person_id.as_str());
        self.settlements.iter().for_each(|status| message.message(2, |message| write_status(message, status)));
    }

    fn from_message(message: pb::ClaimRow) -> Result<Self, Malformed> {
        Ok(ClaimRow {
            person_id: id("person_id", message.person_id, PersonId::from_stored)?,
            settlements: message.settlements.into_iter().map(status).collect::<Result<_, _>>()?,
        })
    }
}

fn write_status(message: &mut MessageWriter, status: &SettlementStatus) {
    message.blob(1, &status.settlement.0);
    status.revisions.iter().for_each(|EntryId(id)| message.blob(2, id));
    message.blob(3, bytes_of(&status.reversal));
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

    fn write(&self, message: &mut MessageWriter) {
        message.blob(1, &self.0.0);
    }

    fn from_message(message: pb::RequestRow) -> Result<Self, Malformed> {
        entry_id("entry_id", &message.entry_id).map(RequestRow)
    }
}

impl StoredForm for ListedRow {
    type Message = pb::ListedRow;

    fn write(&self, message: &mut MessageWriter) {
        message.blob(1, &self.settlement.0);
        message.number(2, self.day.number());
    }

    fn from_message(message: pb::ListedRow) -> Result<Self, Malformed> {
        let settlement = entry_id("settlement_id", &message.settlement_id)?;
        Ok(ListedRow { settlement, day: day("day", message.day)? })
    }
}

impl StoredForm for ClaimBinding {
    type Message = pb::ClaimBinding;

    fn write(&self, message: &mut MessageWriter) {
        message.append(&pb::ClaimBinding { person_id: self.0.as_str().to_owned() });
    }

    fn from_message(message: pb::ClaimBinding) -> Result<Self, Malformed> {
        id("person_id", message.person_id, PersonId::from_stored).map(ClaimBinding)
    }
}

impl StoredForm for PolicyText {
    type Message = pb::PolicyText;

    fn write(&self, message: &mut MessageWriter) {
        message.append(&pb::PolicyText { canonical: self.0.clone() });
    }

    fn from_message(message: pb::PolicyText) -> Result<Self, Malformed> {
        Ok(PolicyText(message.canonical))
    }
}

impl StoredForm for ArchivedYears {
    type Message = pb::ArchivedYears;

    fn write(&self, message: &mut MessageWriter) {
        message.append(&pb::ArchivedYears {
            before: self.before,
            secret_fingerprint: self.archive.secret_fingerprint.to_vec(),
            entries: self.archive.entries,
        });
    }

    fn from_message(message: pb::ArchivedYears) -> Result<Self, Malformed> {
        let fingerprint = message.secret_fingerprint.try_into().map_err(|_| Malformed("secret_fingerprint"))?;
        let archive = ArchiveIdentity { secret_fingerprint: fingerprint, entries: message.entries };
        Ok(ArchivedYears { before: message.before, archive })
    }
}
