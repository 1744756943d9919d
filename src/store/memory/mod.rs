//! A store in memory, without durability, for policy cases and property tests.
//!
//! It keeps encoded records as the durable stores do, so that reads decode the same bytes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::administration::{AdministrationCommit, AdministrationEffect, AdministrationState};
use super::commit::CommitOrigin;
use super::coordination::SingleInstance;
use super::entry_page::{EntryPage, OpenPage, StoredEntry};
use super::external_sort::ExternalSort;
use super::import_parts::{Part, apply_parts};
use super::imports::{Import, ImportEnd, ImportEvent, ImportStart};
use super::keys::{DerivedKey, Secret, StoreKey};
use super::rows::{ClaimRow, CommitPosition, ListPosition, PersonState};
use super::{
    Commit, JournalStore, Keyed, KeyedPerson, KeyedState, LookUp, PolicyStore, ReferenceRead, ReferenceStore,
    ReferenceWrite, Scope, Store, StoreError,
};
use crate::domain::day::Day;
use crate::domain::ids::{CanonicalDigest, ClaimId, Digest, EntryId, HospitalId, PersonId, RequestId};
use crate::domain::journal::Entry;
use crate::journal::{decode_entry, record};
use crate::reference::person::PersonRecord;

/// A fixed secret: nothing is stored outside the process.
const SECRET: Secret = Secret([0; 32]);

/// A store that lives as long as the process.
#[derive(Default)]
pub struct MemoryStore {
    rows: Mutex<MemoryTables>,
    coordination: SingleInstance,
}

#[derive(Default)]
struct MemoryTables {
    persons: HashMap<PersonId, PersonRecord>,
    parts: BTreeMap<(u64, u32), Part>,
    imports: BTreeMap<u64, (ImportStart, Option<ImportEnd>)>,
    states: HashMap<PersonId, PersonState>,
    requests: HashMap<(Option<HospitalId>, PersonId, RequestId), EntryId>,
    claims: HashMap<(HospitalId, ClaimId), ClaimRow>,
    listed: BTreeMap<(HospitalId, ListPosition), EntryId>,
    journal: BTreeMap<EntryId, Vec<u8>>,
    /// The entries in the order of commits; the position of an entry is its number from 1.
    sequence: Vec<EntryId>,
    administration: AdministrationState,
    policies: BTreeMap<Digest, String>,
    newest_day: Option<Day>,
}

impl MemoryStore {
    fn rows(&self) -> MutexGuard<'_, MemoryTables> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every record of the journal, in the order of ids.
    pub fn journal(&self) -> Vec<Vec<u8>> {
        self.rows().journal.values().cloned().collect()
    }

    /// A digest over everything in the store, to check that a refusal changed nothing.
    pub fn fingerprint(&self) -> Digest {
        let settled = self.settled_fingerprint();
        let rows = self.rows();
        let mut form = CanonicalDigest::new("memory/2").bytes(&settled.0);
        for (_, person) in sorted(&rows.persons) {
            form = form.bytes(&record::encode(person));
        }
        for ((import, part), row) in &rows.parts {
            form = form.number(*import).number(u64::from(*part)).bytes(&record::encode(row));
        }
        for (number, (start, end)) in &rows.imports {
            let end = end.as_ref().map(record::encode).unwrap_or_default();
            form = form.number(*number).bytes(&record::encode(start)).bytes(&end);
        }
        rows.policies.iter().fold(form, |form, (digest, text)| form.bytes(&digest.0).text(text)).finish()
    }

    /// A digest over the journal and its rows without imports: a copy has its own log of imports.
    pub fn settled_fingerprint(&self) -> Digest {
        let rows = self.rows();
        let mut form = CanonicalDigest::new("settled/2").bytes(&record::encode(&rows.administration));
        for (person_id, state) in sorted(&rows.states) {
            form = form.text(person_id.as_str()).bytes(&record::encode(state));
        }
        for ((hospital_id, person_id, request_id), EntryId(id)) in sorted(&rows.requests) {
            form = form
                .text(hospital_id.as_ref().map_or("", HospitalId::as_str))
                .text(person_id.as_str())
                .text(request_id.as_str())
                .bytes(id);
        }
        for ((hospital_id, claim_id), row) in sorted(&rows.claims) {
            form = form.text(hospital_id.as_str()).text(claim_id.as_str()).bytes(&record::encode(row));
        }
        for (EntryId(id), entry) in &rows.journal {
            form = form.bytes(id).bytes(entry);
        }
        for ((hospital_id, position), EntryId(id)) in &rows.listed {
            let (day, number) = (u64::from(position.day.number()), position.number);
            form = form.text(hospital_id.as_str()).number(day).number(number).bytes(id);
        }
        form.finish()
    }
}

/// The rows of a hash table in the order of keys.
fn sorted<K: Ord, V>(rows: &HashMap<K, V>) -> Vec<(&K, &V)> {
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_unstable_by_key(|(key, _)| *key);
    rows
}

impl MemoryTables {
    fn commit(&mut self, commit: Commit) -> Result<(), StoreError> {
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

    fn commit_administration(&mut self, commit: AdministrationCommit) -> Result<(), StoreError> {
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

    fn entries_after(&self, CommitPosition(after): CommitPosition, limit: usize) -> Result<EntryPage, StoreError> {
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

    fn append(&mut self, hospital_id: HospitalId, day: Day, id: EntryId) {
        let of_day = |number| (hospital_id.clone(), ListPosition { day, number });
        let last = self.listed.range(of_day(0)..=of_day(u64::MAX)).next_back();
        let number = last.map_or(0, |((_, position), _)| position.number) + 1;
        self.listed.insert(of_day(number), id);
    }
}

/// Up to `limit` rows with a key after `after`, in the order of keys.
fn page<T: Clone>(rows: &HashMap<PersonId, T>, after: Option<StoreKey>, limit: usize) -> Vec<Keyed<T>> {
    let mut keyed: Vec<_> = rows.iter().map(|(id, row)| (SECRET.person(id), row)).collect();
    keyed.retain(|(key, _)| after.is_none_or(|after| *key > after));
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().take(limit).map(|(key, row)| (key, Ok(row.clone()))).collect()
}

impl Store for MemoryStore {
    type Coordination = SingleInstance;

    fn coordination(&self) -> &SingleInstance {
        &self.coordination
    }
}

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

impl ReferenceStore for MemoryStore {
    async fn persons(&self, ids: &[PersonId]) -> Result<Vec<Option<PersonRecord>>, StoreError> {
        let rows = self.rows();
        Ok(ids.iter().map(|id| rows.persons.get(id).cloned()).collect())
    }

    async fn person_records(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedPerson>, StoreError> {
        Ok(page(&self.rows().persons, after, limit))
    }

    fn external_sort(&self) -> ExternalSort {
        ExternalSort::new(SECRET, None)
    }

    async fn read_hospitals_and_catalogue(&self) -> Result<ReferenceRead, StoreError> {
        let rows = self.rows();
        let ended = |number: &u64| rows.imports.get(number).is_some_and(|(_, ended)| ended.is_some());
        let parts = rows.parts.iter().filter(|((number, _), _)| ended(number)).map(|(_, part)| part.clone());
        Ok(apply_parts(parts))
    }

    async fn write_reference(&self, import: u64, part: u32, mut write: ReferenceWrite) -> Result<(), StoreError> {
        let mut rows = self.rows();
        rows.persons.extend(std::mem::take(&mut write.persons));
        rows.parts.insert((import, part), write.into());
        Ok(())
    }

    async fn log_import(&self, number: u64, event: ImportEvent) -> Result<(), StoreError> {
        let mut rows = self.rows();
        let import = rows.imports.entry(number).or_default();
        match event {
            ImportEvent::Start(start) => import.0 = start,
            ImportEvent::End(end) => import.1 = Some(end),
        }
        Ok(())
    }

    async fn imports(&self, before: u64, limit: usize) -> Result<Vec<Import>, StoreError> {
        let rows = self.rows();
        let imports = rows.imports.range(..before).rev().take(limit);
        let import = |(number, (start, end)): (&u64, &(ImportStart, Option<ImportEnd>))| Import {
            number: *number,
            start: start.clone(),
            end: end.clone(),
        };
        Ok(imports.map(import).collect())
    }
}

impl PolicyStore for MemoryStore {
    async fn put_policy(&self, digest: Digest, canonical: String) -> Result<(), StoreError> {
        self.rows().policies.insert(digest, canonical);
        Ok(())
    }

    async fn policy(&self, digest: Digest) -> Result<Option<String>, StoreError> {
        Ok(self.rows().policies.get(&digest).cloned())
    }

    async fn policy_digests(&self) -> Result<Vec<Digest>, StoreError> {
        Ok(self.rows().policies.keys().copied().collect())
    }
}
