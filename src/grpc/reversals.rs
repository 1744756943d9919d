//! Reversals and the revisions that come of them, as messages.

use std::sync::Arc;

use crate::domain::content::RawReversal;
use crate::domain::journal::{Differences, Entry, Reversal, Revision};
use crate::domain::money::Money;
use crate::engine::reverse::{ReverseOutcome, ReverseRequest};

use super::pb::settlement as pb;
use super::to_proto::{digest, shares, split, timestamp};

/// A request to reverse, as received.
pub fn request(message: pb::ReverseRequest) -> ReverseRequest {
    let pb::ReverseRequest { hospital_id, person_id, claim_id, request_id, reason, readjudicate, dry_run } = message;
    let reversal = RawReversal { hospital_id, person_id, claim_id, reason, readjudicate };
    ReverseRequest { reversal, request_id, dry_run }
}

/// The response to one; of a dry run, without ids and instants of entries that do not exist.
pub fn response(outcome: &ReverseOutcome, dry_run: bool) -> pb::ReverseResponse {
    let dry_run = dry_run && !outcome.replay;
    let mut response = pb::ReverseResponse {
        reversal: Some(reversal(&outcome.entry)),
        replay: outcome.replay,
        dry_run,
        ..pb::ReverseResponse::default()
    };
    let caller = &outcome.entry.body.hospital_id;
    let mut others = Differences::default();
    for entry in &outcome.revisions {
        if entry.body.hospital_id == *caller {
            response.revised.push(summary(entry));
        } else {
            add(&mut others, &entry.body.differences);
        }
    }
    let count = outcome.revisions.len() - response.revised.len();
    if count > 0 {
        response.others =
            Some(pb::OthersRevised { settlements: count as u64, differences: Some(differences(&others)) });
    }
    if dry_run {
        clear_ids(&mut response);
    }
    response
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
        committed_at: Some(timestamp(entry.committed)),
    }
}

/// A revision, without what it has in common with the settlement.
pub fn revision(entry: &Entry<Revision>) -> pb::Revision {
    let revision = &entry.body;
    pb::Revision {
        revision: revision.number,
        revision_id: entry.id.to_string(),
        replaces_id: revision.replaces.to_string(),
        reversal_id: revision.reversal.to_string(),
        committed_at: Some(timestamp(entry.committed)),
        split: Some(pb::Split { codes: Vec::new(), lines: Vec::new(), ..split(&revision.split) }),
        differences: Some(differences(&revision.differences)),
        book_digest: digest(revision.book),
    }
}

fn summary(entry: &Entry<Revision>) -> pb::RevisedSettlement {
    let revised = &entry.body;
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
fn clear_ids(response: &mut pb::ReverseResponse) {
    if let Some(reversal) = &mut response.reversal {
        reversal.reversal_id.clear();
        reversal.committed_at = None;
    }
    response.revised.iter_mut().for_each(|revised| revised.revision_id.clear());
}
