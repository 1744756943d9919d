//! The files of the cache: a manifest and a file for each chunk, each replaced as a whole.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::reports::chunk::Chunk;
use crate::reports::error::ReportError;

use super::code::{CODE, Code, code_of};
use super::form;
use super::manifest::Manifest;

/// The first bytes of a manifest: its kind and the version of the cache.
const MAGIC: &[u8; 16] = b"onestop-report-1";

/// The length of the identity of a store.
const IDENTITY: usize = 16;

/// The files of a cache, locked for this process.
pub(super) struct CacheFiles {
    directory: PathBuf,
    key: [u8; 32],
    identity: [u8; IDENTITY],
    /// Released when it is closed.
    _lock: File,
}

impl CacheFiles {
    /// Opens the cache in a directory, which is created if it is missing, and waits until no other process uses it.
    pub fn open(directory: &Path, key: [u8; 32]) -> Result<CacheFiles, ReportError> {
        let failed = ReportError::file(directory);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let path = directory.join("lock");
        let lock = OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(&path);
        let lock = lock.and_then(|file| file.lock().map(|()| file)).map_err(ReportError::file(&path))?;
        let mut identity = [0; IDENTITY];
        identity.copy_from_slice(&code_of(&key, b"identity")[..IDENTITY]);
        Ok(CacheFiles { directory: directory.to_owned(), key, identity, _lock: lock })
    }

    /// The manifest; none if it is missing, damaged or of another version.
    ///
    /// # Errors
    /// [`ReportError::ForeignCache`] if it is of another store.
    pub fn manifest(&self) -> Result<Option<Manifest>, ReportError> {
        let Some(bytes) = self.read(&self.manifest_path())? else { return Ok(None) };
        let Some((head, _)) = bytes.split_at_checked(MAGIC.len() + IDENTITY) else { return Ok(None) };
        if &head[..MAGIC.len()] != MAGIC {
            return Ok(None);
        }
        if head[MAGIC.len()..] != self.identity {
            return Err(ReportError::ForeignCache(self.directory.clone()));
        }
        let body = self.authentic(&bytes).and_then(|bytes| bytes.get(MAGIC.len() + IDENTITY..));
        Ok(body.and_then(form::manifest_of))
    }

    /// Replaces the manifest.
    pub fn write_manifest(&self, manifest: &Manifest) -> Result<(), ReportError> {
        let bytes = [&MAGIC[..], &self.identity, &form::manifest_bytes(manifest)].concat();
        self.write(&self.manifest_path(), bytes).map(|_code| ())
    }

    /// The chunk with this number; none if it is missing or damaged, or is not the one with this code.
    pub fn chunk(&self, number: usize, code: &Code) -> Result<Option<Chunk>, ReportError> {
        let Some(bytes) = self.read(&self.chunk_path(number))? else { return Ok(None) };
        let is_listed = bytes.ends_with(code);
        Ok(self.authentic(&bytes).filter(|_| is_listed).and_then(form::chunk_of))
    }

    /// Writes a chunk and gives the code of its file.
    pub fn write_chunk(&self, number: usize, chunk: &Chunk) -> Result<Code, ReportError> {
        self.write(&self.chunk_path(number), form::chunk_bytes(chunk))
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn manifest_path(&self) -> PathBuf {
        self.directory.join("manifest")
    }

    fn chunk_path(&self, number: usize) -> PathBuf {
        self.directory.join(format!("chunk-{number:06}"))
    }

    /// What stands before the code, if the code is that of these bytes.
    fn authentic<'b>(&self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let (content, code) = bytes.split_at_checked(bytes.len().checked_sub(CODE)?)?;
        (code_of(&self.key, content) == code).then_some(content)
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, ReportError> {
        match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ReportError::file(path)(error)),
        }
    }

    fn write(&self, path: &Path, mut bytes: Vec<u8>) -> Result<Code, ReportError> {
        let code = code_of(&self.key, &bytes);
        bytes.extend(code);
        let part = path.with_extension("part");
        let write = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&part)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&part, path)
        };
        write().map_err(ReportError::file(path))?;
        Ok(code)
    }
}
