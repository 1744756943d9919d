//! StoreCopy of hospitals and catalogue, and of the log of imports.
//!
//! In the target's log the copy itself is the last import: it starts before anything is written, and ends when everything
//! is verified.

use crate::domain::ids::{Digest, HospitalId};
use crate::journal::record;
use crate::reference::catalogue::CatalogueRow;
use crate::reference::hospital::HospitalRecord;
use crate::store::import_parts::Part;
use crate::store::imports::{COPY, Import, ImportEnd, ImportEvent, ImportStart};
use crate::store::pages::Pages;
use crate::store::{Store, StoreError};

use super::super::import::ImportSource;
use super::super::import_tables::parts;
use super::{CopyError, PAGE, StoreCopy};

/// The tables and the log of the source, and the log of the target.
pub(super) struct SourceTables {
    /// In the order of ids.
    pub hospitals: Vec<(HospitalId, HospitalRecord)>,
    /// In the order in which rows replace each other.
    pub catalogue: Vec<CatalogueRow>,
    /// The copy's number in the target's log.
    pub number: u64,
    log: Vec<Import>,
    target_log: Vec<Import>,
}

impl SourceTables {
    /// The digest over the stored forms of both tables.
    fn digest(&self) -> Digest {
        let (hospitals, catalogue) = (self.hospitals.clone(), self.catalogue.clone());
        Digest::blake3(&record::encode(&Part { hospitals, catalogue }))
    }

    fn rows(&self) -> u64 {
        (self.hospitals.len() + self.catalogue.len()) as u64
    }

    /// The copy in the target's log.
    fn copy(&self) -> Option<&Import> {
        self.target_log.last().filter(|last| last.number == self.number)
    }
}

impl<S: Store, T: Store> StoreCopy<'_, S, T> {
    /// Reads them, and checks that the target's log is a part of the source's, perhaps with a copy of this source.
    pub(super) async fn read_tables(&self) -> Result<SourceTables, CopyError> {
        let (hospitals, catalogue) = read_sorted(self.source).await.map_err(CopyError::source)?;
        let log = read_log(self.source).await.map_err(CopyError::source)?;
        if log.last().is_some_and(Import::is_incomplete_copy) {
            return Err(CopyError::IncompleteSource);
        }
        let target_log = read_log(self.target).await.map_err(CopyError::target)?;
        let number = log.last().map_or(0, |last| last.number) + 1;
        let of_source = |import: &Import| {
            let known = log.iter().find(|known| known.number == import.number);
            known.is_some_and(|known| known.start == import.start && (import.end.is_none() || import.end == known.end))
        };
        let is_copy = |import: &Import| import.number == number && import.start.table == COPY;
        if let Some(other) = target_log.iter().find(|import| !of_source(import) && !is_copy(import)) {
            return Err(CopyError::ForeignContent(format!("import {} of its log", other.number)));
        }
        Ok(SourceTables { hospitals, catalogue, number, log, target_log })
    }

    /// Logs the start of the copy, before anything else is written.
    pub(super) async fn log_start(&self, tables: &SourceTables, source: ImportSource) -> Result<(), CopyError> {
        if tables.copy().is_some() {
            return Ok(());
        }
        let start = ImportStart {
            table: COPY.to_owned(),
            source: source.source,
            imported_by: source.imported_by,
            instant: (self.context.now)(),
            rows: tables.rows(),
            digest: tables.digest(),
        };
        self.log_import(tables.number, ImportEvent::Start(start)).await
    }

    /// Copies the source's log, each import with its end if it has one.
    pub(super) async fn copy_import_log(&self, tables: &SourceTables) -> Result<u64, CopyError> {
        for Import { number, start, end } in &tables.log {
            let known = tables.target_log.iter().find(|known| known.number == *number);
            if known.is_none() {
                self.log_import(*number, ImportEvent::Start(start.clone())).await?;
            }
            if let Some(end) = end.clone().filter(|_| known.is_none_or(|known| known.end.is_none())) {
                self.log_import(*number, ImportEvent::End(end)).await?;
            }
        }
        Ok(tables.log.len() as u64)
    }

    /// Writes hospitals and catalogue, logs the end of the copy, and checks that the target has the source's tables.
    pub(super) async fn write_tables(&self, tables: &SourceTables) -> Result<(), CopyError> {
        if tables.copy().is_none_or(|copy| copy.end.is_none()) {
            for (part, write) in parts(&tables.hospitals, &tables.catalogue).enumerate() {
                let written = self.target.write_reference(tables.number, part as u32, write).await;
                written.map_err(CopyError::target)?;
            }
            let end = ImportEnd { instant: (self.context.now)(), changed: tables.rows(), unchanged: 0 };
            self.log_import(tables.number, ImportEvent::End(end)).await?;
        }
        let (hospitals, catalogue) = read_sorted(self.target).await.map_err(CopyError::target)?;
        let same = hospitals == tables.hospitals && catalogue == tables.catalogue;
        if same {
            Ok(())
        } else {
            Err(CopyError::Differs("hospitals or catalogue differ from the source's".to_owned()))
        }
    }

    async fn log_import(&self, number: u64, event: ImportEvent) -> Result<(), CopyError> {
        self.target.log_import(number, event).await.map_err(CopyError::target)
    }
}

type TableRows = (Vec<(HospitalId, HospitalRecord)>, Vec<CatalogueRow>);

async fn read_sorted<S: Store>(store: &S) -> Result<TableRows, StoreError> {
    let mut read = store.read_hospitals_and_catalogue().await?;
    read.hospitals.sort_by(|one, other| one.0.cmp(&other.0));
    Ok((read.hospitals, read.catalogue))
}

/// The whole log, oldest first.
async fn read_log<S: Store>(store: &S) -> Result<Vec<Import>, StoreError> {
    let (mut pages, mut log) = (Pages::new(PAGE), Vec::new());
    let read = async |before: Option<u64>, limit| {
        let imports = store.imports(before.unwrap_or(u64::MAX), limit).await?;
        Ok::<_, StoreError>(imports.into_iter().map(|import| (import.number, import)).collect())
    };
    while let Some(page) = pages.next_page(read).await? {
        log.extend(page.into_iter().map(|(_, import)| import));
    }
    log.reverse();
    Ok(log)
}
