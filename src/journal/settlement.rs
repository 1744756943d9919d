//! The entry of a settlement: the answer, the claim, and what recomputation needs beside them.

use std::sync::Arc;

use bytes::Bytes;

use super::answer_reader::{Answered, answered};
use super::claim::ClaimMessage;
use super::claim_reader::claim;
use super::form::{Malformed, region};
use crate::domain::facts::{CatalogueEntries, Facts, HospitalFacts, PersonFacts};
use crate::domain::journal::Settlement;
use crate::domain::short_text::ShortText;
use crate::domain::split::{Circumstances, Split};
use crate::domain::stay::StayUse;
use crate::pb::journal as pb;

/// The message of a settlement with this answer and the message of its claim.
pub(super) fn settlement_message(settled: &Settlement, answer: Bytes, claim: &ClaimMessage) -> pb::SettlementEntry {
    let Settlement { facts, split, .. } = settled;
    pb::SettlementEntry {
        answer,
        claim: claim.bytes().clone(),
        facts: Some(facts_message(facts)),
        rest: Some(rest(split)),
    }
}

/// What was looked up and is not in the answer.
pub(super) fn facts_message(facts: &Facts) -> pb::Facts {
    pb::Facts {
        insured_region: facts.person.insured_region.as_str().to_owned(),
        cross_region_approved: facts.person.cross_region_approved,
        hospital_region: facts.hospital.region.as_str().to_owned(),
        row_of_item: facts.entry_of_item.iter().map(|row| u32::from(*row)).collect(),
    }
}

/// What belongs to a split and is not in its answer.
pub(super) fn rest(split: &Split) -> pb::SplitRest {
    let layers = split.opening.iter().flat_map(|opening| &opening.stay.layers);
    pb::SplitRest {
        row_of_code: split.codes.iter().map(|code| u32::from(code.position)).collect(),
        is_stay: split.is_stay,
        opening_layers: layers.map(stay_layer).collect(),
    }
}

fn stay_layer((layer, uses): &(ShortText, StayUse)) -> pb::StayLayer {
    pb::StayLayer {
        layer_id: layer.to_string(),
        base_fen: uses.base.fen(),
        deductible_taken_fen: uses.taken.fen(),
        deductible_taken_on_stay_fen: uses.taken_on_stay.fen(),
        before_transfer: uses.before_transfer,
        admissions: uses.admissions.unwrap_or_default(),
    }
}

/// The settlement of a message.
///
/// # Errors
/// If a field holds what no settlement has.
pub(super) fn settlement_from_message(message: pb::SettlementEntry) -> Result<Settlement, Malformed> {
    let Answered { split, book, notices } = answered(&message.answer, message.rest.unwrap_or_default())?;
    let facts = facts(message.facts.unwrap_or_default(), &split)?;
    Ok(Settlement { claim: claim(&message.claim)?, facts, book, split, notices })
}

/// The facts: those that the split repeats, and the others.
pub(super) fn facts(message: pb::Facts, split: &Split) -> Result<Facts, Malformed> {
    facts_of_circumstances(message, &split.circumstances, Arc::clone(&split.catalogue))
}

/// The facts of a split with these circumstances and this catalogue.
pub(super) fn facts_of_circumstances(
    message: pb::Facts,
    circumstances: &Circumstances,
    catalogue: CatalogueEntries,
) -> Result<Facts, Malformed> {
    let row = |row: u32| u16::try_from(row).map_err(|_| Malformed("row_of_item"));
    Ok(Facts {
        person: PersonFacts {
            insurance: circumstances.account.insurance.clone(),
            insured_region: region("insured_region", &message.insured_region)?,
            categories: circumstances.terms.categories.clone(),
            cross_region_approved: message.cross_region_approved,
        },
        hospital: HospitalFacts {
            level: circumstances.terms.level.clone(),
            region: region("hospital_region", &message.hospital_region)?,
            tags: circumstances.terms.tags.clone(),
        },
        catalogue,
        entry_of_item: message.row_of_item.into_iter().map(row).collect::<Result<_, _>>()?,
    })
}
