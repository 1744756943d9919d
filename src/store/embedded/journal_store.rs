//! The journal of the store in a directory, as every store has one.

use super::EmbeddedStore;
use super::commit_record::RecordBuilder;
use super::index::{Key, LogPosition, Table};
use super::job::{Job, PreparedCommit};
use super::journal::Seen;
use super::list_keys::{day_key, position_key};
use super::redb_table::RedbTable;
use crate::domain::day::Day;
use crate::domain::ids::{EntryId, HospitalId, PersonId};
use crate::domain::journal::Entry;
use crate::domain::month::ClosedMonths;
use crate::journal::{decode_entry, record};
use crate::store::administration::{AdministrationCommit, AdministrationState};
use crate::store::entry_page::EntryPage;
use crate::store::keys::{DerivedKey, StoreKey};
use crate::store::rows::{CommitPosition, ListPosition, ListedRow, PersonState, RequestRow};
use crate::store::{Commit, JournalStore, KeyedState, LookUp, Scope, StoreError};

impl JournalStore for EmbeddedStore {
    fn person_key(&self, person_id: &PersonId) -> StoreKey {
        self.secret.person(person_id)
    }

    fn derived_key(&self, purpose: &'static str) -> DerivedKey {
        self.secret.derived(purpose)
    }

    async fn look_up(&self, scope: Scope<'_>) -> Result<LookUp, StoreError> {
        let person = self.secret.person(scope.person_id);
        let request = scope.request.map(|(hospital_id, id)| self.secret.request(hospital_id, scope.person_id, id));
        let claim = scope.claim.map(|(hospital_id, id)| self.secret.claim(hospital_id, id));
        let closed_months = match scope.closed_months {
            true => self.administration_as_read()?.0.closed_months,
            false => ClosedMonths::default(),
        };
        // All keys at one moment; the person stands in for one that is not looked up.
        let keys = [
            Key::person(person),
            request.map_or(Key::person(person), Key::request),
            claim.map_or(Key::person(person), Key::claim),
        ];
        let (positions, moment) = self.journal.look_up_at(keys)?;
        let value = |table, key: &StoreKey, position: Option<LogPosition>| {
            let read = |position| Ok::<_, StoreError>(self.journal.commit_at(position)?.value(table, key)?.to_vec());
            position.map(read).transpose()
        };
        let state = value(Table::Person, &person, positions[0])?;
        let state: PersonState = state.map(|row| record::decode(&row)).transpose()?.unwrap_or_default();
        self.seen.note(Seen { key: keys[0], position: positions[0], moment }, state.version);
        let request = request.map(|key| value(Table::Request, &key, positions[1])).transpose()?.flatten();
        if claim.is_some() && positions[2].is_none() {
            self.seen.note(Seen { key: keys[2], position: None, moment }, 0);
        }
        let claim = claim.map(|key| value(Table::Claim, &key, positions[2])).transpose()?.flatten();
        Ok(LookUp {
            person: self.tables.snapshot().get(RedbTable::Persons, &person)?,
            state,
            request: request.map(|row| record::decode(&row)).transpose()?.map(|RequestRow(id)| id),
            claim: claim.map(|row| record::decode(&row)).transpose()?,
            closed_months,
        })
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, StoreError> {
        let record = self.journal.entry(id)?;
        record.map(|record| Ok(decode_entry(&record)?.0)).transpose()
    }

    async fn record(&self, id: EntryId) -> Result<Option<Vec<u8>>, StoreError> {
        self.journal.entry(id)
    }

    async fn states(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedState>, StoreError> {
        let rows = self.journal.persons_after(after, limit)?;
        let decode = |row: Vec<u8>| Ok(record::decode(&row)?);
        Ok(rows.into_iter().map(|(key, row)| (key, row.and_then(decode))).collect())
    }

    async fn entry_count(&self) -> Result<u64, StoreError> {
        Ok(self.journal.entry_count())
    }

    async fn entries_after(&self, after: CommitPosition, limit: usize) -> Result<EntryPage, StoreError> {
        self.journal.entries_after(after, limit).await
    }

    async fn entry_at(&self, position: CommitPosition) -> Result<Option<EntryId>, StoreError> {
        self.journal.entry_at(position)
    }

    async fn hospital_settlements(
        &self,
        hospital_id: &HospitalId,
        from: ListPosition,
        before: Day,
        limit: usize,
    ) -> Result<Vec<(ListPosition, EntryId)>, StoreError> {
        let first = position_key(&day_key(&self.secret, hospital_id, from.day), from.number);
        let end = position_key(&day_key(&self.secret, hospital_id, before), 0);
        let listed = self.journal.hospital_rows(first, end, limit)?.into_iter().map(|(number, row)| {
            let ListedRow { settlement, day } = record::decode(&row)?;
            Ok((ListPosition { day, number }, settlement))
        });
        listed.collect()
    }

    async fn append_settlements(
        &self,
        hospital_id: &HospitalId,
        day: Day,
        settlements: Vec<EntryId>,
    ) -> Result<(), StoreError> {
        if settlements.is_empty() {
            return Ok(());
        }
        let (key, mut record) = (day_key(&self.secret, hospital_id, day), RecordBuilder::default());
        for settlement in settlements {
            record.listed(&key, &ListedRow { settlement, day });
        }
        let prepared = PreparedCommit { record: record.finish(&[])?, condition: None };
        self.submit(|reply| Job::Commit(Box::new(prepared), reply)).await
    }

    async fn administration(&self) -> Result<AdministrationState, StoreError> {
        Ok(self.administration_as_read()?.0)
    }

    async fn commit_administration(&self, commit: AdministrationCommit) -> Result<(), StoreError> {
        self.submit_administration(commit).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let prepared = self.prepare(commit)?;
        self.submit(|reply| Job::Commit(Box::new(prepared), reply)).await
    }
}
