//! Restoring a verified backup to a new store.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use super::error::BackupError;
use super::verify::{LogInBackup, Verified, committed, last_segment, segments_of};
use crate::domain::journal::Instant;
use crate::store::coordination::Readiness;
use crate::store::embedded::database::Tables;
use crate::store::embedded::directory::{StoreDirectory, prepare_restore};
use crate::store::embedded::disk::{Directory, Disk};
use crate::store::embedded::index::LogEnd;
use crate::store::embedded::log::{
    EncodedRecord, Frame, Group, Log, LogError, LogOptions, LogSizes, OpenedLog, SegmentMaker,
};
use crate::store::embedded::open_error::OpenError;
use crate::store::embedded::{Durability, EmbeddedStore};

/// How much is copied at once, in bytes.
const CHUNK: usize = 1 << 20;

/// Up to when a backup is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreUntil {
    /// Everything.
    End,
    /// Up to the first commit after this instant, in the order of commits.
    Time(Instant),
}

/// What was restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The number of entries.
    pub entries: u64,
    /// The number of later entries of the backup.
    pub left_out: u64,
    /// The time of the newest commit; `None` if there is none.
    pub newest: Option<Instant>,
}

/// Restores a backup to a missing or empty directory, or to one where a restore was interrupted. When it returns, the
/// store was opened once and holds every entry.
///
/// # Errors
/// If the directory holds something else, or a file cannot be read or written.
pub fn restore(backup: &Verified, store: &Path, until: RestoreUntil) -> Result<Restored, BackupError> {
    let segments = segments_of(&backup.path, backup.manifest.position.identity);
    let log = LogInBackup { path: backup.path.join("log"), segments: &segments };
    let cut = find_cut(backup, &log, until)?;
    let directory = prepare_restore(store, &backup.secret)?;
    directory.create_parts()?;
    let readiness = watch::Sender::new(Readiness::Ready);
    drop(Tables::create(&directory.database_file(), Durability::Synced, readiness, &directory.identity)?);
    copy_log(&log, &directory, cut.end)?;
    append_leading(&directory, &cut)?;
    directory.complete()?;
    drop(directory);
    let entries = EmbeddedStore::open_existing(store, Durability::Synced)?.journal.entry_count();
    if entries != cut.entries {
        return Err(BackupError::OtherEnd(backup.path.clone()));
    }
    let left_out = backup.manifest.position.end.sequence - entries;
    Ok(Restored { entries, left_out, newest: cut.newest })
}

/// Where a log is cut: behind whole frames, and then behind the first records of the next frame.
struct Cut {
    end: LogEnd,
    leading: Vec<EncodedRecord>,
    /// The number of the newest day in the leading records.
    leading_day: u32,
    entries: u64,
    newest: Option<Instant>,
}

fn find_cut(backup: &Verified, log: &LogInBackup<'_>, until: RestoreUntil) -> Result<Cut, BackupError> {
    let end = backup.manifest.position.end;
    let mut cut =
        Cut { end, leading: Vec::new(), leading_day: 0, entries: end.sequence, newest: backup.manifest.newest };
    let RestoreUntil::Time(until) = until else { return Ok(cut) };
    cut.newest = None;
    let start = log.segments.start().map_err(|error| log.failed(error))?;
    cut.end = log.walk(start, end.lsn, |frame| cut.take_records_until(log, frame, until))?;
    cut.entries = cut.end.sequence + cut.leading.iter().map(|record| u64::from(record.entry_count())).sum::<u64>();
    Ok(cut)
}

impl Cut {
    /// Takes the records of a frame up to the first that was committed after `until`; returns whether all were taken.
    fn take_records_until(
        &mut self,
        log: &LogInBackup<'_>,
        frame: &Frame,
        until: Instant,
    ) -> Result<bool, BackupError> {
        let (mut leading, mut newest) = (Vec::new(), None);
        for (position, record) in frame.records() {
            let unreadable = |error| BackupError::Record { path: log.path.clone(), lsn: position.lsn, error };
            let at = committed(record).map_err(unreadable)?;
            if at.is_some_and(|at| at > until) {
                self.leading_day = newest.map_or(0, |newest: Instant| newest.china_day().number());
                (self.leading, self.newest) = (leading, self.newest.max(newest));
                return Ok(false);
            }
            leading.extend(EncodedRecord::new(record.rows(), record.entry_count(), record.entries()));
            newest = newest.max(at);
        }
        self.newest = self.newest.max(newest);
        Ok(true)
    }
}

/// Copies the segments up to an end of the log.
fn copy_log(log: &LogInBackup<'_>, directory: &StoreDirectory, end: LogEnd) -> Result<(), BackupError> {
    let (target, (last, used)) = (Directory::new(directory.log()), last_segment(end));
    for number in 0..=last {
        let name = format!("{number:010}.log");
        let path = directory.log().join(&name);
        let until = if number == last { used } else { LogSizes::STORE.segment };
        copy_segment(&log.file(number), &target, &name, until).map_err(|error| BackupError::File { path, error })?;
    }
    target.sync_directory().map_err(|error| BackupError::File { path: directory.log(), error })
}

/// Copies the first bytes of a segment; what follows is zero.
fn copy_segment(from: &Path, target: &Directory, name: &str, used: u64) -> std::io::Result<()> {
    let (source, copy) = (File::open(from)?, target.create(name)?);
    copy.allocate(LogSizes::STORE.segment)?;
    let mut buffer = vec![0; CHUNK];
    for at in (0..used).step_by(CHUNK) {
        let bytes = &mut buffer[..(used - at).min(CHUNK as u64) as usize];
        source.read_exact_at(bytes, at)?;
        if bytes.iter().any(|byte| *byte != 0) {
            copy.pwrite(bytes, at)?;
        }
    }
    copy.sync()
}

/// Appends the records of the frame in which the log is cut.
fn append_leading(directory: &StoreDirectory, cut: &Cut) -> Result<(), BackupError> {
    if cut.leading.is_empty() {
        return Ok(());
    }
    let failed = |error| OpenError::Log { path: directory.log(), error };
    let options = LogOptions { maker: SegmentMaker::Caller, ..LogOptions::default() };
    let disk = Arc::new(Directory::new(directory.log()));
    let opened = Log::open(disk, directory.identity, options, LogEnd::default(), |_| Ok::<_, LogError>(()));
    let OpenedLog { mut log, .. } = opened.map_err(failed)?;
    let mut group = Group::new(LogSizes::STORE);
    cut.leading.iter().try_for_each(|record| group.push(record)).map_err(failed)?;
    group.note_day(cut.leading_day);
    log.append(&mut group).map_err(failed)?;
    Ok(log.seal().map_err(failed)?)
}
