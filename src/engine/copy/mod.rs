//! A store copied into another that has a secret of its own: every key is derived anew from the records, and every
//! entry of the journal is, byte for byte, what was committed.
//!
//! What the target holds already is compared first; if all of it is of the source, a copy that was interrupted goes on,
//! and nothing is written twice. Then policies and the log of imports, persons, the chains (`chains`), the lists of
//! hospitals' days (`lists`). Every chain of the target is verified (`verify`) before hospitals and catalogue are
//! shown there, last: a target that is no whole copy knows no hospital, and no engine opens it.
//!
//! It writes the target only; but where closed years are to leave a Redis ([`archive`]), their entries are removed from there
//! once the copy is whole. Nobody else may write to either store meanwhile. Of hospitals and catalogue it brings
//! what holds, not how each import changed it; the log of imports says that, and that there was a copy.

pub mod archive;
mod chains;
mod commits;
mod lists;
mod persons;
mod policies;
mod tables;
mod verify;

use crate::domain::ids::{DigestError, EntryId};
use crate::domain::journal::Instant;
use crate::store::keys::StoreKey;
use crate::store::{Store, StoreError};

use super::chain::AuditFinding;
use super::import::Told;

/// How many rows are read at once.
const PAGE: usize = 1_000;

/// Which of the two stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that is copied.
    Source,
    /// The one that becomes the copy.
    Target,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Side::Source => "the source",
            Side::Target => "the target",
        })
    }
}

/// Why a store was not copied, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCopied {
    /// A store cannot be read or written.
    #[error("{0}: {1}")]
    Store(Side, StoreError),
    /// A chain does not hold, or an entry is not what the other store has.
    #[error("{0}, {1}")]
    Entry(Side, AuditFinding),
    /// The target holds what the source does not; nothing was written over it.
    #[error("the target holds something else: {0}")]
    Foreign(String),
    /// The source is itself a copy that did not end: it lacks settlements.
    #[error("the source is a copy that did not end: copy again what it was copied from")]
    Unended,
    /// A record of a person does not say whose it is.
    #[error(
        "the source: the record of person {0} was imported by a release that kept no id with it: serve the source with \
         this release, import its persons.csv again, then copy"
    )]
    Nameless(String),
    /// The digest of what is copied cannot be computed.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// The copy ended, and the stores are not the same.
    #[error("the copy differs: {0}")]
    Differs(String),
}

impl NotCopied {
    fn source(error: StoreError) -> NotCopied {
        NotCopied::Store(Side::Source, error)
    }

    fn target(error: StoreError) -> NotCopied {
        NotCopied::Store(Side::Target, error)
    }

    /// What is kept of a person cannot be read.
    fn of_person(side: Side, key: StoreKey, error: StoreError) -> NotCopied {
        let named = |what: String| StoreError::Damaged(format!("person {}: {what}", shown(key)));
        match error {
            StoreError::Damaged(what) => NotCopied::Store(side, named(what)),
            other => NotCopied::Store(side, other),
        }
    }

    fn foreign_entry(entry: EntryId, told: &str) -> NotCopied {
        NotCopied::Foreign(format!("entry {entry} {told}"))
    }
}

/// What a copy is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Persons' reference records, by number.
    Persons,
    /// Entries of chains, by number.
    Chains,
    /// Settlements in the lists of hospitals' days, by number.
    Lists,
    /// Entries of the target's chains, by number.
    Verifying,
    /// Entries of the target's chains, whose closed years leave the source.
    Archiving,
}

/// What was copied, and what of it is new in the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Policies.
    pub policies: u64,
    /// Imports in the log.
    pub imports: u64,
    /// Hospitals.
    pub hospitals: u64,
    /// Rows of the catalogue.
    pub catalogue: u64,
    /// Persons' reference records.
    pub persons: Count,
    /// Persons' chains.
    pub chains: u64,
    /// Entries of the journal.
    pub entries: Count,
    /// Settlements, each in the list of its hospital's day.
    pub settlements: u64,
    /// Splits that were recomputed in the target.
    pub splits: u64,
}

/// So many, of which so many were written by this run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// All.
    pub all: u64,
    /// Those that were not there before.
    pub written: u64,
}

/// What a copy is brought from outside.
pub struct CopyContext<'a> {
    /// The clock.
    pub now: &'a (dyn Fn() -> Instant + Sync),
    /// Who is told how far it is: at which stage, so many of so many.
    pub progress: &'a (dyn Fn(Stage, u64, u64) + Sync),
}

/// Two stores, one to become a copy of the other.
pub struct Copying<'a, S, T> {
    source: &'a S,
    target: &'a T,
    outside: CopyContext<'a>,
    entries: u64,
}

impl<'a, S: Store, T: Store> Copying<'a, S, T> {
    /// Between these stores.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub async fn between(
        source: &'a S,
        target: &'a T,
        outside: CopyContext<'a>,
    ) -> Result<Copying<'a, S, T>, NotCopied> {
        let entries = source.entry_count().await.map_err(NotCopied::source)?;
        Ok(Copying { source, target, outside, entries })
    }

    /// Copies whatever the target lacks, and verifies the whole.
    ///
    /// # Errors
    /// What stood in the way; the same again goes on from there.
    pub async fn run(&self, told: Told) -> Result<Copied, NotCopied> {
        let mut copied = Copied::default();
        let tables = self.tables().await?;
        self.compare_policies().await?;
        self.compare_persons().await?;
        self.compare_heads().await?;
        let records = self.records().await?;
        self.begin(&tables, told).await?;
        copied.policies = self.policies().await?;
        copied.imports = self.log(&tables).await?;
        copied.persons = self.persons(records, tables.number).await?;
        let chains = self.chains().await?;
        (copied.chains, copied.entries) = (chains.chains, chains.entries);
        copied.settlements = self.lists(&tables.hospitals, chains.settlements).await?;
        copied.splits = self.verify(&copied).await?;
        self.end(&tables).await?;
        (copied.hospitals, copied.catalogue) = (tables.hospitals.len() as u64, tables.catalogue.len() as u64);
        Ok(copied)
    }
}

/// A key as it is told; it names nobody.
fn shown(key: StoreKey) -> String {
    format!("{:032x}", u128::from_be_bytes(key))
}
