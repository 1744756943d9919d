//! The cache of a store's ledger: its lines by column, in files of some ten thousand lines, so that a report reads only what is new
//! in the journal and the files with lines of its days.
//!
//! It is derived and disposable. Every file carries a code that only this store can make: a file that is missing or damaged is made
//! again from the entries that it covers, the cache of another store is refused, and so is one that covers entries that are not in
//! this journal any more, as after a restore to an earlier moment: it is made again from the start.

mod form;
mod manifest;

use std::path::Path;

use crate::store::derived_files::{DerivedFiles, LastEntry, ManifestFile, is_in_journal};
use crate::store::rows::CommitPosition;
use crate::store::{JournalStore, StoreError};

use super::chunk::{Chunk, ChunkBuilder};
use super::error::ReportError;
use super::ledger::{Ledger, LedgerEnd, Read, Reported, report_of};
use super::line_reader::{LinePage, lines_after};
use super::question::Question;

use manifest::{CachedChunk, Manifest};

/// The lines after which a chunk is not continued.
pub const CHUNK_LINES: usize = 32_768;

/// The entries that are read at once.
const PAGE: usize = 1_000;

/// The kind of the files and the version of their form.
const KIND: &[u8; 16] = b"onestop-report-2";

/// The purpose of the key with which files are authenticated.
const KEY_PURPOSE: &str = "onestop report cache, version 2";

/// The cache of a store, locked for this process.
pub struct ReportCache<'s, S> {
    store: &'s S,
    files: DerivedFiles,
    manifest: Manifest,
    chunk_lines: usize,
    read: Read,
}

impl<'s, S: JournalStore> ReportCache<'s, S> {
    /// Opens the cache of this store in a directory; a chunk is continued up to this many lines.
    ///
    /// # Errors
    /// If it is the cache of another store, or a file cannot be read.
    pub async fn open(store: &'s S, directory: &Path, chunk_lines: usize) -> Result<ReportCache<'s, S>, ReportError> {
        let files = DerivedFiles::open(directory, KIND, store.derived_key(KEY_PURPOSE).0).await?;
        let manifest = match files.manifest()? {
            ManifestFile::Manifest(bytes) => form::manifest_of(&bytes).unwrap_or_default(),
            ManifestFile::Missing => Manifest::default(),
            ManifestFile::Foreign => return Err(ReportError::ForeignCache(directory.to_owned())),
        };
        let mut cache = ReportCache { store, files, manifest, chunk_lines, read: Read::default() };
        if !cache.is_of_this_journal().await? {
            tracing::warn!(
                directory = %cache.files.directory().display(),
                "the report cache covers entries that are not in the journal; it is made again"
            );
            cache.manifest = Manifest::default();
        }
        Ok(cache)
    }

    /// Answers a question, after the cache was brought up to the end of the journal.
    ///
    /// # Errors
    /// If the store cannot be read, an entry is damaged, or a file cannot be read or written.
    pub async fn report(&mut self, question: &Question) -> Result<Reported, ReportError> {
        self.extend().await?;
        report_of(self, question).await
    }

    /// The store.
    pub(super) fn store(&self) -> &'s S {
        self.store
    }

    /// Whether the last entry that the cache covers is in the journal, at its position and with its digest.
    async fn is_of_this_journal(&self) -> Result<bool, ReportError> {
        let Some(last) = self.manifest.chunks.last().map(|chunk| chunk.last) else { return Ok(true) };
        Ok(is_in_journal(self.store, &last).await?)
    }

    /// Brings the cache up to the end of the journal. What was added stays after an interruption.
    pub(super) async fn extend(&mut self) -> Result<(), ReportError> {
        let covered = self.manifest.covered();
        if self.store.entries_after(covered, 1).await?.entries.is_empty() {
            return Ok(());
        }
        let mut open = self.take_open_chunk().await?;
        loop {
            let after = open.last.map_or(self.manifest.covered(), |last| last.position);
            let room = self.chunk_lines.saturating_sub(open.builder.lines()).clamp(1, PAGE);
            let page = self.read_page(after, room).await?;
            let is_end = page.is_end;
            open.push(self.store, page);
            let is_full = open.builder.lines() >= self.chunk_lines;
            if is_full || is_end {
                let full = std::mem::take(&mut open);
                self.append(full)?;
            }
            if is_end {
                return Ok(());
            }
        }
    }

    /// The last chunk, if it is to be continued: it is taken out of the manifest.
    async fn take_open_chunk(&mut self) -> Result<OpenChunk, ReportError> {
        let Some(number) = self.manifest.chunks.len().checked_sub(1) else { return Ok(OpenChunk::default()) };
        let CachedChunk { entries, lines, last, .. } = self.manifest.chunks[number];
        if lines >= self.chunk_lines as u64 {
            return Ok(OpenChunk::default());
        }
        let chunk = self.chunk(number).await?;
        self.manifest.chunks.pop();
        Ok(OpenChunk { builder: ChunkBuilder::after(chunk), entries, last: Some(last) })
    }

    fn append(&mut self, open: OpenChunk) -> Result<(), ReportError> {
        let OpenChunk { builder, entries, last: Some(last) } = open else { return Ok(()) };
        let (number, chunk) = (self.manifest.chunks.len(), builder.finish());
        let code = self.files.write_content(number, form::chunk_bytes(&chunk))?;
        self.manifest.chunks.push(CachedChunk::new(&chunk, entries, last, code));
        Ok(self.files.write_manifest(&form::manifest_bytes(&self.manifest))?)
    }

    /// A chunk; from the entries that it covers if its file is missing or damaged.
    async fn chunk(&mut self, number: usize) -> Result<Chunk, ReportError> {
        let CachedChunk { entries, code, .. } = self.manifest.chunks[number];
        let content = self.files.content(number, &code)?;
        if let Some(chunk) = content.and_then(|content| form::chunk_of(&content)) {
            return Ok(chunk);
        }
        tracing::warn!(number, "a file of the report cache is missing or damaged; it is made again");
        let (mut open, mut left) = (OpenChunk::default(), entries);
        while left > 0 {
            let after = open.last.map_or(self.manifest.covered_before(number), |last| last.position);
            let page = self.read_page(after, PAGE.min(left as usize)).await?;
            if page.entries == 0 {
                break;
            }
            left -= page.entries.min(left);
            open.push(self.store, page);
        }
        let chunk = open.builder.finish();
        if self.files.write_content(number, form::chunk_bytes(&chunk))? != code {
            let message = "the entries of the journal are not those that the report cache was made of";
            return Err(StoreError::Damaged(message.to_owned()).into());
        }
        Ok(chunk)
    }

    async fn read_page(&mut self, after: CommitPosition, limit: usize) -> Result<LinePage, ReportError> {
        let page = lines_after(self.store, after, limit).await?;
        self.read.entries += page.entries;
        Ok(page)
    }
}

impl<S: JournalStore> Ledger for ReportCache<'_, S> {
    /// Shows what the cache covers: the chunks that may have a line of the days that are asked about.
    async fn visit(&mut self, question: &Question, mut visit: impl FnMut(&Chunk)) -> Result<LedgerEnd, ReportError> {
        let (mut lines, mut latest) = (0, None);
        for number in 0..self.manifest.chunks.len() {
            let cached = &self.manifest.chunks[number];
            let has_end = cached.has_end(question, lines);
            if !has_end && !cached.may_hold(question) {
                (lines, latest) = (lines + cached.lines, latest.max(cached.latest_commit));
                continue;
            }
            let mut chunk = self.chunk(number).await?;
            self.read.lines += chunk.lines.len() as u64;
            chunk.truncate(question.end_within(&chunk.lines, lines)?);
            (lines, latest) = (lines + chunk.lines.len() as u64, latest.max(chunk.latest_commit()));
            visit(&chunk);
            if has_end {
                break;
            }
            tokio::task::yield_now().await;
        }
        Ok(LedgerEnd { as_of: question.as_of.or(latest), lines })
    }

    fn take_read(&mut self) -> Read {
        std::mem::take(&mut self.read)
    }
}

/// A chunk that is being made.
#[derive(Default)]
struct OpenChunk {
    builder: ChunkBuilder,
    entries: u64,
    last: Option<LastEntry>,
}

impl OpenChunk {
    fn push<S: JournalStore>(&mut self, store: &S, page: LinePage) {
        for line in &page.lines {
            self.builder.push(line, store.person_key(&line.decided.person_id));
        }
        self.entries += page.entries;
        self.last = page.last.or(self.last);
    }
}
