//! Archiving: entries of closed years leave a live store once the copy that becomes their archive is verified.
//!
//! The live store first records which archive it requires. Then each record leaves, only if it is byte for byte the
//! archive's. Everything that refers to an entry stays: states, requests, claims, lists, the feed. So does a fence,
//! which belongs to no year.

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::domain::ids::{EntryId, PersonId};
use crate::domain::journal::Entry;
use crate::store::archive::{ArchivableStore, ArchiveIdentity, ArchiveOutcome, ArchivedYears};
use crate::store::keys::StoreKey;
use crate::store::pages::Pages;
use crate::store::rows::PersonState;
use crate::store::tiered::TieredStore;
use crate::store::{JournalStore, KeyedState, Store, StoreError};

use super::super::chain::{self, AuditFinding, StoredEntry};
use super::super::import::ImportSource;
use super::{CopyError, CopyReport, PAGE, Stage, StoreCopy, StoreRole};

/// Persons whose entries are archived concurrently, so that they share syncs.
const PERSONS_AT_ONCE: usize = 32;

/// Entries that are archived in one call.
const ENTRIES_A_CALL: usize = 16;

/// The entries that left the live store, or would leave it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArchivedSize {
    /// The number of entries.
    pub entries: u64,
    /// The bytes of their records, without their keys.
    pub bytes: u64,
}

impl ArchivedSize {
    fn add(&mut self, other: ArchivedSize) {
        self.entries += other.entries;
        self.bytes += other.bytes;
    }

    fn add_record(&mut self, record: &[u8]) {
        self.add(ArchivedSize { entries: 1, bytes: record.len() as u64 });
    }
}

impl<L: Store + ArchivableStore, A: JournalStore, T: Store> StoreCopy<'_, TieredStore<L, A>, T> {
    /// Copies as [`StoreCopy::run`] does, then archives the entries of benefit years before `before` in the copy.
    ///
    /// # Errors
    /// What prevented it; running it again continues from there. A record that differs from the archive's stays.
    pub async fn run_and_archive(
        &self,
        source: ImportSource,
        before: i32,
    ) -> Result<(CopyReport, ArchivedSize), CopyError> {
        let copied = self.run(source).await?;
        let archive = ArchiveIdentity::read(self.target).await.map_err(CopyError::target)?;
        let years = ArchivedYears { before, archive };
        self.source.live().require_archive(years).await.map_err(CopyError::source)?;
        let (mut size, mut walked) = (ArchivedSize::default(), 0);
        let (mut pages, read) = (Pages::new(PAGE), |after, limit| self.target.states(after, limit));
        while let Some(page) = pages.next_page(read).await.map_err(CopyError::target)? {
            let persons = stream::iter(page).map(|person| self.archive_person(person, before));
            let mut persons = persons.buffer_unordered(PERSONS_AT_ONCE);
            while let Some((version, of_person)) = persons.try_next().await? {
                walked += version;
                size.add(of_person);
                (self.context.progress)(Stage::Archiving, walked, self.entries);
            }
        }
        Ok((copied, size))
    }

    /// Archives the closed years of one person; returns the length of the chain too.
    async fn archive_person(&self, (key, state): KeyedState, before: i32) -> Result<(u64, ArchivedSize), CopyError> {
        let (mut size, state) = (ArchivedSize::default(), readable(StoreRole::Target, key, state)?);
        let chain = read_chain(StoreRole::Target, self.target, &state).await?;
        let Some(person_id) = chain.first().map(|first| first.entry.parties().1.clone()) else {
            return Ok((state.version, size));
        };
        let closed = chain.into_iter().filter(|stored| is_closed(before, &stored.entry));
        let closed: Vec<_> = closed.map(|stored| (stored.entry.id, stored.record)).collect();
        for entries in closed.chunks(ENTRIES_A_CALL) {
            size.add(self.archive_entries(&person_id, entries).await?);
        }
        Ok((state.version, size))
    }

    async fn archive_entries(
        &self,
        person_id: &PersonId,
        entries: &[(EntryId, Vec<u8>)],
    ) -> Result<ArchivedSize, CopyError> {
        let mut size = ArchivedSize::default();
        let outcomes = self.source.live().archive_entries(person_id, entries).await.map_err(CopyError::source)?;
        for ((id, record), outcome) in entries.iter().zip(outcomes) {
            match outcome {
                ArchiveOutcome::Archived => size.add_record(record),
                ArchiveOutcome::AlreadyArchived => {}
                ArchiveOutcome::Differs => {
                    let finding =
                        AuditFinding::about_entry(*id, "differs from the record in the copy, and was not archived");
                    return Err(CopyError::Entry(StoreRole::Source, finding));
                }
            }
        }
        Ok(size)
    }
}

/// The entries of benefit years before `before` that are still in the live store.
///
/// # Errors
/// If the store cannot be read, or a chain is broken.
pub async fn archivable<L: Store, A: JournalStore>(
    source: &TieredStore<L, A>,
    before: i32,
) -> Result<ArchivedSize, CopyError> {
    let (mut pages, mut size) = (Pages::new(PAGE), ArchivedSize::default());
    let read = |after, limit| source.states(after, limit);
    while let Some(page) = pages.next_page(read).await.map_err(CopyError::source)? {
        for (key, state) in page {
            size.add(archivable_of_person(source, before, &readable(StoreRole::Source, key, state)?).await?);
        }
    }
    Ok(size)
}

async fn archivable_of_person<L: Store, A: JournalStore>(
    source: &TieredStore<L, A>,
    before: i32,
    state: &PersonState,
) -> Result<ArchivedSize, CopyError> {
    let mut size = ArchivedSize::default();
    let chain = read_chain(StoreRole::Source, source, state).await?;
    for stored in chain.iter().filter(|stored| is_closed(before, &stored.entry)) {
        match source.live().record(stored.entry.id).await {
            Err(StoreError::ArchiveRequired(_)) => {}
            live => live.map_err(CopyError::source)?.iter().for_each(|record| size.add_record(record)),
        }
    }
    Ok(size)
}

fn readable(side: StoreRole, key: StoreKey, state: Result<PersonState, StoreError>) -> Result<PersonState, CopyError> {
    state.map_err(|error| CopyError::from_person(side, key, error))
}

async fn read_chain<S: JournalStore>(
    side: StoreRole,
    store: &S,
    state: &PersonState,
) -> Result<Vec<StoredEntry>, CopyError> {
    chain::read_chain(store, state).await.map_err(|finding| CopyError::Entry(side, finding))
}

fn is_closed(before: i32, entry: &Entry) -> bool {
    entry.account().is_some_and(|account| account.year < before)
}
