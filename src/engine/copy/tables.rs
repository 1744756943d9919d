//! Hospitals and catalogue, and the log of imports.
//!
//! In the target's log the copy itself is the last import: begun before anything is written, ended when everything
//! is verified.

use crate::domain::ids::{Digest, HospitalId};
use crate::reference::catalogue::CatalogueRow;
use crate::reference::hospital::HospitalRecord;
use crate::store::imports::{COPY, Import, ImportEnd, ImportEvent, ImportStart};
use crate::store::pages::Pages;
use crate::store::{Store, StoreError};

use super::super::import::{Told, parts};
use super::{Copying, NotCopied, PAGE};

/// What the source holds of them, and what the target has of the log.
pub(super) struct Tables {
    /// In the order of ids.
    pub hospitals: Vec<(HospitalId, HospitalRecord)>,
    /// In the order in which rows replace one another.
    pub catalogue: Vec<CatalogueRow>,
    /// The copy's number in the target's log.
    pub number: u64,
    log: Vec<Import>,
    there: Vec<Import>,
}

impl Tables {
    fn rows(&self) -> u64 {
        (self.hospitals.len() + self.catalogue.len()) as u64
    }

    /// The copy, as far as the target's log knows of it.
    fn copy(&self) -> Option<&Import> {
        self.there.last().filter(|last| last.number == self.number)
    }
}

impl<S: Store, T: Store> Copying<'_, S, T> {
    /// Reads them; the target's log is the source's, or a part of it, and a copy of this very source.
    pub(super) async fn tables(&self) -> Result<Tables, NotCopied> {
        let (hospitals, catalogue) = sorted(self.source).await.map_err(NotCopied::source)?;
        let log = log(self.source).await.map_err(NotCopied::source)?;
        if log.last().is_some_and(Import::is_incomplete_copy) {
            return Err(NotCopied::Unended);
        }
        let there = self::log(self.target).await.map_err(NotCopied::target)?;
        let number = log.last().map_or(0, |last| last.number) + 1;
        let of_source = |import: &Import| {
            let known = log.iter().find(|known| known.number == import.number);
            known.is_some_and(|known| known.start == import.start && (import.end.is_none() || import.end == known.end))
        };
        let is_copy = |import: &Import| import.number == number && import.start.table == COPY;
        if let Some(other) = there.iter().find(|import| !of_source(import) && !is_copy(import)) {
            return Err(NotCopied::Foreign(format!("import {} of its log", other.number)));
        }
        Ok(Tables { hospitals, catalogue, number, log, there })
    }

    /// Notes the copy as begun, before anything else is written.
    pub(super) async fn begin(&self, tables: &Tables, told: Told) -> Result<(), NotCopied> {
        if tables.copy().is_some() {
            return Ok(());
        }
        let begun = ImportStart {
            table: COPY.to_owned(),
            source: told.source,
            imported_by: told.imported_by,
            instant: (self.outside.now)(),
            rows: tables.rows(),
            digest: Digest::of_value("hospitals and catalogue", &(&tables.hospitals, &tables.catalogue))?,
        };
        self.note(tables.number, ImportEvent::Start(begun)).await
    }

    /// The source's log, each import with its end if it has one.
    pub(super) async fn log(&self, tables: &Tables) -> Result<u64, NotCopied> {
        for Import { number, start, end } in &tables.log {
            let there = tables.there.iter().find(|there| there.number == *number);
            if there.is_none() {
                self.note(*number, ImportEvent::Start(start.clone())).await?;
            }
            if let Some(end) = end.clone().filter(|_| there.is_none_or(|there| there.end.is_none())) {
                self.note(*number, ImportEvent::End(end)).await?;
            }
        }
        Ok(tables.log.len() as u64)
    }

    /// Hospitals and catalogue, which hold once the copy is noted as ended; then the target reads as the source.
    pub(super) async fn end(&self, tables: &Tables) -> Result<(), NotCopied> {
        if tables.copy().is_none_or(|copy| copy.end.is_none()) {
            for (part, write) in parts(&tables.hospitals, &tables.catalogue).enumerate() {
                let written = self.target.write_reference(tables.number, part as u32, write).await;
                written.map_err(NotCopied::target)?;
            }
            let ended = ImportEnd { instant: (self.outside.now)(), changed: tables.rows(), unchanged: 0 };
            self.note(tables.number, ImportEvent::End(ended)).await?;
        }
        let (hospitals, catalogue) = sorted(self.target).await.map_err(NotCopied::target)?;
        let same = hospitals == tables.hospitals && catalogue == tables.catalogue;
        if same { Ok(()) } else { Err(NotCopied::Differs("hospitals or catalogue are not the source's".to_owned())) }
    }

    async fn note(&self, number: u64, note: ImportEvent) -> Result<(), NotCopied> {
        self.target.log_import(number, note).await.map_err(NotCopied::target)
    }
}

type TableRows = (Vec<(HospitalId, HospitalRecord)>, Vec<CatalogueRow>);

async fn sorted<S: Store>(store: &S) -> Result<TableRows, StoreError> {
    let mut read = store.read_reference().await?;
    read.hospitals.sort_by(|one, other| one.0.cmp(&other.0));
    Ok((read.hospitals, read.catalogue))
}

/// The whole log, oldest first.
async fn log<S: Store>(store: &S) -> Result<Vec<Import>, StoreError> {
    let (mut pages, mut log) = (Pages::new(PAGE), Vec::new());
    let read = async |before: Option<u64>, limit| {
        let imports = store.imports(before.unwrap_or(u64::MAX), limit).await?;
        Ok(imports.into_iter().map(|import| (import.number, import)).collect())
    };
    while let Some(page) = pages.next_page(read).await? {
        log.extend(page.into_iter().map(|(_, import)| import));
    }
    log.reverse();
    Ok(log)
}
