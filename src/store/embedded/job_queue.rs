//! Jobs on their way to the committing thread: those that are submitted in the same turn of a runtime arrive together.
//!
//! A job that was sent at once would be synced alone, while all calls that are ready to run submit theirs and wait for the
//! next sync. So the first of them has a task send what waits: on the thread that serves, it runs after every task that is
//! ready.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SendError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::job::TracedJob;
use super::reply::send_all;
use crate::store::StoreError;

/// As many jobs are sent without waiting for more, so that the disk is not idle during a long turn.
const TOGETHER: usize = 32;

/// Sends jobs to the committing thread, which ends when every sender is dropped.
#[derive(Clone)]
pub struct JobSender(Arc<Waiting>);

/// The jobs that wait to be sent. They are sent at the latest when this is dropped.
struct Waiting {
    jobs: Mutex<Vec<TracedJob>>,
    queue: Sender<Vec<TracedJob>>,
}

/// The jobs that arrive at the committing thread.
pub struct JobQueue {
    arriving: Receiver<Vec<TracedJob>>,
    arrived: VecDeque<TracedJob>,
}

/// A sender, and where its jobs arrive.
pub fn job_queue() -> (JobSender, JobQueue) {
    let (queue, arriving) = channel();
    let sender = JobSender(Arc::new(Waiting { jobs: Mutex::default(), queue }));
    (sender, JobQueue { arriving, arrived: VecDeque::new() })
}

impl JobSender {
    /// Sends a job with those of the same turn; at once where there is no runtime.
    pub fn submit(&self, job: TracedJob) {
        let mut jobs = self.0.lock();
        jobs.push(job);
        let count = jobs.len();
        drop(jobs);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if count == 1 => {
                let sends = SendsWhenDropped(Arc::downgrade(&self.0));
                runtime.spawn(async move { drop(sends) });
            }
            Ok(_) if count < TOGETHER => {}
            _ => self.0.send(),
        }
    }

    /// Whether no other sender is left: the store is being closed.
    pub fn is_last(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// Sends a job at once, and those that wait.
    pub fn send(&self, job: TracedJob) {
        self.0.lock().push(job);
        self.0.send();
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Vec<TracedJob>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self) {
        let jobs = std::mem::take(&mut *self.lock());
        if jobs.is_empty() {
            return;
        }
        if let Err(SendError(jobs)) = self.queue.send(jobs) {
            let ended = || StoreError::Unavailable("the committing thread ended".to_owned());
            send_all(jobs.into_iter().map(|TracedJob { job, .. }| (job.into_reply(), Err(ended()))));
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.send();
    }
}

/// Sends the jobs that wait when it is dropped: when its task runs, or when the runtime ends. It does not keep the sender,
/// so that a store can be closed meanwhile.
struct SendsWhenDropped(Weak<Waiting>);

impl Drop for SendsWhenDropped {
    fn drop(&mut self) {
        if let Some(waiting) = self.0.upgrade() {
            waiting.send();
        }
    }
}

impl JobQueue {
    /// The next job, if one has arrived.
    pub fn try_next(&mut self) -> Option<TracedJob> {
        self.arrived.pop_front().or_else(|| {
            self.arrived = self.arriving.try_recv().ok()?.into();
            self.arrived.pop_front()
        })
    }

    /// The next job, after waiting for it at most this long.
    ///
    /// # Errors
    /// If none arrived, or there will be none.
    pub fn next_within(&mut self, time: Duration) -> Result<TracedJob, RecvTimeoutError> {
        if self.arrived.is_empty() {
            self.arrived = self.arriving.recv_timeout(time)?.into();
        }
        self.arrived.pop_front().ok_or(RecvTimeoutError::Timeout)
    }

    /// The next job; `None` if there will be none.
    pub fn next(&mut self) -> Option<TracedJob> {
        if self.arrived.is_empty() {
            self.arrived = self.arriving.recv().ok()?.into();
        }
        self.arrived.pop_front()
    }

    /// Puts a job back, so that it is the next.
    pub fn put_back(&mut self, job: TracedJob) {
        self.arrived.push_front(job);
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;
    use tracing::Span;

    use super::*;
    use crate::store::embedded::job::Job;
    use crate::store::embedded::reply::{Reply, reply};

    fn submit(sender: &JobSender) -> Reply {
        let (reply, outcome) = reply();
        sender.submit(TracedJob { job: Job::Panic(reply), span: Span::none() });
        outcome
    }

    /// The jobs that have arrived together.
    fn arrived(queue: &mut JobQueue) -> usize {
        queue.try_next().map_or(0, |_| queue.arrived.drain(..).count() + 1)
    }

    #[test]
    fn the_jobs_of_one_turn_arrive_together_and_those_of_the_next_after_them() {
        let (sender, mut queue) = job_queue();
        Builder::new_current_thread().build().expect("a runtime").block_on(async {
            for count in [1, 3] {
                let submits = || {
                    tokio::spawn({
                        let sender = sender.clone();
                        async move { vec![submit(&sender)] }
                    })
                };
                let tasks: Vec<_> = (0..count).map(|_| submits()).collect();
                for task in tasks {
                    task.await.expect("it submits");
                }
                tokio::task::yield_now().await;
                assert_eq!(arrived(&mut queue), count);
            }
        });
    }

    #[test]
    fn during_a_long_turn_no_more_jobs_wait_than_are_sent_together() {
        let (sender, mut queue) = job_queue();
        Builder::new_current_thread().build().expect("a runtime").block_on(async {
            let _replies: Vec<_> = (1..TOGETHER).map(|_| submit(&sender)).collect();
            assert_eq!(arrived(&mut queue), 0);
            let _reply = submit(&sender);
            assert_eq!(arrived(&mut queue), TOGETHER);
        });
    }

    #[test]
    fn without_a_runtime_a_job_is_sent_at_once_and_a_runtime_that_ends_sends_those_that_wait() {
        let (sender, mut queue) = job_queue();
        let _reply = submit(&sender);
        assert_eq!(arrived(&mut queue), 1);
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let _replies = runtime.block_on(async { [submit(&sender), submit(&sender)] });
        drop(runtime);
        assert_eq!(arrived(&mut queue), 2);
    }

    #[test]
    fn a_sender_that_is_dropped_sends_what_waits_and_ends_the_queue() {
        let (sender, mut queue) = job_queue();
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let _replies = runtime.block_on(async { [submit(&sender)] });
        drop(sender);
        assert!(queue.next().is_some() && queue.next().is_none());
    }

    #[test]
    fn jobs_for_a_thread_that_ended_are_answered() {
        let (sender, queue) = job_queue();
        drop(queue);
        let ended = StoreError::Unavailable("the committing thread ended".to_owned());
        assert_eq!(submit(&sender).wait(), Err(ended));
    }
}
