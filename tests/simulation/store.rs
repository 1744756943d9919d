//! The store as a server has it: over a network that delays, loses and repeats, to the one [`Machine`].

use std::sync::Arc;

use onestop::domain::day::Day;
use onestop::domain::ids::{Digest, EntryId, HospitalId, PersonId};
use onestop::domain::journal::Entry;
use onestop::reference::person::PersonRecord;
use onestop::store::coordination::SingleInstance;
use onestop::store::external_sort::ExternalSort;
use onestop::store::imports::{self, Import, ImportEnd, ImportEvent, ImportStart, Part};
use onestop::store::keys::{Secret, StoreKey};
use onestop::store::rows::{ListPosition, PersonState};
use onestop::store::{
    Commit, JournalStore, Keyed, KeyedPerson, KeyedState, LookUp, PolicyStore, ReferenceRead, ReferenceStore,
    ReferenceWrite, Scope, Store, StoreError, codec, record,
};
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use super::disk::{DiskRow, DiskTable, Image};
use super::machine::{Job, Machine, key, place_key};
use super::scheduler::Group;
use crate::support::random::Random;

/// How long a server waits for the store.
const PATIENCE: u64 = 60;

/// How often a message is lost, and how often it comes twice: once in so many.
const LOST: usize = 25;
const TWICE: usize = 20;

const SECRET: Secret = Secret([7; 32]);

/// A connection to the machine.
#[derive(Clone)]
pub struct SimulatedStore {
    machine: Arc<Machine>,
    coordination: SingleInstance,
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("no answer".to_owned())
}

fn unknown() -> StoreError {
    StoreError::Unknown("no answer".to_owned())
}

impl SimulatedStore {
    /// A connection to this machine.
    pub fn new(machine: Arc<Machine>) -> SimulatedStore {
        SimulatedStore { machine, coordination: SingleInstance::default() }
    }

    /// A message is on its way, now and then for longer than anybody waits; false if it is lost.
    async fn travels(&self, may_be_late: bool) -> bool {
        let scheduler = &self.machine.scheduler;
        let may_be_late = may_be_late && self.machine.is_troubled();
        let long = |random: &mut Random| {
            if may_be_late && random.one_in(12) { 30 + random.below(60) } else { 1 + random.below(5) }
        };
        scheduler.sleep(scheduler.draw(long) as u64).await;
        !(self.machine.is_troubled() && scheduler.draw(|random| random.one_in(LOST)))
    }

    async fn read<T>(&self, read: impl FnOnce(&Image) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let there = self.travels(true).await;
        let answer = if there { self.machine.read(read) } else { None };
        if answer.is_none() || !self.travels(true).await {
            self.machine.scheduler.sleep(PATIENCE).await;
            return Err(unavailable());
        }
        answer.unwrap_or_else(|| Err(unavailable()))
    }

    async fn write(&self, job: Job) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        let (store, again) = (self.clone(), job.clone());
        let scheduler = &self.machine.scheduler;
        // Only a commit says on what it was decided; rows are written in the order in which they are sent.
        let commit = matches!(job, Job::Commit(_));
        let twice = commit && self.machine.is_troubled() && scheduler.draw(|random| random.one_in(TWICE));
        scheduler.spawn(Group::ImportContext, async move {
            let arrives = store.travels(commit).await;
            if arrives {
                store.machine.arrive(job, Some(reply));
            } else {
                // Nobody answers as long as anybody waits.
                store.machine.scheduler.sleep(2 * PATIENCE).await;
                drop(reply);
            }
        });
        if twice {
            let store = self.clone();
            scheduler.spawn(Group::ImportContext, async move {
                if store.travels(true).await && store.travels(true).await {
                    store.machine.arrive(again, None);
                }
            });
        }
        let answered = async {
            let answer = answer.await.unwrap_or_else(|_gone| Err(unknown()));
            // That one copy found nobody says nothing of the other.
            let answer = if twice && matches!(answer, Err(StoreError::Unavailable(_) | StoreError::EntryIdTaken)) {
                Err(unknown())
            } else {
                answer
            };
            if self.travels(true).await { answer } else { std::future::pending().await }
        };
        scheduler.within(PATIENCE, answered).await.unwrap_or_else(|| Err(unknown()))
    }

    async fn write_row(&self, table: DiskTable, key: Vec<u8>, value: Vec<u8>) -> Result<(), StoreError> {
        self.write(Job::WriteBatch(vec![DiskRow { table, key, value }])).await
    }
}

fn get<T: DeserializeOwned>(image: &Image, table: DiskTable, key: Vec<u8>) -> Result<Option<T>, StoreError> {
    image.get(&(table, key)).map(|row| record::decode(row).map(|(value, _)| value)).transpose()
}

fn all<T: DeserializeOwned>(image: &Image, table: DiskTable) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
    let rows = image.iter().filter(|((of, _), _)| *of == table);
    rows.map(|((_, key), row)| Ok((key.clone(), record::decode(row)?.0))).collect()
}

/// Rows by person, in the order of the store's keys.
fn page<T>(rows: Vec<(Vec<u8>, T)>, after: Option<StoreKey>, limit: usize) -> Vec<Keyed<T>> {
    let keyed = rows.into_iter().map(|(person, row)| {
        let person = PersonId::from(String::from_utf8_lossy(&person).into_owned());
        (SECRET.person(&person), Ok(row))
    });
    let mut rows: Vec<_> = keyed.filter(|(key, _)| after.is_none_or(|after| *key > after)).collect();
    rows.sort_by_key(|(key, _)| *key);
    rows.truncate(limit);
    rows
}

type Noted = (u64, ImportStart, Option<ImportEnd>);

impl Store for SimulatedStore {
    type Coordination = SingleInstance;

    fn coordination(&self) -> &SingleInstance {
        &self.coordination
    }
}

impl JournalStore for SimulatedStore {
    fn person_key(&self, person_id: &PersonId) -> StoreKey {
        SECRET.person(person_id)
    }

    async fn look_up(&self, scope: Scope<'_>) -> Result<LookUp, StoreError> {
        let (hospital, person) = (scope.hospital_id.as_str(), scope.person_id.as_str());
        self.read(|image| {
            let request = scope.request_id.map(|id| key(&[hospital, person, id.as_str()]));
            let claim = scope.claim_id.map(|id| key(&[hospital, id.as_str()]));
            Ok(LookUp {
                person: get(image, DiskTable::Persons, key(&[person]))?,
                state: get(image, DiskTable::States, key(&[person]))?.unwrap_or_default(),
                request: request.map(|key| get(image, DiskTable::Requests, key)).transpose()?.flatten(),
                claim: claim.map(|key| get(image, DiskTable::Claims, key)).transpose()?.flatten(),
            })
        })
        .await
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, StoreError> {
        let record = self.record(id).await?;
        record.map(|record| codec::decode_entry(&record).map(|(entry, _)| entry)).transpose()
    }

    async fn record(&self, id: EntryId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|image| Ok(image.get(&(DiskTable::Journal, id.0.to_vec())).cloned())).await
    }

    async fn states(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedState>, StoreError> {
        Ok(page(self.read(|image| all::<PersonState>(image, DiskTable::States)).await?, after, limit))
    }

    async fn entry_count(&self) -> Result<u64, StoreError> {
        self.read(|image| Ok(image.keys().filter(|(table, _)| *table == DiskTable::Journal).count() as u64)).await
    }

    async fn hospital_settlements(
        &self,
        hospital_id: &HospitalId,
        from: ListPosition,
        until: Day,
        limit: usize,
    ) -> Result<Vec<(ListPosition, EntryId)>, StoreError> {
        let until = ListPosition { day: until, number: 0 };
        if until <= from {
            return Ok(Vec::new());
        }
        let [from, until] = [from, until].map(|place| (DiskTable::Listed, place_key(hospital_id.as_str(), place)));
        self.read(|image| image.range(from..until).take(limit).map(|(_, row)| Ok(record::decode(row)?.0)).collect())
            .await
    }

    /// Nobody else lists settlements of the day meanwhile.
    async fn append_settlements(
        &self,
        hospital_id: &HospitalId,
        day: Day,
        settlements: Vec<EntryId>,
    ) -> Result<(), StoreError> {
        let listed =
            self.hospital_settlements(hospital_id, ListPosition { day, number: 0 }, Day::LAST, usize::MAX).await?;
        let behind = listed.iter().filter(|(place, _)| place.day == day).count() as u64;
        let row = |(number, id): (u64, EntryId)| {
            let place = ListPosition { day, number };
            let (key, value) = (place_key(hospital_id.as_str(), place), record::encode(&(place, id))?.0);
            Ok(DiskRow { table: DiskTable::Listed, key, value })
        };
        self.write(Job::WriteBatch((behind + 1..).zip(settlements).map(row).collect::<Result<_, StoreError>>()?)).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.write(Job::Commit(Arc::new(commit))).await
    }
}

impl ReferenceStore for SimulatedStore {
    async fn persons(&self, ids: &[PersonId]) -> Result<Vec<Option<PersonRecord>>, StoreError> {
        self.read(|image| ids.iter().map(|id| get(image, DiskTable::Persons, key(&[id.as_str()]))).collect()).await
    }

    async fn person_records(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedPerson>, StoreError> {
        Ok(page(self.read(|image| all(image, DiskTable::Persons)).await?, after, limit))
    }

    fn external_sort(&self) -> ExternalSort {
        ExternalSort::new(SECRET, None)
    }

    async fn read_reference(&self) -> Result<ReferenceRead, StoreError> {
        self.read(|image| {
            let noted: Vec<(Vec<u8>, Noted)> = all(image, DiskTable::Imports)?;
            let ended = |number: &u64| noted.iter().any(|(_, (known, _, ended))| known == number && ended.is_some());
            let parts: Vec<(Vec<u8>, (u64, Part))> = all(image, DiskTable::Parts)?;
            let parts = parts.into_iter().filter(|(_, (number, _))| ended(number)).map(|(_, (_, part))| part);
            Ok(imports::read(ReferenceRead::default(), parts))
        })
        .await
    }

    async fn write_reference(&self, import: u64, part: u32, mut write: ReferenceWrite) -> Result<(), StoreError> {
        let mut rows = Vec::new();
        for (id, person) in std::mem::take(&mut write.persons) {
            let (key, value) = (key(&[id.as_str()]), record::encode(&person)?.0);
            rows.push(DiskRow { table: DiskTable::Persons, key, value });
        }
        let key = [&import.to_be_bytes()[..], &part.to_be_bytes()].concat();
        let value = record::encode(&(import, Part::from(write)))?.0;
        rows.push(DiskRow { table: DiskTable::Parts, key, value });
        self.write(Job::WriteBatch(rows)).await
    }

    async fn log_import(&self, number: u64, note: ImportEvent) -> Result<(), StoreError> {
        let key = number.to_be_bytes().to_vec();
        let noted: Option<Noted> = self.read(|image| get(image, DiskTable::Imports, key.clone())).await?;
        let (_, begun, _) = noted.unwrap_or_default();
        let noted: Noted = match note {
            ImportEvent::Start(begun) => (number, begun, None),
            ImportEvent::End(ended) => (number, begun, Some(ended)),
        };
        self.write_row(DiskTable::Imports, key, record::encode(&noted)?.0).await
    }

    async fn imports(&self, before: u64, limit: usize) -> Result<Vec<Import>, StoreError> {
        let noted: Vec<(Vec<u8>, Noted)> = self.read(|image| all(image, DiskTable::Imports)).await?;
        let imports = noted.into_iter().rev().map(|(_, (number, begun, ended))| Import { number, begun, ended });
        Ok(imports.filter(|import| import.number < before).take(limit).collect())
    }
}

impl PolicyStore for SimulatedStore {
    async fn put_policy(&self, digest: Digest, canonical: String) -> Result<(), StoreError> {
        self.write_row(DiskTable::Policies, digest.0.to_vec(), record::encode(&canonical)?.0).await
    }

    async fn policy(&self, digest: Digest) -> Result<Option<String>, StoreError> {
        self.read(|image| get(image, DiskTable::Policies, digest.0.to_vec())).await
    }

    async fn policy_digests(&self) -> Result<Vec<Digest>, StoreError> {
        let kept = self.read(|image| all::<String>(image, DiskTable::Policies)).await?;
        Ok(kept.into_iter().map(|(key, _)| Digest(key.try_into().expect("a digest"))).collect())
    }
}
