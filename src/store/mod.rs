//! The store: what is kept, and the traits through which the engine reads and writes it.
//!
//! *Decide, then write.* The engine brings a [`Commit`] that leaves nothing to decide; a store compares
//! the person's version, writes everything in one atomic, durable step, and answers only when it is
//! durable. What is not durable yet is never shown to a reader.
//!
//! [`record`] and [`forms`] are the form of stored bytes, [`embedded`] the store in a directory, [`memory`] the same
//! contract without durability, for policy tests and properties; [`tiered`] a live store with an
//! archive.

pub mod archive;
pub mod codec;
pub mod commit;
pub mod coordination;
pub mod embedded;
pub mod external_sort;
pub mod imports;
pub mod keys;
pub mod memory;
pub mod pages;
pub mod record;
pub mod redis;
pub mod rows;
pub mod secret_file;
pub mod shard;
pub mod tiered;

use std::future::Future;

use crate::domain::day::Day;
use crate::domain::ids::{ClaimId, Digest, EntryId, HospitalId, PersonId, RequestId};
use crate::domain::journal::Entry;
use crate::reference::catalogue::CatalogueRow;
use crate::reference::hospital::HospitalRecord;
use crate::reference::person::PersonRecord;

pub use commit::Commit;
use coordination::Coordination;
use imports::{Import, ImportEvent};
use keys::StoreKey;

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

/// A store of settlements, reference tables and policies, that one or several instances serve from.
pub trait Store: JournalStore + ReferenceStore + PolicyStore {
    /// How the instances over this store coordinate.
    type Coordination: Coordination;

    /// The coordination with other instances.
    fn coordination(&self) -> &Self::Coordination;
}

/// The journal: entries in one chain per person, and the rows derived from them.
pub trait JournalStore: Send + Sync + 'static {
    /// The key under which this store keeps a person: a keyed hash that reveals no id without the secret.
    fn person_key(&self, person_id: &PersonId) -> StoreKey;

    /// The state of a person, a request and a claim, all read at one durable moment.
    fn look_up(&self, scope: Scope<'_>) -> impl Future<Output = Result<LookUp, StoreError>> + Send;

    /// An entry of the journal.
    fn entry(&self, id: EntryId) -> impl Future<Output = Result<Option<Entry>, StoreError>> + Send;

    /// The record of an entry: the bytes as committed. [`codec::decode_entry`] decodes them, and the next entry of the
    /// chain carries their digest.
    fn record(&self, id: EntryId) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send;

    /// The number of entries in the journal.
    fn entry_count(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Up to `limit` states of persons with a key after `after`, in the order of keys. A damaged state fails alone.
    fn states(
        &self,
        after: Option<StoreKey>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<KeyedState>, StoreError>> + Send;

    /// Up to `limit` settlements of a hospital, from a position on and before a day, in the order of positions. The
    /// order is stable: later settlements are appended.
    fn hospital_settlements(
        &self,
        hospital_id: &HospitalId,
        from: ListPosition,
        until: Day,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(ListPosition, EntryId)>, StoreError>> + Send;

    /// Appends settlements to the list of a hospital's day, in their order; durable when it returns. A commit appends
    /// its own settlement: this is for settlements that were committed in another store.
    fn append_settlements(
        &self,
        hospital_id: &HospitalId,
        day: Day,
        settlements: Vec<EntryId>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Writes all of a commit or nothing; durable when it returns.
    ///
    /// Once called it runs to completion, even if the caller stops waiting.
    fn commit(&self, commit: Commit) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The reference tables (persons, hospitals, catalogue) and the log of their imports.
pub trait ReferenceStore: Send + Sync + 'static {
    /// The reference records of these persons, in the order of `ids`.
    fn persons(&self, ids: &[PersonId]) -> impl Future<Output = Result<Vec<Option<PersonRecord>>, StoreError>> + Send;

    /// Up to `limit` reference records of persons with a key after `after`, in the order of keys. A damaged record
    /// fails alone.
    fn person_records(
        &self,
        after: Option<StoreKey>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<KeyedPerson>, StoreError>> + Send;

    /// An empty external sort that orders the persons of an import by this store's keys.
    fn external_sort(&self) -> external_sort::ExternalSort;

    /// Hospitals and catalogue as of all completed imports.
    fn read_reference(&self) -> impl Future<Output = Result<ReferenceRead, StoreError>> + Send;

    /// Writes a part of an import; durable when it returns. Persons are visible at once, each whole, and some of them
    /// may be written if it fails; hospitals and catalogue become visible when the end of the import is logged.
    fn write_reference(
        &self,
        import: u64,
        part: u32,
        write: ReferenceWrite,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Logs the start or the end of an import; durable when it returns.
    fn log_import(&self, number: u64, event: ImportEvent) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Up to `limit` imports with a number before `before`, newest first.
    fn imports(&self, before: u64, limit: usize) -> impl Future<Output = Result<Vec<Import>, StoreError>> + Send;
}

/// The policies that were ever in force, so that a settlement can be recomputed.
pub trait PolicyStore: Send + Sync + 'static {
    /// Keeps the canonical text of a policy; durable when it returns.
    fn put_policy(&self, digest: Digest, canonical: String) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The canonical text of a policy.
    fn policy(&self, digest: Digest) -> impl Future<Output = Result<Option<String>, StoreError>> + Send;

    /// The digests of all policies, in ascending order.
    fn policy_digests(&self) -> impl Future<Output = Result<Vec<Digest>, StoreError>> + Send;
}
