//! The file of the database. What is written to it is synced after each MiB, so that no large sync meets that of a commit to
//! the log: both are on one disk, and the kernel writes one after the other.
//!
//! The lock of the store's directory guards it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use redb::backends::FileBackend;

use super::durability::Durability;

/// How much is written before it is synced.
const SYNC_BYTES: usize = 1 << 20;

/// The file of the database.
#[derive(Debug)]
pub(super) struct DatabaseFile {
    file: FileBackend,
    /// That of a volatile store is never synced.
    durability: Durability,
    unsynced: AtomicUsize,
}

impl DatabaseFile {
    /// Opens the file, and creates it if there is none.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(super) fn open(file: &Path, durability: Durability) -> Result<DatabaseFile, redb::Error> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(file);
        let file = FileBackend::new(file.map_err(redb::Error::from)?)?;
        Ok(DatabaseFile { file, durability, unsynced: AtomicUsize::new(0) })
    }
}

impl redb::StorageBackend for DatabaseFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.unsynced.store(0, Ordering::Relaxed);
        match self.durability {
            Durability::Synced => self.file.sync_data(),
            Durability::Volatile => Ok(()),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)?;
        let unsynced = self.unsynced.fetch_add(data.len(), Ordering::Relaxed) + data.len();
        if unsynced >= SYNC_BYTES { self.sync_data() } else { Ok(()) }
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}
