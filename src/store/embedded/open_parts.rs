//! Opens the parts of a store in a directory: the database of reference tables, the log, and the index.

use std::sync::Arc;

use tokio::sync::watch;

use super::database::Tables;
use super::directory::StoreDirectory;
use super::disk::Directory;
use super::durability::Durability;
use super::index::{Index, IndexOptions};
use super::index_replay::{PAUSES, ReplayError, replay};
use super::journal::Journal;
use super::log::{Log, LogOptions, LogSizes, OpenedLog};
use super::open_error::OpenError;
use crate::store::coordination::Readiness;

/// Opens the database of reference tables, or creates the parts of a new store.
pub(super) fn open_tables(
    directory: &StoreDirectory,
    durability: Durability,
    readiness: watch::Sender<Readiness>,
) -> Result<Tables, OpenError> {
    let file = directory.database_file();
    if directory.is_new {
        directory.create_parts()?;
        Tables::create(&file, durability, readiness, &directory.identity)
    } else {
        Tables::open(&file, durability, readiness, &directory.identity)
    }
}

/// Opens the log and its index, and replays what the index does not cover.
pub(super) fn open_journal(
    directory: &StoreDirectory,
    durability: Durability,
) -> Result<(Log, Arc<Journal>), OpenError> {
    let index_path = directory.index()?;
    let index_failed = |error| OpenError::Index { path: index_path.clone(), error };
    let log_failed = |error| OpenError::Log { path: directory.log(), error };
    let log_disk = Arc::new(Directory::new(directory.log()));
    if directory.is_new {
        Log::create(log_disk.clone(), directory.identity, LogSizes::STORE).map_err(log_failed)?;
    } else if !directory.log().is_dir() {
        return Err(OpenError::PartMissing(directory.log()));
    }
    let opened = Index::open(Arc::new(Directory::new(index_path.clone())), directory.identity, IndexOptions::default());
    let opened = opened.map_err(index_failed)?;
    if let Some(why) = opened.discarded.filter(|_| !directory.is_new) {
        tracing::warn!(%why, "the index is made again from the log");
    }
    let index = Arc::new(opened.index);
    let covered = index.covered();
    let options = LogOptions { syncing: durability.syncing(), ..LogOptions::default() };
    let mut pauses = PAUSES.into_iter();
    let log = Log::open(log_disk, directory.identity, options, covered, |frame| {
        replay(&index, frame, frame.end(LogSizes::STORE), &mut pauses)
    });
    let OpenedLog { log, cut } = log.map_err(|error| match error {
        ReplayError::Log(error) => log_failed(error),
        ReplayError::Index(error) => index_failed(error),
        ReplayError::Record(error) => OpenError::Commits { path: directory.path.clone(), error },
    })?;
    if let Some(cut) = cut {
        tracing::warn!(?cut, "the remains of an interrupted write were cut: nothing was answered from them");
    }
    let journal = Arc::new(Journal::new(Arc::clone(log.segments()), index));
    Ok((log, journal))
}
