//! The journal of a store in memory.

use crate::domain::day::Day;
use crate::domain::ids::{EntryId, HospitalId, PersonId};
use crate::domain::journal::Entry;
use crate::journal::decode_entry;
use crate::store::administration::{AdministrationCommit, AdministrationState};
use crate::store::entry_page::EntryPage;
use crate::store::keys::{DerivedKey, StoreKey};
use crate::store::rows::{CommitPosition, ListPosition};
use crate::store::{Commit, JournalStore, KeyedState, LookUp, Scope, StoreError};

use super::{MemoryStore, SECRET, page};

impl JournalStore for MemoryStore {
    fn person_key(&self, person_id: &PersonId) -> StoreKey {
        SECRET.person(person_id)
    }

    fn derived_key(&self, purpose: &'static str) -> DerivedKey {
        SECRET.derived(purpose)
    }

    async fn look_up(&self, scope: Scope<'_>) -> Result<LookUp, StoreError> {
        let rows = self.rows();
        let person = scope.person_id.clone();
        let request = scope.request.map(|(hospital, id)| (hospital.cloned(), person.clone(), id.clone()));
        let claim = scope.claim.map(|(hospital, id)| (hospital.clone(), id.clone()));
        Ok(LookUp {
            person: rows.persons.get(&person).cloned(),
            state: rows.states.get(&person).cloned().unwrap_or_default(),
            request: request.and_then(|key| rows.requests.get(&key).copied()),
            claim: claim.and_then(|key| rows.claims.get(&key).cloned()),
            closed_months: rows.administration.closed_months,
        })
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, StoreError> {
        let record = self.rows().journal.get(&id).cloned();
        Ok(record.map(|record| decode_entry(&record)).transpose()?.map(|(entry, _)| entry))
    }

    async fn record(&self, id: EntryId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.rows().journal.get(&id).cloned())
    }

    async fn states(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedState>, StoreError> {
        Ok(page(&self.rows().states, after, limit))
    }

    async fn entries_after(&self, after: CommitPosition, limit: usize) -> Result<EntryPage, StoreError> {
        self.rows().entries_after(after, limit)
    }

    async fn entry_at(&self, position: CommitPosition) -> Result<Option<EntryId>, StoreError> {
        Ok(self.rows().entry_at(position))
    }

    async fn entry_count(&self) -> Result<u64, StoreError> {
        Ok(self.rows().journal.len() as u64)
    }

    async fn hospital_settlements(
        &self,
        hospital_id: &HospitalId,
        from: ListPosition,
        before: Day,
        limit: usize,
    ) -> Result<Vec<(ListPosition, EntryId)>, StoreError> {
        let before = ListPosition { day: before, number: 0 };
        if before <= from {
            return Ok(Vec::new());
        }
        let rows = self.rows();
        let listed = rows.listed.range((hospital_id.clone(), from)..(hospital_id.clone(), before));
        Ok(listed.map(|((_, position), id)| (*position, *id)).take(limit).collect())
    }

    async fn append_settlements(
        &self,
        hospital_id: &HospitalId,
        day: Day,
        settlements: Vec<EntryId>,
    ) -> Result<(), StoreError> {
        let mut rows = self.rows();
        settlements.into_iter().for_each(|id| rows.append(hospital_id.clone(), day, id));
        Ok(())
    }

    async fn administration(&self) -> Result<AdministrationState, StoreError> {
        Ok(self.rows().administration.clone())
    }

    async fn commit_administration(&self, commit: AdministrationCommit) -> Result<(), StoreError> {
        self.rows().commit_administration(commit)
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.rows().commit(commit)
    }
}
