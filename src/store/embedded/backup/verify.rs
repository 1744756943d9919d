//! Verifying a backup: every frame, record and entry is read, and every segment has its digest.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::BackupError;
use super::manifest::{MANIFEST, Manifest};
use crate::domain::ids::Digest;
use crate::domain::journal::Instant;
use crate::journal::decode_committed;
use crate::store::StoreError;
use crate::store::embedded::commit_record::{entries, index_rows};
use crate::store::embedded::directory::identity_of;
use crate::store::embedded::disk::Directory;
use crate::store::embedded::index::{LogEnd, LogPosition};
use crate::store::embedded::log::{Frame, FrameKind, LogSizes, PAGE, Record, RecordPart, Segments, StoreIdentity};
use crate::store::embedded::reference_record::table_rows;
use crate::store::keys::Secret;

/// How much of a file is read at once, in bytes.
const CHUNK: usize = 1 << 20;

/// A backup that was verified completely.
pub struct Verified {
    /// The manifest.
    pub manifest: Manifest,
    /// The directory.
    pub(super) path: PathBuf,
    pub(super) secret: Secret,
}

/// Reads and verifies a whole backup; changes nothing.
///
/// # Errors
/// What is damaged, missing, or of another store, by name.
pub fn verify(path: &Path) -> Result<Verified, BackupError> {
    let (manifest, secret) = read_manifest(path)?;
    let segments = segments_of(path, manifest.position.identity);
    let log = LogInBackup { path: path.join("log"), segments: &segments };
    let start = segments.start().map_err(|error| log.failed(error))?;
    log.check(start, manifest.position.end, &path.join(MANIFEST))?;
    for (number, segment) in manifest.segments.iter().enumerate() {
        let file = log.file(number as u64);
        if digest(&file, segment.used)? != segment.digest {
            return Err(BackupError::OtherDigest(file));
        }
    }
    Ok(Verified { manifest, path: path.to_owned(), secret })
}

/// The manifest of a backup, and its secret, which must be that of the store.
pub(super) fn read_manifest(path: &Path) -> Result<(Manifest, Secret), BackupError> {
    let file = path.join(MANIFEST);
    let text = std::fs::read(&file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound if path.join("log").exists() && !path.join("FORMAT").exists() => {
            BackupError::NeverCompleted(path.to_owned())
        }
        std::io::ErrorKind::NotFound => BackupError::NoBackup(path.to_owned()),
        _ => BackupError::File { path: file.clone(), error },
    })?;
    let text = String::from_utf8(text).map_err(|_| BackupError::Manifest { path: file.clone(), line: 1 })?;
    let manifest = Manifest::decode(&file, &text)?;
    let secret = read_secret(&path.join("secret"))?;
    if identity_of(&secret) != manifest.position.identity {
        return Err(BackupError::OtherSecret(path.join("secret")));
    }
    Ok((manifest, secret))
}

fn read_secret(path: &Path) -> Result<Secret, BackupError> {
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => BackupError::SecretMissing(path.to_owned()),
        _ => BackupError::File { path: path.to_owned(), error },
    })?;
    bytes.try_into().map(Secret).map_err(|_| BackupError::OtherSecret(path.to_owned()))
}

/// The segments in a backup, for reading.
pub(super) fn segments_of(path: &Path, identity: StoreIdentity) -> Segments {
    Segments::new(Arc::new(Directory::read_only(path.join("log"))), identity, LogSizes::STORE)
}

/// The digest of the first bytes of a file.
pub(super) fn digest(path: &Path, bytes: u64) -> Result<Digest, BackupError> {
    let mut hasher = blake3::Hasher::new();
    hash_part(&mut hasher, path, 0..bytes)?;
    Ok(Digest(*hasher.finalize().as_bytes()))
}

/// Hashes a part of a file.
pub(super) fn hash_part(
    hasher: &mut blake3::Hasher,
    path: &Path,
    part: std::ops::Range<u64>,
) -> Result<(), BackupError> {
    let failed = |error| BackupError::File { path: path.to_owned(), error };
    let (file, mut buffer) = (File::open(path).map_err(failed)?, vec![0; CHUNK]);
    for at in part.clone().step_by(CHUNK) {
        let bytes = &mut buffer[..(part.end - at).min(CHUNK as u64) as usize];
        file.read_exact_at(bytes, at).map_err(failed)?;
        hasher.update(bytes);
    }
    Ok(())
}

/// The log in a backup.
pub(super) struct LogInBackup<'a> {
    /// Its directory.
    pub(super) path: PathBuf,
    pub(super) segments: &'a Segments,
}

impl LogInBackup<'_> {
    /// The file of a segment.
    pub(super) fn file(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:010}.log"))
    }

    pub(super) fn failed(&self, error: crate::store::embedded::log::LogError) -> BackupError {
        BackupError::Log { path: self.path.clone(), error }
    }

    /// Checks every frame, record and entry from one end of the log to another, which `manifest` names; returns the time
    /// of the newest commit among them.
    pub(super) fn check(&self, from: LogEnd, until: LogEnd, manifest: &Path) -> Result<Option<Instant>, BackupError> {
        let mut newest = None;
        let end = self.walk(from, until.lsn, |frame| {
            for (position, record) in frame.records() {
                newest = newest.max(self.check_record(position, record)?);
            }
            Ok(true)
        })?;
        if end == until { Ok(newest) } else { Err(BackupError::OtherEnd(manifest.to_owned())) }
    }

    /// Reads the frames with records up to a position, as long as `each` wants more; returns where the last one that was
    /// read to its end did end.
    pub(super) fn walk(
        &self,
        from: LogEnd,
        until: u64,
        mut each: impl FnMut(&Frame) -> Result<bool, BackupError>,
    ) -> Result<LogEnd, BackupError> {
        let mut end = from;
        while end.lsn < until {
            let frame = self.segments.required_frame(end).map_err(|error| self.failed(error))?;
            if frame.head().kind == FrameKind::Data && !each(&frame)? {
                break;
            }
            end = frame.end(self.segments.sizes());
        }
        Ok(end)
    }

    fn check_record(&self, position: LogPosition, record: Record<'_>) -> Result<Option<Instant>, BackupError> {
        let (number, byte) = self.segments.sizes().place(position.lsn);
        for part in [RecordPart::Rows, RecordPart::Entries] {
            record.check_part(part).map_err(|fault| self.failed(fault.at(&file_name(number), byte)))?;
        }
        let unreadable = |error| BackupError::Record { path: self.path.clone(), lsn: position.lsn, error };
        check_form(position, record).map_err(unreadable)
    }
}

fn file_name(number: u64) -> String {
    format!("{number:010}.log")
}

/// Checks that rows and entries of a record can be decoded; returns the time of its commit if it has entries.
fn check_form(position: LogPosition, record: Record<'_>) -> Result<Option<Instant>, StoreError> {
    let rows = index_rows(record, position)?;
    if rows.iter().any(|row| row.key == crate::store::embedded::index::Key::reference_write(position.lsn)) {
        table_rows(record.rows())?;
    }
    committed(record)
}

/// The time of the commit of a record; `None` if it has no entries.
pub(super) fn committed(record: Record<'_>) -> Result<Option<Instant>, StoreError> {
    let mut committed = None;
    for entry in entries(record.entries()) {
        committed = committed.max(Some(decode_committed(entry?.1)?.0.committed()));
    }
    Ok(committed)
}

/// The number of the last segment up to an end of the log, and its used bytes.
pub(super) fn last_segment(end: LogEnd) -> (u64, u64) {
    let (number, byte) = LogSizes::STORE.place(end.lsn);
    (number, byte.max(PAGE))
}
