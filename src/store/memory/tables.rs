//! The rows of a store in memory, and how a commit changes them.

use std::collections::{BTreeMap, HashMap};

use crate::domain::day::Day;
use crate::domain::ids::{ClaimId, Digest, EntryId, HospitalId, PersonId, RequestId};
use crate::reference::person::PersonRecord;
use crate::store::administration::{AdministrationCommit, AdministrationEffect, AdministrationState};
use crate::store::commit::CommitOrigin;
use crate::store::entry_page::{EntryPage, OpenPage, StoredEntry};
use crate::store::import_parts::Part;
use crate::store::imports::{ImportEnd, ImportStart};
use crate::store::rows::{ClaimRow, CommitPosition, ListPosition, PersonState};
use crate::store::{Commit, StoreError};

/// The rows of the store.
#[derive(Default)]
pub(super) struct MemoryTables {
    pub(super) persons: HashMap<PersonId, PersonRecord>,
    pub(super) parts: BTreeMap<(u64, u32), Part>,
    pub(super) imports: BTreeMap<u64, (ImportStart, Option<ImportEnd>)>,
    pub(super) states: HashMap<PersonId, PersonState>,
    pub(super) requests: HashMap<(Option<HospitalId>, PersonId, RequestId), EntryId>,
    pub(super) claims: HashMap<(HospitalId, ClaimId), ClaimRow>,
    pub(super) listed: BTreeMap<(HospitalId, ListPosition), EntryId>,
    pub(super) journal: BTreeMap<EntryId, Vec<u8>>,
    /// The entries in the order of commits; the position of an entry is its number from 1.
    pub(super) sequence: Vec<EntryId>,
    pub(super) administration: AdministrationState,
    pub(super) policies: BTreeMap<Digest, String>,
    pub(super) newest_day: Option<Day>,
}

impl MemoryTables {
    /// Commits entries of a person with the rows that follow from them, or nothing.
    pub(super) fn commit(&mut self, commit: Commit) -> Result<(), StoreError> {
        let day = commit.committed.china_day();
        let is_live = commit.origin == CommitOrigin::Live;
        let Commit {
            hospital_id,
            person_id,
            request_id,
            expected,
            entries,
            state,
            claims,
            closed_months,
            listed,
            request_entry,
            ..
        } = commit;
        let version = self.states.get(&person_id).map_or(0, |state| state.version);
        let claims: Vec<_> = claims.into_iter().map(|claim| ((claim.hospital_id, claim.claim_id), claim.row)).collect();
        let of_another =
            |(key, row): &(_, ClaimRow)| self.claims.get(key).is_some_and(|known| known.person_id != row.person_id);
        let other_months = closed_months.is_some_and(|months| months != self.administration.closed_months);
        if version != expected || other_months || claims.iter().any(of_another) {
            return Err(StoreError::Conflict);
        }
        if let Some(newest) = self.newest_day.filter(|newest| is_live && day < *newest) {
            return Err(StoreError::EarlierDay { newest });
        }
        if entries.iter().any(|(id, _)| self.journal.contains_key(id)) {
            return Err(StoreError::EntryIdTaken);
        }
        self.newest_day = self.newest_day.max(Some(day));
        if let (Some(hospital_id), Some(day)) = (&hospital_id, listed) {
            self.append(hospital_id.clone(), day, request_entry);
        }
        self.requests.insert((hospital_id, person_id.clone(), request_id), request_entry);
        self.claims.extend(claims);
        self.states.insert(person_id, state);
        self.sequence.extend(entries.iter().map(|(id, _)| *id));
        self.journal.extend(entries);
        Ok(())
    }

    /// Commits an entry of the administration, or nothing.
    pub(super) fn commit_administration(&mut self, commit: AdministrationCommit) -> Result<(), StoreError> {
        let AdministrationCommit { id, record, committed, origin, expected, state, notice: _, effect } = commit;
        let day = committed.china_day();
        if self.administration.version != expected {
            return Err(StoreError::Conflict);
        }
        if let Some(newest) = self.newest_day.filter(|newest| origin == CommitOrigin::Live && day < *newest) {
            return Err(StoreError::EarlierDay { newest });
        }
        if self.journal.contains_key(&id) {
            return Err(StoreError::EntryIdTaken);
        }
        self.newest_day = self.newest_day.max(Some(day));
        self.sequence.push(id);
        self.journal.insert(id, record);
        self.administration = state;
        if let AdministrationEffect::ImportEnd(number, end) = effect {
            self.imports.entry(number).or_default().1 = Some(end);
        }
        Ok(())
    }

    /// A page of the entries in the order of commits.
    pub(super) fn entries_after(
        &self,
        CommitPosition(after): CommitPosition,
        limit: usize,
    ) -> Result<EntryPage, StoreError> {
        let later = usize::try_from(after).ok().and_then(|after| self.sequence.get(after..));
        let later = later.ok_or(StoreError::UnknownPosition)?;
        let mut page = OpenPage::new(limit);
        for (number, id) in (after + 1..).zip(later) {
            let record = self.journal.get(id).cloned().ok_or_else(|| StoreError::Damaged("it is missing".to_owned()));
            if page.push(StoredEntry { position: CommitPosition(number), id: *id, record }).is_some() {
                return Ok(page.cut());
            }
        }
        Ok(page.end())
    }

    /// The entry at a position.
    pub(super) fn entry_at(&self, CommitPosition(number): CommitPosition) -> Option<EntryId> {
        let before = usize::try_from(number.checked_sub(1)?).ok()?;
        self.sequence.get(before).copied()
    }

    /// Appends a settlement to the list of a day.
    pub(super) fn append(&mut self, hospital_id: HospitalId, day: Day, id: EntryId) {
        let of_day = |number| (hospital_id.clone(), ListPosition { day, number });
        let last = self.listed.range(of_day(0)..=of_day(u64::MAX)).next_back();
        let number = last.map_or(0, |((_, position), _)| position.number) + 1;
        self.listed.insert(of_day(number), id);
    }
}
