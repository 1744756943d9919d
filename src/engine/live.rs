//! The settlements of a person that stand, found by a walk along the chain.

use std::collections::{HashMap, HashSet};

use crate::domain::claim::Claim;
use crate::domain::facts::Facts;
use crate::domain::ids::{AccountKey, EntryId};
use crate::domain::journal::{EntryKind, Instant, Revision, Settlement};
use crate::domain::split::Split;
use crate::store::Store;

use super::{Engine, EngineError, PAUSE};

/// The settlements that stand, from the end of a person's chain back.
pub(super) struct WalkedChain {
    /// Newest first; without the one that was asked about.
    pub live: Vec<LiveSettlement>,
    /// How many of them were committed after the one that was asked about.
    pub after: usize,
}

/// A settlement that stands, with the revision in force.
pub(super) struct LiveSettlement {
    pub settlement: EntryId,
    pub committed: Instant,
    pub claim: Claim,
    /// The facts in force: those of the newest revision.
    pub facts: Facts,
    pub newest: EntryId,
    pub number: u32,
    pub split: Split,
}

impl LiveSettlement {
    /// A settlement with its newest revision, if it has one.
    pub(super) fn new(
        (settlement, committed): (EntryId, Instant),
        settled: Settlement,
        newest: Option<(EntryId, Box<Revision>)>,
    ) -> LiveSettlement {
        let Settlement { claim, facts, split, .. } = settled;
        match newest {
            None => LiveSettlement { settlement, committed, claim, facts, newest: settlement, number: 1, split },
            Some((newest, revision)) => {
                let Revision { facts, split, number, .. } = *revision;
                LiveSettlement { settlement, committed, claim, facts, newest, number, split }
            }
        }
    }

    /// The account that it moved.
    pub(super) fn account(&self) -> &AccountKey {
        &self.split.circumstances.account
    }

    /// The settlement that it continues, if it continues one.
    pub(super) fn continues(&self) -> Option<EntryId> {
        self.split.opening.as_ref().map(|opening| opening.settlement)
    }
}

/// Keeps of the settlements in force, given newest first, those that rest on one of `resting`: those from this place in the
/// order of commits on in each account, and those that continue one of them, with the later ones of their accounts.
pub(super) fn retain_resting(
    live: &mut Vec<LiveSettlement>,
    mut from: HashMap<AccountKey, usize>,
    mut resting: HashSet<EntryId>,
) {
    loop {
        let known = resting.len();
        for (place, one) in live.iter().rev().enumerate() {
            let rests = from.get(one.account()).is_some_and(|from| place >= *from)
                || one.continues().is_some_and(|continued| resting.contains(&continued));
            if rests && resting.insert(one.settlement) {
                let from = from.entry(one.account().clone()).or_insert(place);
                *from = place.min(*from);
            }
        }
        if resting.len() == known {
            break;
        }
    }
    live.retain(|one| resting.contains(&one.settlement));
}

impl<S: Store> Engine<S> {
    /// The settlements of a person that stand and were committed after `settlement`, found by a walk along the chain from its
    /// end back. If `walk_whole_chain` is set, or a correction is found on the way, all of them but `settlement`.
    pub(super) async fn live_settlements_after(
        &self,
        head: Option<EntryId>,
        settlement: Option<EntryId>,
        mut walk_whole_chain: bool,
    ) -> Result<WalkedChain, EngineError> {
        let (mut later, mut after) = (Vec::new(), None);
        let mut reversed = HashSet::new();
        let mut revised: HashMap<EntryId, (EntryId, Box<Revision>)> = HashMap::new();
        let (mut next, mut walked) = (head, 0usize);
        while let Some(id) = next {
            if Some(id) == settlement {
                after = Some(later.len());
                if !walk_whole_chain {
                    break;
                }
            }
            walked += 1;
            if walked.is_multiple_of(PAUSE) {
                tokio::task::yield_now().await;
            }
            let entry = self.required_entry(id).await?;
            next = entry.link.previous;
            let committed = entry.committed;
            match entry.body {
                EntryKind::Reversal(reversal) => {
                    walk_whole_chain |= reversal.correction.is_some();
                    reversed.insert(reversal.settlement);
                }
                EntryKind::Revision(revision) => {
                    revised.entry(revision.settlement).or_insert((id, revision));
                }
                EntryKind::Settlement(settled) if !reversed.contains(&id) && Some(id) != settlement => {
                    later.push(LiveSettlement::new((id, committed), *settled, revised.remove(&id)));
                }
                EntryKind::Settlement(_) | EntryKind::Fence(_) => {}
            }
        }
        let after = after.unwrap_or(later.len());
        Ok(WalkedChain { live: later, after })
    }
}
