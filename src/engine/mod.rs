//! The engine: quote, settle, reverse, outcome, fence, read and import, for any [`Store`].
//!
//! One flow for all that writes: look up, decide, commit; if the person moved meanwhile, look up again,
//! a bounded number of times. No lock is held while deciding, and nothing is decided while writing.
//! The engine reads no clock and draws no random number: whoever calls brings a [`CommitStamp`].

pub mod account;
mod account_replay;
pub mod administration;
pub mod administration_chain;
pub mod audit;
pub mod book_in_use;
mod booking_check;
pub mod chain;
mod chain_check;
pub mod close_month;
mod commit_loop;
mod continuing;
pub mod copy;
pub mod correct;
mod decide;
pub mod dropped_words;
mod entry_replay;
pub mod error;
pub mod feed;
pub mod fence;
pub mod follow;
mod idempotency;
pub mod impact;
pub mod import;
mod import_checks;
mod import_persons;
pub mod import_rows;
mod import_tables;
pub mod import_unmatched;
mod imported;
pub mod list;
mod live;
pub mod log_audit;
mod notices;
pub mod quote;
pub mod read;
pub mod readjudicate;
pub mod reconcile;
mod redecision;
pub mod reference;
pub mod retroactive;
pub mod reverse;
pub mod settle;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use bytes::Bytes;

use crate::domain::claim::ClaimLimits;
use crate::domain::day::Day;
use crate::domain::ids::{CanonicalDigest, Digest, EntryId};
use crate::domain::journal::{Entry, Instant};
use crate::domain::policy::Policy;
use crate::journal::decode_answered;
use crate::policy::Book;
use crate::reference::lookup_tables::LookupTables;
use crate::store::coordination::{BookAnnouncement, Coordination};
use crate::store::imports::Import;
use crate::store::shard::Shard;
use crate::store::{Store, StoreError};

use administration::StampSource;
pub use error::EngineError;

use book_in_use::store_book;

/// After so many entries of a long walk others get their turn.
const PAUSE: usize = 32;

/// When a commit is made, and under which id; brought from outside.
#[derive(Clone, Copy, Debug)]
pub struct CommitStamp {
    /// The id of the entry, if one is made.
    pub id: EntryId,
    /// The instant.
    pub instant: Instant,
}

impl CommitStamp {
    /// The same stamp for a commit about this person: its id names their shard, so that every store, however many
    /// machines it is spread over, finds the entry by its id alone.
    pub fn for_person(self, person_id: &str) -> CommitStamp {
        CommitStamp { id: Shard::of_person_text(person_id).set_in(self.id), ..self }
    }

    /// The id of the n-th further entry of the same commit: of the same time and shard, the rest drawn from the
    /// first.
    pub fn derived_id(&self, n: u32) -> EntryId {
        let EntryId(mut id) = self.id;
        let drawn = CanonicalDigest::new("further entry/2").bytes(&self.id.0).number(u64::from(n)).finish().0;
        // The bits of a UUID that tell its version and variant stay.
        id[6] = id[6] & 0xf0 | drawn[6] & 0x0f;
        id[7] = drawn[7];
        id[8] = id[8] & 0xc0 | drawn[8] & 0x3f;
        id[9..].copy_from_slice(&drawn[9..16]);
        Shard::of_entry(self.id).set_in(EntryId(id))
    }
}

/// What an engine is set up with.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// How large a claim may be.
    pub limits: ClaimLimits,
    /// How often a commit is tried again when the person moved meanwhile.
    pub conflict_retries: u32,
    /// The most rows of hospitals or catalogue in one import: they are held in memory. Persons are not.
    pub rows_held: usize,
}

impl Default for EngineSettings {
    fn default() -> Self {
        EngineSettings { limits: ClaimLimits::default(), conflict_retries: 100, rows_held: 2_000_000 }
    }
}

/// The settlement engine over a store.
pub struct Engine<S> {
    store: S,
    settings: EngineSettings,
    tables: ArcSwap<LookupTables>,
    book: ArcSwap<Book>,
    importing: Arc<tokio::sync::Mutex<()>>,
    /// The version of the tables held, where several instances share them.
    version: Mutex<u64>,
    /// The day of the clock and the later day of the newest commit that were logged last.
    logged_clock: Mutex<Option<(Day, Day)>>,
    /// Attempts to commit that met another commit for the same person.
    conflicts: AtomicU64,
}

impl<S: Store> Engine<S> {
    /// An engine over this store, applying this book; it keeps the book's policies in the store.
    ///
    /// # Errors
    /// If the store cannot be read or written, or is the copy of another that did not end: it lacks settlements.
    pub async fn open(store: S, book: Book, settings: EngineSettings) -> Result<Engine<S>, StoreError> {
        let last = store.imports(u64::MAX, 1).await?;
        if last.iter().any(Import::is_incomplete_copy) {
            return Err(StoreError::IncompleteCopy);
        }
        store_book(&store, &book).await?;
        store.coordination().announce_book(book.digest(), BookAnnouncement::Start).await?;
        let version = store.coordination().shared_versions().borrow().tables_version;
        let read = store.read_hospitals_and_catalogue().await?;
        let tables = LookupTables::new(read.hospitals, read.catalogue);
        Ok(Engine {
            store,
            settings,
            tables: ArcSwap::from_pointee(tables),
            book: ArcSwap::from_pointee(book),
            importing: Arc::default(),
            version: Mutex::new(version),
            logged_clock: Mutex::default(),
            conflicts: AtomicU64::new(0),
        })
    }

    /// Keeps the policies of a checked book, records who puts it in use, announces it to other instances, and applies it to
    /// every call that begins after; gives the book that was in use. A call that began before ends under the book that it began
    /// with.
    ///
    /// # Errors
    /// If the store cannot be read or written; then the book in use stays.
    pub async fn activate(
        &self,
        book: Book,
        activated_by: &str,
        stamps: StampSource<'_>,
    ) -> Result<Arc<Book>, EngineError> {
        store_book(&self.store, &book).await.map_err(EngineError::from_write_error)?;
        self.record_activation(book.digest(), activated_by.to_owned(), stamps).await?;
        self.store
            .coordination()
            .announce_book(book.digest(), BookAnnouncement::Activate)
            .await
            .map_err(EngineError::from_write_error)?;
        Ok(self.book.swap(Arc::new(book)))
    }

    /// Records the book in use, and announces it as the one that all instances are to apply.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub async fn announce_book_as_required(
        &self,
        activated_by: &str,
        stamps: StampSource<'_>,
    ) -> Result<(), EngineError> {
        let book = self.book().digest();
        self.record_activation(book, activated_by.to_owned(), stamps).await?;
        self.store
            .coordination()
            .announce_book(book, BookAnnouncement::Activate)
            .await
            .map_err(EngineError::from_write_error)
    }

    /// The book in use.
    pub fn book(&self) -> Arc<Book> {
        self.book.load_full()
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// How many attempts to commit met another commit for the same person, and were repeated.
    pub fn conflicts(&self) -> u64 {
        self.conflicts.load(Ordering::Relaxed)
    }

    /// What the engine was set up with.
    pub fn settings(&self) -> &EngineSettings {
        &self.settings
    }

    /// A policy that was ever in use, by the digest that settlements name.
    ///
    /// # Errors
    /// If the store cannot be read, or what it kept is not what the digest says.
    pub async fn stored_policy(&self, digest: Digest) -> Result<Option<Policy>, EngineError> {
        let Some(canonical) = self.store.policy(digest).await.map_err(EngineError::from_read_error)? else {
            return Ok(None);
        };
        Policy::from_kept(&canonical, digest)
            .map(Some)
            .ok_or_else(|| EngineError::broken_invariant(format!("the policy kept as {digest} is another")))
    }

    /// An entry that a row names, and its answer if it is a settlement, as it was committed.
    async fn answered_entry(&self, id: EntryId) -> Result<(Entry, Bytes), EngineError> {
        let record = self.store.record(id).await.map_err(EngineError::from_read_error)?;
        let record = record.ok_or_else(|| {
            EngineError::broken_invariant(format!(
                "a row names entry {id}, but the store has no such entry: the store is damaged"
            ))
        })?;
        decode_answered(&record).map_err(|error| EngineError::from_read_error(error.into()))
    }

    /// An entry that a row names; that it is missing means that the store is damaged.
    async fn required_entry(&self, id: EntryId) -> Result<Entry, EngineError> {
        let entry = self.store.entry(id).await.map_err(EngineError::from_read_error)?;
        entry.ok_or_else(|| {
            EngineError::broken_invariant(format!(
                "a row names entry {id}, but the store has no such entry: the store is damaged"
            ))
        })
    }
}
