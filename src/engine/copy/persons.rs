//! StoreCopy of the reference records of persons: sorted by the target's keys and written in batches.

use crate::reference::person::PersonRecord;
use crate::store::external_sort::{ExternalSort, SortedPerson};
use crate::store::keys::StoreKey;
use crate::store::pages::Pages;
use crate::store::{EncodedPerson, KeyedPerson, ReferenceWrite, Store};

use super::{CopyCount, CopyError, PAGE, Stage, StoreCopy, StoreRole, key_text};

/// Records to sort by the target's keys, and their number. A B-tree that takes keys in order fills page by page.
pub(super) type Records = (ExternalSort<PersonRecord>, u64);

impl<S: Store, T: Store> StoreCopy<'_, S, T> {
    /// Checks that every record of the target is the source's; returns their number.
    pub(super) async fn compare_persons(&self) -> Result<u64, CopyError> {
        let (mut pages, mut compared) = (Pages::new(PAGE), 0);
        let read = |after, limit| self.target.person_records(after, limit);
        while let Some(page) = pages.next_page(read).await.map_err(CopyError::target)? {
            compared += page.len() as u64;
            self.compare_page(page).await?;
        }
        Ok(compared)
    }

    async fn compare_page(&self, page: Vec<KeyedPerson>) -> Result<(), CopyError> {
        let foreign = |key: StoreKey| CopyError::ForeignContent(format!("the record of person {}", key_text(key)));
        let (mut ids, mut records) = (Vec::with_capacity(page.len()), Vec::with_capacity(page.len()));
        for (key, record) in page {
            let record = record.map_err(|error| CopyError::from_person(StoreRole::Target, key, error))?;
            ids.push(record.id().clone());
            records.push((key, record));
        }
        let known = self.source.persons(&ids).await.map_err(CopyError::source)?;
        for ((key, record), known) in records.into_iter().zip(known) {
            if known.as_ref() != Some(&record) {
                return Err(foreign(key));
            }
        }
        Ok(())
    }

    /// Writes the records that the target lacks, as part of this import.
    pub(super) async fn copy_persons(&self, (records, all): Records, import: u64) -> Result<CopyCount, CopyError> {
        let mut sorted = records.sorted().map_err(CopyError::target)?;
        let (mut done, mut written) = (0, 0);
        while let Some(batch) = sorted.next_batch(PAGE).map_err(CopyError::target)? {
            let each = |SortedPerson { key, rows, .. }| rows.into_iter().map(move |record| (key, record));
            let batch: Vec<_> = batch.into_iter().flat_map(each).collect();
            done += batch.len() as u64;
            written += self.write(import, batch).await?;
            (self.context.progress)(Stage::Persons, done, all);
        }
        Ok(CopyCount { total: all, written })
    }

    /// Reads all records of the source, before anything is written.
    pub(super) async fn read_records(&self) -> Result<Records, CopyError> {
        let (mut records, mut all) = (self.target.external_sort().for_records(), 0);
        let (mut pages, read) = (Pages::new(PAGE), |after, limit| self.source.person_records(after, limit));
        while let Some(page) = pages.next_page(read).await.map_err(CopyError::source)? {
            for (key, record) in page {
                let record = record.map_err(|error| CopyError::from_person(StoreRole::Source, key, error))?;
                records.add(record.id(), &record).map_err(CopyError::target)?;
                all += 1;
            }
        }
        Ok((records, all))
    }

    /// Writes those of these records that the target lacks; returns their number.
    async fn write(&self, import: u64, batch: Vec<(StoreKey, PersonRecord)>) -> Result<u64, CopyError> {
        let keys: Vec<_> = batch.iter().map(|(key, record)| (*key, record.id().clone())).collect();
        let in_target = self.target.persons_in_order(&keys).await.map_err(CopyError::target)?;
        let lacking = batch.into_iter().zip(in_target).filter(|(_, known)| known.is_none());
        let persons: Vec<_> = lacking.map(|((key, record), _)| EncodedPerson::new(key, &record)).collect();
        let written = persons.len() as u64;
        if written > 0 {
            let write = ReferenceWrite { persons, ..ReferenceWrite::default() };
            self.target.write_reference(import, 0, write).await.map_err(CopyError::target)?;
        }
        Ok(written)
    }
}
