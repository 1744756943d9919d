//! The settlements of a person that stand, found by a walk along the chain.

use std::collections::{HashMap, HashSet};

use crate::domain::ids::EntryId;
use crate::domain::journal::{EntryKind, Instant, Settlement};
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
    pub settled: Settlement,
    pub newest: EntryId,
    pub number: u32,
    pub split: Split,
}

impl LiveSettlement {
    /// The settlement that it continues, if it continues one.
    pub(super) fn continues(&self) -> Option<EntryId> {
        self.split.opening.as_ref().map(|opening| opening.settlement)
    }
}

impl<S: Store> Engine<S> {
    /// The settlements of a person that stand and were committed after one: the chain is walked from its end back. All of
    /// them, if `whole` or if a correction is found on the way.
    pub(super) async fn live_after(
        &self,
        head: Option<EntryId>,
        settlement: Option<EntryId>,
        mut whole: bool,
    ) -> Result<WalkedChain, EngineError> {
        let (mut later, mut after) = (Vec::new(), None);
        let mut reversed = HashSet::new();
        let mut revised: HashMap<EntryId, (EntryId, u32, Split)> = HashMap::new();
        let (mut next, mut walked) = (head, 0usize);
        while let Some(id) = next {
            if Some(id) == settlement {
                after = Some(later.len());
                if !whole {
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
                    whole |= reversal.correction.is_some();
                    reversed.insert(reversal.settlement);
                }
                EntryKind::Revision(revision) => {
                    revised.entry(revision.settlement).or_insert((id, revision.number, revision.split));
                }
                EntryKind::Settlement(settled) if !reversed.contains(&id) && Some(id) != settlement => {
                    let (newest, number, split) = revised.remove(&id).unwrap_or_else(|| (id, 1, settled.split.clone()));
                    later.push(LiveSettlement { settlement: id, committed, settled: *settled, newest, number, split });
                }
                EntryKind::Settlement(_) | EntryKind::Fence(_) => {}
            }
        }
        let after = after.unwrap_or(later.len());
        Ok(WalkedChain { live: later, after })
    }
}
