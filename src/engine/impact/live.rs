//! The settlements of a person that are in force, from the person's chain.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::StoredChain;
use crate::domain::claim::Claim;
use crate::domain::facts::Facts;
use crate::domain::fixed_words::ContinueKind;
use crate::domain::ids::EntryId;
use crate::domain::money::Money;
use crate::domain::words::Pool;
use crate::journal::recorded::{
    DecidedAmounts, KeepsBills, RecordedDecision, RecordedEntry, RecordedSettlement, decode_recorded,
};
use crate::store::StoreError;

/// A settlement in force.
pub(super) struct LiveSettlement {
    /// The settlement.
    pub settlement: EntryId,
    /// The claim; without its items if there are pools.
    pub claim: Claim,
    /// The facts from which its newest decision was made.
    pub facts: Arc<Facts>,
    /// What the bill fell into; `None` if it is distributed again.
    pub pools: Option<Vec<(Pool, Money)>>,
    /// The benefit year of the account that it moved.
    pub benefit_year: i32,
    /// The settlement that it continues, and how.
    pub continues: Option<(ContinueKind, EntryId)>,
    /// The amounts as committed.
    pub amounts: DecidedAmounts,
}

/// The settlements of a chain that are in force, in the order of commits.
///
/// # Errors
/// If an entry is damaged.
pub(super) fn live_settlements(
    chain: &StoredChain,
    keeps_bills: KeepsBills<'_>,
) -> Result<Vec<LiveSettlement>, StoreError> {
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
                live.push(live_settlement(*id, record, *settled, revised.remove(id))?);
            }
            RecordedEntry::Settlement(_) | RecordedEntry::Fence => {}
        }
    }
    live.reverse();
    Ok(live)
}

/// The entries of a chain up to so many settlements, revisions and reversals: without those that were committed later.
///
/// # Errors
/// If an entry is damaged.
pub(super) fn without_newer(chain: StoredChain, entries: usize) -> Result<StoredChain, StoreError> {
    let is_fence =
        |record: &[u8]| Ok::<_, StoreError>(matches!(decode_recorded(record, &|_| true)?, RecordedEntry::Fence));
    let fences = chain.iter().map(|(_, record)| is_fence(record)).collect::<Result<Vec<_>, _>>()?;
    let mut newer = fences.iter().filter(|is_fence| !**is_fence).count().saturating_sub(entries);
    let newest_first = chain.into_iter().zip(fences).skip_while(|(_, is_fence)| {
        let is_newer = newer > 0;
        newer -= usize::from(is_newer && !is_fence);
        is_newer
    });
    Ok(newest_first.map(|(entry, _)| entry).collect())
}

/// A settlement with its newest decision. If only that needs the items, the settlement is read again with them.
fn live_settlement(
    settlement: EntryId,
    record: &[u8],
    settled: RecordedSettlement,
    newest: Option<Box<RecordedDecision>>,
) -> Result<LiveSettlement, StoreError> {
    let needs_items = newest.as_ref().is_some_and(|newest| newest.pools.is_none()) && settled.decision.pools.is_some();
    let RecordedSettlement { claim, decision } = match needs_items {
        true => read_whole(record)?.unwrap_or(settled),
        false => settled,
    };
    let RecordedDecision { facts, pools, benefit_year, continues, amounts, .. } =
        newest.map_or(decision, |newest| *newest);
    Ok(LiveSettlement { settlement, claim, facts: Arc::new(facts), pools, benefit_year, continues, amounts })
}

fn read_whole(record: &[u8]) -> Result<Option<RecordedSettlement>, StoreError> {
    match decode_recorded(record, &|_| false)? {
        RecordedEntry::Settlement(whole) => Ok(Some(*whole)),
        _ => Ok(None),
    }
}
