//! The commits that made a chain, told again from its entries: the rows beside them are derived as the engine once
//! did, and the records are those that were committed.
//!
//! What hospitals list is not theirs to say: the order in a hospital's day is that of all persons' commits.

use std::collections::HashMap;

use crate::domain::ids::{ClaimId, EntryId, HospitalId, PersonId};
use crate::domain::journal::{Entry, EntryKind};
use crate::domain::split::Split;
use crate::store::Commit;
use crate::store::rows::{ClaimRow, PersonState, SettlementStatus};

use super::super::account_replay::AccountReplay;
use super::super::chain::{AuditFinding, Stored};

/// The commits of a whole chain, in their order; the last ends in this state.
///
/// # Errors
/// The first entry that does not follow from those before it.
pub fn commits(chain: &[Stored], state: &PersonState) -> Result<Vec<Commit>, AuditFinding> {
    let (mut telling, mut commits, mut rest) = (Telling::default(), Vec::with_capacity(chain.len()), chain);
    while let Some(first) = rest.first() {
        let revisions = first.entry.reversed().map_or(0, |reversed| reversed.revisions.len());
        let together = rest.split_at_checked(1 + revisions);
        let (together, further) =
            together.ok_or_else(|| AuditFinding::at(first.entry.id, "its revisions are missing"))?;
        commits.push(telling.commit(first, &together[1..])?);
        rest = further;
    }
    let same = telling.state == *state;
    if same {
        Ok(commits)
    } else {
        Err(AuditFinding::at_head(state, "its person's state is not what the chain adds up to"))
    }
}

#[derive(Default)]
struct Telling<'c> {
    state: PersonState,
    sums: AccountReplay<'c>,
    claims: HashMap<(&'c HospitalId, &'c ClaimId), ClaimRow>,
}

impl<'c> Telling<'c> {
    /// The commit that a request made: its entry, and the revisions that a reversal brings.
    fn commit(&mut self, first: &'c Stored, revisions: &'c [Stored]) -> Result<Commit, AuditFinding> {
        let id = first.entry.id;
        if first.entry.revised().is_some() {
            return Err(AuditFinding::at(id, "revises without a reversal before it"));
        }
        let mut commit = Commit::from_record(self.state.clone(), &first.entry, first.record.clone(), first.digest);
        self.take(&mut commit, &first.entry, revisions).map_err(|told| AuditFinding::at(id, told))?;
        for revision in revisions {
            let taken = self.take(&mut commit, &revision.entry, &[]);
            taken.map_err(|told| AuditFinding::at(revision.entry.id, told))?;
            commit.append_record(&revision.entry, revision.record.clone(), revision.digest);
        }
        commit.listed = None;
        self.state = commit.state.clone();
        Ok(commit)
    }

    fn take(&mut self, commit: &mut Commit, entry: &'c Entry, following: &[Stored]) -> Result<(), String> {
        match &entry.body {
            EntryKind::Settlement(settled) => {
                self.decided(commit, entry.id, entry.id, &settled.split)?;
                let claim = &settled.claim;
                self.row(&claim.hospital_id, &claim.claim_id, &claim.person_id).settled(entry.id);
                self.told(commit, &claim.hospital_id, &claim.claim_id);
            }
            EntryKind::Reversal(reversed) => {
                self.sums.taken_out(entry, reversed, following)?;
                commit.set_account(reversed.account.clone(), self.sums.account(&reversed.account));
                let row = self.row(&reversed.hospital_id, &reversed.claim_id, &reversed.person_id);
                standing(row, reversed.settlement)?.reversal = Some(entry.id);
                self.told(commit, &reversed.hospital_id, &reversed.claim_id);
            }
            EntryKind::Revision(revised) => {
                self.decided(commit, revised.settlement, entry.id, &revised.split)?;
                let row = self.row(&revised.hospital_id, &revised.claim_id, &revised.person_id);
                standing(row, revised.settlement)?.revisions.push(entry.id);
                self.told(commit, &revised.hospital_id, &revised.claim_id);
            }
            EntryKind::Fence(_) => {}
        }
        Ok(())
    }

    fn decided(
        &mut self,
        commit: &mut Commit,
        settlement: EntryId,
        entry: EntryId,
        split: &'c Split,
    ) -> Result<(), String> {
        let key = &split.circumstances.account;
        let after = self.sums.account(key).with_settlement(split).map_err(|range| range.to_string())?;
        commit.set_account(key.clone(), after.clone());
        self.sums.decided(settlement, entry, split, after);
        Ok(())
    }

    fn row(&mut self, hospital_id: &'c HospitalId, claim_id: &'c ClaimId, person_id: &PersonId) -> &mut ClaimRow {
        self.claims.entry((hospital_id, claim_id)).or_insert_with(|| ClaimRow::unsettled(person_id.clone()))
    }

    /// The row of a claim goes into the commit as it is now.
    fn told(&self, commit: &mut Commit, hospital_id: &HospitalId, claim_id: &ClaimId) {
        if let Some(row) = self.claims.get(&(hospital_id, claim_id)) {
            commit.set_claim(hospital_id.clone(), claim_id.clone(), row.clone());
        }
    }
}

fn standing(row: &mut ClaimRow, settlement: EntryId) -> Result<&mut SettlementStatus, String> {
    let known = row.settlements.iter_mut().find(|known| known.settlement == settlement);
    known.ok_or_else(|| "its claim was not settled before".to_owned())
}
