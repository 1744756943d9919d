//! Sorts rows by a fixed key in bounded memory. Rows beyond the memory go to sorted run files without a name, which end
//! with the process. Eight files of a level are merged into one of the next, so that few are open however many rows come.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::error::StoreError;
use super::keys::StoreKey;

/// The buffer of each file while files are merged.
const BUFFER: usize = 256 << 10;

/// How many files of a level are merged into one.
const FAN_IN: usize = 8;

/// The levels. Files of the last one are merged into one of the same.
const LEVELS: usize = 3;

/// The maximum number of files that a sort has open: those of each level, and two more while some are merged.
pub const MAX_FILES: usize = (FAN_IN - 1) * LEVELS + 2;

/// How much a sort may hold.
#[derive(Clone, Copy, Debug)]
pub struct SortLimits {
    /// The bytes of rows in memory before they are written to a file.
    pub run_bytes: usize,
    /// The bytes of all files.
    pub file_bytes: u64,
}

/// Rows to sort, each as bytes under a key.
pub struct RunSort {
    directory: Option<PathBuf>,
    limits: SortLimits,
    run: Run,
    /// The files, those with the oldest rows first: their levels descend.
    files: Vec<RunFile>,
    written: u64,
}

/// A file of sorted rows.
struct RunFile {
    file: File,
    /// How often its rows were merged.
    level: usize,
}

/// Rows in memory, as consecutive bytes.
#[derive(Default)]
struct Run {
    bytes: Vec<u8>,
    rows: Vec<(StoreKey, u32, u32)>,
}

/// Rows in the order of their keys; rows of one key in the order in which they were added.
pub struct SortedRuns {
    sources: Vec<Source>,
    heap: BinaryHeap<Reverse<(StoreKey, usize)>>,
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

impl RunSort {
    /// An empty sort with its files in this directory; without a directory all rows stay in memory.
    pub fn new(directory: Option<PathBuf>, limits: SortLimits) -> RunSort {
        RunSort { directory, limits, run: Run::default(), files: Vec::new(), written: 0 }
    }

    /// The directory of its files.
    pub(super) fn into_directory(self) -> Option<PathBuf> {
        self.directory
    }

    /// Adds a row after those of the same key; `encode` appends its bytes.
    ///
    /// # Errors
    /// As `encode`; or if a file cannot be written, or there are too many rows.
    pub fn add(
        &mut self,
        key: StoreKey,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let start = self.run.bytes.len();
        encode(&mut self.run.bytes)?;
        let length = self.run.bytes.len() - start;
        self.run.rows.push((key, start as u32, length as u32));
        if self.directory.is_some() && self.run.size() >= self.limits.run_bytes {
            self.spill()?;
        }
        Ok(())
    }

    /// Sorts the rows.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn sorted(mut self) -> Result<SortedRuns, StoreError> {
        self.run.sort();
        let files = self.files.into_iter().map(RunFile::into_rows);
        SortedRuns::new(files.chain([SortedRows::Memory(self.run, 0)]))
    }

    fn spill(&mut self) -> Result<(), StoreError> {
        self.run.sort();
        let mut file = BufWriter::with_capacity(BUFFER, self.file()?);
        for (key, start, length) in &self.run.rows {
            let (start, length) = (*start as usize, *length as usize);
            write_row(&mut file, key, &self.run.bytes[start..start + length])?;
        }
        self.written += self.run.size() as u64;
        if self.written > self.limits.file_bytes {
            return Err(failed(format!("more than {} bytes", self.limits.file_bytes)));
        }
        self.files.push(RunFile { file: file.into_inner().map_err(failed)?, level: 0 });
        self.run.bytes.clear();
        self.run.rows.clear();
        while let Some(first) = self.full_level() {
            self.merge_from(first)?;
        }
        Ok(())
    }

    /// Where the files of the last level begin, if there are so many that they are merged.
    fn full_level(&self) -> Option<usize> {
        let level = self.files.last()?.level;
        let first = self.files.iter().take_while(|file| file.level > level).count();
        (self.files.len() - first >= FAN_IN).then_some(first)
    }

    /// Merges the files from this one on, which have the newest rows, into one.
    fn merge_from(&mut self, first: usize) -> Result<(), StoreError> {
        let merged = self.files.split_off(first);
        let level = merged.first().map_or(0, |file| (file.level + 1).min(LEVELS - 1));
        let mut rows = SortedRuns::new(merged.into_iter().map(RunFile::into_rows))?;
        let mut file = BufWriter::with_capacity(BUFFER, self.file()?);
        while let Some(key) = rows.peek_key() {
            rows.next_row(|row| write_row(&mut file, &key, row))?;
        }
        self.files.push(RunFile { file: file.into_inner().map_err(failed)?, level });
        Ok(())
    }

    /// A file without a name, readable by its owner only, that is gone when it is closed.
    fn file(&self) -> Result<File, StoreError> {
        let name = format!("onestop-sort-{}", uuid::Uuid::now_v7());
        let path = self.directory.clone().unwrap_or_default().join(name);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(failed)?;
        std::fs::remove_file(&path).map_err(failed)?;
        Ok(file)
    }
}

impl RunFile {
    fn into_rows(self) -> SortedRows {
        SortedRows::File(BufReader::with_capacity(BUFFER, self.file))
    }
}

/// Writes a row as [`Source`] reads it.
fn write_row(file: &mut BufWriter<File>, key: &StoreKey, row: &[u8]) -> Result<(), StoreError> {
    file.write_all(key).map_err(failed)?;
    file.write_all(&(row.len() as u32).to_le_bytes()).map_err(failed)?;
    file.write_all(row).map_err(failed)
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
                    Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
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

impl SortedRuns {
    /// The rows of these runs, of which the first has the oldest rows.
    fn new(runs: impl Iterator<Item = SortedRows>) -> Result<SortedRuns, StoreError> {
        let sources = runs.map(|rows| Source { rows, next: Vec::new() }).collect();
        let mut sorted = SortedRuns { sources, heap: BinaryHeap::new() };
        sorted.rewind()?;
        Ok(sorted)
    }

    /// Goes back to the first row.
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

    /// The key of the next row; `None` after the last one.
    pub fn peek_key(&self) -> Option<StoreKey> {
        self.heap.peek().map(|Reverse((key, _))| *key)
    }

    /// Hands the bytes of the next row to `decode`; `None` after the last row.
    ///
    /// # Errors
    /// As `decode`; or if a file cannot be read.
    pub fn next_row<T>(
        &mut self,
        decode: impl FnOnce(&[u8]) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let Some(Reverse((_, at))) = self.heap.pop() else { return Ok(None) };
        let row = decode(&self.sources[at].next)?;
        self.advance(at)?;
        Ok(Some(row))
    }

    fn advance(&mut self, at: usize) -> Result<(), StoreError> {
        if let Some(key) = self.sources[at].advance()? {
            self.heap.push(Reverse((key, at)));
        }
        Ok(())
    }
}

/// A sort that failed for this reason.
pub(super) fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("the rows of a sort: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_two_thousand_runs_come_in_order_from_few_files() {
        let place = tempfile::tempdir().expect("a directory");
        // Each row is a run.
        let limits = SortLimits { run_bytes: 1, file_bytes: u64::MAX };
        let (mut sort, mut most) = (RunSort::new(Some(place.path().to_owned()), limits), 0);
        let rows = (0..2_000_u32).map(|number| ((number % 7) as u8, number));
        for (key, number) in rows.clone() {
            let encode = |bytes: &mut Vec<u8>| {
                bytes.extend_from_slice(&number.to_le_bytes());
                Ok(())
            };
            sort.add([key; 16], encode).expect("a row");
            most = most.max(sort.files.len());
        }
        assert_eq!(most, MAX_FILES - 2, "after 511 rows each level is full");
        let (mut sorted, mut found) = (sort.sorted().expect("sorted rows"), Vec::new());
        while let Some(key) = sorted.peek_key() {
            let row = sorted.next_row(|row| Ok(row.to_vec())).expect("a read").expect("a row");
            found.push((key[0], u32::from_le_bytes(row.try_into().expect("four bytes"))));
        }
        let mut expected: Vec<_> = rows.collect();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }
}
