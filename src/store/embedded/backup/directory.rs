//! The directory of a backup that is being written.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::BackupError;
use super::manifest::{MANIFEST, Manifest, SegmentDigest};
use super::reader::{BackupPart, BackupPosition};
use super::verify::{LogInBackup, digest, hash_part, last_segment, read_manifest, segments_of};
use crate::domain::ids::Digest;
use crate::store::embedded::directory::identity_of;
use crate::store::embedded::index::LogEnd;
use crate::store::embedded::log::{LogDamage, LogError, LogSizes, PAGE, Segments};
use crate::store::keys::Secret;

/// The name of the manifest before it is complete.
const NEW_MANIFEST: &str = "BACKUP.new";

/// A backup that one process writes.
pub struct BackupDirectory {
    path: PathBuf,
    _lock: File,
    manifest: Option<Manifest>,
    secret: Option<Secret>,
    written: Option<WrittenLog>,
}

/// The log in a backup that is being written.
struct WrittenLog {
    segments: Segments,
    /// The segment that is written, its number, and the position of the next byte.
    current: Option<(u64, File)>,
    next: u64,
    /// The used bytes of the segments that were completed since the last commit.
    completed: Vec<u64>,
    /// The digest of the last segment that the manifest names, and how much of it was hashed.
    hasher: blake3::Hasher,
    hashed: u64,
}

impl BackupDirectory {
    /// Opens the backup in this directory to continue it, or begins one in a missing or empty directory. The last segment
    /// is read and compared with its digest; of the others, that they are there.
    ///
    /// # Errors
    /// If it holds something else, is in use, or is damaged.
    pub fn open(path: &Path) -> Result<BackupDirectory, BackupError> {
        let failed = |error| BackupError::File { path: path.to_owned(), error };
        create_directory(path).map_err(failed)?;
        let lock = File::open(path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(BackupError::InUse(path.to_owned())),
            Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
        let (manifest, secret) = match read_manifest(path) {
            Ok((manifest, secret)) => (Some(manifest), Some(secret)),
            Err(BackupError::NeverCompleted(_)) => (None, None),
            Err(BackupError::NoBackup(_)) if is_empty(path).map_err(failed)? => (None, None),
            Err(BackupError::NoBackup(_)) => return Err(BackupError::OtherContent(path.to_owned())),
            Err(error) => return Err(error),
        };
        let mut opened = BackupDirectory { path: path.to_owned(), _lock: lock, manifest, secret, written: None };
        opened.check_segments()?;
        Ok(opened)
    }

    fn check_segments(&mut self) -> Result<(), BackupError> {
        let Some(manifest) = &self.manifest else { return Ok(()) };
        let segments = segments_of(&self.path, manifest.position.identity);
        let log = LogInBackup { path: self.path.join("log"), segments: &segments };
        for number in 0..manifest.segments.len() as u64 {
            check_length(&log.file(number)).map_err(|error| log.failed(error))?;
        }
        if let Some((last, segment)) = manifest.segments.iter().enumerate().next_back() {
            let file = log.file(last as u64);
            if digest(&file, segment.used)? != segment.digest {
                return Err(BackupError::OtherDigest(file));
            }
        }
        Ok(())
    }

    /// The manifest of what is complete; `None` if nothing is.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// Begins to take what the store with this secret sends.
    ///
    /// # Errors
    /// If the backup is of another store, or a file cannot be written.
    pub fn begin(&mut self, secret: Secret) -> Result<(), BackupError> {
        let identity = identity_of(&secret);
        match &self.secret {
            Some(known) if known.0 != secret.0 => return Err(BackupError::OtherStore(self.path.clone())),
            Some(_) => {}
            None => {
                let (file, log) = (self.path.join("secret"), self.path.join("log"));
                create_directory(&log).map_err(|error| BackupError::File { path: log, error })?;
                write_file(&file, &secret.0).map_err(|error| BackupError::File { path: file, error })?;
                self.secret = Some(secret);
            }
        }
        let mut written = WrittenLog {
            segments: segments_of(&self.path, identity),
            current: None,
            next: 0,
            completed: Vec::new(),
            hasher: blake3::Hasher::new(),
            hashed: 0,
        };
        if let Some(manifest) = &self.manifest {
            let (number, used) = last_segment(manifest.position.end);
            let file = self.segment_file(number);
            hash_part(&mut written.hasher, &file, 0..used)?;
            let opened = OpenOptions::new().write(true).open(&file);
            let opened = opened.map_err(|error| BackupError::File { path: file, error })?;
            (written.current, written.hashed) = (Some((number, opened)), used);
            written.next = manifest.position.end.lsn;
        }
        self.written = Some(written);
        Ok(())
    }

    /// Writes the next part of the log; it is no part of the backup until [`BackupDirectory::commit`].
    ///
    /// # Errors
    /// If it is not the next part, or cannot be written.
    pub fn write(&mut self, part: &BackupPart) -> Result<(), BackupError> {
        let log = self.path.join("log");
        let written = self.written.as_mut().ok_or(BackupError::OutOfOrder("it did not say which store it is of"))?;
        match part {
            BackupPart::Segment { number, head } => written.begin_segment(&log, *number, head),
            BackupPart::Bytes { lsn, bytes } => written.append(&log, *lsn, bytes),
            BackupPart::End(_) => Ok(()),
        }
    }

    /// Makes durable what was written up to this end of the log, reads it back and checks it, and makes it part of the
    /// backup.
    ///
    /// # Errors
    /// If it is damaged, does not end there, or cannot be written. Then the backup stays as it was.
    pub fn commit(&mut self, end: LogEnd) -> Result<&Manifest, BackupError> {
        let ended = BackupError::OutOfOrder("it ends where nothing was sent up to");
        let (Some(secret), Some(written)) = (&self.secret, self.written.as_mut()) else { return Err(ended) };
        if written.current.is_none() || written.next != end.lsn {
            return Err(ended);
        }
        let log = LogInBackup { path: self.path.join("log"), segments: &written.segments };
        if let Some((number, file)) = &written.current {
            file.sync_data().map_err(|error| BackupError::File { path: log.file(*number), error })?;
        }
        sync_directory(&log.path)?;
        let before = self.manifest.as_ref();
        let from = before.map_or_else(|| log.segments.start(), |manifest| Ok(manifest.position.end));
        let from = from.map_err(|error| log.failed(error))?;
        let newest = log.check(from, end, &self.path.join(MANIFEST))?.max(before.and_then(|before| before.newest));
        let mut segments = before.map(|manifest| manifest.segments.clone()).unwrap_or_default();
        written.digests(&self.path.join("log"), last_segment(end).1, &mut segments)?;
        let position = BackupPosition { identity: identity_of(secret), end };
        let manifest = Manifest { position, newest, segments };
        replace_manifest(&self.path, &manifest)?;
        Ok(self.manifest.insert(manifest))
    }

    fn segment_file(&self, number: u64) -> PathBuf {
        segment_file(&self.path.join("log"), number)
    }
}

impl WrittenLog {
    fn begin_segment(&mut self, log: &Path, number: u64, head: &[u8]) -> Result<(), BackupError> {
        let expected = self.current.as_ref().map_or(0, |(number, _)| number + 1);
        if number != expected || head.len() as u64 != PAGE {
            return Err(BackupError::OutOfOrder("another segment follows"));
        }
        let path = segment_file(log, number);
        let failed = |error| BackupError::File { path: path.clone(), error };
        if let Some((number, complete)) = &self.current {
            let failed = |error| BackupError::File { path: segment_file(log, *number), error };
            complete.sync_data().map_err(failed)?;
            // Its last byte may be the last of the file, whose position is in the next segment.
            self.completed.push(self.next - LogSizes::STORE.lsn(*number, 0));
        }
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        let file = file.map_err(failed)?;
        file.set_len(LogSizes::STORE.segment).map_err(failed)?;
        file.write_all_at(head, 0).map_err(failed)?;
        (self.current, self.next) = (Some((number, file)), LogSizes::STORE.lsn(number, PAGE));
        Ok(())
    }

    fn append(&mut self, log: &Path, lsn: u64, bytes: &[u8]) -> Result<(), BackupError> {
        let (number, byte) = LogSizes::STORE.place(lsn);
        match &self.current {
            Some((current, file))
                if *current == number && lsn == self.next && byte + bytes.len() as u64 <= LogSizes::STORE.segment =>
            {
                let failed = |error| BackupError::File { path: segment_file(log, number), error };
                file.write_all_at(bytes, byte).map_err(failed)?;
                self.next += bytes.len() as u64;
                Ok(())
            }
            _ => Err(BackupError::OutOfOrder("other bytes follow")),
        }
    }

    /// Adds the digests of what was written since the last commit; `used` is how much of the last segment is used.
    fn digests(&mut self, log: &Path, used: u64, segments: &mut Vec<SegmentDigest>) -> Result<(), BackupError> {
        let first = segments.pop().map_or(0, |_| segments.len()) as u64;
        let last = std::mem::take(&mut self.completed);
        for (number, used) in (first..).zip(last.into_iter().chain([used])) {
            if number > first {
                (self.hasher, self.hashed) = (blake3::Hasher::new(), 0);
            }
            hash_part(&mut self.hasher, &segment_file(log, number), self.hashed..used)?;
            self.hashed = used;
            segments.push(SegmentDigest { used, digest: Digest(*self.hasher.finalize().as_bytes()) });
        }
        Ok(())
    }
}

fn segment_file(log: &Path, number: u64) -> PathBuf {
    log.join(format!("{number:010}.log"))
}

/// Checks that a segment is there with its whole length.
fn check_length(path: &Path) -> Result<(), LogError> {
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let expected = LogSizes::STORE.segment;
    match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(LogError::Missing(file)),
        Err(error) => Err(LogError::File { operation: "read", file, why: error.to_string() }),
        Ok(metadata) if metadata.len() != expected => {
            let found = metadata.len();
            let damage = LogDamage::Length { found, expected };
            Err(LogError::Damaged { file, byte: found.min(expected), damage })
        }
        Ok(_) => Ok(()),
    }
}

fn replace_manifest(path: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let (new, file) = (path.join(NEW_MANIFEST), path.join(MANIFEST));
    let failed = |error| BackupError::File { path: file.clone(), error };
    write_file(&new, manifest.encode().as_bytes()).map_err(failed)?;
    fs::rename(&new, &file).map_err(failed)?;
    sync_directory(path)
}

fn is_empty(path: &Path) -> std::io::Result<bool> {
    Ok(fs::read_dir(path)?.next().is_none())
}

fn create_directory(path: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn write_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_directory(path: &Path) -> Result<(), BackupError> {
    let synced = File::open(path).and_then(|directory| directory.sync_all());
    synced.map_err(|error| BackupError::File { path: path.to_owned(), error })
}
