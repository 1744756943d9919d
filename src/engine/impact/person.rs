//! The settlements of a person that are in force, decided again under another book.

use std::collections::{HashMap, HashSet};

use super::super::readjudicate::continuation_order;
use super::super::redecision::{Redecision, RedecisionError, Undecided};
use super::compared::{PersonImpact, UndecidedReason};
use super::sums::Impact;
use super::{ImpactQuestion, StoredChain};
use crate::domain::claim::Claim;
use crate::domain::ids::EntryId;
use crate::domain::money::Money;
use crate::domain::split::Split;
use crate::journal::recorded::{
    DecidedAmounts, KeepsBills, RecordedDecision, RecordedEntry, RecordedSettlement, decode_recorded,
};
use crate::policy::Book;
use crate::store::StoreError;

/// A settlement in force.
struct LiveRecord {
    settlement: EntryId,
    claim: Claim,
    decision: RecordedDecision,
}

/// Decides the settlements of a chain again and adds those that are asked for; returns what changes for the person, if any
/// was compared.
///
/// # Errors
/// If an entry is damaged.
pub(super) fn decide_person(
    chain: &StoredChain,
    book: &Book,
    (question, keeps_bills): (&ImpactQuestion, KeepsBills<'_>),
    sum: &mut Impact,
) -> Result<Option<PersonImpact>, StoreError> {
    let live = live_records(chain, keeps_bills)?;
    sum.entries += chain.len() as u64;
    let continues: Vec<_> =
        live.iter().map(|one| (one.settlement, one.decision.continues.map(|(_, continued)| continued))).collect();
    let continued: HashSet<EntryId> = continues.iter().filter_map(|(_, continued)| *continued).collect();
    let place: HashMap<EntryId, &LiveRecord> = live.iter().map(|one| (one.settlement, one)).collect();
    let (mut redecision, mut person) = (Redecision::new(book, Vec::new()), None);
    for id in continuation_order(&continues) {
        let Some(one) = place.get(&id) else { continue };
        let LiveRecord { settlement, claim, decision } = one;
        let next = Undecided {
            claim,
            facts: &decision.facts,
            pools: decision.pools.as_deref(),
            continues: decision.continues,
        };
        let decided = redecision.decide(&next).map_err(|error| reason(&error));
        let after = decided.as_ref().map(decided_amounts).map_err(|reason| *reason);
        if question.includes(decision) {
            sum.add(&claim.hospital_id, decision, &after);
            if let Ok(after) = &after {
                person.get_or_insert_with(|| PersonImpact::new(claim.person_id.clone())).add(&decision.amounts, after);
            }
        }
        if let (Ok(split), true) = (decided, continued.contains(settlement)) {
            redecision.keep(*settlement, split);
        }
    }
    person.iter().for_each(|person| sum.add_person(person));
    Ok(person)
}

/// The settlements of a chain that are in force, in the order of commits.
fn live_records(chain: &StoredChain, keeps_bills: KeepsBills<'_>) -> Result<Vec<LiveRecord>, StoreError> {
    let (mut live, mut reversed, mut revised) = (Vec::new(), HashSet::new(), HashMap::new());
    for (id, record) in chain {
        match decode_recorded(record, keeps_bills)? {
            RecordedEntry::Reversal(settlement) => {
                reversed.insert(settlement);
            }
            RecordedEntry::Revision(settlement, decision) => {
                revised.entry(settlement).or_insert(decision);
            }
            RecordedEntry::Settlement(settled) if !reversed.contains(id) => {
                live.push(live_record(*id, record, *settled, revised.remove(id))?);
            }
            RecordedEntry::Settlement(_) | RecordedEntry::Fence => {}
        }
    }
    live.reverse();
    Ok(live)
}

/// A settlement with its newest decision. If only that needs the items, the settlement is read again with them.
fn live_record(
    settlement: EntryId,
    record: &[u8],
    settled: RecordedSettlement,
    newest: Option<Box<RecordedDecision>>,
) -> Result<LiveRecord, StoreError> {
    let needs_items = newest.as_ref().is_some_and(|newest| newest.pools.is_none()) && settled.decision.pools.is_some();
    let RecordedSettlement { claim, decision } = match needs_items {
        true => read_whole(record)?.unwrap_or(settled),
        false => settled,
    };
    Ok(LiveRecord { settlement, claim, decision: newest.map_or(decision, |newest| *newest) })
}

fn read_whole(record: &[u8]) -> Result<Option<RecordedSettlement>, StoreError> {
    match decode_recorded(record, &|_| false)? {
        RecordedEntry::Settlement(whole) => Ok(Some(*whole)),
        _ => Ok(None),
    }
}

impl ImpactQuestion {
    fn includes(&self, decision: &RecordedDecision) -> bool {
        let region = decision.facts.person.insured_region.as_str();
        (self.years.is_empty() || self.years.contains(&decision.benefit_year))
            && (self.regions.is_empty() || self.regions.iter().any(|prefix| region.starts_with(prefix.as_str())))
    }
}

fn reason(error: &RedecisionError) -> UndecidedReason {
    match error {
        RedecisionError::NoPolicy => UndecidedReason::NoPolicy,
        RedecisionError::ContinuesUndecided => UndecidedReason::ContinuesUndecided,
        RedecisionError::Failed(_) => UndecidedReason::NotApplicable,
    }
}

fn decided_amounts(split: &Split) -> DecidedAmounts {
    let cuts = split.layers.iter().flat_map(|layer| &layer.caps).any(|cap| cap.cut > Money::ZERO);
    let mut paying = split.layers.iter().filter(|layer| layer.pays > Money::ZERO);
    DecidedAmounts {
        payers: split.payers(),
        patient: split.patient,
        is_capped: cuts,
        passes_deductible: paying.any(|layer| layer.deductible > Money::ZERO),
    }
}
