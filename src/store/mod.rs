//! The store: what is kept, and the one trait by which the engine asks for it.
//!
//! *Decide, then write.* The engine brings a [`Commit`] that leaves nothing to decide; a store compares
//! the person's version, writes everything in one atomic, durable step, and answers only when it is
//! durable. What is not durable yet is never shown to a reader.
//!
//! [`record`] and [`forms`] are the form of stored bytes, [`embedded`] the store in a directory, [`memory`] the same
//! contract without durability, for policy tests and properties; [`archived`] a store some of whose entries are in an
//! archive.

pub mod archived;
pub mod codec;
pub mod commit;
pub mod embedded;
pub mod external_sort;
pub mod imports;
pub mod keys;
pub mod memory;
pub mod readiness;
pub mod record;
pub mod redis;
pub mod rows;
pub mod secret_file;
pub mod shard;

use std::future::Future;

use tokio::sync::watch;

use crate::domain::day::Day;
use crate::domain::ids::{ClaimId, Digest, EntryId, HospitalId, PersonId, RequestId};
use crate::domain::journal::Entry;
use crate::reference::catalogue::CatalogueRow;
use crate::reference::hospital::HospitalRecord;
use crate::reference::person::PersonRecord;

pub use commit::Commit;
use imports::{Import, ImportEvent};
use keys::StoreKey;
use readiness::{BookAnnouncement, Readiness, Shared};
use rows::{ClaimRow, ListPosition, PersonState};

/// A person's key, and what is kept under it, if it can be read.
pub type Keyed<T> = (StoreKey, Result<T, StoreError>);

/// A person's state by key.
pub type KeyedState = Keyed<PersonState>;

/// A person's reference record by key.
pub type KeyedPerson = Keyed<PersonRecord>;

/// Whose rows are looked up, and under which names.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The hospital.
    pub hospital_id: &'a HospitalId,
    /// The person.
    pub person_id: &'a PersonId,
    /// The idempotency key, if it is asked for.
    pub request_id: Option<&'a RequestId>,
    /// The claim, if it is asked for.
    pub claim_id: Option<&'a ClaimId>,
}

/// What was found, all of one moment.
#[derive(Clone, Default)]
pub struct LookUp {
    /// The person's reference record.
    pub person: Option<PersonRecord>,
    /// The person's accounts and place in the chain.
    pub state: PersonState,
    /// The entry that used the request id.
    pub request: Option<EntryId>,
    /// What is known of the claim id.
    pub claim: Option<ClaimRow>,
}

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing was written: the store cannot be read or does not take writes.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// It may or may not have been written.
    #[error("whether the store wrote is unknown: {0}")]
    Unknown(String),
    /// The person moved meanwhile, or the claim id was bound to another; nothing was written.
    #[error("the account moved meanwhile")]
    Conflict,
    /// A record is not what was written.
    #[error("a stored record is damaged: {0}")]
    Damaged(String),
    /// The entry is there, in an archive that is not at hand.
    #[error("entry {0} is in an archive that is not at hand")]
    Archived(EntryId),
}

impl StoreError {
    /// An entry has this id already, and no entry is ever replaced.
    pub fn taken(id: EntryId) -> StoreError {
        StoreError::Unavailable(format!("the entry id {id} is taken"))
    }
}

/// Rows of reference tables to be written in one step.
#[derive(Clone, Default)]
pub struct ReferenceWrite {
    /// Persons, whole.
    pub persons: Vec<(PersonId, PersonRecord)>,
    /// Hospitals, whole.
    pub hospitals: Vec<(HospitalId, HospitalRecord)>,
    /// Rows of the catalogue.
    pub catalogue: Vec<CatalogueRow>,
}

/// The reference tables that are held in memory.
#[derive(Default)]
pub struct ReferenceRead {
    /// All hospitals.
    pub hospitals: Vec<(HospitalId, HospitalRecord)>,
    /// All rows of the catalogue.
    pub catalogue: Vec<CatalogueRow>,
}

/// A home for settlements and reference tables.
pub trait Store: Send + Sync + 'static {
    /// The key that this store knows a person by: a keyed hash, from which nobody without the secret can tell whose.
    fn key_of(&self, person_id: &PersonId) -> StoreKey;

    /// Whether it takes commits, as it changes; unless it says otherwise, it does.
    fn readiness(&self) -> watch::Receiver<Readiness> {
        watch::channel(Readiness::Ready).1
    }

    /// What several instances over it share, as it changes; unless it says otherwise, there is one instance.
    fn shared(&self) -> watch::Receiver<Shared> {
        watch::channel(Shared::default()).1
    }

    /// Announces the book that this instance applies. One that applies another than was announced is not ready.
    fn announce_book(
        &self,
        _book: Digest,
        _why: BookAnnouncement,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Takes the turn to import, which one instance has at a time; gives the version of the tables, if others than this
    /// instance write them. A turn whose instance ended passes by itself.
    ///
    /// # Errors
    /// `Conflict` if another has it.
    fn begin_turn(&self) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send {
        std::future::ready(Ok(None))
    }

    /// Gives the turn back.
    fn end_turn(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// What is known of a person, a request and a claim, as of one durable moment.
    fn look_up(&self, scope: Scope<'_>) -> impl Future<Output = Result<LookUp, StoreError>> + Send;

    /// An entry of the journal.
    fn entry(&self, id: EntryId) -> impl Future<Output = Result<Option<Entry>, StoreError>> + Send;

    /// The record of an entry, the bytes as they were committed; [`codec::decode_entry`] reads them, and the next
    /// entry of the chain carries their digest.
    fn record(&self, id: EntryId) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send;

    /// The states of persons behind a key, at most so many, in the order of keys; that each can be read is
    /// told one by one.
    fn states(
        &self,
        behind: Option<StoreKey>,
        most: usize,
    ) -> impl Future<Output = Result<Vec<KeyedState>, StoreError>> + Send;

    /// How many entries the journal has.
    fn entries(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// The settlements of a hospital from a place on, before a day, at most so many; in the order of their
    /// places, which stands while others are added behind.
    fn listed(
        &self,
        hospital_id: &HospitalId,
        from: ListPosition,
        until: Day,
        most: usize,
    ) -> impl Future<Output = Result<Vec<(ListPosition, EntryId)>, StoreError>> + Send;

    /// Lists these settlements, in their order, behind those of the hospital's day; durable when it returns. A
    /// commit lists its own; this is for what was committed elsewhere and not listed here.
    fn list(
        &self,
        hospital_id: &HospitalId,
        day: Day,
        settlements: Vec<EntryId>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Writes everything of a commit, or nothing; durable when it returns.
    ///
    /// Once called it runs to its end, whether or not the caller waits for it.
    fn commit(&self, commit: Commit) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The reference records of these persons.
    fn persons(&self, ids: &[PersonId]) -> impl Future<Output = Result<Vec<Option<PersonRecord>>, StoreError>> + Send;

    /// The reference records of persons behind a key, at most so many, in the order of keys; that each can be read
    /// is told one by one.
    fn person_records(
        &self,
        behind: Option<StoreKey>,
        most: usize,
    ) -> impl Future<Output = Result<Vec<KeyedPerson>, StoreError>> + Send;

    /// Where the rows of an import about persons are put in order.
    fn spool(&self) -> external_sort::ExternalSort;

    /// Hospitals and catalogue, by all imports that ended.
    fn reference(&self) -> impl Future<Output = Result<ReferenceRead, StoreError>> + Send;

    /// Writes a part of an import; durable when it returns. Persons hold at once, each whole, and some may hold if it
    /// fails; hospitals and catalogue hold when the import is noted as ended.
    fn put_reference(
        &self,
        import: u64,
        part: u32,
        write: ReferenceWrite,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Notes how an import goes; durable when it returns.
    fn note_import(&self, number: u64, note: ImportEvent) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The last imports before a number, newest first.
    fn imports(&self, before: u64, most: usize) -> impl Future<Output = Result<Vec<Import>, StoreError>> + Send;

    /// Keeps the canonical text of a policy, so that what was settled under it can be recomputed.
    fn put_policy(&self, digest: Digest, canonical: String) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The canonical text of a policy that was ever kept.
    fn policy(&self, digest: Digest) -> impl Future<Output = Result<Option<String>, StoreError>> + Send;

    /// The digests of all policies that were ever kept, in their order.
    fn policies(&self) -> impl Future<Output = Result<Vec<Digest>, StoreError>> + Send;
}
