//! Reversals and the revisions that come of them, as messages.

use std::sync::Arc;

use crate::domain::content::RawReversal;
use crate::domain::journal::{Differences, Entry, Revised};
use crate::domain::money::Money;
use crate::engine::reverse::{Reversal, ReverseRequest};

use super::error::CallError;
use super::pb::settlement as pb;
use super::to_proto::{digest, shares, split, timestamp};

/// A request to reverse, as told.
pub fn request(told: pb::ReverseRequest) -> ReverseRequest {
    let pb::ReverseRequest { hospital_id, person_id, claim_id, request_id, reason, readjudicate, dry_run } = told;
    let told = RawReversal {
        hospital_id: hospital_id.into(),
        person_id: person_id.into(),
        claim_id: claim_id.into(),
        reason,
        readjudicate,
    };
    ReverseRequest { told, request_id: request_id.into(), dry_run }
}

/// The answer to one; of a dry run, without ids and instants of what is not there.
///
/// # Errors
/// If an entry is of another kind than it must be.
pub fn response(reversed: &Reversal, dry_run: bool) -> Result<pb::ReverseResponse, CallError> {
    let dry_run = dry_run && !reversed.replay;
    let mut answer = pb::ReverseResponse {
        reversal: Some(reversal(&reversed.entry)?),
        replay: reversed.replay,
        dry_run,
        ..pb::ReverseResponse::default()
    };
    let caller = reversed.entry.parties().0;
    let mut others = Differences::default();
    for entry in &reversed.revisions {
        let revised = entry.revised().ok_or_else(|| unexpected(entry))?;
        if revised.hospital_id == *caller {
            answer.revised.push(summary(entry, revised));
        } else {
            add(&mut others, &revised.differences);
        }
    }
    let count = reversed.revisions.len() - answer.revised.len();
    if count > 0 {
        answer.others = Some(pb::OthersRevised { settlements: count as u64, differences: Some(differences(&others)) });
    }
    if dry_run {
        forget(&mut answer);
    }
    Ok(answer)
}

/// A reversal.
///
/// # Errors
/// If the entry is none.
pub fn reversal(entry: &Entry) -> Result<pb::Reversal, CallError> {
    let reversed = entry.reversed().ok_or_else(|| unexpected(entry))?;
    Ok(pb::Reversal {
        reversal_id: entry.id.to_string(),
        settlement_id: reversed.settlement.to_string(),
        claim_id: reversed.claim_id.as_str().to_owned(),
        hospital_id: reversed.hospital_id.as_str().to_owned(),
        person_id: reversed.person_id.as_str().to_owned(),
        request_id: entry.request_id.as_str().to_owned(),
        reason: reversed.reason.clone(),
        committed_at: Some(timestamp(entry.committed)),
    })
}

/// A revision, without what it has in common with the settlement.
///
/// # Errors
/// If the entry is none.
pub fn revision(entry: &Entry) -> Result<pb::Revision, CallError> {
    let revised = entry.revised().ok_or_else(|| unexpected(entry))?;
    Ok(pb::Revision {
        revision: revised.number,
        revision_id: entry.id.to_string(),
        replaces_id: revised.replaces.to_string(),
        reversal_id: revised.reversal.to_string(),
        committed_at: Some(timestamp(entry.committed)),
        split: Some(pb::Split { codes: Vec::new(), lines: Vec::new(), ..split(&revised.split) }),
        differences: Some(differences(&revised.differences)),
        book_digest: digest(revised.book),
    })
}

/// An entry that is not what the call is about.
pub fn unexpected(entry: &Entry) -> CallError {
    CallError::Internal(format!("entry {} is of another kind", entry.id))
}

fn summary(entry: &Entry, revised: &Revised) -> pb::RevisedSettlement {
    pb::RevisedSettlement {
        settlement_id: revised.settlement.to_string(),
        claim_id: revised.claim_id.as_str().to_owned(),
        revision: revised.number,
        revision_id: entry.id.to_string(),
        payers: shares(revised.split.payers()),
        patient_fen: revised.split.patient.fen(),
        differences: Some(differences(&revised.differences)),
    }
}

fn differences(between: &Differences) -> pb::Differences {
    pb::Differences { payers: shares(between.payers.clone()), patient_fen: between.patient.fen() }
}

fn add(sum: &mut Differences, one: &Differences) {
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
fn forget(answer: &mut pb::ReverseResponse) {
    if let Some(reversal) = &mut answer.reversal {
        reversal.reversal_id.clear();
        reversal.committed_at = None;
    }
    answer.revised.iter_mut().for_each(|revised| revised.revision_id.clear());
}
