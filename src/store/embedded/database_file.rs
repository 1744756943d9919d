//! The file of the database. What the thread of the reference tables writes to it is synced after each MiB, so that no large
//! sync meets that of a commit to the log: both are on one disk, and the kernel writes one after the other. A thread that
//! reads may write pages to make room for others in the cache; it waits for no disk.
//!
//! After a failed sync nothing is written any more: redb does not tell of a write that fails while it reads, and the system
//! reports a failed sync once.
//!
//! The lock of the store's directory guards it.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use redb::backends::FileBackend;

use super::durability::Durability;

/// How much is written before it is synced.
const SYNC_BYTES: usize = 1 << 20;

thread_local! {
    static SYNCS_WHAT_IT_WRITES: Cell<bool> = const { Cell::new(false) };
}

/// Has the calling thread sync what it writes after each MiB.
pub(super) fn sync_what_this_thread_writes() {
    SYNCS_WHAT_IT_WRITES.set(true);
}

/// The file of the database.
#[derive(Debug)]
pub(super) struct DatabaseFile {
    file: FileBackend,
    /// That of a volatile store is never synced.
    durability: Durability,
    unsynced: AtomicUsize,
    /// Whether a sync failed.
    has_failed: AtomicBool,
}

impl DatabaseFile {
    /// Opens the file, and creates it if there is none.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(super) fn open(file: &Path, durability: Durability) -> Result<DatabaseFile, redb::Error> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(file);
        let file = FileBackend::new(file.map_err(redb::Error::from)?)?;
        Ok(DatabaseFile { file, durability, unsynced: AtomicUsize::new(0), has_failed: AtomicBool::new(false) })
    }

    fn check_sound(&self) -> io::Result<()> {
        if self.has_failed.load(Ordering::Relaxed) { Err(io::Error::other("an earlier sync failed")) } else { Ok(()) }
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
        self.check_sound()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check_sound()?;
        self.unsynced.store(0, Ordering::Relaxed);
        match self.durability {
            Durability::Synced => self.file.sync_data().inspect_err(|_| self.has_failed.store(true, Ordering::Relaxed)),
            Durability::Volatile => Ok(()),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check_sound()?;
        self.file.write(offset, data)?;
        let unsynced = self.unsynced.fetch_add(data.len(), Ordering::Relaxed) + data.len();
        if unsynced >= SYNC_BYTES && SYNCS_WHAT_IT_WRITES.get() { self.sync_data() } else { Ok(()) }
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}

#[cfg(test)]
mod tests {
    use redb::StorageBackend;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    /// The file is a pipe: no sync of it succeeds.
    #[test]
    fn after_a_failed_sync_every_write_and_sync_fails_and_no_other_error_does_that() {
        let place = tempfile::tempdir().expect("a directory");
        let pipe = place.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
        let file = DatabaseFile::open(&pipe, Durability::Synced).expect("the pipe");
        let why = |done: io::Result<()>| done.expect_err("an error").to_string();
        let changes = || [file.write(0, b"rows"), file.set_len(4_096)].map(why);
        assert!(changes().iter().all(|why| !why.contains("earlier")), "a pipe has no place to write at");
        assert!(!why(file.sync_data()).contains("earlier"));
        assert_eq!(changes(), ["an earlier sync failed"; 2]);
        assert_eq!(why(file.sync_data()), "an earlier sync failed");
        let volatile = DatabaseFile::open(&pipe, Durability::Volatile).expect("the pipe");
        assert!(volatile.sync_data().is_ok(), "it is never synced");
    }
}
