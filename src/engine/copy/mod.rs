//! Copies of a store into another with a secret of its own: every key is derived again from the records, and every entry
//! of the journal stays byte for byte as it was committed.
//!
//! First the content of the target is compared: if all of it is from the source, an interrupted copy continues and writes
//! nothing twice. Then come policies and the log of imports, persons, the chains (`chains`), and the lists of hospitals
//! (`lists`). Every chain of the target is verified (`verify`) before hospitals and catalogue are written, last: an
//! incomplete copy knows no hospital, and no engine opens it.
//!
//! A copy writes to the target only, except that [`archive`] removes entries of closed years from the source once the
//! copy is complete. Nobody else may write to either store meanwhile; of what another copy or an import would write to the target,
//! the import lease sees to that. A copy contains the current hospitals and
//! catalogue, not how each import changed them; the log of imports records those imports, and the copy itself.

mod administration;
pub mod archive;
mod chains;
mod commits;
mod lists;
mod persons;
mod policies;
mod tables;
mod verify;

use crate::domain::ids::EntryId;
use crate::domain::journal::Instant;
use crate::store::coordination::Coordination;
use crate::store::keys::StoreKey;
use crate::store::{Store, StoreError};

use super::chain::AuditFinding;
use super::import::ImportSource;

/// The number of rows in a page.
const PAGE: usize = 1_000;

/// The role of a store in a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreRole {
    /// The store that is copied.
    Source,
    /// The store that becomes the copy.
    Target,
}

impl std::fmt::Display for StoreRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            StoreRole::Source => "the source",
            StoreRole::Target => "the target",
        })
    }
}

/// Why a copy failed or is incomplete.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    /// A store cannot be read or written.
    #[error("cannot read or write {0} of the copy: {1}")]
    Store(StoreRole, StoreError),
    /// A chain is broken, or an entry differs from the other store's.
    #[error("{0}, {1}")]
    Entry(StoreRole, AuditFinding),
    /// The target contains what the source does not; it was not overwritten.
    #[error("the target contains data that is not in the source: {0}")]
    ForeignContent(String),
    /// Another copy or an import holds the import lease of the target.
    #[error(
        "another copy or an import writes to the target; nothing was copied: run the same command again once it has ended. \
         What one that was killed holds expires within a minute"
    )]
    TargetInUse,
    /// The source is an incomplete copy: settlements are missing.
    #[error("the source is an incomplete copy: copy its own source again")]
    IncompleteSource,
    /// The copy completed, but the stores differ.
    #[error("the copy differs: {0}")]
    Differs(String),
}

impl CopyError {
    fn source(error: StoreError) -> CopyError {
        CopyError::Store(StoreRole::Source, error)
    }

    fn target(error: StoreError) -> CopyError {
        match error {
            StoreError::ImportLeaseHeld => CopyError::TargetInUse,
            error => CopyError::Store(StoreRole::Target, error),
        }
    }

    /// The error of reading a row of a person.
    fn from_person(side: StoreRole, key: StoreKey, error: StoreError) -> CopyError {
        let of_person = |what: String| StoreError::Damaged(format!("person {}: {what}", key_text(key)));
        match error {
            StoreError::Damaged(what) => CopyError::Store(side, of_person(what)),
            other => CopyError::Store(side, other),
        }
    }

    fn foreign_entry(entry: EntryId, message: &str) -> CopyError {
        CopyError::ForeignContent(format!("entry {entry} {message}"))
    }
}

/// The stage of a copy, for progress reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Copies reference records of persons.
    Persons,
    /// Copies entries of chains.
    Chains,
    /// Copies settlements in the lists of hospitals.
    Lists,
    /// Verifies entries of the target's chains.
    Verifying,
    /// Archives entries of closed years.
    Archiving,
}

/// The content of a copy, and how much of it this run wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyReport {
    /// Policies.
    pub policies: u64,
    /// Imports in the log.
    pub imports: u64,
    /// Hospitals.
    pub hospitals: u64,
    /// Rows of the catalogue.
    pub catalogue: u64,
    /// Persons' reference records.
    pub persons: CopyCount,
    /// Persons' chains.
    pub chains: u64,
    /// Entries of the journal.
    pub entries: CopyCount,
    /// Settlements in the lists of hospitals.
    pub settlements: u64,
    /// Splits that were recomputed to verify the target.
    pub splits: u64,
}

/// A number of rows, and how many of them this run wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyCount {
    /// All rows.
    pub total: u64,
    /// Rows that were not in the target before.
    pub written: u64,
}

/// The environment of a copy.
pub struct CopyContext<'a> {
    /// The clock.
    pub now: &'a (dyn Fn() -> Instant + Sync),
    /// Reports progress: the stage, the number done, the total.
    pub progress: &'a (dyn Fn(Stage, u64, u64) + Sync),
}

/// A copy of a store into another.
pub struct StoreCopy<'a, S, T> {
    source: &'a S,
    target: &'a T,
    context: CopyContext<'a>,
    entries: u64,
}

impl<'a, S: Store, T: Store> StoreCopy<'a, S, T> {
    /// A copy of the source into the target.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub async fn new(source: &'a S, target: &'a T, context: CopyContext<'a>) -> Result<StoreCopy<'a, S, T>, CopyError> {
        let entries = source.entry_count().await.map_err(CopyError::source)?;
        Ok(StoreCopy { source, target, context, entries })
    }

    /// Copies what the target lacks, and verifies all of it, while nothing else is copied or imported into the target.
    ///
    /// # Errors
    /// What prevented it; running it again continues from there.
    pub async fn run(&self, source: ImportSource) -> Result<CopyReport, CopyError> {
        let coordination = self.target.coordination();
        coordination.acquire_import_lease().await.map_err(CopyError::target)?;
        let copied = tokio::select! {
            biased;
            lost = coordination.keep_import_lease() => Err(CopyError::target(lost)),
            copied = self.run_under_lease(source) => copied,
        };
        coordination.release_import_lease().await;
        copied
    }

    async fn run_under_lease(&self, source: ImportSource) -> Result<CopyReport, CopyError> {
        let mut report = CopyReport::default();
        let tables = self.read_tables().await?;
        self.compare_policies().await?;
        self.compare_persons().await?;
        self.compare_heads().await?;
        let records = self.read_records().await?;
        self.log_start(&tables, source).await?;
        report.policies = self.copy_policies().await?;
        report.imports = self.copy_import_log(&tables).await?;
        report.persons = self.copy_persons(records, tables.number).await?;
        let chains = self.copy_chains().await?;
        (report.chains, report.entries) = (chains.chains, chains.entries);
        report.settlements = self.copy_lists(&tables.hospitals, chains.settlements).await?;
        report.splits = self.verify(&report).await?;
        self.write_tables(&tables).await?;
        (report.hospitals, report.catalogue) = (tables.hospitals.len() as u64, tables.catalogue.len() as u64);
        Ok(report)
    }
}

/// A key in hexadecimal, which identifies nobody.
fn key_text(key: StoreKey) -> String {
    format!("{:032x}", u128::from_be_bytes(key))
}
