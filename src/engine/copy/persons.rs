//! Persons' reference records: put in the order of the target's keys, and written some at a time.

use crate::domain::ids::PersonId;
use crate::reference::person::PersonRecord;
use crate::store::external_sort::ExternalSort;
use crate::store::keys::StoreKey;
use crate::store::pages::Pages;
use crate::store::{KeyedPerson, ReferenceWrite, Store};

use super::{Copying, Count, NotCopied, PAGE, Side, Stage, shown};

/// Records on their way into the order of the target's keys, and how many: a tree that takes keys in order fills
/// page by page.
pub(super) type Records = (ExternalSort<PersonRecord>, u64);

impl<S: Store, T: Store> Copying<'_, S, T> {
    /// Every record of the target is the source's; gives how many there are.
    pub(super) async fn compare_persons(&self) -> Result<u64, NotCopied> {
        let (mut pages, mut compared) = (Pages::new(PAGE), 0);
        let read = |after, limit| self.target.person_records(after, limit);
        while let Some(page) = pages.next_page(read).await.map_err(NotCopied::target)? {
            compared += page.len() as u64;
            self.compare_page(page).await?;
        }
        Ok(compared)
    }

    async fn compare_page(&self, page: Vec<KeyedPerson>) -> Result<(), NotCopied> {
        let other = |key: StoreKey| NotCopied::Foreign(format!("the record of person {}", shown(key)));
        let (mut ids, mut records) = (Vec::with_capacity(page.len()), Vec::with_capacity(page.len()));
        for (key, record) in page {
            let record = record.map_err(|error| NotCopied::of_person(Side::Target, key, error))?;
            ids.push(record.id().cloned().ok_or_else(|| other(key))?);
            records.push((key, record));
        }
        let known = self.source.persons(&ids).await.map_err(NotCopied::source)?;
        for ((key, record), known) in records.into_iter().zip(known) {
            if known.as_ref() != Some(&record) {
                return Err(other(key));
            }
        }
        Ok(())
    }

    /// Writes the records that the target lacks; `import` is under which number.
    pub(super) async fn persons(&self, (records, all): Records, import: u64) -> Result<Count, NotCopied> {
        let mut sorted = records.sorted().map_err(NotCopied::target)?;
        let (mut done, mut written) = (0, 0);
        while let Some(batch) = sorted.next_batch(PAGE).map_err(NotCopied::target)? {
            let each = |(id, records): (PersonId, Vec<_>)| records.into_iter().map(move |record| (id.clone(), record));
            let batch: Vec<_> = batch.into_iter().flat_map(each).collect();
            done += batch.len() as u64;
            written += self.write(import, batch).await?;
            (self.outside.progress)(Stage::Persons, done, all);
        }
        Ok(Count { all, written })
    }

    /// All records of the source, read before anything is written.
    pub(super) async fn records(&self) -> Result<Records, NotCopied> {
        let (mut records, mut all) = (self.target.external_sort().for_records(), 0);
        let (mut pages, read) = (Pages::new(PAGE), |after, limit| self.source.person_records(after, limit));
        while let Some(page) = pages.next_page(read).await.map_err(NotCopied::source)? {
            for (key, record) in page {
                let record = record.map_err(|error| NotCopied::of_person(Side::Source, key, error))?;
                let id = record.id().ok_or_else(|| NotCopied::Nameless(shown(key)))?;
                records.add(id, &record).map_err(NotCopied::target)?;
                all += 1;
            }
        }
        Ok((records, all))
    }

    /// Of these records those that the target lacks, in one step; gives how many.
    async fn write(&self, import: u64, step: Vec<(PersonId, PersonRecord)>) -> Result<u64, NotCopied> {
        let ids: Vec<_> = step.iter().map(|(id, _)| id.clone()).collect();
        let there = self.target.persons(&ids).await.map_err(NotCopied::target)?;
        let lacking = step.into_iter().zip(there).filter(|(_, there)| there.is_none());
        let persons: Vec<_> = lacking.map(|(person, _)| person).collect();
        let written = persons.len() as u64;
        if written > 0 {
            let write = ReferenceWrite { persons, ..ReferenceWrite::default() };
            self.target.write_reference(import, 0, write).await.map_err(NotCopied::target)?;
        }
        Ok(written)
    }
}
