//! The store as a server sees it: over a network that delays, loses and duplicates messages, to one [`StoreProcess`].

use std::sync::Arc;

use onestop::domain::day::Day;
use onestop::domain::ids::{Digest, EntryId, HospitalId, PersonId};
use onestop::domain::journal::Entry;
use onestop::journal::{StoredForm, decode_entry, record};
use onestop::reference::person::PersonRecord;
use onestop::store::administration::{AdministrationCommit, AdministrationState};
use onestop::store::coordination::SingleInstance;
use onestop::store::entry_page::{EntryPage, StoredEntry};
use onestop::store::external_sort::ExternalSort;
use onestop::store::import_parts::{Part, apply_parts};
use onestop::store::imports::{Import, ImportEnd, ImportEvent, ImportStart};
use onestop::store::keys::{DerivedKey, Secret, StoreKey};
use onestop::store::rows::{CommitPosition, ListPosition, ListedRow, PersonState, PolicyText, RequestRow};
use onestop::store::{
    Commit, JournalStore, Keyed, KeyedPerson, KeyedState, LookUp, PolicyStore, ReferenceRead, ReferenceStore,
    ReferenceWrite, Scope, Store, StoreError,
};
use tokio::sync::oneshot;

use super::disk::{DiskRow, DiskTable, Image};
use super::scheduler::Group;
use super::store_process::{Job, StoreProcess, composite_key, list_position_key, number_of_position};
use crate::support::ids::id;
use crate::support::random::Random;

/// How long a server waits for the store.
const STORE_TIMEOUT: u64 = 60;

/// One in this many messages is lost or duplicated.
const LOST_ONE_IN: usize = 25;
const DUPLICATE_ONE_IN: usize = 20;

const SECRET: Secret = Secret([7; 32]);

/// A connection to the store process.
#[derive(Clone)]
pub struct SimulatedStore {
    process: Arc<StoreProcess>,
    coordination: SingleInstance,
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("no answer".to_owned())
}

fn unknown() -> StoreError {
    StoreError::Unknown("no answer".to_owned())
}

impl SimulatedStore {
    /// A connection to this process.
    pub fn new(process: Arc<StoreProcess>) -> SimulatedStore {
        SimulatedStore { process, coordination: SingleInstance::default() }
    }

    /// Waits while a message is in transit, possibly longer than the timeout; false if the message is lost.
    async fn message_arrives(&self, may_be_late: bool) -> bool {
        let scheduler = &self.process.scheduler;
        let may_be_late = may_be_late && self.process.faults_enabled();
        let long = |random: &mut Random| {
            if may_be_late && random.one_in(12) { 30 + random.below(60) } else { 1 + random.below(5) }
        };
        scheduler.sleep(scheduler.draw(long) as u64).await;
        !(self.process.faults_enabled() && scheduler.draw(|random| random.one_in(LOST_ONE_IN)))
    }

    async fn read<T>(&self, read: impl FnOnce(&Image) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let there = self.message_arrives(true).await;
        let response = if there { self.process.read(read) } else { None };
        if response.is_none() || !self.message_arrives(true).await {
            self.process.scheduler.sleep(STORE_TIMEOUT).await;
            return Err(unavailable());
        }
        response.unwrap_or_else(|| Err(unavailable()))
    }

    async fn write(&self, job: Job) -> Result<(), StoreError> {
        let (reply, response) = oneshot::channel();
        let (store, duplicate) = (self.clone(), job.clone());
        let scheduler = &self.process.scheduler;
        // Only a commit names the version that it is based on; other rows must be written in the order of sending.
        let commit = matches!(job, Job::Commit(_));
        let twice = commit && self.process.faults_enabled() && scheduler.draw(|random| random.one_in(DUPLICATE_ONE_IN));
        scheduler.spawn(Group::Environment, async move {
            let arrives = store.message_arrives(commit).await;
            if arrives {
                store.process.receive(job, Some(reply));
            } else {
                // No reply comes before the timeout.
                store.process.scheduler.sleep(2 * STORE_TIMEOUT).await;
                drop(reply);
            }
        });
        if twice {
            let store = self.clone();
            scheduler.spawn(Group::Environment, async move {
                if store.message_arrives(true).await && store.message_arrives(true).await {
                    store.process.receive(duplicate, None);
                }
            });
        }
        let reply_received = async {
            let response = response.await.unwrap_or_else(|_gone| Err(unknown()));
            // This copy was refused by a stopped process, or because the other copy was written; the outcome is unknown.
            let copy_refused = matches!(response, Err(StoreError::Unavailable(_) | StoreError::EntryIdTaken));
            let response = if twice && copy_refused { Err(unknown()) } else { response };
            if self.message_arrives(true).await { response } else { std::future::pending().await }
        };
        scheduler.timeout(STORE_TIMEOUT, reply_received).await.unwrap_or_else(|| Err(unknown()))
    }

    async fn write_row(&self, table: DiskTable, key: Vec<u8>, value: Vec<u8>) -> Result<(), StoreError> {
        self.write(Job::WriteBatch(vec![DiskRow { table, key, value }])).await
    }
}

fn read_row<T: StoredForm>(image: &Image, table: DiskTable, key: Vec<u8>) -> Result<Option<T>, StoreError> {
    Ok(image.get(&(table, key)).map(|row| record::decode(row)).transpose()?)
}

fn read_table<T: StoredForm>(image: &Image, table: DiskTable) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
    let rows = image.iter().filter(|((of, _), _)| *of == table);
    rows.map(|((_, key), row)| Ok((key.clone(), record::decode(row)?))).collect()
}

/// A page of rows by person, in the order of the store keys.
fn person_page<T>(rows: Vec<(Vec<u8>, T)>, after: Option<StoreKey>, limit: usize) -> Vec<Keyed<T>> {
    let keyed = rows.into_iter().map(|(person, row)| {
        let person = id::<PersonId>(String::from_utf8_lossy(&person));
        (SECRET.person(&person), Ok(row))
    });
    let mut rows: Vec<_> = keyed.filter(|(key, _)| after.is_none_or(|after| *key > after)).collect();
    rows.sort_by_key(|(key, _)| *key);
    rows.truncate(limit);
    rows
}

/// The last byte of the key of an import's start, and of its end.
const START: u8 = 0;
pub const END: u8 = 1;

pub fn import_key(number: u64, kind: u8) -> Vec<u8> {
    [&number.to_be_bytes()[..], &[kind]].concat()
}

/// The end of the chain of the administration.
fn administration_of(image: &Image) -> Result<AdministrationState, StoreError> {
    Ok(read_row(image, DiskTable::Administration, Vec::new())?.unwrap_or_default())
}

/// The log of imports, oldest first.
fn read_imports(image: &Image) -> Result<Vec<Import>, StoreError> {
    let starts = image.keys().filter(|(table, key)| *table == DiskTable::Imports && key.ends_with(&[START]));
    let number = |key: &Vec<u8>| key[..8].try_into().map_or(0, u64::from_be_bytes);
    let import = |number| {
        let start: Option<ImportStart> = read_row(image, DiskTable::Imports, import_key(number, START))?;
        let end: Option<ImportEnd> = read_row(image, DiskTable::Imports, import_key(number, END))?;
        Ok(Import { number, start: start.unwrap_or_default(), end })
    };
    starts.map(|(_, key)| import(number(key))).collect()
}

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

    fn derived_key(&self, purpose: &'static str) -> DerivedKey {
        SECRET.derived(purpose)
    }

    async fn look_up(&self, scope: Scope<'_>) -> Result<LookUp, StoreError> {
        let person = scope.person_id.as_str();
        self.read(|image| {
            let request = scope
                .request
                .map(|(hospital, id)| composite_key(&[hospital.map_or("", HospitalId::as_str), person, id.as_str()]));
            let claim = scope.claim.map(|(hospital, id)| composite_key(&[hospital.as_str(), id.as_str()]));
            Ok(LookUp {
                person: read_row(image, DiskTable::Persons, composite_key(&[person]))?,
                state: read_row(image, DiskTable::States, composite_key(&[person]))?.unwrap_or_default(),
                request: request
                    .map_or(Ok(None), |key| read_row(image, DiskTable::Requests, key))?
                    .map(|RequestRow(id)| id),
                claim: claim.map(|key| read_row(image, DiskTable::Claims, key)).transpose()?.flatten(),
                closed_months: administration_of(image)?.closed_months,
            })
        })
        .await
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, StoreError> {
        let record = self.record(id).await?;
        Ok(record.map(|record| decode_entry(&record)).transpose()?.map(|(entry, _)| entry))
    }

    async fn record(&self, id: EntryId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|image| Ok(image.get(&(DiskTable::Journal, id.0.to_vec())).cloned())).await
    }

    async fn states(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedState>, StoreError> {
        Ok(person_page(self.read(|image| read_table::<PersonState>(image, DiskTable::States)).await?, after, limit))
    }

    async fn entry_count(&self) -> Result<u64, StoreError> {
        self.read(|image| Ok(image.keys().filter(|(table, _)| *table == DiskTable::Journal).count() as u64)).await
    }

    async fn entries_after(&self, after: CommitPosition, limit: usize) -> Result<EntryPage, StoreError> {
        let first = (DiskTable::Sequence, (after.0 + 1).to_be_bytes().to_vec());
        self.read(|image| {
            let later = image.range(first..).take_while(|((table, _), _)| *table == DiskTable::Sequence);
            let entry = |((_, key), row): (&(DiskTable, Vec<u8>), &Vec<u8>)| {
                let RequestRow(id) = record::decode(row)?;
                let record = image.get(&(DiskTable::Journal, id.0.to_vec())).cloned().ok_or_else(unavailable);
                Ok(StoredEntry { position: CommitPosition(number_of_position(key)), id, record })
            };
            let entries = later.clone().take(limit).map(entry).collect::<Result<Vec<_>, StoreError>>()?;
            Ok(EntryPage { is_end: later.count() == entries.len(), entries })
        })
        .await
    }

    async fn entry_at(&self, position: CommitPosition) -> Result<Option<EntryId>, StoreError> {
        let key = position.0.to_be_bytes().to_vec();
        let row = self.read(|image| read_row(image, DiskTable::Sequence, key)).await?;
        Ok(row.map(|RequestRow(id)| id))
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
        let [from, until] =
            [from, before].map(|position| (DiskTable::Listed, list_position_key(hospital_id.as_str(), position)));
        let listed = |((_, key), row): (&(DiskTable, Vec<u8>), &Vec<u8>)| {
            let ListedRow { settlement, day } = record::decode(row)?;
            Ok((ListPosition { day, number: number_of_position(key) }, settlement))
        };
        self.read(|image| image.range(from..until).take(limit).map(listed).collect()).await
    }

    /// Requires that no other call appends settlements of the day meanwhile.
    async fn append_settlements(
        &self,
        hospital_id: &HospitalId,
        day: Day,
        settlements: Vec<EntryId>,
    ) -> Result<(), StoreError> {
        let listed =
            self.hospital_settlements(hospital_id, ListPosition { day, number: 0 }, Day::LAST, usize::MAX).await?;
        let count = listed.iter().filter(|(position, _)| position.day == day).count() as u64;
        let row = |(number, id): (u64, EntryId)| {
            let position = ListPosition { day, number };
            let value = record::encode(&ListedRow { settlement: id, day });
            DiskRow { table: DiskTable::Listed, key: list_position_key(hospital_id.as_str(), position), value }
        };
        self.write(Job::WriteBatch((count + 1..).zip(settlements).map(row).collect())).await
    }

    async fn administration(&self) -> Result<AdministrationState, StoreError> {
        self.read(administration_of).await
    }

    async fn commit_administration(&self, commit: AdministrationCommit) -> Result<(), StoreError> {
        self.write(Job::Administration(Arc::new(commit))).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.write(Job::Commit(Arc::new(commit))).await
    }
}

impl ReferenceStore for SimulatedStore {
    async fn persons(&self, ids: &[PersonId]) -> Result<Vec<Option<PersonRecord>>, StoreError> {
        self.read(|image| {
            ids.iter().map(|id| read_row(image, DiskTable::Persons, composite_key(&[id.as_str()]))).collect()
        })
        .await
    }

    async fn person_records(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedPerson>, StoreError> {
        Ok(person_page(self.read(|image| read_table(image, DiskTable::Persons)).await?, after, limit))
    }

    fn external_sort(&self) -> ExternalSort {
        ExternalSort::new(SECRET, None)
    }

    async fn read_hospitals_and_catalogue(&self) -> Result<ReferenceRead, StoreError> {
        self.read(|image| {
            let import_log = read_imports(image)?;
            let ended = |key: &[u8]| {
                import_log.iter().any(|import| key.starts_with(&import.number.to_be_bytes()) && import.end.is_some())
            };
            let parts: Vec<(Vec<u8>, Part)> = read_table(image, DiskTable::Parts)?;
            Ok(apply_parts(parts.into_iter().filter(|(key, _)| ended(key)).map(|(_, part)| part)))
        })
        .await
    }

    async fn write_reference(&self, import: u64, part: u32, mut write: ReferenceWrite) -> Result<(), StoreError> {
        let mut rows = Vec::new();
        for person in std::mem::take(&mut write.persons) {
            let key = composite_key(&[person.person_id.as_str()]);
            rows.push(DiskRow { table: DiskTable::Persons, key, value: person.record });
        }
        let key = [&import.to_be_bytes()[..], &part.to_be_bytes()].concat();
        let value = record::encode(&Part::from(write));
        rows.push(DiskRow { table: DiskTable::Parts, key, value });
        self.write(Job::WriteBatch(rows)).await
    }

    async fn log_import(&self, number: u64, note: ImportEvent) -> Result<(), StoreError> {
        let (kind, value) = match note {
            ImportEvent::Start(began) => (START, record::encode(&began)),
            ImportEvent::End(ended) => (END, record::encode(&ended)),
        };
        self.write_row(DiskTable::Imports, import_key(number, kind), value).await
    }

    async fn imports(&self, before: u64, limit: usize) -> Result<Vec<Import>, StoreError> {
        let imports = self.read(read_imports).await?.into_iter().rev();
        Ok(imports.filter(|import| import.number < before).take(limit).collect())
    }
}

impl PolicyStore for SimulatedStore {
    async fn put_policy(&self, digest: Digest, canonical: String) -> Result<(), StoreError> {
        self.write_row(DiskTable::Policies, digest.0.to_vec(), record::encode(&PolicyText(canonical))).await
    }

    async fn policy(&self, digest: Digest) -> Result<Option<String>, StoreError> {
        let text = self.read(|image| read_row(image, DiskTable::Policies, digest.0.to_vec())).await?;
        Ok(text.map(|PolicyText(text)| text))
    }

    async fn policy_digests(&self) -> Result<Vec<Digest>, StoreError> {
        let kept = self.read(|image| read_table::<PolicyText>(image, DiskTable::Policies)).await?;
        Ok(kept.into_iter().map(|(key, _)| Digest(key.try_into().expect("a digest"))).collect())
    }
}
