//! External sort of the persons of an import by the store's keys, in bounded memory. Rows beyond the memory go to sorted
//! run files without a name in the store's directory, which end with the process.
//!
//! In this order all rows of a person come together, so that a person is written once and whole, and a B-tree fills its
//! pages one after the other.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use prost::Message;

use super::error::StoreError;
use super::keys::{Secret, StoreKey};
use crate::domain::ids::PersonId;
use crate::journal::StoredForm;
use crate::reference::person::{PersonPart, PersonRecord};

/// A row of an import about a person, with its number in the import.
pub type NumberedPart = (u64, PersonPart);

/// The maximum bytes of rows in memory before they are written to a file.
const RUN_BYTES: usize = 48 << 20;

/// The maximum bytes of all files of one import.
const FILE_BYTES: u64 = 64 << 30;

/// The buffer of each file while files are merged.
const BUFFER: usize = 256 << 10;

/// A temporary directory for run files, for a store without a directory; removed with the store.
pub struct SortDirectory(PathBuf);

impl SortDirectory {
    /// A new directory among the system's temporary files, readable by its owner only.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn temporary() -> std::io::Result<SortDirectory> {
        let path = std::env::temp_dir().join(format!("onestop-{}", uuid::Uuid::now_v7()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(SortDirectory(path))
    }

    /// The path of the directory.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SortDirectory {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir(&self.0) {
            tracing::warn!(%error, "an empty temporary directory was not removed");
        }
    }
}

/// Rows to sort.
pub struct ExternalSort<R = NumberedPart> {
    secret: Secret,
    directory: Option<PathBuf>,
    run: Run,
    files: Vec<File>,
    written: u64,
    rows: PhantomData<fn() -> R>,
}

/// Rows in memory, as consecutive bytes.
#[derive(Default)]
struct Run {
    bytes: Vec<u8>,
    rows: Vec<(StoreKey, u32, u32)>,
}

/// A person with all their rows.
type PersonWithRows<R> = (PersonId, Vec<R>);

/// Sorted rows, person by person.
pub struct Sorted<R = NumberedPart> {
    sources: Vec<Source>,
    heap: BinaryHeap<Reverse<(StoreKey, usize)>>,
    rows: PhantomData<fn() -> R>,
}

/// A run and its next row.
struct Source {
    rows: SortedRows,
    next: Vec<u8>,
}

enum SortedRows {
    Memory(Run, usize),
    File(BufReader<File>),
}

impl ExternalSort {
    /// An empty sort; without a directory all rows stay in memory.
    pub fn new(secret: Secret, directory: Option<PathBuf>) -> ExternalSort {
        ExternalSort { secret, directory, run: Run::default(), files: Vec::new(), written: 0, rows: PhantomData }
    }

    /// An empty sort in the same directory, for whole records of persons.
    pub fn for_records(self) -> ExternalSort<PersonRecord> {
        let ExternalSort { secret, directory, .. } = self;
        ExternalSort { secret, directory, run: Run::default(), files: Vec::new(), written: 0, rows: PhantomData }
    }
}

impl<R: StoredForm> ExternalSort<R> {
    /// Adds a row after those of the same person.
    ///
    /// # Errors
    /// If a file cannot be written, or the import is too large.
    pub fn add(&mut self, id: &PersonId, row: &R) -> Result<(), StoreError> {
        let start = self.run.bytes.len();
        encode_row(&mut self.run.bytes, id, row)?;
        let length = self.run.bytes.len() - start;
        self.run.rows.push((self.secret.person(id), start as u32, length as u32));
        if self.directory.is_some() && self.run.size() >= RUN_BYTES {
            self.spill()?;
        }
        Ok(())
    }

    /// Sorts the rows by person in the order of keys; the rows of a person keep the order in which they were added.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn sorted(mut self) -> Result<Sorted<R>, StoreError> {
        self.run.sort();
        let files = self.files.into_iter().map(|file| SortedRows::File(BufReader::with_capacity(BUFFER, file)));
        let runs = files.chain([SortedRows::Memory(self.run, 0)]);
        let sources = runs.map(|rows| Source { rows, next: Vec::new() }).collect();
        let mut sorted = Sorted { sources, heap: BinaryHeap::new(), rows: PhantomData };
        sorted.rewind()?;
        Ok(sorted)
    }

    fn spill(&mut self) -> Result<(), StoreError> {
        self.run.sort();
        let mut file = BufWriter::with_capacity(BUFFER, self.file()?);
        for (key, start, length) in &self.run.rows {
            let (start, length) = (*start as usize, *length as usize);
            file.write_all(key).map_err(failed)?;
            file.write_all(&(length as u32).to_le_bytes()).map_err(failed)?;
            file.write_all(&self.run.bytes[start..start + length]).map_err(failed)?;
        }
        self.written += self.run.size() as u64;
        if self.written > FILE_BYTES {
            return Err(StoreError::Unavailable(format!("an import of more than {FILE_BYTES} bytes")));
        }
        self.files.push(file.into_inner().map_err(failed)?);
        self.run.bytes.clear();
        self.run.rows.clear();
        Ok(())
    }

    /// A file without a name, readable by its owner only, that is gone when it is closed.
    fn file(&self) -> Result<File, StoreError> {
        let path = self.directory.clone().unwrap_or_default().join(format!("sort-{}", self.files.len()));
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(true).mode(0o600).open(&path);
        let file = file.map_err(failed)?;
        std::fs::remove_file(&path).map_err(failed)?;
        Ok(file)
    }
}

impl Run {
    fn size(&self) -> usize {
        self.bytes.len() + self.rows.len() * size_of::<(StoreKey, u32, u32)>()
    }

    /// Sorts by key; rows of one key keep their order.
    fn sort(&mut self) {
        self.rows.sort_by_key(|(key, start, _)| (*key, *start));
    }
}

impl Source {
    /// Goes back to the first row.
    fn rewind(&mut self) -> Result<(), StoreError> {
        match &mut self.rows {
            SortedRows::Memory(_, at) => *at = 0,
            SortedRows::File(file) => drop(file.seek(SeekFrom::Start(0)).map_err(failed)?),
        }
        Ok(())
    }

    /// Reads the next row; returns its key.
    fn advance(&mut self) -> Result<Option<StoreKey>, StoreError> {
        self.next.clear();
        match &mut self.rows {
            SortedRows::Memory(run, at) => {
                let Some((key, start, length)) = run.rows.get(*at) else { return Ok(None) };
                *at += 1;
                self.next.extend_from_slice(&run.bytes[*start as usize..(*start + *length) as usize]);
                Ok(Some(*key))
            }
            SortedRows::File(file) => {
                let mut head = [0; 20];
                match file.read_exact(&mut head) {
                    Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
                    read => read.map_err(failed)?,
                }
                let (mut key, mut length) = (StoreKey::default(), [0; 4]);
                key.copy_from_slice(&head[..16]);
                length.copy_from_slice(&head[16..]);
                self.next.resize(u32::from_le_bytes(length) as usize, 0);
                file.read_exact(&mut self.next).map_err(failed)?;
                Ok(Some(key))
            }
        }
    }
}

impl<R: StoredForm> Sorted<R> {
    /// Goes back to the first person.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn rewind(&mut self) -> Result<(), StoreError> {
        self.heap.clear();
        for at in 0..self.sources.len() {
            self.sources[at].rewind()?;
            self.advance(at)?;
        }
        Ok(())
    }

    fn advance(&mut self, at: usize) -> Result<(), StoreError> {
        if let Some(key) = self.sources[at].advance()? {
            self.heap.push(Reverse((key, at)));
        }
        Ok(())
    }

    /// The next `limit` persons with all their rows, fewer at the end; `None` when there are no more.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn next_batch(&mut self, limit: usize) -> Result<Option<Vec<PersonWithRows<R>>>, StoreError> {
        let mut batch = Vec::with_capacity(limit);
        while batch.len() < limit {
            let Some(person) = self.next_person()? else { break };
            batch.push(person);
        }
        Ok(Some(batch).filter(|batch| !batch.is_empty()))
    }

    /// The next person with all their rows.
    ///
    /// # Errors
    /// If a file cannot be read.
    fn next_person(&mut self) -> Result<Option<PersonWithRows<R>>, StoreError> {
        let Some(Reverse((first, _))) = self.heap.peek().copied() else { return Ok(None) };
        let mut person: Option<PersonWithRows<R>> = None;
        while let Some(Reverse((key, at))) = self.heap.peek().copied().filter(|next| next.0.0 == first) {
            debug_assert!(key == first);
            self.heap.pop();
            let (id, row) = decode_row(&self.sources[at].next)?;
            person.get_or_insert_with(|| (id, Vec::new())).1.push(row);
            self.advance(at)?;
        }
        Ok(person)
    }
}

/// Appends the id, the length of its text first, and the message of a row.
fn encode_row(bytes: &mut Vec<u8>, id: &PersonId, row: &impl StoredForm) -> Result<(), StoreError> {
    let length = u16::try_from(id.as_str().len()).map_err(failed)?;
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(id.as_str().as_bytes());
    row.to_message().encode_raw(bytes);
    Ok(())
}

fn decode_row<R: StoredForm>(bytes: &[u8]) -> Result<(PersonId, R), StoreError> {
    let short = || failed("a row is too short");
    let (length, rest) = bytes.split_first_chunk().ok_or_else(short)?;
    let (id, row) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length))).ok_or_else(short)?;
    let id = PersonId::from_stored(std::str::from_utf8(id).map_err(failed)?).map_err(failed)?;
    Ok((id, R::from_message(R::Message::decode(row).map_err(failed)?).map_err(failed)?))
}

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("the rows of an import: {error}"))
}
