//! Reverse (冲正/撤销): another entry that takes a settlement out of its account again.
//!
//! Newest first: while a later settlement of the same benefit year stands, it is refused, because what
//! that one was paid rests on this one.

use std::collections::HashSet;

use crate::domain::claim::check_text;
use crate::domain::content::ToldReversal;
use crate::domain::ids::AccountKey;
use crate::domain::ids::{Digest, EntryId, HospitalId, RequestId};
use crate::domain::journal::{Deed, Entry, Reversed, Settled};
use crate::domain::refusal::{Detail, Later, Reason, Refusal};
use crate::store::rows::PersonState;
use crate::store::{Commit, Seen, Store};

use super::keys_stage::Names;
use super::settle::{Committed, Tried};
use super::{Engine, Stamp, write_failed};

/// A request to reverse.
pub struct ReverseRequest {
    /// What is asked for.
    pub told: ToldReversal,
    /// The idempotency key.
    pub request_id: RequestId,
}

impl<S: Store> Engine<S> {
    /// Reverses the settlement of a claim, or answers again what the same request reversed before.
    ///
    /// # Errors
    /// The first stage of refusal that holds; then nothing is written.
    pub async fn reverse(&self, request: ReverseRequest, stamp: Stamp) -> Result<Committed, Refusal> {
        let ReverseRequest { told, request_id } = request;
        let names = Names {
            hospital_id: &told.hospital_id,
            person_id: &told.person_id,
            request_id: Some(&request_id),
            claim_id: Some(&told.claim_id),
        };
        let sound = self.sound_reversal(&told);
        named_with(names.check(&self.settings.limits, None), &sound)?;
        let content = told.content();
        for _ in 0..=self.settings.conflict_retries {
            let seen = self.seen(&names).await?;
            if let Some(entry) = self.replay(&seen, content).await? {
                return Ok(Committed { entry, replay: true });
            }
            sound.as_ref().map_err(Refusal::clone)?;
            let settlement = live_settlement(&seen, &told)?;
            match self.attempt_reverse(&told, &request_id, content, seen, settlement, stamp).await {
                Err(Tried::Conflict) => {}
                Err(Tried::Refused(refusal)) => return Err(refusal),
                Ok(entry) => return Ok(Committed { entry, replay: false }),
            }
        }
        Err(Refusal::because(Reason::Conflict))
    }

    fn sound_reversal(&self, told: &ToldReversal) -> Result<(), Refusal> {
        let mut faults = Vec::new();
        check_text(&mut faults, "reason", &told.reason, self.settings.limits.reason_bytes);
        if faults.is_empty() { Ok(()) } else { Err(Refusal::naming(Reason::InvalidRequest, faults)) }
    }

    async fn attempt_reverse(
        &self,
        told: &ToldReversal,
        request_id: &RequestId,
        content: Digest,
        seen: Seen,
        settlement: EntryId,
        stamp: Stamp,
    ) -> Result<Entry, Tried> {
        let settled = self.settled(settlement).await?;
        let key = settled.split.judged.account.clone();
        let later = self.later(&seen.state, settlement, &key, &told.hospital_id).await?;
        if later != Later::default() {
            let refusal = Refusal::because(Reason::LaterSettlements).with(Detail::Later(later));
            return Err(Tried::Refused(refusal));
        }
        let account = seen.state.account(&key).without(&settled.split);
        let account = account.map_err(|range| Refusal::broken(range.to_string()))?;
        let mut row = seen.claim.ok_or_else(not_found)?;
        if let Some(last) = row.settlements.last_mut() {
            last.1 = Some(stamp.id);
        }
        let entry = Entry {
            id: stamp.id,
            link: seen.state.next(),
            committed: stamp.instant,
            request_id: request_id.clone(),
            content,
            deed: Deed::Reversed(reversed(told, settlement, key.clone())),
        };
        let commit = Commit::plan(&entry, seen.state, Some((key, account)), Some((told.claim_id.clone(), row)));
        self.store.commit(commit.map_err(write_failed)?).await?;
        Ok(entry)
    }

    async fn settled(&self, id: EntryId) -> Result<Settled, Refusal> {
        match self.named_entry(id).await?.deed {
            Deed::Settled(settled) => Ok(*settled),
            _ => Err(Refusal::broken(format!("entry {id} is no settlement"))),
        }
    }

    /// The settlements of the same account that stand and were committed after this one: the chain is
    /// walked from its end back to it.
    async fn later(
        &self,
        state: &PersonState,
        settlement: EntryId,
        key: &AccountKey,
        caller: &HospitalId,
    ) -> Result<Later, Refusal> {
        let mut later = Later::default();
        let mut reversed = HashSet::new();
        let mut next = state.head;
        while let Some(id) = next.filter(|id| *id != settlement) {
            let entry = self.named_entry(id).await?;
            match &entry.deed {
                Deed::Reversed(deed) => drop(reversed.insert(deed.settlement)),
                Deed::Settled(deed) if deed.split.judged.account == *key && !reversed.contains(&id) => {
                    if deed.claim.hospital_id == *caller {
                        later.own.push(id);
                    } else {
                        later.others += 1;
                    }
                }
                _ => {}
            }
            next = entry.link.previous;
        }
        Ok(later)
    }
}

/// The refusal of names at fault, with what else is wrong with the request.
fn named_with(named: Result<(), Refusal>, sound: &Result<(), Refusal>) -> Result<(), Refusal> {
    named.map_err(|mut refusal| {
        refusal.faults.extend(sound.as_ref().err().into_iter().flat_map(|unsound| unsound.faults.clone()));
        refusal
    })
}

fn live_settlement(seen: &Seen, told: &ToldReversal) -> Result<EntryId, Refusal> {
    let row = seen.claim.as_ref().filter(|row| row.person_id == told.person_id).ok_or_else(not_found)?;
    row.live().ok_or_else(|| Refusal::because(Reason::AlreadyReversed))
}

fn not_found() -> Refusal {
    Refusal::because(Reason::NotFound)
}

fn reversed(told: &ToldReversal, settlement: EntryId, account: AccountKey) -> Reversed {
    Reversed {
        hospital_id: told.hospital_id.clone(),
        person_id: told.person_id.clone(),
        claim_id: told.claim_id.clone(),
        reason: told.reason.clone(),
        settlement,
        account,
    }
}
