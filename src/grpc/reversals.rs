//! Reversals and corrections, and the revisions that come of them, as messages.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::content::{RawCorrection, RawReversal};
use crate::domain::ids::{EntryId, HospitalId};
use crate::domain::journal::{Differences, Entry, Reversal, Revision, RevisionCause};
use crate::domain::money::Money;
use crate::domain::split::Split;
use crate::engine::correct::{CorrectOutcome, CorrectRequest};
use crate::engine::retroactive::{ReadjudicateOutcome, ReadjudicateRequest};
use crate::engine::reverse::{ReverseOutcome, ReverseRequest};
use crate::pb::encoded;
use crate::pb::settlement as pb;

use super::error::CallError;
use super::to_proto::{digest, timestamp};
use super::view::View;
use super::{commit_stamp, from_proto};
use crate::journal::answer::{derivation, derivation_without_bill, shares, split, uncommitted_settlement};

/// A request to reverse, as received.
pub fn reverse_request(message: pb::ReverseRequest) -> ReverseRequest {
    let pb::ReverseRequest { hospital_id, person_id, claim_id, request_id, reason, readjudicate, dry_run } = message;
    let reversal = RawReversal { hospital_id, person_id, claim_id, reason, readjudicate };
    ReverseRequest { reversal, request_id, dry_run }
}

/// The response to one; of a dry run, without ids and instants of entries that do not exist.
pub fn reverse_response(outcome: &ReverseOutcome, dry_run: bool) -> pb::ReverseResponse {
    let dry_run = dry_run && !outcome.replay;
    let VisibleRevisions { mut own, others } = visible_revisions(&outcome.entry.body.hospital_id, &outcome.revisions);
    let mut reversal = reversal(&outcome.entry);
    if dry_run {
        clear_ids(&mut reversal, &mut own);
    }
    pb::ReverseResponse { reversal: Some(reversal), replay: outcome.replay, revised: own, others, dry_run }
}

/// A request to correct, as received.
///
/// # Errors
/// If the message holds no claim.
pub fn correct_request(message: encoded::CorrectRequest) -> Result<CorrectRequest, CallError> {
    let encoded::CorrectRequest { claim, request_id, reason, dry_run } = message;
    let correction = RawCorrection { claim: from_proto::claim(from_proto::message_in(claim).as_deref())?, reason };
    Ok(CorrectRequest { correction, request_id, dry_run, today: commit_stamp::today() })
}

/// The response to one; of a dry run, without ids and instants of entries that do not exist.
pub fn correct_response(outcome: &CorrectOutcome, dry_run: bool) -> encoded::CorrectResponse {
    let dry_run = dry_run && !outcome.replay;
    let VisibleRevisions { mut own, others } =
        visible_revisions(&outcome.reversal.body.hospital_id, &outcome.revisions);
    let (mut reversal, mut answer) = (reversal(&outcome.reversal), outcome.answer.clone());
    if dry_run {
        clear_ids(&mut reversal, &mut own);
        answer = uncommitted_settlement(&outcome.settlement, &outcome.settlement.body);
    }
    encoded::CorrectResponse {
        reversal: Some(reversal),
        settlement: answer,
        revised: own,
        others,
        replay: outcome.replay,
        dry_run,
    }
}

/// A request for a retroactive run, as received.
pub fn readjudicate_request(message: pb::ReadjudicateRequest) -> ReadjudicateRequest {
    let pb::ReadjudicateRequest { person_id, benefit_year, request_id, dry_run } = message;
    ReadjudicateRequest { person_id, benefit_year, request_id, dry_run }
}

/// The response to one; of a dry run, without ids of entries that do not exist.
pub fn readjudicate_response(outcome: &ReadjudicateOutcome, dry_run: bool) -> pb::ReadjudicateResponse {
    let dry_run = dry_run && !outcome.replay;
    let mut revised: Vec<_> = outcome.revisions.iter().map(revised_settlement).collect();
    if dry_run {
        revised.iter_mut().for_each(|revised| revised.revision_id.clear());
    }
    let decided = u32::try_from(outcome.decided).unwrap_or(u32::MAX);
    pb::ReadjudicateResponse { decided, revised, replay: outcome.replay, dry_run }
}

/// What a caller may know of the revisions that come with a reversal.
struct VisibleRevisions {
    own: Vec<pb::RevisedSettlement>,
    others: Option<pb::OthersRevised>,
}

/// The caller's own revisions one by one, those of other hospitals in total.
fn visible_revisions(caller: &HospitalId, revisions: &[Entry<Revision>]) -> VisibleRevisions {
    let (own, others): (Vec<_>, Vec<_>) = revisions.iter().partition(|entry| entry.body.hospital_id == *caller);
    let mut sum = Differences::default();
    others.iter().for_each(|entry| add_differences(&mut sum, &entry.body.differences));
    let total = pb::OthersRevised { settlements: others.len() as u64, differences: Some(differences_message(&sum)) };
    VisibleRevisions {
        own: own.into_iter().map(revised_settlement).collect(),
        others: (!others.is_empty()).then_some(total),
    }
}

/// A reversal.
pub fn reversal(entry: &Entry<Reversal>) -> pb::Reversal {
    let reversal = &entry.body;
    pb::Reversal {
        reversal_id: entry.id.to_string(),
        settlement_id: reversal.settlement.to_string(),
        claim_id: reversal.claim_id.as_str().to_owned(),
        hospital_id: reversal.hospital_id.as_str().to_owned(),
        person_id: reversal.person_id.as_str().to_owned(),
        request_id: entry.request_id.as_str().to_owned(),
        reason: reversal.reason.clone(),
        commit_time: Some(timestamp(entry.committed)),
    }
}

/// A revision of a settlement with this first split, without what it has in common with it.
pub(super) fn revision(entry: &Entry<Revision>, first: &Split, view: View) -> encoded::Revision {
    let revision = &entry.body;
    encoded::Revision {
        revision: revision.number,
        revision_id: entry.id.to_string(),
        replaces_id: revision.replaces.to_string(),
        cause: Some(cause(entry.id, &revision.cause)),
        commit_time: Some(timestamp(entry.committed)),
        split: split(&revision.split),
        derivation: if view.is_full() { derivation_of_revision(&revision.split, first) } else { Bytes::new() },
        differences: Some(differences_message(&revision.differences)),
        book_digest: digest(revision.book).into(),
    }
}

fn derivation_of_revision(split: &Split, first: &Split) -> Bytes {
    let same_bill = (&split.codes, &split.lines, &split.catalogue) == (&first.codes, &first.lines, &first.catalogue);
    if same_bill { derivation_without_bill(split) } else { derivation(split) }
}

fn cause(id: EntryId, cause: &RevisionCause) -> encoded::revision::Cause {
    match cause {
        RevisionCause::Reversal(reversal) => encoded::revision::Cause::ReversalId(reversal.to_string()),
        RevisionCause::RetroactiveRun(_) => encoded::revision::Cause::RunId(id.to_string()),
        RevisionCause::LaterInRun(first) => encoded::revision::Cause::RunId(first.to_string()),
    }
}

fn revised_settlement(entry: &Entry<Revision>) -> pb::RevisedSettlement {
    let revised = &entry.body;
    pb::RevisedSettlement {
        settlement_id: revised.settlement.to_string(),
        claim_id: revised.claim_id.as_str().to_owned(),
        hospital_id: revised.hospital_id.as_str().to_owned(),
        revision: revised.number,
        revision_id: entry.id.to_string(),
        payers: shares(revised.split.payers()),
        patient_fen: revised.split.patient.fen(),
        differences: Some(differences_message(&revised.differences)),
    }
}

fn differences_message(between: &Differences) -> pb::Differences {
    pb::Differences { payers: shares(between.payers.clone()), patient_fen: between.patient.fen() }
}

fn add_differences(sum: &mut Differences, one: &Differences) {
    for (payer, difference) in &one.payers {
        match sum.payers.iter_mut().find(|(known, _)| known == payer) {
            Some((_, known)) => *known += *difference,
            None => sum.payers.push((Arc::clone(payer), *difference)),
        }
    }
    sum.payers.retain(|(_, difference)| *difference != Money::ZERO);
    sum.patient += one.patient;
}

/// What a dry run would write has no id and no instant.
fn clear_ids(reversal: &mut pb::Reversal, revised: &mut [pb::RevisedSettlement]) {
    reversal.reversal_id.clear();
    reversal.commit_time = None;
    revised.iter_mut().for_each(|revised| revised.revision_id.clear());
}
