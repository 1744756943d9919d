//! Reconstruction of the commits of a chain from its entries: the rows are derived as the engine derived them, and the
//! records are the committed ones.
//!
//! A reconstructed commit appends to no list: the order of a hospital's day is the order of all persons' commits.

use std::collections::HashMap;

use crate::domain::ids::{ClaimId, EntryId, HospitalId, PersonId};
use crate::domain::journal::{Entry, EntryKind, Revision, RevisionCause};
use crate::domain::split::Split;
use crate::store::Commit;
use crate::store::commit::CommitOrigin;
use crate::store::rows::{ClaimRow, PersonState, SettlementStatus};

use super::super::account_replay::AccountReplay;
use super::super::chain::{AuditFinding, ChainFault, StoredEntry};

/// The commits of a whole chain, in order; the last one ends in this state.
///
/// # Errors
/// The first entry that does not follow from those before it.
pub fn commits(chain: &[StoredEntry], state: &PersonState) -> Result<Vec<Commit>, AuditFinding> {
    let (mut replay, mut commits, mut rest) = (ChainReplay::default(), Vec::with_capacity(chain.len()), chain);
    while let Some(first) = rest.first() {
        let group = rest.split_at_checked(1 + first.entry.following_in_commit());
        let (group, remaining) =
            group.ok_or_else(|| AuditFinding::about_entry(first.entry.id, "its revisions are missing"))?;
        commits.push(replay.commit(first, &group[1..])?);
        rest = remaining;
    }
    if replay.state == *state {
        Ok(commits)
    } else {
        Err(AuditFinding::about_person(state, "the state of its person differs from what the chain adds up to"))
    }
}

#[derive(Default)]
struct ChainReplay<'c> {
    state: PersonState,
    accounts: AccountReplay<'c>,
    claims: HashMap<(&'c HospitalId, &'c ClaimId), ClaimRow>,
}

impl<'c> ChainReplay<'c> {
    /// The commit of one request: its entry, and of a reversal or a retroactive run the others.
    fn commit(&mut self, first: &'c StoredEntry, following: &'c [StoredEntry]) -> Result<Commit, AuditFinding> {
        let id = first.entry.id;
        if first.entry.as_revision().is_some() && first.entry.retroactive_run().is_none() {
            return Err(AuditFinding::about_entry(id, "revises without a reversal or a run before it"));
        }
        let mut commit = Commit::from_record(self.state.clone(), &first.entry, first.record.clone(), first.digest);
        let entries: Vec<&Entry> = following.iter().map(|stored| &stored.entry).collect();
        self.apply(&mut commit, &first.entry, &entries).map_err(|fault| AuditFinding::about_entry(id, fault))?;
        for next in following {
            let applied = self.apply(&mut commit, &next.entry, &[]);
            applied.map_err(|fault| AuditFinding::about_entry(next.entry.id, fault))?;
            commit.append_record(&next.entry, next.record.clone(), next.digest);
        }
        if let Some(correction) = first.entry.as_reversal().and_then(|reversed| reversed.correction) {
            commit.set_correction(correction);
        }
        commit.listed = None;
        commit.origin = CommitOrigin::Copied;
        self.state = commit.state.clone();
        Ok(commit)
    }

    fn apply(&mut self, commit: &mut Commit, entry: &'c Entry, following: &[&Entry]) -> Result<(), ChainFault> {
        match &entry.body {
            EntryKind::Settlement(settled) => {
                self.apply_split(commit, entry.id, entry.id, &settled.split)?;
                let claim = &settled.claim;
                self.claim_row(&claim.hospital_id, &claim.claim_id, &claim.person_id).settled(entry.id);
                self.write_claim(commit, &claim.hospital_id, &claim.claim_id);
            }
            EntryKind::Reversal(reversed) => {
                self.accounts.apply_reversal(entry, reversed, following)?;
                commit.set_account(reversed.account.clone(), self.accounts.account(&reversed.account));
                let row = self.claim_row(&reversed.hospital_id, &reversed.claim_id, &reversed.person_id);
                status(row, reversed.settlement)?.reversal = Some(entry.id);
                self.write_claim(commit, &reversed.hospital_id, &reversed.claim_id);
            }
            EntryKind::Revision(revised) => {
                self.apply_revision(commit, entry, revised, following)?;
                let row = self.claim_row(&revised.hospital_id, &revised.claim_id, &revised.person_id);
                status(row, revised.settlement)?.revisions.push(entry.id);
                self.write_claim(commit, &revised.hospital_id, &revised.claim_id);
            }
            EntryKind::Fence(_) => {}
        }
        Ok(())
    }

    fn apply_revision(
        &mut self,
        commit: &mut Commit,
        entry: &'c Entry,
        revised: &'c Revision,
        following: &[&Entry],
    ) -> Result<(), ChainFault> {
        let in_run = !matches!(revised.cause, RevisionCause::Reversal(_));
        if let RevisionCause::RetroactiveRun(run) = &revised.cause {
            self.accounts.begin_run(entry, run, following)?;
            for decided in run.decided.iter().rev() {
                let split = self.accounts.newest_split(decided.settlement).ok_or(ChainFault::TakesOutUndecided)?;
                let key = &split.circumstances.account;
                commit.set_account(key.clone(), self.accounts.account(key));
            }
        }
        if in_run {
            self.put_back_unchanged(commit, Some(entry))?;
        }
        self.apply_split(commit, revised.settlement, entry.id, &revised.split)?;
        if in_run { self.put_back_unchanged(commit, None) } else { Ok(()) }
    }

    /// Puts back what a retroactive run decided again without a revision, before a revision or before the next one.
    fn put_back_unchanged(&mut self, commit: &mut Commit, before: Option<&Entry>) -> Result<(), ChainFault> {
        while let Some(settlement) = self.accounts.next_unchanged(before)? {
            let split = self.accounts.newest_split(settlement).ok_or(ChainFault::TakesOutUndecided)?;
            let key = &split.circumstances.account;
            let after = self.accounts.account(key).with_settlement(split)?;
            commit.set_account(key.clone(), after.clone());
            self.accounts.put_back(split, after);
        }
        Ok(())
    }

    fn apply_split(
        &mut self,
        commit: &mut Commit,
        settlement: EntryId,
        entry: EntryId,
        split: &'c Split,
    ) -> Result<(), ChainFault> {
        let key = &split.circumstances.account;
        let after = self.accounts.account(key).with_settlement(split)?;
        commit.set_account(key.clone(), after.clone());
        self.accounts.apply_split(settlement, entry, split, after);
        Ok(())
    }

    fn claim_row(&mut self, hospital_id: &'c HospitalId, claim_id: &'c ClaimId, person_id: &PersonId) -> &mut ClaimRow {
        self.claims.entry((hospital_id, claim_id)).or_insert_with(|| ClaimRow::unsettled(person_id.clone()))
    }

    /// Adds the current row of a claim to the commit.
    fn write_claim(&self, commit: &mut Commit, hospital_id: &HospitalId, claim_id: &ClaimId) {
        if let Some(row) = self.claims.get(&(hospital_id, claim_id)) {
            commit.set_claim(hospital_id.clone(), claim_id.clone(), row.clone());
        }
    }
}

fn status(row: &mut ClaimRow, settlement: EntryId) -> Result<&mut SettlementStatus, ChainFault> {
    let known = row.settlements.iter_mut().find(|known| known.settlement == settlement);
    known.ok_or(ChainFault::ClaimUnsettled)
}
