//! The entries that are no settlements: reversals, revisions and fences.

use std::sync::Arc;

use super::form::{Malformed, digest, entry_id, entry_ids, id, id_bytes, month, optional_entry_id};
use super::settlement::{facts, facts_message, rest};
use super::{answer, answer_reader};
use crate::domain::ids::{AccountKey, ClaimId, EntryId, HospitalId, PersonId};
use crate::domain::journal::{DecidedAgain, Differences, Fence, RetroactiveRun, Reversal, Revision, RevisionCause};
use crate::domain::money::Money;
use crate::pb::journal as pb;

/// The message of a reversal.
pub(super) fn reversal_message(reversal: &Reversal) -> pb::ReversalEntry {
    pb::ReversalEntry {
        hospital_id: reversal.hospital_id.as_str().to_owned(),
        person_id: reversal.person_id.as_str().to_owned(),
        claim_id: reversal.claim_id.as_str().to_owned(),
        reason: reversal.reason.clone(),
        settlement_id: id_bytes(Some(reversal.settlement)),
        insurance: reversal.account.insurance.to_string(),
        benefit_year: reversal.account.year,
        revision_ids: reversal.revisions.iter().map(|EntryId(id)| id.to_vec()).collect(),
        correction_id: id_bytes(reversal.correction),
        booking_month: reversal.booking_month.number(),
    }
}

/// The reversal of a message.
///
/// # Errors
/// If a field holds what no reversal has.
pub(super) fn reversal_from_message(message: pb::ReversalEntry) -> Result<Reversal, Malformed> {
    Ok(Reversal {
        hospital_id: id("hospital_id", message.hospital_id, HospitalId::from_stored)?,
        person_id: id("person_id", message.person_id, PersonId::from_stored)?,
        claim_id: id("claim_id", message.claim_id, ClaimId::from_stored)?,
        reason: message.reason,
        settlement: entry_id("settlement_id", &message.settlement_id)?,
        account: AccountKey { insurance: message.insurance.into(), year: message.benefit_year },
        revisions: entry_ids("revision_ids", &message.revision_ids)?,
        correction: optional_entry_id("correction_id", &message.correction_id)?,
        booking_month: month("booking_month", message.booking_month)?,
    })
}

/// The message of a revision.
pub(super) fn revision_message(revision: &Revision) -> pb::RevisionEntry {
    let Differences { payers, patient } = &revision.differences;
    let (reversal_id, retroactive_run, run_id) = match &revision.cause {
        RevisionCause::Reversal(id) => (id_bytes(Some(*id)), None, Vec::new()),
        RevisionCause::RetroactiveRun(run) => (Vec::new(), Some(run_message(run)), Vec::new()),
        RevisionCause::LaterInRun(id) => (Vec::new(), None, id_bytes(Some(*id))),
    };
    pb::RevisionEntry {
        hospital_id: revision.hospital_id.as_str().to_owned(),
        person_id: revision.person_id.as_str().to_owned(),
        claim_id: revision.claim_id.as_str().to_owned(),
        settlement_id: id_bytes(Some(revision.settlement)),
        revision: revision.number,
        replaces_id: id_bytes(Some(revision.replaces)),
        reversal_id,
        book_digest: revision.book.0.to_vec(),
        split: answer::split(&revision.split).into(),
        derivation: answer::derivation(&revision.split),
        rest: Some(rest(&revision.split)),
        payers: payers.iter().map(named_amount).collect(),
        patient_fen: patient.fen(),
        booking_month: revision.booking_month.number(),
        retroactive_run,
        run_id,
        facts: Some(facts_message(&revision.facts)),
    }
}

fn run_message(RetroactiveRun { benefit_year, decided }: &RetroactiveRun) -> pb::RetroactiveRun {
    let decided_again = |DecidedAgain { settlement, revision }: &DecidedAgain| pb::DecidedAgain {
        settlement_id: id_bytes(Some(*settlement)),
        revision_id: id_bytes(*revision),
    };
    pb::RetroactiveRun { benefit_year: *benefit_year, decided: decided.iter().map(decided_again).collect() }
}

fn run(pb::RetroactiveRun { benefit_year, decided }: pb::RetroactiveRun) -> Result<RetroactiveRun, Malformed> {
    let decided_again = |one: pb::DecidedAgain| {
        let settlement = entry_id("settlement_id", &one.settlement_id)?;
        Ok(DecidedAgain { settlement, revision: optional_entry_id("revision_id", &one.revision_id)? })
    };
    Ok(RetroactiveRun { benefit_year, decided: decided.into_iter().map(decided_again).collect::<Result<_, _>>()? })
}

/// The cause of a revision: exactly one of its three fields is there.
fn cause(
    reversal_id: &[u8],
    retroactive_run: Option<pb::RetroactiveRun>,
    run_id: &[u8],
) -> Result<RevisionCause, Malformed> {
    let ids = (optional_entry_id("reversal_id", reversal_id)?, optional_entry_id("run_id", run_id)?);
    match (ids, retroactive_run) {
        ((Some(reversal), None), None) => Ok(RevisionCause::Reversal(reversal)),
        ((None, Some(first)), None) => Ok(RevisionCause::LaterInRun(first)),
        ((None, None), Some(message)) => run(message).map(RevisionCause::RetroactiveRun),
        _ => Err(Malformed("reversal_id")),
    }
}

/// The revision of a message.
///
/// # Errors
/// If a field holds what no revision has.
pub(super) fn revision_from_message(message: pb::RevisionEntry) -> Result<Revision, Malformed> {
    let amount = |pb::NamedAmount { name, amount_fen }| (Arc::from(name), Money::from_fen(amount_fen));
    let split = answer_reader::split(&message.split, &message.derivation, message.rest.unwrap_or_default())?;
    Ok(Revision {
        hospital_id: id("hospital_id", message.hospital_id, HospitalId::from_stored)?,
        person_id: id("person_id", message.person_id, PersonId::from_stored)?,
        claim_id: id("claim_id", message.claim_id, ClaimId::from_stored)?,
        settlement: entry_id("settlement_id", &message.settlement_id)?,
        number: message.revision,
        replaces: entry_id("replaces_id", &message.replaces_id)?,
        cause: cause(&message.reversal_id, message.retroactive_run, &message.run_id)?,
        book: digest("book_digest", &message.book_digest)?,
        facts: facts(message.facts.unwrap_or_default(), &split)?,
        split,
        differences: Differences {
            payers: message.payers.into_iter().map(amount).collect(),
            patient: Money::from_fen(message.patient_fen),
        },
        booking_month: month("booking_month", message.booking_month)?,
    })
}

fn named_amount((name, amount): &(Arc<str>, Money)) -> pb::NamedAmount {
    pb::NamedAmount { name: name.to_string(), amount_fen: amount.fen() }
}

/// The message of a fence.
pub(super) fn fence_message(fence: &Fence) -> pb::FenceEntry {
    let Fence { hospital_id, person_id } = fence;
    let hospital_id = hospital_id.as_ref().map(|id| id.as_str().to_owned()).unwrap_or_default();
    pb::FenceEntry { hospital_id, person_id: person_id.as_str().to_owned() }
}

/// The fence of a message.
///
/// # Errors
/// If a field holds what no fence has.
pub(super) fn fence_from_message(message: pb::FenceEntry) -> Result<Fence, Malformed> {
    let hospital = Some(message.hospital_id).filter(|text| !text.is_empty());
    Ok(Fence {
        hospital_id: hospital.map(|text| id("hospital_id", text, HospitalId::from_stored)).transpose()?,
        person_id: id("person_id", message.person_id, PersonId::from_stored)?,
    })
}
