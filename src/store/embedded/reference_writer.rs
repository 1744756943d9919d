//! The thread that writes reference tables and policies: takes the pending writes, has them appended to the log, commits
//! them to the database as one transaction, publishes a snapshot, answers.

use std::sync::Arc;

use tokio::sync::{oneshot, watch};

use super::database::{Persistence, Tables};
use super::database_file::sync_what_this_thread_writes;
use super::index::{KeyRange, Table};
use super::job::PreparedCommit;
use super::job_queue::JobSender;
use super::journal::{Journal, index_error};
use super::observation::{ObserverCell, observed};
use super::redb_table::{RedbTable, TableRow};
use super::reference_log::{Appended, ReferenceLog};
use super::write_queue::{WriteJob, WriteQueue};
use crate::store::StoreError;
use crate::store::coordination::{ComponentFailed, PanicReport, Readiness};
use crate::store::thread_priority::lower_thread_priority;

/// The thread, as a failure of it is reported.
const COMPONENT: &str = "the thread of reference tables";

/// The maximum number of writes that share one sync.
const GROUP: usize = 64;

/// Settlements go before tables.
const NICE: i32 = 5;

/// The bytes of rows of persons that the database keeps in memory before it persists them: as many are written to it again
/// from the log when the store is opened after a crash.
const UNPERSISTED_BYTES: usize = 32 << 20;

/// The state of the thread.
pub struct ReferenceWriter {
    tables: Arc<Tables>,
    journal: Arc<Journal>,
    log: ReferenceLog,
    readiness: watch::Sender<Readiness>,
    observer: ObserverCell,
    failed: Option<String>,
    /// The bytes of rows that the database does not have in its file.
    unpersisted: usize,
}

impl ReferenceWriter {
    /// A writer for this database, which sends what the log is to hold to the committing thread, and publishes when it
    /// accepts no more writes.
    pub fn new(
        tables: Arc<Tables>,
        (journal, commits): (Arc<Journal>, JobSender),
        readiness: watch::Sender<Readiness>,
        observer: ObserverCell,
    ) -> ReferenceWriter {
        let log = ReferenceLog::new(commits, readiness.clone());
        ReferenceWriter { tables, journal, log, readiness, observer, failed: None, unpersisted: 0 }
    }

    /// Runs until every sender is dropped and every job is answered.
    pub fn run(mut self, queue: WriteQueue) {
        let _report = PanicReport { component: COMPONENT, readiness: self.readiness.clone() };
        lower_thread_priority(NICE);
        sync_what_this_thread_writes();
        // Dropped before the report: once a panic is published, no job can be submitted.
        let mut queue = queue;
        while let Some(group) = queue.next_group(GROUP) {
            self.commit(group, &mut queue);
        }
    }

    /// Commits jobs together; one that depends on something is the only one.
    fn commit(&mut self, jobs: Vec<WriteJob>, queue: &mut WriteQueue) {
        let (mut rows, mut replies, mut spans, mut commit) = (Vec::new(), Vec::new(), Vec::new(), None);
        for job in jobs {
            rows.push(job.rows);
            replies.push(job.reply);
            spans.push(job.span);
            commit = job.commit;
        }
        let observer = Arc::clone(&self.observer);
        observed(&observer, &spans, || self.write_and_answer(&rows, commit, replies, queue));
    }

    fn write_and_answer(
        &mut self,
        rows: &[Vec<TableRow>],
        commit: Option<Box<PreparedCommit>>,
        replies: Vec<oneshot::Sender<Result<(), StoreError>>>,
        queue: &mut WriteQueue,
    ) {
        let written = match &self.failed {
            Some(why) => Err(StoreError::Unavailable(why.clone())),
            None => self.write(rows, commit, queue),
        };
        for reply in replies {
            // A caller that left has closed the channel; the rows stay.
            let _closed = reply.send(written.clone());
        }
    }

    fn write(
        &mut self,
        jobs: &[Vec<TableRow>],
        commit: Option<Box<PreparedCommit>>,
        queue: &mut WriteQueue,
    ) -> Result<(), StoreError> {
        if commit.is_none() && jobs.iter().all(Vec::is_empty) {
            return Ok(());
        }
        let appended = match commit {
            Some(commit) => self.log.append([*commit]),
            None => self.log.append_rows(jobs, |error| queue.refuse(error)),
        };
        match appended {
            Ok(()) => self.write_appended(jobs).map_err(|error| self.fail(&error)),
            // The next write tries again.
            Err(Appended::Nothing(error)) => Err(error),
            Err(Appended::Part(_, error) | Appended::Unknown(error)) => Err(self.fail(&error)),
        }
    }

    /// Writes rows to the database that the log holds as its newest. Those of many persons are persisted together.
    fn write_appended(&mut self, jobs: &[Vec<TableRow>]) -> Result<(), StoreError> {
        let last = self.journal.index().last(KeyRange::all(Table::ReferenceWrite)).map_err(index_error)?;
        let last = last.ok_or_else(|| StoreError::Damaged("the index lacks a record of the log".to_owned()))?;
        let rows = || jobs.iter().flatten();
        self.unpersisted += rows().map(|row| row.key.len() + row.value.len()).sum::<usize>();
        let is_of_persons = rows().all(|row| row.table == RedbTable::Persons);
        let persistence = if is_of_persons && self.unpersisted < UNPERSISTED_BYTES {
            Persistence::WithALaterWrite
        } else {
            self.unpersisted = 0;
            Persistence::Now
        };
        let written = self.tables.write(rows(), last.position, persistence);
        written.map_err(|error| StoreError::Unknown(error.to_string()))
    }

    /// After a failed write it is unknown what reached the disk, so nothing more is written until the store is reopened:
    /// the process ends, and is started again.
    fn fail(&mut self, error: &StoreError) -> StoreError {
        let why = format!("a write failed: {error}");
        tracing::error!(why, "the reference tables accept no writes until the store is reopened");
        self.failed = Some(why.clone());
        let failed = ComponentFailed { component: COMPONENT, why: why.clone() };
        self.readiness.send_replace(Readiness::Failed(failed));
        StoreError::Unknown(why)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread::JoinHandle;

    use tokio::sync::mpsc;
    use tracing::Span;

    use super::*;
    use crate::store::embedded::committer::Committer;
    use crate::store::embedded::disk::Directory;
    use crate::store::embedded::durability::Durability;
    use crate::store::embedded::index::{Index, IndexOptions, LogEnd, LogPosition};
    use crate::store::embedded::job::TracedJob;
    use crate::store::embedded::job_queue::job_queue;
    use crate::store::embedded::log::{Log, LogError, LogOptions, LogSizes, OpenedLog, RecordPart};
    use crate::store::embedded::reference_record;
    use crate::store::embedded::reply::send_all;
    use crate::store::embedded::write_queue::write_queue;

    const STORE: [u8; 16] = [7; 16];

    /// The bytes of a row that fills a record.
    const LONG: usize = 256 << 10;

    /// The database, the journal and the threads of a store in a directory.
    struct Parts {
        tables: Arc<Tables>,
        journal: Arc<Journal>,
        readiness: watch::Sender<Readiness>,
        writes: mpsc::UnboundedSender<WriteJob>,
        commits: JobSender,
        threads: [JoinHandle<()>; 3],
    }

    /// Opens a new store whose log refuses the records with these numbers, in the order in which they arrive.
    fn parts(place: &Path, is_refused: impl Fn(usize) -> bool + Send + 'static) -> Parts {
        let [log, index, database] = ["log", "index", "redb"].map(|name| place.join(name));
        [&log, &index].iter().for_each(|path| std::fs::create_dir(path).expect("a directory"));
        let readiness = watch::Sender::new(Readiness::Ready);
        let tables = Tables::create(&database, Durability::Synced, readiness.clone(), &STORE).expect("a database");
        let tables = Arc::new(tables);
        let sizes = LogSizes { segment: 4 << 20, frame: 1 << 20 };
        let (log, options) = (Arc::new(Directory::new(log)), LogOptions { sizes, ..LogOptions::default() });
        Log::create(log.clone(), STORE, sizes).expect("a log");
        let opened = Log::open(log, STORE, options, LogEnd::default(), |_| Ok::<_, LogError>(()));
        let OpenedLog { log, .. } = opened.expect("a log");
        let opened = Index::open(Arc::new(Directory::new(index)), STORE, IndexOptions::default()).expect("an index");
        let journal = Arc::new(Journal::new(Arc::clone(log.segments()), Arc::new(opened.index)));
        let (taken, queue) = job_queue();
        let committer = Committer::new(log, Arc::clone(&journal), readiness.clone(), ObserverCell::default());
        let (commits, mut arriving) = job_queue();
        let refuse = move || {
            let mut number = 0;
            while let Some(TracedJob { job, span }) = arriving.next() {
                if is_refused(number) {
                    let no_room = StoreError::Unavailable("no room".to_owned());
                    send_all([(job.into_reply(), Err(no_room))]);
                } else {
                    taken.send(TracedJob { job, span });
                }
                number += 1;
            }
        };
        let log = (Arc::clone(&journal), commits.clone());
        let writer = ReferenceWriter::new(Arc::clone(&tables), log, readiness.clone(), ObserverCell::default());
        let (writes, arriving_writes) = write_queue();
        let threads = [
            std::thread::spawn(move || writer.run(arriving_writes)),
            std::thread::spawn(refuse),
            std::thread::spawn(move || committer.run(queue)),
        ];
        Parts { tables, journal, readiness, writes, commits, threads }
    }

    impl Parts {
        fn send(&self, rows: Vec<TableRow>) -> oneshot::Receiver<Result<(), StoreError>> {
            self.send_job(rows, None)
        }

        /// Sends a row that is written by itself.
        fn send_alone(&self, row: TableRow) -> oneshot::Receiver<Result<(), StoreError>> {
            let record = reference_record::records([&row]).expect("a record").remove(0);
            self.send_job(vec![row], Some(Box::new(PreparedCommit { record, condition: None })))
        }

        fn send_job(
            &self,
            rows: Vec<TableRow>,
            commit: Option<Box<PreparedCommit>>,
        ) -> oneshot::Receiver<Result<(), StoreError>> {
            let (reply, outcome) = oneshot::channel();
            self.writes.send(WriteJob { rows, commit, reply, span: Span::none() }).expect("a thread that writes");
            outcome
        }

        /// The positions of the records of tables in the log, and the rows there.
        fn logged(&self) -> Vec<(LogPosition, Vec<TableRow>)> {
            let positions = self.journal.index().range(KeyRange::all(Table::ReferenceWrite), 100).expect("positions");
            let rows = |position| {
                let bytes = self.journal.segments.read(position, RecordPart::Rows).expect("a record");
                (position, reference_record::table_rows(bytes.bytes()).expect("rows"))
            };
            positions.into_iter().map(|row| rows(row.position)).collect()
        }

        /// Closes the store.
        fn close(self) -> (Arc<Tables>, watch::Sender<Readiness>) {
            let Parts { tables, readiness, writes, commits, threads, .. } = self;
            drop((writes, commits));
            threads.into_iter().for_each(|thread| thread.join().expect("the thread ends"));
            (tables, readiness)
        }
    }

    fn row(key: u8, fill: u8) -> TableRow {
        TableRow { table: RedbTable::Policies, key: vec![key], value: vec![fill; LONG] }
    }

    #[test]
    fn what_the_log_refuses_of_a_write_is_sent_again_in_order_until_all_is_there() {
        let place = tempfile::tempdir().expect("a directory");
        // The second and the fourth record, and once all that are sent again.
        let parts = parts(place.path(), |number| [1, 3, 4, 5, 6].contains(&number));
        let rows = [row(1, 1), row(2, 1), row(2, 2), row(3, 1)];
        assert_eq!(parts.send(rows.to_vec()).blocking_recv().expect("an answer"), Ok(()));
        let logged = parts.logged();
        let in_log: Vec<_> = logged.iter().flat_map(|(_, rows)| rows).map(|row| (row.key[0], row.value[0])).collect();
        assert_eq!(in_log, [(1, 1), (2, 2), (2, 1), (2, 2), (3, 1)]);
        assert_eq!(parts.tables.written(), Ok(logged.last().map(|(position, _)| *position)));
        let (tables, readiness) = parts.close();
        let stored = tables.snapshot().rows_after(RedbTable::Policies, &[], 9).expect("rows");
        let stored: Vec<_> = stored.iter().map(|(key, value)| (key[0], value[0])).collect();
        assert_eq!(stored, [(1, 1), (2, 2), (3, 1)], "as a replay of the log");
        assert_eq!(*readiness.borrow(), Readiness::Ready);
    }

    #[test]
    fn a_write_of_which_the_log_takes_nothing_is_refused_and_the_next_is_written() {
        let place = tempfile::tempdir().expect("a directory");
        let parts = parts(place.path(), |number| number < 2);
        let no_room = StoreError::Unavailable("no room".to_owned());
        assert_eq!(parts.send(vec![row(1, 1), row(2, 1)]).blocking_recv().expect("an answer"), Err(no_room));
        assert_eq!(parts.send(vec![row(1, 2)]).blocking_recv().expect("an answer"), Ok(()));
        assert_eq!(parts.logged().len(), 1);
        assert_eq!(*parts.close().1.borrow(), Readiness::Ready);
    }

    #[test]
    fn while_the_rest_of_a_write_waits_for_room_other_writes_are_refused_and_written_once_there_is_room() {
        let (place, has_room) = (tempfile::tempdir().expect("a directory"), Arc::<AtomicBool>::default());
        let parts = parts(place.path(), {
            let has_room = Arc::clone(&has_room);
            // The second record and those after it, for ten seconds at most.
            move |number| (1..100).contains(&number) && !has_room.load(Ordering::Relaxed)
        });
        let waiting = parts.send(vec![row(1, 1), row(2, 1)]);
        let no_room = StoreError::Unavailable("no room".to_owned());
        assert_eq!(parts.send_alone(row(3, 1)).blocking_recv().expect("an answer"), Err(no_room));
        has_room.store(true, Ordering::Relaxed);
        assert_eq!(waiting.blocking_recv().expect("an answer"), Ok(()));
        assert_eq!(parts.send_alone(row(3, 2)).blocking_recv().expect("an answer"), Ok(()));
        let logged = parts.logged();
        let in_log: Vec<_> = logged.iter().flat_map(|(_, rows)| rows).map(|row| (row.key[0], row.value[0])).collect();
        assert_eq!(in_log, [(1, 1), (2, 1), (3, 2)]);
        assert_eq!(parts.tables.written(), Ok(logged.last().map(|(position, _)| *position)));
        assert_eq!(*parts.close().1.borrow(), Readiness::Ready);
    }

    #[test]
    fn a_store_that_is_closed_does_not_wait_until_the_log_takes_the_rest_of_a_write() {
        let place = tempfile::tempdir().expect("a directory");
        let parts = parts(place.path(), |number| number > 0);
        let outcome = parts.send(vec![row(1, 1), row(2, 1)]);
        let (tables, readiness) = parts.close();
        let outcome = outcome.blocking_recv().expect("an answer");
        assert!(matches!(&outcome, Err(StoreError::Unknown(why)) if why.contains("no room")), "{outcome:?}");
        assert_eq!(tables.written(), Ok(None), "the next opening writes it from the log");
        assert!(matches!(*readiness.borrow(), Readiness::Failed(_)));
    }
}
