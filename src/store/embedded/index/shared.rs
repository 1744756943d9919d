//! What readers, the committing thread and the background threads of an index share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use super::disk::Disk;
use super::error::IndexError;
use super::generation::Generation;
use super::key::{Key, LogEnd, LogPosition};
use super::manifest::Manifest;
use super::options::IndexOptions;
use super::run::Run;
use super::version::Version;

/// The name of the file that says that a read found damage: the next opening discards the index.
pub(super) const DAMAGE_REPORT: &str = "damaged";

/// The state of an index.
pub(super) struct Shared {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) identity: [u8; 16],
    pub(super) options: IndexOptions,
    memory: RwLock<Memory>,
    /// Held while the version changes, on disk and in memory.
    changing: Mutex<()>,
    next_run: AtomicU64,
    work: Mutex<Work>,
    /// Notified when `work` or the frozen generation changes.
    changed: Condvar,
    /// Runs that no version of the manifest lists any more.
    obsolete: Mutex<Vec<Arc<Run>>>,
    /// The bytes of the disk that merges leave free.
    pub(super) reserve: AtomicU64,
}

/// What a reader sees at one moment: two generations in memory, and the version that covers the log before them.
pub(super) struct Memory {
    /// The generation that grows.
    pub(super) active: Generation,
    /// The generation that is being written to a run.
    pub(super) frozen: Option<Arc<Generation>>,
    /// When it was frozen.
    frozen_at: Option<Instant>,
    pub(super) version: Arc<Version>,
}

/// What the threads tell each other.
#[derive(Default)]
struct Work {
    is_stopping: bool,
    /// Why no more rows are accepted.
    failure: Option<IndexError>,
    /// Why each task failed that is tried again.
    failing: [Option<IndexError>; 2],
    /// The bytes of the largest merge that has no room, of those that were last looked at. Smaller ones may go on.
    without_room: Option<u64>,
}

/// A task of upkeep, done by a thread of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Writing the frozen generation to a run.
    Checkpoint,
    /// Merging runs.
    Merge,
}

impl Work {
    fn is_failing(&self) -> bool {
        self.without_room.is_some() || self.failing.iter().any(Option::is_some)
    }
}

impl Memory {
    /// The position under a key in the generations.
    pub(super) fn get(&self, key: &Key) -> Option<LogPosition> {
        self.active.get(key).or_else(|| self.frozen.as_ref().and_then(|frozen| frozen.get(key)))
    }

    /// Freezes the active generation if none is frozen.
    pub(super) fn freeze(&mut self) {
        if self.frozen.is_none() && self.active.end() != self.active.from() {
            let next = Generation::new(self.active.end());
            self.frozen = Some(Arc::new(std::mem::replace(&mut self.active, next)));
            self.frozen_at = Some(Instant::now());
        }
    }

    /// The bytes of the log that the runs do not cover.
    pub(super) fn uncovered_bytes(&self) -> u64 {
        self.active.end().lsn.saturating_sub(self.version.covered().lsn)
    }

    /// How long the frozen generation has waited to be written; zero if none is frozen.
    pub(super) fn frozen_for(&self) -> Duration {
        self.frozen_at.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl Shared {
    pub(super) fn new(disk: Arc<dyn Disk>, options: IndexOptions, version: Version) -> Shared {
        let (active, version) = (Generation::new(version.covered), Arc::new(version));
        let memory = Memory { active, frozen: None, frozen_at: None, version };
        Shared {
            disk,
            identity: memory.version.identity,
            options,
            changing: Mutex::default(),
            next_run: AtomicU64::new(memory.version.next_run),
            memory: RwLock::new(memory),
            work: Mutex::default(),
            changed: Condvar::new(),
            obsolete: Mutex::default(),
            reserve: AtomicU64::new(0),
        }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Memory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Memory> {
        self.memory.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn version(&self) -> Arc<Version> {
        Arc::clone(&self.read().version)
    }

    /// The number of a new run.
    pub(super) fn next_run(&self) -> u64 {
        self.next_run.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether a generation is complete.
    pub(super) fn is_full(&self, generation: &Generation) -> bool {
        generation.inserted() >= self.options.generation_rows
            || generation.log_bytes() >= self.options.generation_log_bytes
    }

    /// Makes a changed list of runs the version of the index: on disk, then for readers.
    pub(super) fn publish(&self, change: Change) -> Result<(), IndexError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.version();
        let (task, written) = (change.task(), change.written());
        let (covered, runs, replaced) = change.apply(&old);
        let next_run = self.next_run.load(Ordering::Relaxed);
        let version = Arc::new(Version { identity: self.identity, covered, next_run, runs });
        let new = Manifest::write_new(&*self.disk, &version.manifest());
        if let (Err(_), Some(file)) = (&new, &written) {
            self.remove_unlisted(file);
        }
        new?;
        Manifest::put_in_place(&*self.disk)?;
        self.set_working(task);
        let mut memory = self.write();
        memory.version = version;
        if covered != old.covered {
            (memory.frozen, memory.frozen_at) = (None, None);
            if self.is_full(&memory.active) {
                memory.freeze();
            }
        }
        drop(memory);
        self.obsolete.lock().unwrap_or_else(PoisonError::into_inner).extend(replaced);
        self.notify();
        Ok(())
    }

    /// Removes the files of obsolete runs that no version holds any more. What cannot be removed is tried again after the
    /// next merge.
    pub(super) fn remove_obsolete(&self) {
        let mut obsolete = self.obsolete.lock().unwrap_or_else(PoisonError::into_inner);
        let (held, free) = std::mem::take(&mut *obsolete).into_iter().partition(|run| Arc::strong_count(run) > 1);
        *obsolete = held;
        drop(obsolete);
        let mut left: Vec<Arc<Run>> = free;
        left.retain(|run| !self.remove_unlisted(run.name()));
        self.obsolete.lock().unwrap_or_else(PoisonError::into_inner).extend(left);
    }

    /// Removes the file of a run that the manifest does not list; whether it is gone. The next opening removes it otherwise.
    pub(super) fn remove_unlisted(&self, file: &str) -> bool {
        match self.disk.remove(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, file, "a file of the index that is not needed cannot be removed");
                false
            }
            _ => true,
        }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until this holds of the generations and the version. Also returns if the index stops.
    ///
    /// # Errors
    /// If no more rows are accepted.
    pub(super) fn wait_until(&self, holds: impl Fn(&Memory) -> bool) -> Result<(), IndexError> {
        self.wait(holds, |_, _| None)
    }

    /// The same for whoever waits for upkeep.
    ///
    /// # Errors
    /// Also if the task fails, and is tried again, that is waited for: merging only where no generation is written before.
    pub(super) fn wait_for_upkeep(&self, holds: impl Fn(&Memory) -> bool) -> Result<(), IndexError> {
        self.wait(holds, |work, memory| {
            let [checkpoint, merge] = &work.failing;
            checkpoint.as_ref().or(merge.as_ref().filter(|_| memory.version.waits_for_merges()))
        })
    }

    fn wait(
        &self,
        holds: impl Fn(&Memory) -> bool,
        reason_to_give_up: impl for<'a> Fn(&'a Work, &Memory) -> Option<&'a IndexError>,
    ) -> Result<(), IndexError> {
        let mut work = self.work();
        loop {
            if let Some(failure) = &work.failure {
                return Err(failure.clone());
            }
            let memory = self.read();
            if work.is_stopping || holds(&memory) {
                return Ok(());
            }
            if let Some(failing) = reason_to_give_up(&work, &memory) {
                return Err(failing.clone());
            }
            drop(memory);
            work = self.changed.wait(work).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits this long, or until the index stops.
    pub(super) fn pause(&self, time: Duration) {
        let work = self.work();
        let paused = self.changed.wait_timeout_while(work, time, |work| !work.is_stopping);
        drop(paused.unwrap_or_else(PoisonError::into_inner));
    }

    /// Wakes whoever waits for a change.
    pub(super) fn notify(&self) {
        // Taken, so that nobody is between checking and waiting.
        drop(self.work());
        self.changed.notify_all();
    }

    /// Stops the background threads.
    pub(super) fn stop(&self) {
        self.work().is_stopping = true;
        self.changed.notify_all();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.work().is_stopping
    }

    /// Why the index accepts no more rows, if it does not.
    pub(super) fn failure(&self) -> Option<IndexError> {
        self.work().failure.clone()
    }

    /// Whether upkeep fails at the moment, or failed for good.
    pub(super) fn is_failing(&self) -> bool {
        let work = self.work();
        work.failure.is_some() || work.is_failing()
    }

    /// Notes that a task failed and is tried again.
    pub(super) fn set_failing(&self, task: Task, error: IndexError) {
        self.work().failing[task as usize] = Some(error);
        self.changed.notify_all();
    }

    /// Notes that a task succeeded.
    fn set_working(&self, task: Task) {
        self.clear(|work| work.failing[task as usize].take().is_some());
    }

    /// Notes that a merge of so many bytes has no room.
    pub(super) fn set_without_room(&self, bytes: u64) {
        let mut work = self.work();
        work.without_room = work.without_room.max(Some(bytes));
    }

    /// Notes that a merge of so many bytes has room, and so has the one that had none, unless that is larger.
    pub(super) fn set_has_room(&self, bytes: u64) {
        self.clear(|work| work.without_room.take_if(|needed| *needed <= bytes).is_some());
    }

    fn clear(&self, clear: impl FnOnce(&mut Work) -> bool) {
        let mut work = self.work();
        if clear(&mut work) && !work.is_failing() {
            tracing::info!("the index is written and merged again");
        }
    }

    /// Notes that upkeep failed for good: the index accepts no more rows.
    pub(super) fn stop_accepting_rows(&self, error: IndexError) {
        self.report(&error);
        self.work().failure.get_or_insert(error);
        self.changed.notify_all();
    }

    /// Leaves a report if a file is damaged, so that the next opening discards the index and rebuilds it from the log.
    pub(super) fn report(&self, error: &IndexError) {
        if !matches!(error, IndexError::Damaged { .. }) {
            return;
        }
        tracing::error!(%error, "the index is damaged and is rebuilt from the log at the next start");
        let write = || {
            let file = self.disk.create(DAMAGE_REPORT)?;
            file.pwrite(error.to_string().as_bytes(), 0)?;
            file.sync()?;
            self.disk.sync_directory()
        };
        if let Err(error) = write() {
            tracing::error!(%error, file = DAMAGE_REPORT, "the report of the damage cannot be written");
        }
    }

    /// A result whose damage is reported.
    pub(super) fn reported<T>(&self, result: Result<T, IndexError>) -> Result<T, IndexError> {
        result.inspect_err(|error| self.report(error))
    }
}

/// A change of the list of runs.
pub(super) enum Change {
    /// A run was written of the frozen generation, unless it had no rows; the log is covered up to its end.
    Checkpoint(Option<Run>, LogEnd),
    /// These consecutive runs were merged into one.
    Merge(Vec<Arc<Run>>, Run),
}

impl Change {
    fn task(&self) -> Task {
        match self {
            Change::Checkpoint(..) => Task::Checkpoint,
            Change::Merge(..) => Task::Merge,
        }
    }

    /// The file of the run that was written, if one was.
    fn written(&self) -> Option<String> {
        let run = match self {
            Change::Checkpoint(run, _) => run.as_ref(),
            Change::Merge(_, run) => Some(run),
        };
        run.map(|run| run.name().to_owned())
    }

    /// What is covered then, the runs, and the runs that were replaced.
    fn apply(self, old: &Version) -> (LogEnd, Vec<Arc<Run>>, Vec<Arc<Run>>) {
        let mut runs = old.runs.clone();
        match self {
            Change::Checkpoint(run, covered) => {
                runs.splice(0..0, run.map(Arc::new));
                (covered, runs, Vec::new())
            }
            Change::Merge(replaced, run) => {
                let is_replaced = |run: &Arc<Run>| replaced.iter().any(|one| Arc::ptr_eq(one, run));
                let at = runs.iter().position(is_replaced).unwrap_or(runs.len());
                runs.retain(|run| !is_replaced(run));
                runs.insert(at, Arc::new(run));
                (old.covered, runs, replaced)
            }
        }
    }
}
