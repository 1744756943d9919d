//! A file that is never synced.

use std::fs::File;
use std::path::Path;

use redb::backends::FileBackend;

/// A file that is never synced, for volatile stores.
#[derive(Debug)]
pub(super) struct Unsynced(FileBackend);

impl Unsynced {
    pub(super) fn open(file: &Path) -> Result<Unsynced, redb::Error> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(file);
        Ok(Unsynced(FileBackend::new(file.map_err(redb::Error::from)?)?))
    }
}

impl redb::StorageBackend for Unsynced {
    fn len(&self) -> Result<u64, std::io::Error> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> Result<(), std::io::Error> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        self.0.write(offset, data)
    }
}
