//! The committing thread: takes the pending commits, compares versions, appends one group to the log, syncs once,
//! publishes the rows, answers.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::sync::watch;
use tracing::Span;

use super::commit_record::add_index_rows;
use super::index::Key;
use super::job::{CommitCondition, Job, PreparedCommit, TracedJob};
use super::job_queue::JobQueue;
use super::journal::{Journal, index_error, log_error};
use super::log::{EncodedRecord, Group, Log};
use super::observation::{ObserverCell, observed};
use super::reply::{Outcome, ReplySender, send_all};
use crate::domain::day::Day;
use crate::domain::ids::EntryId;
use crate::store::StoreError;
use crate::store::commit::CommitOrigin;
use crate::store::coordination::{ComponentFailed, PanicReport, Readiness};

/// The committing thread, as a failure of it is reported.
const COMPONENT: &str = "the committing thread";

/// The maximum number of commits that share one sync.
const GROUP: usize = 512;

/// The memory of a group that is kept for the next.
const SPARE_BYTES: usize = 4 << 20;

/// How long nothing must be committed before the log is sealed.
const IDLE: Duration = Duration::from_millis(20);

/// The state of the committing thread.
pub struct Committer {
    log: Log,
    journal: Arc<Journal>,
    readiness: watch::Sender<Readiness>,
    observer: ObserverCell,
    failed: Option<String>,
    /// The memory of the group before.
    spare: Option<Group>,
}

/// A group that is being put together.
struct OpenGroup {
    group: Group,
    records: Vec<EncodedRecord>,
    /// The outcomes of the jobs, sent when the group is durable.
    outcomes: Vec<(ReplySender, Outcome)>,
    /// The calls that wait.
    spans: Vec<Span>,
    /// The chains, claims and entries that the group changes.
    changed: HashSet<Key, RandomState>,
    newest_day: Option<Day>,
    /// The job that found no room.
    left: Option<TracedJob>,
}

impl Committer {
    /// A committer that appends to this log, and publishes when it accepts no more writes.
    pub fn new(
        log: Log,
        journal: Arc<Journal>,
        readiness: watch::Sender<Readiness>,
        observer: ObserverCell,
    ) -> Committer {
        Committer { log, journal, readiness, observer, failed: None, spare: None }
    }

    /// Runs until every sender is dropped and every job is answered, then seals the log and completes the index.
    pub fn run(mut self, queue: JobQueue) {
        let _report = PanicReport { component: COMPONENT, readiness: self.readiness.clone() };
        // Dropped before the report: once a panic is published, no job can be submitted.
        let mut queue = queue;
        while let Some(first) = self.next(&mut queue) {
            if let Some(left) = self.commit(first, &mut queue) {
                queue.put_back(left);
            }
        }
        self.close();
    }

    /// The next job; the log is sealed while there is none. `None` if there will be none.
    fn next(&mut self, queue: &mut JobQueue) -> Option<TracedJob> {
        match queue.next_within(IDLE) {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                self.seal();
                queue.next()
            }
        }
    }

    fn seal(&mut self) {
        if self.failed.is_some() {
            return;
        }
        match self.log.seal() {
            Err(error) if self.log.is_stopped() => drop(self.fail(&error)),
            // A segment could not be made: nothing was written, and the next group tries again.
            Err(error) => tracing::warn!(%error, "the log was not sealed"),
            Ok(()) => {}
        }
    }

    fn close(&mut self) {
        self.seal();
        if let Err(error) = self.journal.index().checkpoint() {
            tracing::warn!(%error, "the index is not complete: the next opening replays more of the log");
        }
    }

    /// Commits one group. Every outcome is sent after the sync, also a conflict, so that a retry sees the commit that
    /// won. Returns the job that found no room in the group.
    fn commit(&mut self, first: TracedJob, queue: &mut JobQueue) -> Option<TracedJob> {
        let group = self.spare.take().unwrap_or_else(|| Group::new(self.log.segments().sizes()));
        let mut open = OpenGroup::new(group, Day::from_number(self.log.newest_day()));
        let mut next = Some(first);
        while let Some(job) = next.take() {
            open.add(job, &self.journal);
            if open.outcomes.len() < GROUP && open.left.is_none() {
                next = queue.try_next();
            }
        }
        let (observer, spans) = (Arc::clone(&self.observer), std::mem::take(&mut open.spans));
        observed(&observer, &spans, || {
            let written = self.write(&mut open);
            // The commit of a caller that left stays.
            send_all(open.outcomes.drain(..).map(|(reply, outcome)| (reply, written.clone().and(outcome))));
        });
        open.group.clear();
        self.spare = Some(open.group).filter(|group| group.capacity() <= SPARE_BYTES);
        open.left
    }

    fn write(&mut self, open: &mut OpenGroup) -> Result<(), StoreError> {
        if let Some(why) = &self.failed {
            return Err(StoreError::Unavailable(why.clone()));
        }
        if open.group.is_empty() {
            return Ok(());
        }
        match self.journal.index().wait_for_room() {
            Ok(()) => {}
            // Nothing was written: the index has no room until its upkeep, which is tried again, succeeds.
            Err(error) if self.journal.index().failure().is_none() => return Err(index_error(error)),
            Err(error) => return Err(self.fail(&error)),
        }
        let positions = match self.log.append(&mut open.group) {
            Ok(positions) => positions,
            // Nothing was written: a segment could not be made, and the next group tries again.
            Err(error) if !self.log.is_stopped() => return Err(StoreError::Unavailable(error.to_string())),
            Err(error) => return Err(self.fail(&error)),
        };
        let mut rows = Vec::new();
        for (record, position) in open.records.iter().zip(positions) {
            add_index_rows(&mut rows, record.record(), position).map_err(|error| self.fail(&error))?;
        }
        self.journal.index().insert(&rows, self.log.end()).map_err(|error| self.fail(&error))
    }

    /// After a failed write it is unknown what reached the disk, so nothing more is written until the store is reopened:
    /// the process ends, and is started again.
    fn fail(&mut self, error: &dyn std::error::Error) -> StoreError {
        let why = format!("a write failed: {error}");
        tracing::error!(why, "the store accepts no writes until it is reopened");
        self.failed = Some(why.clone());
        let failed = ComponentFailed { component: COMPONENT, why: why.clone() };
        self.readiness.send_replace(Readiness::Failed(failed));
        StoreError::Unknown(why)
    }
}

impl OpenGroup {
    fn new(group: Group, newest_day: Option<Day>) -> OpenGroup {
        OpenGroup {
            group,
            records: Vec::new(),
            outcomes: Vec::new(),
            spans: Vec::new(),
            changed: HashSet::default(),
            newest_day,
            left: None,
        }
    }

    fn add(&mut self, TracedJob { job, span }: TracedJob, journal: &Journal) {
        match job {
            Job::Commit(prepared, reply) if self.is_too_full_for(&prepared.record) => {
                self.left = Some(TracedJob { job: Job::Commit(prepared, reply), span });
            }
            Job::Commit(prepared, reply) => {
                // Collect the reply first: it is answered whatever fails below.
                let outcome = self.check_and_push(*prepared, journal);
                self.outcomes.push((reply, outcome));
                self.spans.push(span);
            }
            #[cfg(test)]
            Job::Panic(reply) => {
                self.outcomes.push((reply, Ok(())));
                panic!("the committing thread panics, as this test requested");
            }
        }
    }

    /// Whether a record finds no room behind others, but would alone.
    fn is_too_full_for(&self, record: &EncodedRecord) -> bool {
        !self.group.is_empty() && !self.group.has_room(record)
    }

    fn check_and_push(&mut self, prepared: PreparedCommit, journal: &Journal) -> Result<(), StoreError> {
        if let Some(condition) = &prepared.condition {
            self.check(condition, journal)?;
        }
        self.group.push(&prepared.record).map_err(log_error)?;
        self.records.push(prepared.record);
        if let Some(condition) = prepared.condition {
            self.newest_day = self.newest_day.max(Some(condition.day));
            self.group.note_day(condition.day.number());
            self.changed.extend(condition.keys());
        }
        Ok(())
    }

    /// Checks that the person's version is unchanged, that no month was closed meanwhile, that no new claim was bound to another person meanwhile, that no
    /// later day was committed to, and that no entry has an id of the commit; for the claims of one person the version
    /// suffices.
    fn check(&self, condition: &CommitCondition, journal: &Journal) -> Result<(), StoreError> {
        let seen = [&condition.chain].into_iter().chain(&condition.administration).chain(&condition.first_claims);
        for seen in seen {
            if self.changed.contains(&seen.key) || !journal.is_unchanged(seen)? {
                return Err(StoreError::Conflict);
            }
        }
        if let Some(newest) = self.newest_day
            && condition.origin == CommitOrigin::Live
            && condition.day < newest
        {
            return Err(StoreError::EarlierDay { newest });
        }
        for EntryId(id) in &condition.entries {
            let entry = Key::entry(*id);
            if self.changed.contains(&entry) || journal.look_up([entry])? != [None] {
                return Err(StoreError::EntryIdTaken);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::store::embedded::commit_record::RecordBuilder;
    use crate::store::embedded::disk::Directory;
    use crate::store::embedded::index::{Index, IndexOptions, LogEnd, Table};
    use crate::store::embedded::job_queue::{JobSender, job_queue};
    use crate::store::embedded::log::{LogError, LogOptions, LogSizes, OpenedLog, PAGE};
    use crate::store::embedded::reply::reply;

    const STORE: [u8; 16] = [7; 16];

    /// A log with small segments, and its index with generations of four rows.
    fn open(log: &Path, index: &Path) -> (Log, Arc<Journal>) {
        let sizes = LogSizes { segment: 1 << 20, frame: 64 << 10 };
        let (log, options) = (Arc::new(Directory::new(log.to_owned())), LogOptions { sizes, ..LogOptions::default() });
        Log::create(log.clone(), STORE, sizes).expect("a log");
        let opened = Log::open(log, STORE, options, LogEnd::default(), |_| Ok::<_, LogError>(()));
        let OpenedLog { log, .. } = opened.expect("a log");
        let options = IndexOptions { generation_rows: 4, ..IndexOptions::default() };
        let opened = Index::open(Arc::new(Directory::new(index.to_owned())), STORE, options).expect("an index");
        let journal = Arc::new(Journal::new(Arc::clone(log.segments()), Arc::new(opened.index)));
        (log, journal)
    }

    /// Commits a row of the person with this number.
    fn commit(commits: &JobSender, person: u8) -> Outcome {
        let mut record = RecordBuilder::default();
        record.keyed(Table::Person, &[person; 16], |rows| rows.push(person));
        let prepared = PreparedCommit { record: record.finish(&[])?, condition: None };
        let (reply, outcome) = reply();
        commits.send(TracedJob { job: Job::Commit(Box::new(prepared), reply), span: Span::none() });
        outcome.wait()
    }

    #[test]
    fn commits_are_refused_while_the_index_has_no_room_and_cannot_be_written_and_go_on_when_it_can() {
        let place = tempfile::tempdir().expect("a directory");
        let [log, index, away] = ["log", "index", "away"].map(|name| place.path().join(name));
        [&log, &index].iter().for_each(|path| std::fs::create_dir(path).expect("a directory"));
        let (log, journal) = open(&log, &index);
        let (commits, queue) = job_queue();
        let readiness = watch::Sender::new(Readiness::Ready);
        let committer = Committer::new(log, Arc::clone(&journal), readiness.clone(), ObserverCell::default());
        let thread = std::thread::spawn(move || committer.run(queue));
        std::fs::rename(&index, &away).expect("renamed");
        (1..=8).for_each(|person| assert_eq!(commit(&commits, person), Ok(()), "{person}"));
        let position = |person| journal.see(Key::person([person; 16])).expect("a read").position;
        let refused = commit(&commits, 9);
        assert!(matches!(&refused, Err(StoreError::Unavailable(why)) if why.contains("index")), "{refused:?}");
        assert_eq!(position(9), None);
        std::fs::rename(&away, &index).expect("renamed");
        while commit(&commits, 9).is_err() {
            std::thread::yield_now();
        }
        let [eighth, ninth] = [8, 9].map(|person| position(person).expect("a record").lsn);
        assert!(ninth <= eighth + 2 * PAGE, "between them is at most a SEAL: nothing of what was refused");
        assert_eq!(*readiness.borrow(), Readiness::Ready);
        drop(commits);
        thread.join().expect("the committing thread ends");
        assert!(journal.index().covered().lsn > ninth && !journal.index().is_failing());
    }
}
