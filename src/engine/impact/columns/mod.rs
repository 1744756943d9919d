//! The columns of a store: of every settlement what the impact of a book needs, in files that are derived from the log by one
//! reader in the order of commits. An impact reads from the log only the entries after those that the files cover.
//!
//! A file holds the rows of some hundred thousand consecutive entries, in a block for each [`PARTS`]th of the persons by key: so a
//! part of the persons, with all their settlements, is read without the others. Files, blocks and manifest carry codes that only
//! this store can make: what is missing or damaged is made again from the log, and so is everything that another store wrote or
//! that covers entries which are not in the journal any more. No id of a person or claim is among the columns.

mod block;
mod block_builder;
mod chunk;
mod manifest;
mod part;

use std::num::NonZero;
use std::path::Path;

use crate::journal::recorded::{RecordedOfPerson, decode_recorded_of_person};
use crate::store::derived_files::{DerivedFiles, LastEntry, ManifestFile, PartsFile, is_in_journal};
use crate::store::entry_page::{EntryPage, StoredEntry};
use crate::store::keys::StoreKey;
use crate::store::rows::CommitPosition;
use crate::store::{JournalStore, StoreError};

use super::error::ImpactError;
use chunk::{ChunkBuilder, ChunkHead};
use manifest::{CoveredChunk, Manifest};

pub(super) use part::{Part, PersonRows};

/// The parts of the persons, by the first bits of their keys.
pub(super) const PARTS: usize = 128;

/// The rows after which a file is not continued.
pub const CHUNK_ROWS: u64 = 131_072;

/// The entries that are read at once.
const PAGE: usize = 1_000;

/// The kind of the files and the version of their form.
const KIND: &[u8; 16] = b"onestop-impact-1";

/// The purpose of the key with which files are authenticated.
const KEY_PURPOSE: &str = "onestop impact columns, version 1";

/// The part of a person with this key.
fn part_of(key: &StoreKey) -> usize {
    usize::from(key[0]) * PARTS / 256
}

/// The columns of a store, locked for this process.
pub struct ImpactColumns<'s, S> {
    store: &'s S,
    files: DerivedFiles,
    manifest: Manifest,
    chunk_rows: u64,
    entries_read: u64,
}

impl<'s, S: JournalStore> ImpactColumns<'s, S> {
    /// Opens the columns of this store in a directory and brings them up to the end of the journal; a file is continued up to so
    /// many rows ([`CHUNK_ROWS`]).
    ///
    /// # Errors
    /// If the store cannot be read, an entry is damaged, or a file cannot be read or written.
    pub async fn open(store: &'s S, directory: &Path, chunk_rows: u64) -> Result<ImpactColumns<'s, S>, ImpactError> {
        let files = DerivedFiles::open(directory, KIND, store.derived_key(KEY_PURPOSE).0).await?;
        let manifest = match files.manifest()? {
            ManifestFile::Manifest(bytes) => Manifest::from_bytes(&bytes).unwrap_or_default(),
            ManifestFile::Missing | ManifestFile::Foreign => Manifest::default(),
        };
        let mut columns = ImpactColumns { store, files, manifest, chunk_rows, entries_read: 0 };
        if let Some(last) = columns.manifest.last()
            && !is_in_journal(store, &last).await?
        {
            tracing::warn!("the columns of the impact cover entries that are not in the journal; they are made again");
            columns.manifest = Manifest::default();
        }
        columns.extend().await?;
        Ok(columns)
    }

    /// The entries of the journal that were read since the columns were opened.
    pub fn entries_read(&self) -> u64 {
        self.entries_read
    }

    /// The entries of persons that are covered.
    pub(super) fn person_entries(&self) -> u64 {
        self.manifest.chunks.iter().map(|chunk| chunk.person_entries).sum()
    }

    /// The store.
    pub(super) fn store(&self) -> &'s S {
        self.store
    }

    /// The files, for threads that read blocks of them.
    ///
    /// # Errors
    /// If a file cannot be opened or read, or is damaged and cannot be made again.
    pub(super) async fn blocks(&mut self) -> Result<Blocks, ImpactError> {
        let mut blocks = Blocks(Vec::new());
        for number in 0..self.manifest.chunks.len() {
            let found = match self.open_chunk(number)? {
                Some(found) => Some(found),
                None => {
                    self.rebuild(number).await?;
                    self.open_chunk(number)?
                }
            };
            blocks.0.push(found.ok_or_else(|| damaged("a file of the columns is damaged as soon as it is written"))?);
        }
        Ok(blocks)
    }

    fn open_chunk(&self, number: usize) -> Result<Option<(PartsFile, ChunkHead)>, ImpactError> {
        let Some(file) = self.files.open_parts(number)? else { return Ok(None) };
        let head = file.part(0, ChunkHead::BYTES, &self.manifest.chunks[number].code)?;
        Ok(head.and_then(|bytes| ChunkHead::from_bytes(&bytes)).map(|head| (file, head)))
    }

    /// Makes a file again from the entries that it covers.
    ///
    /// # Errors
    /// If the entries are not those of which it was made.
    pub(super) async fn rebuild(&mut self, number: usize) -> Result<(), ImpactError> {
        tracing::warn!(number, "a file of the columns of the impact is missing or damaged; it is made again");
        let CoveredChunk { entries, code, .. } = self.manifest.chunks[number];
        let mut open = OpenChunk::default();
        while open.entries < entries {
            let after = open.last.map_or(self.manifest.covered_before(number), |last| last.position);
            let page = self.store.entries_after(after, PAGE.min((entries - open.entries) as usize)).await?;
            if page.entries.is_empty() {
                break;
            }
            self.entries_read += page.entries.len() as u64;
            open.push(self.store, after, page)?;
        }
        let (head, bytes) = open.builder.finish(|bytes| self.files.code(bytes));
        if head != code {
            return Err(damaged("the entries of the journal are not those that the columns were made of"));
        }
        Ok(self.files.write_parts(number, &bytes)?)
    }

    /// Adds the entries after those that are covered. What was added stays after an interruption.
    async fn extend(&mut self) -> Result<(), ImpactError> {
        let mut open = self.take_open_chunk().await?;
        loop {
            let after = open.last.map_or(self.manifest.covered(), |last| last.position);
            let room = self.chunk_rows.saturating_sub(open.entries).clamp(1, PAGE as u64);
            let page = self.store.entries_after(after, room as usize).await?;
            let is_end = page.is_end;
            self.entries_read += page.entries.len() as u64;
            open.push(self.store, after, page)?;
            if open.entries >= self.chunk_rows || is_end {
                self.append(std::mem::take(&mut open))?;
            }
            if is_end {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }

    /// The last file, if it is to be continued: it is taken out of the manifest.
    async fn take_open_chunk(&mut self) -> Result<OpenChunk, ImpactError> {
        let Some(number) = self.manifest.chunks.len().checked_sub(1) else { return Ok(OpenChunk::default()) };
        let CoveredChunk { entries, person_entries, last, .. } = self.manifest.chunks[number];
        let has_further = !self.store.entries_after(last.position, 1).await?.entries.is_empty();
        if entries >= self.chunk_rows || !has_further {
            return Ok(OpenChunk::default());
        }
        let builder = match self.read_chunk(number)? {
            Some(builder) => builder,
            None => {
                self.rebuild(number).await?;
                self.read_chunk(number)?.ok_or_else(|| damaged("a file is damaged as soon as it is written"))?
            }
        };
        self.manifest.chunks.pop();
        Ok(OpenChunk { builder, entries, person_entries, last: Some(last), is_changed: false })
    }

    fn read_chunk(&self, number: usize) -> Result<Option<ChunkBuilder>, ImpactError> {
        let Some((file, head)) = self.open_chunk(number)? else { return Ok(None) };
        let mut builder = ChunkBuilder::default();
        for part in 0..PARTS {
            let Some(block) = head.read(&file, part)? else { return Ok(None) };
            builder.continue_block(part, block);
        }
        Ok(Some(builder))
    }

    fn append(&mut self, open: OpenChunk) -> Result<(), ImpactError> {
        let OpenChunk { builder, entries, person_entries, last: Some(last), is_changed: true } = open else {
            return Ok(());
        };
        let (code, bytes) = builder.finish(|bytes| self.files.code(bytes));
        self.files.write_parts(self.manifest.chunks.len(), &bytes)?;
        self.manifest.chunks.push(CoveredChunk { entries, person_entries, last, code });
        Ok(self.files.write_manifest(&self.manifest.to_bytes())?)
    }
}

fn damaged(message: &str) -> ImpactError {
    StoreError::Damaged(message.to_owned()).into()
}

/// The files with the blocks of every part, in the order of commits.
pub(super) struct Blocks(Vec<(PartsFile, ChunkHead)>);

impl Blocks {
    /// The rows of a part of the persons; or the number of a file whose block is damaged.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(super) fn read(&self, part: usize) -> Result<Result<Part, usize>, ImpactError> {
        let mut blocks = Vec::with_capacity(self.0.len());
        for (number, (file, head)) in self.0.iter().enumerate() {
            match head.read(file, part)?.and_then(block::Block::new) {
                Some(block) => blocks.push(block),
                None => return Ok(Err(number)),
            }
        }
        Ok(Ok(Part::new(blocks)))
    }
}

/// A file that is being made.
#[derive(Default)]
struct OpenChunk {
    builder: ChunkBuilder,
    entries: u64,
    person_entries: u64,
    last: Option<LastEntry>,
    is_changed: bool,
}

impl OpenChunk {
    fn push<S: JournalStore>(&mut self, store: &S, after: CommitPosition, page: EntryPage) -> Result<(), StoreError> {
        for (stored, decoded) in page.entries.iter().zip(decode_page(&page.entries)?) {
            let RecordedOfPerson { id, digest, recorded } = decoded;
            let before = self.last.map_or(after, |last| last.position);
            self.last = Some(LastEntry { before, position: stored.position, id, digest });
            self.entries += 1;
            self.is_changed = true;
            if let Some((person_id, entry)) = recorded {
                self.person_entries += 1;
                self.builder.push(store.person_key(&person_id), id, &entry);
            }
        }
        Ok(())
    }
}

/// Decodes the entries of a page on all cores.
fn decode_page(entries: &[StoredEntry]) -> Result<Vec<RecordedOfPerson>, StoreError> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let share = entries.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let mut shares = entries.chunks(share);
        let first = shares.next().unwrap_or_default();
        let others: Vec<_> = shares.map(|share| scope.spawn(move || decode_share(share))).collect();
        let mut decoded = decode_share(first)?;
        for thread in others {
            let ended = thread.join().map_err(|_panic| StoreError::Damaged("a thread ended early".to_owned()))?;
            decoded.extend(ended?);
        }
        Ok(decoded)
    })
}

fn decode_share(entries: &[StoredEntry]) -> Result<Vec<RecordedOfPerson>, StoreError> {
    let mut decoded = Vec::with_capacity(entries.len());
    for StoredEntry { id, record, .. } in entries {
        let entry = decode_recorded_of_person(record.as_ref().map_err(Clone::clone)?)?;
        if entry.id != *id {
            return Err(StoreError::Damaged(format!("entry {id} is another one")));
        }
        decoded.push(entry);
    }
    Ok(decoded)
}
