//! The file of the database. What the thread of the reference tables writes to it is synced after each MiB, so that no large
//! sync meets that of a commit to the log: both are on one disk, and the kernel writes one after the other. A thread that
//! reads may write pages to make room for others in the cache; it waits for no disk.
//!
//! After a failed sync nothing is written any more: redb does not tell of a write that fails while it reads, and the system
//! reports a failed sync once. After a failed read redb refuses every further one, so the process must be started again.
//!
//! The lock of the store's directory guards it.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use redb::backends::FileBackend;
use tokio::sync::watch;

use super::durability::Durability;
use crate::store::coordination::{ComponentFailed, Readiness};

const COMPONENT: &str = "the database of reference tables";

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
    /// Where a failed read is published.
    readiness: watch::Sender<Readiness>,
}

impl DatabaseFile {
    /// Opens the file, and creates it if there is none.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(super) fn open(
        file: &Path,
        durability: Durability,
        readiness: watch::Sender<Readiness>,
    ) -> Result<DatabaseFile, redb::Error> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(file);
        let file = FileBackend::new(file.map_err(redb::Error::from)?)?;
        let (unsynced, has_failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        Ok(DatabaseFile { file, durability, unsynced, has_failed, readiness })
    }

    fn report_failed_read(&self, error: &io::Error) {
        let failed = ComponentFailed { component: COMPONENT, why: format!("a read failed: {error}") };
        self.readiness.send_replace(Readiness::Failed(failed));
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
        self.file.read(offset, out).inspect_err(|error| self.report_failed_read(error))
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
        let open =
            |durability| DatabaseFile::open(&pipe, durability, watch::Sender::new(Readiness::Ready)).expect("the pipe");
        let file = open(Durability::Synced);
        let why = |done: io::Result<()>| done.expect_err("an error").to_string();
        let changes = || [file.write(0, b"rows"), file.set_len(4_096)].map(why);
        assert!(changes().iter().all(|why| !why.contains("earlier")), "a pipe has no place to write at");
        assert!(!why(file.sync_data()).contains("earlier"));
        assert_eq!(changes(), ["an earlier sync failed"; 2]);
        assert_eq!(why(file.sync_data()), "an earlier sync failed");
        let volatile = open(Durability::Volatile);
        assert!(volatile.sync_data().is_ok(), "it is never synced");
    }

    #[test]
    fn after_a_failed_read_the_store_is_to_be_opened_again() {
        let place = tempfile::tempdir().expect("a directory");
        let readiness = watch::Sender::new(Readiness::Ready);
        let file =
            DatabaseFile::open(&place.path().join("redb"), Durability::Synced, readiness.clone()).expect("it opens");
        file.set_len(4_096).expect("room");
        let mut page = [0; 4_096];
        file.read(0, &mut page).expect("a page");
        assert_eq!(*readiness.borrow(), Readiness::Ready);
        assert!(file.read(4_096, &mut page).is_err());
        assert!(matches!(&*readiness.borrow(), Readiness::Failed(failed) if failed.component == COMPONENT));
    }
}
