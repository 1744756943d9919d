//! Reverse (冲正/撤销): another entry that takes a settlement out of its account again.
//!
//! What later settlements of the same benefit year were paid rests on this one. While one stands, a reversal is
//! refused, newest first; or they are decided anew with it ([`super::readjudicate`]).

use std::collections::{HashMap, HashSet};

use crate::domain::claim::check_text;
use crate::domain::content::RawReversal;
use crate::domain::fault::FieldFaults;
use crate::domain::ids::AccountKey;
use crate::domain::ids::{Digest, EntryId, HospitalId, RequestId};
use crate::domain::journal::{Entry, EntryKind, Reversed, Settled};
use crate::domain::refusal::{ClaimRefusal, LaterSettlements};
use crate::domain::split::Split;
use crate::store::rows::SettlementStatus;
use crate::store::{Commit, LookUp, Store};

use super::error::CommitError;
use super::idempotency::RequestKeys;
use super::{CommitStamp, Engine, EngineError, PAUSE};

/// A request to reverse.
pub struct ReverseRequest {
    /// What is asked for.
    pub told: RawReversal,
    /// The idempotency key.
    pub request_id: RequestId,
    /// Whether to say what it would do, and change nothing.
    pub dry_run: bool,
}

/// What was reversed, now or before; or would be, of a dry run.
#[derive(Debug)]
pub struct Reversal {
    /// The reversal's entry.
    pub entry: Entry,
    /// The entries that decide later settlements anew, in the order of those.
    pub revisions: Vec<Entry>,
    /// Whether the same request had committed it before.
    pub replay: bool,
}

/// A reversal on its way: all that stays the same from one try to the next.
struct Attempt<'a> {
    told: &'a RawReversal,
    request_id: &'a RequestId,
    content: Digest,
    stamp: CommitStamp,
    dry_run: bool,
}

/// A settlement that stands, with the revision in force.
pub(super) struct Live {
    pub settlement: EntryId,
    pub settled: Settled,
    pub newest: EntryId,
    pub number: u32,
    pub split: Split,
}

impl<S: Store> Engine<S> {
    /// Reverses the settlement of a claim, or answers again what the same request reversed before.
    ///
    /// # Errors
    /// The first stage of refusal that holds; then nothing is written.
    pub async fn reverse(&self, request: ReverseRequest, stamp: CommitStamp) -> Result<Reversal, EngineError> {
        let ReverseRequest { told, request_id, dry_run } = request;
        let names = RequestKeys {
            hospital_id: &told.hospital_id,
            person_id: &told.person_id,
            request_id: Some(&request_id),
            claim_id: Some(&told.claim_id),
        };
        let sound = self.sound_reversal(&told);
        names.check(&self.settings.limits, sound.as_ref().err())?;
        let attempt = Attempt { told: &told, request_id: &request_id, content: told.content(), stamp, dry_run };
        for _ in 0..=self.settings.conflict_retries {
            let seen = self.seen(&names).await?;
            if let Some(entry) = self.replay(&seen, attempt.content).await? {
                return Ok(Reversal { revisions: self.revisions(&entry).await?, entry, replay: true });
            }
            sound.as_ref().map_err(ClaimRefusal::clone)?;
            match self.attempt_reverse(&attempt, seen).await {
                Err(CommitError::Conflict) => {}
                Err(CommitError::Failed(error)) => return Err(error),
                Ok(reversal) => return Ok(reversal),
            }
        }
        Err(EngineError::Conflict)
    }

    fn sound_reversal(&self, told: &RawReversal) -> Result<(), ClaimRefusal> {
        let mut faults = FieldFaults::default();
        check_text(&mut faults, "reason", &told.reason, self.settings.limits.reason_bytes);
        faults.into_result(()).map_err(ClaimRefusal::InvalidRequest)
    }

    async fn attempt_reverse(&self, attempt: &Attempt<'_>, seen: LookUp) -> Result<Reversal, CommitError> {
        let told = attempt.told;
        let target = self.live(live_settlement(&seen, told)?).await?;
        let key = target.split.judged.account.clone();
        let later = self.later(seen.state.head, target.settlement, &key).await?;
        if !told.readjudicate && !later.is_empty() {
            return Err(in_the_way(&later, &told.hospital_id).into());
        }
        let mut account = seen.state.account(&key);
        for split in later.iter().map(|one| &one.split).chain([&target.split]) {
            account = account.without(split).map_err(|range| EngineError::invariant(range.to_string()))?;
        }
        let mut row = seen.claim.ok_or(EngineError::NotFound)?;
        if let Some(last) = row.settlements.last_mut() {
            last.reversal = Some(attempt.stamp.id);
        }
        let request = (attempt.request_id.clone(), attempt.content);
        let mut commit = Commit::on(seen.state, request, attempt.stamp.instant);
        let revisions = (0..later.len()).map(|n| attempt.stamp.further(n as u32)).collect();
        let deed = EntryKind::Reversed(reversed(told, target.settlement, key.clone(), revisions));
        let entry = commit.push(attempt.stamp.id, deed).map_err(EngineError::from_write)?;
        commit.claim(told.hospital_id.clone(), told.claim_id.clone(), row);
        let revisions = self.readjudicate(&mut commit, &mut account, later, &attempt.stamp).await?;
        commit.moves(key, account);
        if !attempt.dry_run {
            self.store.commit(commit).await.map_err(CommitError::from_commit)?;
        }
        Ok(Reversal { entry, revisions, replay: false })
    }

    async fn live(&self, standing: &SettlementStatus) -> Result<Live, EngineError> {
        let newest = standing.newest();
        let split = self.named_entry(newest).await?.into_split();
        let settled = self.settled(standing.settlement).await?;
        Ok(Live {
            settlement: standing.settlement,
            split: split.ok_or_else(|| EngineError::invariant(format!("entry {newest} decides no split")))?,
            number: standing.revisions.len() as u32 + 1,
            newest,
            settled,
        })
    }

    async fn settled(&self, id: EntryId) -> Result<Settled, EngineError> {
        match self.named_entry(id).await?.deed {
            EntryKind::Settled(settled) => Ok(*settled),
            _ => Err(EngineError::invariant(format!("entry {id} is no settlement"))),
        }
    }

    /// The settlements of the same account that stand and were committed after this one, newest first: the
    /// chain is walked from its end back to it.
    async fn later(
        &self,
        head: Option<EntryId>,
        settlement: EntryId,
        key: &AccountKey,
    ) -> Result<Vec<Live>, EngineError> {
        let mut later = Vec::new();
        let mut reversed = HashSet::new();
        let mut revised: HashMap<EntryId, (EntryId, u32, Split)> = HashMap::new();
        let (mut next, mut walked) = (head, 0usize);
        while let Some(id) = next.filter(|id| *id != settlement) {
            walked += 1;
            if walked.is_multiple_of(PAUSE) {
                tokio::task::yield_now().await;
            }
            let entry = self.named_entry(id).await?;
            next = entry.link.previous;
            match entry.deed {
                EntryKind::Reversed(deed) => drop(reversed.insert(deed.settlement)),
                EntryKind::Revised(deed) => {
                    revised.entry(deed.settlement).or_insert((id, deed.number, deed.split));
                }
                EntryKind::Settled(deed) if deed.split.judged.account == *key && !reversed.contains(&id) => {
                    let (newest, number, split) = revised.remove(&id).unwrap_or_else(|| (id, 1, deed.split.clone()));
                    later.push(Live { settlement: id, settled: *deed, newest, number, split });
                }
                EntryKind::Settled(_) | EntryKind::Fenced(_) => {}
            }
        }
        Ok(later)
    }

    /// The revisions that a reversal made.
    async fn revisions(&self, reversal: &Entry) -> Result<Vec<Entry>, EngineError> {
        let ids = reversal.reversed().map(|deed| deed.revisions.as_slice()).unwrap_or_default();
        let mut revisions = Vec::with_capacity(ids.len());
        for id in ids {
            revisions.push(self.named_entry(*id).await?);
        }
        Ok(revisions)
    }
}

/// The later settlements that stand in the way: the caller's own by id, of others how many.
fn in_the_way(later: &[Live], caller: &HospitalId) -> ClaimRefusal {
    let own = |one: &&Live| one.settled.claim.hospital_id == *caller;
    let own: Vec<EntryId> = later.iter().filter(own).map(|one| one.settlement).collect();
    let told = LaterSettlements { others: later.len() - own.len(), own };
    ClaimRefusal::LaterSettlements(told)
}

fn live_settlement<'a>(seen: &'a LookUp, told: &RawReversal) -> Result<&'a SettlementStatus, EngineError> {
    let row = seen.claim.as_ref().filter(|row| row.person_id == told.person_id).ok_or(EngineError::NotFound)?;
    row.live().ok_or_else(|| ClaimRefusal::AlreadyReversed.into())
}

fn reversed(told: &RawReversal, settlement: EntryId, account: AccountKey, revisions: Vec<EntryId>) -> Reversed {
    Reversed {
        hospital_id: told.hospital_id.clone(),
        person_id: told.person_id.clone(),
        claim_id: told.claim_id.clone(),
        reason: told.reason.clone(),
        settlement,
        account,
        revisions,
    }
}
