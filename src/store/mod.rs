//! The store: settlements, reference tables and policies, and the traits through which the engine reads and writes them.
//!
//! *Decide, then write.* The engine brings a [`Commit`] that leaves nothing to decide. A store compares the person's
//! version, writes everything in one atomic, durable step, and answers only when it is durable. A reader never sees
//! what is not durable yet.
//!
//! The traits: [`JournalStore`], [`ReferenceStore`], [`PolicyStore`] and [`Coordination`]; [`Store`] is all of them. The
//! stores: [`embedded`] in a directory; [`redis`] for several instances; [`tiered`], a live store with an archive of
//! closed years; [`memory`], without durability, for policy cases and property tests. All pass `tests/store_contract.rs`.
//! [`crate::journal`] and `forms` define the stored bytes.

pub mod administration;
pub mod archive;
pub mod backup;
pub mod changed_persons;
pub mod commit;
pub mod commit_log;
pub mod coordination;
pub mod derived_files;
pub mod embedded;
pub mod entry_page;
mod error;
pub mod external_sort;
mod forms;
pub mod import_parts;
pub mod imports;
mod journal_store;
pub mod keys;
pub mod live_stays;
pub mod memory;
pub mod observer;
pub mod pages;
mod policy_store;
pub mod redis;
mod reference_store;
pub mod rows;
pub mod secret_file;
pub mod shard;
pub mod sorted_runs;
pub mod thread_priority;
pub mod tiered;

pub use commit::Commit;
pub use error::StoreError;
pub use journal_store::{JournalStore, Keyed, KeyedState, LookUp, RowsOfPerson, Scope};
pub use policy_store::PolicyStore;
pub use reference_store::{EncodedPerson, KeyedPerson, ReferenceRead, ReferenceStore, ReferenceWrite};

use std::sync::Arc;

use backup::BackupReader;
use commit_log::CommitLog;
use coordination::Coordination;
use observer::{CheckpointLag, StoreObserver};

/// A store of settlements, reference tables and policies, that one or several instances serve from.
pub trait Store: JournalStore + ReferenceStore + PolicyStore {
    /// How the instances over this store coordinate.
    type Coordination: Coordination;

    /// The coordination with other instances.
    fn coordination(&self) -> &Self::Coordination;

    /// Reports its work to this observer from now on; the first observer stays. A store that has nothing to report ignores
    /// it.
    fn set_observer(&self, _observer: Arc<dyn StoreObserver>) {}

    /// Sets how many bytes of its disk stay free where it can put off a write; commits are refused below them. A store that is
    /// not on a disk of this machine ignores it.
    fn set_disk_reserve(&self, _bytes: u64) {}

    /// The log of its commits, if it has one.
    fn commit_log(&self) -> Option<Box<dyn CommitLog + '_>> {
        None
    }

    /// What its index has not written yet; `None` for a store without an index of its own.
    fn checkpoint_lag(&self) -> Option<CheckpointLag> {
        None
    }

    /// Reads its log for a backup; `None` for a store that is backed up otherwise.
    fn backup_reader(&self) -> Option<BackupReader> {
        None
    }
}
