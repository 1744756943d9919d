//! The check of the rows of claims: each is the row before it, moved by the entries of its commit.

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;

use crate::domain::ids::{ClaimId, EntryId, HospitalId, PersonId};
use crate::domain::journal::{Entry, EntryKind};
use crate::journal::record;
use crate::store::StoreError;
use crate::store::commit_log::{CommitParts, RecordPosition};
use crate::store::keys::StoreKey;
use crate::store::rows::ClaimRow;

use super::super::chain::ChainFault;
use super::commit_check::{ChangedClaims, ClaimChange, CommitCheck};

/// An entry that changes the row of a claim.
struct EntryOfClaim {
    key: StoreKey,
    /// The earlier settlement that it changes, if it changes one.
    settlement: Option<EntryId>,
    id: EntryId,
}

impl CommitCheck<'_> {
    /// How the rows of claims change the index.
    pub(super) fn claim_changes(
        &self,
        parts: &CommitParts<'_>,
        changed: &ChangedClaims,
    ) -> Result<Vec<(StoreKey, ClaimChange)>, ChainFault> {
        let change = |(key, row): &(StoreKey, &[u8])| {
            let row: ClaimRow = record::decode(row).map_err(StoreError::from)?;
            if row.is_first() {
                return Ok((*key, ClaimChange::First));
            }
            let replaced = match (changed.get(key), row.settlements.first()) {
                (Some(position), _) => *position,
                (None, Some(first)) => self.log.entry(first.settlement)?.ok_or(ChainFault::ClaimUnsettled)?.0,
                (None, None) => return Err(ChainFault::ClaimRow),
            };
            Ok((*key, ClaimChange::Replaces(replaced)))
        };
        parts.claims.iter().map(change).collect()
    }

    /// Checks that the rows of claims are the rows before them, moved by the entries.
    pub(super) fn check_claims(
        &self,
        person_id: &PersonId,
        parts: &CommitParts<'_>,
        entries: &[&Entry],
        changed: &ChangedClaims,
    ) -> Result<(), ChainFault> {
        let mut expected: HashMap<StoreKey, ClaimRow> = HashMap::new();
        for entry in entries {
            let Some((hospital_id, claim_id, settlement)) = claim_of(entry) else { continue };
            let key = self.log.secret().claim(hospital_id, claim_id);
            let row = match expected.entry(key) {
                MapEntry::Occupied(known) => known.into_mut(),
                MapEntry::Vacant(unknown) => {
                    let change = EntryOfClaim { key, settlement, id: entry.id };
                    unknown.insert(self.claim_before(person_id, &change, parts, changed)?)
                }
            };
            move_claim(row, entry)?;
        }
        let mut rows = parts.claims.iter();
        let is_expected = |(key, row): &(StoreKey, &[u8])| {
            let row: Result<ClaimRow, _> = record::decode(row);
            row.is_ok_and(|row| expected.get(key) == Some(&row))
        };
        if parts.claims.len() == expected.len() && rows.all(is_expected) { Ok(()) } else { Err(ChainFault::ClaimRow) }
    }

    /// The row of a claim before a commit.
    fn claim_before(
        &self,
        person_id: &PersonId,
        change: &EntryOfClaim,
        parts: &CommitParts<'_>,
        changed: &ChangedClaims,
    ) -> Result<ClaimRow, ChainFault> {
        let EntryOfClaim { key, settlement, id } = change;
        let read = |at: RecordPosition| {
            let row: ClaimRow = record::decode(&self.log.claim_row(at, key)?).map_err(StoreError::from)?;
            if row.person_id == *person_id { Ok(row) } else { Err(ChainFault::ClaimRow) }
        };
        if let Some(position) = changed.get(key) {
            return read(*position);
        }
        match settlement {
            Some(settlement) => read(self.log.entry(*settlement)?.ok_or(ChainFault::ClaimUnsettled)?.0),
            // A settlement of a claim that nothing changed: its first, or one too many.
            None => {
                let row = parts.claims.iter().find(|(found, _)| found == key);
                let row = row.map(|(_, row)| record::decode::<ClaimRow>(row)).transpose().map_err(StoreError::from)?;
                match row.as_ref().and_then(|row| row.settlements.first()) {
                    Some(first) if first.settlement != *id => Err(ChainFault::ClaimRow),
                    _ => Ok(ClaimRow::unsettled(person_id.clone())),
                }
            }
        }
    }
}

/// The claim of an entry, and the earlier settlement that it changes, if it changes one.
fn claim_of(entry: &Entry) -> Option<(&HospitalId, &ClaimId, Option<EntryId>)> {
    match &entry.body {
        EntryKind::Settlement(settled) => Some((&settled.claim.hospital_id, &settled.claim.claim_id, None)),
        EntryKind::Reversal(reversed) => Some((&reversed.hospital_id, &reversed.claim_id, Some(reversed.settlement))),
        EntryKind::Revision(revised) => Some((&revised.hospital_id, &revised.claim_id, Some(revised.settlement))),
        EntryKind::Fence(_) => None,
    }
}

/// What an entry changes in the row of its claim.
fn move_claim(row: &mut ClaimRow, entry: &Entry) -> Result<(), ChainFault> {
    let status = |row: &mut ClaimRow, settlement: EntryId| {
        row.settlements.iter().position(|known| known.settlement == settlement).ok_or(ChainFault::ClaimUnsettled)
    };
    match &entry.body {
        EntryKind::Settlement(_) => row.settled(entry.id),
        EntryKind::Reversal(reversed) => {
            let at = status(row, reversed.settlement)?;
            row.settlements[at].reversal = Some(entry.id);
        }
        EntryKind::Revision(revised) => {
            let at = status(row, revised.settlement)?;
            row.settlements[at].revisions.push(entry.id);
        }
        EntryKind::Fence(_) => {}
    }
    Ok(())
}
