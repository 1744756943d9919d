//! Files that are derived from the journal of a store and can be made again: a manifest, and numbered files that it lists. What
//! they hold is for whoever derives it; here they are written as a whole, authenticated, locked, and bound to one store.
//!
//! They are never the truth: what is missing or damaged is found, and is then made again from the journal.

mod code;
mod covered;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use code::{CODE, Code};
pub use covered::{LastEntry, is_in_journal};

use code::code_of;

/// The length of what names the kind of files and their version.
const KIND: usize = 16;

/// The length of the identity of a store.
const IDENTITY: usize = 16;

/// How often it is looked whether another process still uses the files.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// A file or directory that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot read or write {path}: {error}")]
pub struct DerivedFileError {
    /// The file.
    pub path: PathBuf,
    /// The cause.
    pub error: std::io::Error,
}

impl DerivedFileError {
    fn of(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> DerivedFileError {
        |error| DerivedFileError { path: path.into(), error }
    }
}

/// What the file of the manifest holds.
#[derive(Debug, PartialEq, Eq)]
pub enum ManifestFile {
    /// A manifest of this store.
    Manifest(Vec<u8>),
    /// None: it is missing, damaged, or of another version.
    Missing,
    /// That of another store.
    Foreign,
}

/// The files of a directory, locked for this process.
pub struct DerivedFiles {
    directory: PathBuf,
    kind: [u8; KIND],
    key: [u8; 32],
    identity: [u8; IDENTITY],
    /// Released when it is closed.
    _lock: File,
}

impl DerivedFiles {
    /// Opens the files of this kind in a directory, which is created if it is missing, and waits until no other process uses
    /// them. The key is derived from the secret of the store for this kind.
    ///
    /// # Errors
    /// If the directory cannot be created or locked.
    pub async fn open(directory: &Path, kind: &[u8; KIND], key: [u8; 32]) -> Result<DerivedFiles, DerivedFileError> {
        let failed = DerivedFileError::of(directory);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let path = directory.join("lock");
        let lock = OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(&path);
        let lock = lock.map_err(DerivedFileError::of(&path))?;
        until_locked(&lock).await.map_err(DerivedFileError::of(&path))?;
        let mut identity = [0; IDENTITY];
        identity.copy_from_slice(&code_of(&key, b"identity")[..IDENTITY]);
        Ok(DerivedFiles { directory: directory.to_owned(), kind: *kind, key, identity, _lock: lock })
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The code that only this store can make of these bytes.
    pub fn code(&self, bytes: &[u8]) -> Code {
        code_of(&self.key, bytes)
    }

    /// The manifest.
    ///
    /// # Errors
    /// If its file cannot be read.
    pub fn manifest(&self) -> Result<ManifestFile, DerivedFileError> {
        let Some(bytes) = read(&self.manifest_path())? else { return Ok(ManifestFile::Missing) };
        let Some((head, _)) = bytes.split_at_checked(KIND + IDENTITY) else { return Ok(ManifestFile::Missing) };
        if head[..KIND] != self.kind {
            return Ok(ManifestFile::Missing);
        }
        if head[KIND..] != self.identity {
            return Ok(ManifestFile::Foreign);
        }
        let body = self.authentic(&bytes).and_then(|bytes| bytes.get(KIND + IDENTITY..));
        Ok(body.map_or(ManifestFile::Missing, |body| ManifestFile::Manifest(body.to_vec())))
    }

    /// Replaces the manifest.
    ///
    /// # Errors
    /// If its file cannot be written.
    pub fn write_manifest(&self, manifest: &[u8]) -> Result<(), DerivedFileError> {
        let mut bytes = [&self.kind[..], &self.identity, manifest].concat();
        bytes.extend(self.code(&bytes));
        write(&self.manifest_path(), &bytes)
    }

    /// The content of the file with this number; none if it is missing or damaged, or is not the one with this code.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn content(&self, number: usize, code: &Code) -> Result<Option<Vec<u8>>, DerivedFileError> {
        let Some(mut bytes) = read(&self.path(number))? else { return Ok(None) };
        let is_listed = bytes.ends_with(code);
        let length = self.authentic(&bytes).filter(|_| is_listed).map(<[u8]>::len);
        Ok(length.map(|length| {
            bytes.truncate(length);
            bytes
        }))
    }

    /// Writes a file as a whole and gives its code.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_content(&self, number: usize, mut content: Vec<u8>) -> Result<Code, DerivedFileError> {
        let code = self.code(&content);
        content.extend(code);
        write(&self.path(number), &content)?;
        Ok(code)
    }

    /// Writes a file of parts, whose codes the caller keeps.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_parts(&self, number: usize, bytes: &[u8]) -> Result<(), DerivedFileError> {
        write(&self.path(number), bytes)
    }

    /// The file with this number, to read parts of it; none if it is missing.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open_parts(&self, number: usize) -> Result<Option<PartsFile>, DerivedFileError> {
        let path = self.path(number);
        match File::open(&path) {
            Ok(file) => Ok(Some(PartsFile { path, file, key: self.key })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(DerivedFileError { path, error }),
        }
    }

    fn manifest_path(&self) -> PathBuf {
        self.directory.join("manifest")
    }

    fn path(&self, number: usize) -> PathBuf {
        self.directory.join(format!("chunk-{number:06}"))
    }

    /// What stands before the code, if the code is that of these bytes.
    fn authentic<'b>(&self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let (content, code) = bytes.split_at_checked(bytes.len().checked_sub(CODE)?)?;
        (self.code(content) == code).then_some(content)
    }
}

/// A file of parts that is being read.
pub struct PartsFile {
    path: PathBuf,
    file: File,
    key: [u8; 32],
}

impl PartsFile {
    /// A part of the file; none if it is not the one with this code.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn part(&self, start: u64, length: usize, code: &Code) -> Result<Option<Vec<u8>>, DerivedFileError> {
        let mut bytes = vec![0; length];
        match self.file.read_exact_at(&mut bytes, start) {
            Ok(()) => Ok((code_of(&self.key, &bytes) == *code).then_some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(DerivedFileError { path: self.path.clone(), error }),
        }
    }
}

/// Waits for the lock of a file, so that whoever waits can be interrupted.
async fn until_locked(file: &File) -> std::io::Result<()> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_POLL).await,
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, DerivedFileError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DerivedFileError::of(path)(error)),
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), DerivedFileError> {
    let part = path.with_extension("part");
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().map_err(DerivedFileError::of(path))
}
