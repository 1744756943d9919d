//! Import of reference rows: all rows of one file, or none, and then every fault is named.
//!
//! Rows are checked as they come ([`super::import_rows`]) and taken when all are there. Persons are put in the order of the
//! store, decided, and written some at a time, each whole (`import_persons`), so that settlements go on meanwhile
//! and no table of persons is held in memory; what is interrupted is taken again by the same import again. Hospitals and
//! catalogue are few (`import_tables`): they are changed in memory, written in parts that hold when the last is
//! there, and shown all at once.

use std::sync::Arc;

use crate::domain::journal::{AdministrationAct, Instant, JournaledImport};
use crate::reference::lookup_tables::LookupTables;
use crate::reference::row::ReferenceRow;
use crate::store::Store;
use crate::store::administration::AdministrationState;
use crate::store::coordination::Coordination;
use crate::store::imports::{Import, ImportEnd, ImportEvent, ImportStart};

use super::administration::StampSource;
use super::import_rows::ImportRows;
use super::import_tables::Draft;
use super::{Engine, EngineError};

pub use super::imported::Imported;

/// Who imports what, in the caller's words.
#[derive(Clone, Debug, Default)]
pub struct ImportSource {
    /// Where the rows come from: the name of a file.
    pub source: String,
    /// Who brings them.
    pub imported_by: String,
}

/// What an import is brought from outside.
pub struct ImportContext<'a> {
    /// The clock.
    pub now: &'a (dyn Fn() -> Instant + Sync),
    /// The stamps of entries of the journal; `None` where none is kept of imports, as in a policy case.
    pub stamps: Option<StampSource<'a>>,
    /// Whether to stop between two steps.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

/// The right to import in this process, where one import runs at a time; the lease of the store is the right among
/// instances.
pub struct ImportPermit(#[allow(dead_code)] tokio::sync::OwnedMutexGuard<()>);

impl<S: Store> Engine<S> {
    /// Imports rows that are held in memory, as [`Engine::import_rows`] does.
    ///
    /// # Errors
    /// As there.
    pub async fn import(&self, rows: Vec<ReferenceRow>) -> Result<Imported, EngineError> {
        let mut incoming = self.incoming();
        for row in rows {
            incoming.add_row(row)?;
        }
        let outside = ImportContext { now: &|| Instant(0), stamps: None, stop: &|| false };
        self.import_rows(self.acquire_import_permit().await, incoming, "", ImportSource::default(), &outside).await
    }

    /// Waits until no other import runs in this process.
    pub async fn acquire_import_permit(&self) -> ImportPermit {
        ImportPermit(Arc::clone(&self.importing).lock_owned().await)
    }

    /// Imports all the rows; settlements that begin afterwards see them all.
    ///
    /// # Errors
    /// Every faulty row, and every one that contradicts another; then none is imported. If the store cannot be written, or
    /// it is stopped or loses its lease, rows about some persons may have been imported: the same import again imports the others.
    pub async fn import_rows(
        &self,
        _permit: ImportPermit,
        mut incoming: ImportRows,
        table: &str,
        source: ImportSource,
        outside: &ImportContext<'_>,
    ) -> Result<Imported, EngineError> {
        incoming.check()?;
        let coordination = self.store.coordination();
        let shared_tables_version = coordination.acquire_import_lease().await.map_err(EngineError::from_write_error)?;
        let imported = tokio::select! {
            biased;
            lost = coordination.keep_import_lease() => Err(EngineError::from_write_error(lost)),
            imported = self.import_under_lease(shared_tables_version, incoming, table, source, outside) => imported,
        };
        coordination.release_import_lease().await;
        imported
    }

    /// The same while no other instance imports; what others imported before is read first.
    async fn import_under_lease(
        &self,
        shared_tables_version: Option<u64>,
        incoming: ImportRows,
        table: &str,
        source: ImportSource,
        outside: &ImportContext<'_>,
    ) -> Result<Imported, EngineError> {
        self.read_tables(shared_tables_version.unwrap_or(0)).await.map_err(EngineError::from_read_error)?;
        let last = self.store.imports(u64::MAX, 1).await.map_err(EngineError::from_read_error)?;
        let number = last.first().map_or(0, |import| import.number) + 1;
        let mut draft = Draft::new(&incoming, LookupTables::clone(&self.tables.load()))?;
        let begun = ImportStart {
            table: table.to_owned(),
            source: source.source,
            imported_by: source.imported_by,
            instant: (outside.now)(),
            rows: incoming.rows(),
            digest: incoming.digest(),
        };
        let persons = self.decide_persons(incoming.persons, &mut draft.count).await?;
        self.store
            .log_import(number, ImportEvent::Start(begun.clone()))
            .await
            .map_err(EngineError::from_write_error)?;
        self.write_persons(number, persons, outside).await?;
        self.import_hospitals_and_catalogue(number, &mut draft).await?;
        if (outside.stop)() {
            return Err(EngineError::ImportStopped);
        }
        let journaled = JournaledImport {
            number,
            table: table.to_owned(),
            source: begun.source,
            imported_by: begun.imported_by,
            digest: begun.digest,
            changed: draft.count.changed,
            unchanged: draft.count.unchanged,
        };
        self.end_import(journaled, outside).await?;
        if draft.tables_changed || shared_tables_version.is_some() {
            self.replace_tables(draft.tables, number);
        }
        Ok(draft.count)
    }

    /// Makes the rows of an import apply, and records its end in the same commit.
    async fn end_import(&self, import: JournaledImport, outside: &ImportContext<'_>) -> Result<(), EngineError> {
        let Some(stamps) = outside.stamps else {
            let JournaledImport { number, changed, unchanged, .. } = import;
            let end = ImportEvent::End(ImportEnd { instant: (outside.now)(), changed, unchanged });
            return self.store.log_import(number, end).await.map_err(EngineError::from_write_error);
        };
        let act = |_: &AdministrationState, _: Instant| Ok(Some(AdministrationAct::ImportEnd(import.clone())));
        self.record(act, stamps).await.map(drop)
    }

    /// The last imports before a number, newest first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn imports(&self, before: Option<u64>, limit: usize) -> Result<Vec<Import>, EngineError> {
        self.store.imports(before.unwrap_or(u64::MAX), limit).await.map_err(EngineError::from_read_error)
    }
}
