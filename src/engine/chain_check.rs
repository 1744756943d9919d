//! The check of a chain that was read: its splits are recomputed, the accounts are what its entries add up to, and so are the
//! rows that it gives.

use crate::domain::ids::{ClaimId, Digest, EntryId, HospitalId, PersonId, RequestId};
use crate::domain::journal::{Entry, EntryKind};
use crate::store::rows::{ClaimRow, PersonState};
use crate::store::{RowsOfPerson, Scope, StoreError};

use super::booking_check::Closings;
use super::chain::{AuditFinding, ChainFault, StoredEntry};
use super::entry_replay::{EntryReplay, KeptPolicies};

/// A verified chain.
#[derive(Clone, Debug)]
pub struct VerifiedChain {
    /// The digest of each record, from the first entry on.
    pub digests: Vec<Digest>,
    /// The number of splits that were recomputed.
    pub splits: usize,
}

/// A chain that was checked, with the rows that its entries give.
pub(super) struct CheckedChain {
    pub verified: VerifiedChain,
    pub rows: Vec<EntryRows>,
}

/// The rows that an entry gives: that of its request, and that of its claim.
pub(super) struct EntryRows {
    id: EntryId,
    person: PersonId,
    request: (Option<HospitalId>, RequestId),
    /// The entry to which the request leads, if that follows from this entry.
    answer: Option<EntryId>,
    claim: Option<(HospitalId, ClaimId)>,
    status: Option<EntryStatus>,
}

/// What the row of a claim says of an entry.
enum EntryStatus {
    Settled,
    /// It reversed this settlement.
    Reversed(EntryId),
    /// It revised this settlement.
    Revised(EntryId),
}

impl EntryRows {
    fn new(entry: &Entry) -> EntryRows {
        let (hospital, person) = entry.parties();
        let (claim, status) = match &entry.body {
            EntryKind::Settlement(settled) => (Some(&settled.claim.claim_id), Some(EntryStatus::Settled)),
            EntryKind::Reversal(reversed) => {
                (Some(&reversed.claim_id), Some(EntryStatus::Reversed(reversed.settlement)))
            }
            EntryKind::Revision(revised) => (Some(&revised.claim_id), Some(EntryStatus::Revised(revised.settlement))),
            EntryKind::Fence(_) => (None, None),
        };
        // A revision carries the request of the reversal or of the first revision of the run that made it, and a reversal
        // that of the correction that it is part of.
        let correction = entry.as_reversal().and_then(|reversed| reversed.correction);
        let is_of_request = entry.as_revision().is_none() || entry.retroactive_run().is_some();
        EntryRows {
            id: entry.id,
            person: person.clone(),
            request: (entry.request_hospital().cloned(), entry.request_id.clone()),
            answer: is_of_request.then(|| correction.unwrap_or(entry.id)),
            claim: hospital.cloned().zip(claim.cloned()),
            status,
        }
    }

    /// The rows to read.
    pub fn scope(&self) -> Scope<'_> {
        let (hospital, request) = &self.request;
        let claim = self.claim.as_ref().map(|(hospital, claim)| (hospital, claim));
        Scope { claim, ..Scope::of_person(&self.person).with_request(hospital.as_ref(), request) }
    }

    fn check(&self, request: Option<EntryId>, claim: Option<&ClaimRow>) -> Result<(), ChainFault> {
        if self.answer.is_some_and(|answer| request != Some(answer)) {
            return Err(ChainFault::RequestRow);
        }
        let known = |settlement| claim.and_then(|row| row.status_of(settlement));
        let is_known = match self.status {
            Some(EntryStatus::Settled) => known(self.id).is_some(),
            Some(EntryStatus::Reversed(settlement)) => {
                known(settlement).is_some_and(|status| status.reversal == Some(self.id))
            }
            Some(EntryStatus::Revised(settlement)) => {
                known(settlement).is_some_and(|status| status.revisions.contains(&self.id))
            }
            None => true,
        };
        if is_known { Ok(()) } else { Err(ChainFault::ClaimRow) }
    }
}

/// Recomputes the splits of a chain, and the accounts that its entries give.
pub(super) fn check_chain(
    chain: Vec<StoredEntry>,
    state: &PersonState,
    policies: &KeptPolicies,
    closings: &Closings,
) -> Result<CheckedChain, AuditFinding> {
    let entries: Vec<&Entry> = chain.iter().map(|stored| &stored.entry).collect();
    let (mut replay, mut splits) = (EntryReplay::new(policies, closings), 0);
    for (at, entry) in entries.iter().enumerate() {
        let about = |fault| AuditFinding::about_entry(entry.id, fault);
        replay.apply(entry, &entries[at + 1..]).map_err(about)?;
        if entry.parties().1 != entries[0].parties().1 {
            return Err(about(ChainFault::PersonRow));
        }
        splits += usize::from(entry.split().is_some());
    }
    let accounts = replay.accounts();
    let moved = accounts.values().filter(|account| account.version > 0).count();
    if state.accounts().len() != moved {
        return Err(AuditFinding::about_person(state, "there are accounts that the chain does not change"));
    }
    if state.accounts().iter().any(|(key, account)| accounts.get(key) != Some(account)) {
        return Err(AuditFinding::about_person(state, "an account differs from what the chain adds up to"));
    }
    let digests = chain.iter().map(|stored| stored.digest).collect();
    let rows = chain.iter().map(|stored| EntryRows::new(&stored.entry)).collect();
    Ok(CheckedChain { verified: VerifiedChain { digests, splits }, rows })
}

/// Checks the rows of a chain: its person has this chain, each request leads to its entry, and each claim has its status.
pub(super) fn check_rows(
    chain: &CheckedChain,
    state: &PersonState,
    found: Option<Result<RowsOfPerson, StoreError>>,
) -> Result<(), AuditFinding> {
    let Some(first) = chain.rows.first() else { return Ok(()) };
    let about = |id: EntryId| move |fault: ChainFault| AuditFinding::about_entry(id, fault);
    let unread = || Err(StoreError::Damaged("the rows of a person were not read".to_owned()));
    let RowsOfPerson { state: known, rows } =
        found.unwrap_or_else(unread).map_err(|error| about(first.id)(error.into()))?;
    if known != *state || rows.len() != chain.rows.len() {
        return Err(about(first.id)(ChainFault::PersonRow));
    }
    chain.rows.iter().zip(rows).try_for_each(|(expected, found)| {
        let (request, claim) = found.map_err(|error| about(expected.id)(error.into()))?;
        expected.check(request, claim.as_ref()).map_err(about(expected.id))
    })
}
