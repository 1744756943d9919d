//! Upkeep: writing the frozen generation to a run, merging runs, and the threads that do it.
//!
//! What is written is synced after each MiB, so that no large sync meets that of a commit. Runs of a level are merged eight
//! at a time, the oldest first, into one of the next level. A merge of large runs stops after each MiB: it merges what is due
//! at lower levels, and waits for as long as it worked, unless it is behind. So a merge takes half of a core at most, and the
//! number of runs stays bounded while a large merge goes on: below 32 at level 0, and hardly more at any other.
//!
//! A file that cannot be read or written, for example because the disk is full, is no reason to stop: the log holds what the
//! index lacks. The thread tries again after a pause, and commits go on for as long as the generations have room. Each attempt
//! writes files of its own: what a failed sync left in the memory of the system is not on the disk.
//!
//! A merge begins only if the disk has room for all of its new run beside the reserve, below which commits are refused: until
//! the end it needs room for the old runs and the new one. One at a lower level, which needs less, goes on meanwhile, and the
//! index counts as failing until the large one has room.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::error::IndexError;
use super::generation::Generation;
use super::key::{Key, KeyRange, Table};
use super::merged::{Merged, Source};
use super::options::Upkeep;
use super::run::{Run, RunCursor};
use super::run_head::RunId;
use super::run_writer::RunWriter;
use super::shared::{Change, Memory, Shared, Task};
use super::version::{FAN_IN, Version};
use crate::store::thread_priority::lower_thread_priority;

/// The number of runs of level 0 from which on merges do not pause.
const BEHIND: usize = 2 * FAN_IN;

/// The pages that a merge reads at once from each run: 64 KiB.
const MERGE_PAGES: u64 = 16;

/// The bytes after which what is written is synced, and a merge pauses.
const SYNC_BYTES: u64 = 1 << 20;

/// The pause before a thread tries again after a failure. Each further one is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause, by what an attempt costs that fails again. Commits may wait for the next one when the cause is removed.
fn longest_pause(task: Task, error: &IndexError) -> Duration {
    Duration::from_secs(match (task, error) {
        // It asks how much of the disk is free, and writes nothing.
        (_, IndexError::NoRoom { .. }) => 1,
        // It writes one generation, which takes some 10 MB.
        (Task::Checkpoint, _) => 5,
        // It may read and write many GB.
        (Task::Merge, _) => 60,
    })
}

/// Why a merge did not complete.
pub(super) enum Interrupted {
    /// The index stops.
    Stopping,
    /// A file cannot be read or written, or is damaged.
    Failed(IndexError),
}

impl From<IndexError> for Interrupted {
    fn from(error: IndexError) -> Interrupted {
        Interrupted::Failed(error)
    }
}

/// Writes the frozen generation to a run and publishes it; `false` if none is frozen.
pub(super) fn checkpoint(shared: &Shared) -> Result<bool, IndexError> {
    let Some(frozen) = shared.read().frozen.clone() else { return Ok(false) };
    let has_rows = frozen.inserted() > 0;
    let run = has_rows.then(|| write_generation(shared, &frozen)).transpose()?;
    shared.publish(Change::Checkpoint(run, frozen.end()))?;
    Ok(true)
}

fn write_generation(shared: &Shared, generation: &Generation) -> Result<Run, IndexError> {
    let (from, to) = (generation.from().lsn, generation.end().lsn);
    let id = RunId { number: shared.next_run(), level: 0, from, to };
    let run = write_rows(shared, generation, id);
    if run.is_err() {
        shared.remove_unlisted(&id.file());
    }
    run
}

fn write_rows(shared: &Shared, generation: &Generation, id: RunId) -> Result<Run, IndexError> {
    let mut writer = RunWriter::create(&*shared.disk, shared.identity, id, &generation.counts())?;
    for row in generation.rows() {
        writer.push(&row)?;
        if writer.unsynced() >= SYNC_BYTES {
            writer.sync()?;
        }
    }
    writer.finish()?;
    Run::open(&*shared.disk, &shared.identity, id)
}

/// Merges runs of the level that has most; `false` if none is due.
pub(super) fn merge(shared: &Shared) -> Result<bool, Interrupted> {
    merge_below(shared, u64::MAX)
}

fn merge_below(shared: &Shared, level: u64) -> Result<bool, Interrupted> {
    let Some(runs) = due(&shared.version(), level) else { return Ok(false) };
    let (Some(newest), Some(oldest)) = (runs.first(), runs.last()) else { return Ok(false) };
    let (newest, oldest) = (newest.head().id, oldest.head().id);
    if let Err(no_room) = check_room(shared, &runs) {
        return match merge_below(shared, newest.level) {
            Ok(false) | Err(Interrupted::Failed(IndexError::NoRoom { .. })) => Err(no_room.into()),
            merged => merged,
        };
    }
    let id = RunId { number: shared.next_run(), level: newest.level + 1, from: oldest.from, to: newest.to };
    let merged = write_merged(shared, &runs, id);
    if merged.is_err() {
        shared.remove_unlisted(&id.file());
    }
    shared.publish(Change::Merge(runs, merged?))?;
    shared.remove_obsolete();
    Ok(true)
}

/// Checks that these runs can be merged into a new one before they are removed.
fn check_room(shared: &Shared, runs: &[Arc<Run>]) -> Result<(), IndexError> {
    let oldest = runs.last().map_or("", |run| run.name());
    let free = shared.disk.free().map_err(|error| IndexError::file("find room to merge", oldest, &error))?;
    let needed = runs.iter().fold(0u64, |needed, run| needed.saturating_add(run.length()));
    let reserve = shared.reserve.load(Ordering::Relaxed);
    if free < needed.saturating_add(reserve) {
        shared.set_without_room(needed);
        return Err(IndexError::NoRoom { needed, reserve });
    }
    shared.set_has_room(needed);
    Ok(())
}

/// The eight oldest runs, newest first, of the level below this one that has most; `None` if none has eight.
fn due(version: &Version, below: u64) -> Option<Vec<Arc<Run>>> {
    let levels = version.runs.chunk_by(|one, other| one.head().id.level == other.head().id.level);
    let due = levels.filter(|runs| runs.len() >= FAN_IN && runs.iter().all(|run| run.head().id.level < below));
    due.rev().max_by_key(|runs| runs.len()).map(|runs| runs[runs.len() - FAN_IN..].to_vec())
}

fn write_merged(shared: &Shared, runs: &[Arc<Run>], id: RunId) -> Result<Run, Interrupted> {
    let most = std::array::from_fn(|table| runs.iter().map(|run| run.head().sections[table].rows).sum());
    let mut writer = RunWriter::create(&*shared.disk, shared.identity, id, &most)?;
    let mut resumed = Instant::now();
    for table in Table::ALL {
        let cursors = KeyRange::all(table).from().into_iter().flat_map(|from: Key| {
            runs.iter().map(move |run| Source::Run(RunCursor::new(Arc::clone(run), from, MERGE_PAGES)))
        });
        let mut rows = Merged::new(cursors)?;
        while let Some(row) = rows.next()? {
            writer.push(&row)?;
            if writer.unsynced() >= SYNC_BYTES {
                writer.sync()?;
                pause(shared, id.level - 1, resumed)?;
                resumed = Instant::now();
            }
        }
    }
    writer.finish()?;
    Ok(Run::open(&*shared.disk, &shared.identity, id)?)
}

/// Lets others work in the middle of a merge at a level that worked since then.
fn pause(shared: &Shared, level: u64, resumed: Instant) -> Result<(), Interrupted> {
    let worked = resumed.elapsed();
    loop {
        match merge_below(shared, level) {
            Ok(true) => {}
            // The end of the merge that goes on makes room.
            Ok(false) | Err(Interrupted::Failed(IndexError::NoRoom { .. })) => break,
            Err(interrupted) => return Err(interrupted),
        }
    }
    if shared.is_stopping() {
        return Err(Interrupted::Stopping);
    }
    if shared.options.upkeep == Upkeep::Threads && shared.version().runs_at(0) < BEHIND {
        shared.pause(worked);
    }
    Ok(())
}

/// All upkeep that is due, in the calling thread.
pub(super) fn inline(shared: &Shared) -> Result<(), IndexError> {
    while checkpoint(shared)? {
        loop {
            match merge(shared) {
                Ok(true) => {}
                Ok(false) | Err(Interrupted::Stopping) => break,
                Err(Interrupted::Failed(error)) => return Err(error),
            }
        }
    }
    Ok(())
}

/// The thread that writes generations.
pub(super) fn checkpoint_thread(shared: &Shared) {
    let _ended = FailOnPanic { shared, thread: "checkpoint" };
    lower_thread_priority(5);
    let is_due = |memory: &Memory| memory.frozen.is_some() && !memory.version.waits_for_merges();
    repeat(shared, Task::Checkpoint, is_due, || checkpoint(shared).map(drop));
}

/// The thread that merges runs.
pub(super) fn merge_thread(shared: &Shared) {
    let _ended = FailOnPanic { shared, thread: "merge" };
    lower_thread_priority(15);
    let is_due = |memory: &Memory| due(&memory.version, u64::MAX).is_some();
    repeat(shared, Task::Merge, is_due, || match merge(shared) {
        Err(Interrupted::Failed(error)) => Err(error),
        Ok(_) | Err(Interrupted::Stopping) => Ok(()),
    });
}

/// Does a task whenever it is due, until the index stops or accepts no more rows. Damage is not tried again.
fn repeat(shared: &Shared, task: Task, is_due: impl Fn(&Memory) -> bool, attempt: impl Fn() -> Result<(), IndexError>) {
    let mut pause = FIRST_PAUSE;
    while shared.wait_until(&is_due).is_ok() && !shared.is_stopping() {
        match attempt() {
            Ok(()) => pause = FIRST_PAUSE,
            Err(error @ (IndexError::File { .. } | IndexError::NoRoom { .. })) => {
                pause = pause.min(longest_pause(task, &error));
                tracing::error!(%error, ?task, ?pause, "the index cannot be written, and is tried again after a pause");
                // Whoever waits for merges waits for those of the lowest level, which may have room.
                let is_waited_for =
                    !matches!(error, IndexError::NoRoom { .. }) || shared.version().runs_at(0) >= FAN_IN;
                if is_waited_for {
                    shared.set_failing(task, error);
                }
                shared.pause(pause);
                pause *= 2;
            }
            Err(error) => shared.stop_accepting_rows(error),
        }
    }
}

/// Stops the index from accepting rows if its thread panics.
struct FailOnPanic<'a> {
    shared: &'a Shared,
    thread: &'static str,
}

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.stop_accepting_rows(IndexError::ThreadPanicked { thread: self.thread });
        }
    }
}
