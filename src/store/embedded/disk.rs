//! The file operations of the log and the index, so that a simulated disk can take the place of a directory.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;

use rustix::fs::{FallocateFlags, SeekFrom};
use rustix::io::Errno;

/// A directory without subdirectories.
pub trait Disk: Send + Sync + 'static {
    /// Opens an existing file for reading and writing.
    ///
    /// # Errors
    /// `NotFound` if it does not exist, or the error of the system.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Creates a file, or empties an existing one.
    ///
    /// # Errors
    /// The error of the system.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Renames a file, and replaces an existing one of that name.
    ///
    /// # Errors
    /// The error of the system.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// `NotFound` if it does not exist, or the error of the system.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// The names of all files.
    ///
    /// # Errors
    /// The error of the system.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes creations, renames and removals durable.
    ///
    /// # Errors
    /// The error of the system.
    fn sync_directory(&self) -> io::Result<()>;

    /// The bytes that this process may still write to the disk.
    ///
    /// # Errors
    /// The error of the system.
    fn free(&self) -> io::Result<u64>;
}

/// An open file.
pub trait DiskFile: Send + Sync {
    /// Fills the buffer from this offset on.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file ends before, or the error of the system.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all bytes from this offset on.
    ///
    /// # Errors
    /// The error of the system.
    fn pwrite(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes content and length durable.
    ///
    /// # Errors
    /// The error of the system.
    fn sync(&self) -> io::Result<()>;

    /// The length in bytes.
    ///
    /// # Errors
    /// The error of the system.
    fn length(&self) -> io::Result<u64>;

    /// Makes an empty file as long as this, with space on the disk for every byte; all bytes read as zero.
    ///
    /// # Errors
    /// The error of the system, such as a full disk.
    fn allocate(&self, length: u64) -> io::Result<()>;

    /// The first byte from this offset on that may be other than zero; `None` if all bytes to the end are zero.
    ///
    /// # Errors
    /// The error of the system.
    fn next_data(&self, offset: u64) -> io::Result<Option<u64>>;
}

/// A directory of the system.
pub struct Directory {
    path: PathBuf,
    read_only: bool,
}

impl Directory {
    /// The directory with this path, which must exist.
    pub fn new(path: PathBuf) -> Directory {
        Directory { path, read_only: false }
    }

    /// The same, in which existing files are opened for reading only: it may be on a read-only medium.
    pub fn read_only(path: PathBuf) -> Directory {
        Directory { path, read_only: true }
    }
}

impl Disk for Directory {
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().read(true).write(!self.read_only).open(self.path.join(name))?))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(0o600);
        Ok(Box::new(options.open(self.path.join(name))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let names = std::fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect()
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    fn free(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.path)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

impl DiskFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }

    fn pwrite(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        Ok(rustix::fs::fallocate(self, FallocateFlags::empty(), 0, length)?)
    }

    fn next_data(&self, offset: u64) -> io::Result<Option<u64>> {
        match rustix::fs::seek(self, SeekFrom::Data(offset)) {
            Ok(data) => Ok(Some(data)),
            Err(Errno::NXIO) => Ok(None),
            // This file system does not know where its holes are: any byte may be other than zero.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok((offset < self.metadata()?.len()).then_some(offset)),
            Err(error) => Err(error.into()),
        }
    }
}
