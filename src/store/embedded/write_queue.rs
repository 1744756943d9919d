//! Writes of reference tables and policies on their way to the thread that does them.

use tokio::sync::{mpsc, oneshot};
use tracing::Span;

use super::job::PreparedCommit;
use super::redb_table::TableRow;
use crate::store::StoreError;

/// Rows to write.
pub struct WriteJob {
    /// The rows.
    pub rows: Vec<TableRow>,
    /// The record that holds these rows beside others, and depends on something; otherwise they get a record of their own.
    pub commit: Option<Box<PreparedCommit>>,
    /// The channel for the outcome.
    pub reply: oneshot::Sender<Result<(), StoreError>>,
    /// The span of the call that waits for it.
    pub span: Span,
}

/// The jobs that arrive at the thread, in their order.
pub struct WriteQueue {
    arriving: mpsc::UnboundedReceiver<WriteJob>,
    /// The first of them, if it arrived with others that it is not written with.
    next: Option<WriteJob>,
}

/// A sender, and where its jobs arrive.
pub fn write_queue() -> (mpsc::UnboundedSender<WriteJob>, WriteQueue) {
    let (sender, arriving) = mpsc::unbounded_channel();
    (sender, WriteQueue { arriving, next: None })
}

impl WriteQueue {
    /// The next jobs that are written together, at most so many; one that depends on something is written by itself. Waits for
    /// them; `None` if there will be none.
    pub fn next_group(&mut self, limit: usize) -> Option<Vec<WriteJob>> {
        let first = match self.next.take() {
            Some(job) => job,
            None => self.arriving.blocking_recv()?,
        };
        let is_alone = first.commit.is_some();
        let mut group = vec![first];
        while !is_alone && group.len() < limit {
            match self.arriving.try_recv() {
                Ok(job) if job.commit.is_none() => group.push(job),
                other => {
                    self.next = other.ok();
                    break;
                }
            }
        }
        Some(group)
    }

    /// Answers every job that has arrived with this error; nothing of them is written.
    pub fn refuse(&mut self, error: &StoreError) {
        let arrived = std::iter::from_fn(|| self.arriving.try_recv().ok());
        for job in self.next.take().into_iter().chain(arrived) {
            // A caller that left has closed the channel.
            let _closed = job.reply.send(Err(error.clone()));
        }
    }
}
