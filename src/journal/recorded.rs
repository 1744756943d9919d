//! Entries as far as their settlements are decided again and compared: claim, facts, what they continue, and the amounts.
//!
//! The rest of a derivation is skipped unread, which takes most of the time of reading an entry.

use std::sync::Arc;

use super::answer_reader::{catalogue_of, circumstances};
use super::claim_reader::{claim, claim_head};
use super::form::{Malformed, entry_id, id, nested, optional_entry_id, present};
use super::record::{RecordError, decode_message, decode_unverified};
use super::recorded_parts::{AnswerPart, DerivationPart, EntryPart, KindPart, OpeningPart, PreviousPart, RevisionPart};
use super::settlement::facts_of_circumstances;
use crate::domain::claim::Claim;
use crate::domain::facts::{CatalogueEntries, Facts};
use crate::domain::fixed_words::ContinueKind;
use crate::domain::ids::{Digest, EntryId, PersonId};
use crate::domain::money::Money;
use crate::domain::words::Pool;
use crate::pb::journal as pb;
use crate::pb::settlement as wire;

/// An entry of any chain, with the person whom it is about.
pub struct RecordedOfPerson {
    /// Its id.
    pub id: EntryId,
    /// The digest of its record.
    pub digest: Digest,
    /// The person and what was recorded; none of an entry of the administration.
    pub recorded: Option<(PersonId, RecordedEntry)>,
}

/// An entry of a person's chain.
pub enum RecordedEntry {
    /// A settlement.
    Settlement(Box<RecordedSettlement>),
    /// A reversal of this settlement.
    Reversal(EntryId),
    /// A further revision of this settlement.
    Revision(EntryId, Box<RecordedDecision>),
    /// A fence.
    Fence,
}

/// A settlement with its first decision.
pub struct RecordedSettlement {
    /// The claim; without its items if the decision has pools.
    pub claim: Claim,
    /// The decision.
    pub decision: RecordedDecision,
}

/// A decision on a claim.
pub struct RecordedDecision {
    /// The facts from which it was decided; without the catalogue if the bill is that of `pools`.
    pub facts: Facts,
    /// What the bill fell into; `None` if the items were read instead.
    pub pools: Option<Vec<(Pool, Money)>>,
    /// The digest of the policy that decided.
    pub policy: Digest,
    /// The benefit year of the account that it moved.
    pub benefit_year: i32,
    /// The settlement that it continues, and how.
    pub continues: Option<(ContinueKind, EntryId)>,
    /// The amounts.
    pub amounts: DecidedAmounts,
}

/// The amounts of a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecidedAmounts {
    /// What each payer pays, in the order of payment.
    pub payers: Vec<(Arc<str>, Money)>,
    /// What the patient pays.
    pub patient: Money,
    /// Whether a cap cut something off.
    pub is_capped: bool,
    /// Whether a layer with a deductible paid: the deductible was passed.
    pub passes_deductible: bool,
}

/// The entry before the one of a record, without verifying the checksum: [`decode_recorded`] does.
///
/// # Errors
/// If the record is no entry.
pub fn previous_entry(record: &[u8]) -> Result<Option<EntryId>, RecordError> {
    let message: PreviousPart = decode_unverified(record)?;
    Ok(optional_entry_id("previous_id", &message.previous_id)?)
}

/// Whether the bills that a policy distributed, by its digest, need not be distributed again.
pub type KeepsBills<'a> = &'a dyn Fn(&Digest) -> bool;

/// The entry of a record. Items and catalogue are read only where `keeps_bills` does not hold of the policy.
///
/// # Errors
/// If the record is damaged, or is no entry of a person.
pub fn decode_recorded(record: &[u8], keeps_bills: KeepsBills<'_>) -> Result<RecordedEntry, RecordError> {
    let (mut message, _) = decode_message::<EntryPart>(record)?;
    Ok(match message.take_kind()? {
        KindPart::Settlement(settled) => RecordedEntry::Settlement(Box::new(settlement(settled, keeps_bills)?)),
        KindPart::Reversal(reversal) => RecordedEntry::Reversal(entry_id("settlement_id", &reversal.settlement_id)?),
        KindPart::Revision(revised) => {
            let settlement = entry_id("settlement_id", &revised.settlement_id)?;
            RecordedEntry::Revision(settlement, Box::new(revision(revised, keeps_bills)?))
        }
        KindPart::Fence(_) => RecordedEntry::Fence,
        KindPart::PolicyActivation(_) | KindPart::ImportEnd(_) | KindPart::MonthClosing(_) => {
            return Err(Malformed("kind").into());
        }
    })
}

/// The entry of a record of any chain, without items and catalogue.
///
/// # Errors
/// If the record is damaged, or is no entry.
pub fn decode_recorded_of_person(record: &[u8]) -> Result<RecordedOfPerson, RecordError> {
    let (mut message, digest) = decode_message::<EntryPart>(record)?;
    let recorded = match message.take_kind()? {
        KindPart::Settlement(settled) => {
            let settled = settlement(settled, &|_| true)?;
            Some((settled.claim.person_id.clone(), RecordedEntry::Settlement(Box::new(settled))))
        }
        KindPart::Reversal(reversed) => {
            let settlement = entry_id("settlement_id", &reversed.settlement_id)?;
            Some((person_id(reversed.person_id)?, RecordedEntry::Reversal(settlement)))
        }
        KindPart::Revision(mut revised) => {
            let (person, settlement) = (
                person_id(std::mem::take(&mut revised.person_id))?,
                entry_id("settlement_id", &revised.settlement_id)?,
            );
            let decision = Box::new(revision(revised, &|_| true)?);
            Some((person, RecordedEntry::Revision(settlement, decision)))
        }
        KindPart::Fence(fence) if fence.person_id.is_empty() => None,
        KindPart::Fence(fence) => Some((person_id(fence.person_id)?, RecordedEntry::Fence)),
        KindPart::PolicyActivation(_) | KindPart::ImportEnd(_) | KindPart::MonthClosing(_) => None,
    };
    Ok(RecordedOfPerson { id: entry_id("entry_id", &message.entry_id)?, digest, recorded })
}

fn person_id(text: String) -> Result<PersonId, Malformed> {
    id("person_id", text, PersonId::from_stored)
}

fn settlement(message: pb::SettlementEntry, keeps_bills: KeepsBills<'_>) -> Result<RecordedSettlement, Malformed> {
    let answer: AnswerPart = nested("answer", &message.answer)?;
    let (facts, rest) = (message.facts.unwrap_or_default(), message.rest.unwrap_or_default());
    let split = present("split", answer.split)?;
    let decision = decision(split, &answer.derivation, (facts, rest), keeps_bills)?;
    let claim = match decision.pools {
        Some(_) => claim_head(&message.claim)?,
        None => claim(&message.claim)?,
    };
    Ok(RecordedSettlement { claim, decision })
}

fn revision(message: RevisionPart, keeps_bills: KeepsBills<'_>) -> Result<RecordedDecision, Malformed> {
    let (facts, rest) = (message.facts.unwrap_or_default(), message.rest.unwrap_or_default());
    decision(nested("split", &message.split)?, &message.derivation, (facts, rest), keeps_bills)
}

fn decision(
    split: wire::Split,
    derivation: &[u8],
    (facts, rest): (pb::Facts, pb::SplitRest),
    keeps_bills: KeepsBills<'_>,
) -> Result<RecordedDecision, Malformed> {
    let DerivationPart { layers, circumstances: message, opening } = nested("derivation", derivation)?;
    let circumstances = circumstances(&present("circumstances", message)?)?;
    let keeps_bill = keeps_bills(&circumstances.policy.digest);
    let (facts, catalogue) = match keeps_bill {
        true => (pb::Facts { row_of_item: Vec::new(), ..facts }, CatalogueEntries::from([])),
        false => (facts, catalogue_of(derivation, &rest.row_of_code)?),
    };
    let pool = |amount: wire::PoolAmount| (Pool::from(amount.pool), Money::from_fen(amount.amount_fen));
    Ok(RecordedDecision {
        facts: facts_of_circumstances(facts, &circumstances, catalogue)?,
        pools: keeps_bill.then(|| split.pools.into_iter().map(pool).collect()),
        policy: circumstances.policy.digest,
        benefit_year: circumstances.account.year,
        continues: opening.map(continues).transpose()?,
        amounts: DecidedAmounts {
            payers: split.payers.into_iter().map(payer).collect(),
            patient: Money::from_fen(split.patient_fen),
            is_capped: layers.iter().flat_map(|layer| &layer.caps).any(|cap| cap.cut_fen > 0),
            passes_deductible: layers.iter().any(|layer| layer.deductible_fen > 0 && layer.pays_fen > 0),
        },
    })
}

fn payer(wire::PayerShare { payer, amount_fen }: wire::PayerShare) -> (Arc<str>, Money) {
    (payer.into(), Money::from_fen(amount_fen))
}

fn continues(opening: OpeningPart) -> Result<(ContinueKind, EntryId), Malformed> {
    let kind = wire::ContinuesKind::try_from(opening.kind).ok().and_then(|kind| kind.fixed());
    let settlement = EntryId::parse(&opening.settlement_id).ok_or(Malformed("settlement_id"))?;
    Ok((kind.ok_or(Malformed("kind"))?, settlement))
}
