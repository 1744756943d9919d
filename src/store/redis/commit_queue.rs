//! The queue of commits to one server: those that wait while others are being synced are sent as one call, each of which is
//! accepted or refused by itself. A call with few commits waits shortly for those that follow from look-ups in flight.
//!
//! Redis syncs its file once for all that it executed in one cycle of its event loop, so that commits of one call share a
//! sync. On a Cluster a call has the commits of one hash slot.

use std::sync::Arc;

use redis::Value;
use redis::aio::MultiplexedConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::call_error::AttemptError;
use super::encoded_commit::{EncodedCommit, commit_call};
use super::functions;
use super::keys::RedisKeys;
use super::look_ups_in_flight::{LookUpsInFlight, let_others_run};

/// The maximum number of commits in one call.
const COMMITS: usize = 128;

/// A call with this many commits waits for no look-ups: its sync costs each of them little, and while it is synced those that
/// are looked up are decided.
const COMMITS_SENT_AT_ONCE: usize = 16;

/// The bytes of commits after which a call is full.
const BYTES: usize = 1 << 20;

/// The number of calls in flight, each over a connection of its own, where a call has commits of any shard: while it is
/// synced, the next one fills.
const CALLS: usize = 1;

/// The same where a call has those of one hash slot. Redis reads 16 KiB of a connection in one cycle of its event loop, and
/// syncs once a cycle: over one connection only two commits would share a sync.
const SLOT_CALLS: usize = 8;

/// The status of a commit that failed inside the function starts with this.
const FAILED: &str = "failed ";

type ReplySender = oneshot::Sender<Result<Value, AttemptError>>;

/// A commit that waits for its turn or its reply.
struct QueuedCommit {
    commit: Arc<EncodedCommit>,
    reply: ReplySender,
    /// Free again when the reply arrived, whether or not the caller still waits.
    _permit: OwnedSemaphorePermit,
}

/// Sends commits to a server.
pub struct CommitQueue(mpsc::UnboundedSender<QueuedCommit>);

/// How the commits of a store are sent to a server.
#[derive(Clone, Copy)]
pub struct CommitRoutes {
    /// Whether the server has hash slots: a call then has the commits of one of them.
    pub has_slots: bool,
    /// The number of calls in flight; further commits wait, and are sent together.
    pub calls: usize,
}

impl CommitRoutes {
    /// How the commits of a server with or without hash slots are sent.
    pub fn new(has_slots: bool) -> CommitRoutes {
        CommitRoutes { has_slots, calls: if has_slots { SLOT_CALLS } else { CALLS } }
    }
}

impl CommitQueue {
    /// Starts a queue over these connections; it ends when it is dropped.
    pub fn spawn(
        names: RedisKeys,
        connections: Arc<[MultiplexedConnection]>,
        routes: CommitRoutes,
        look_ups: Arc<LookUpsInFlight>,
    ) -> CommitQueue {
        let (sender, requests) = mpsc::unbounded_channel();
        tokio::spawn(serve(Arc::new(names), connections, routes, (requests, look_ups)));
        CommitQueue(sender)
    }

    /// Sends a commit and waits for its status. The number of waiting commits is that of the permits.
    ///
    /// # Errors
    /// [`AttemptError`] says whether it may have been executed.
    pub async fn commit(
        &self,
        commit: Arc<EncodedCommit>,
        permit: OwnedSemaphorePermit,
    ) -> Result<Value, AttemptError> {
        let (reply, status) = oneshot::channel();
        let ended = || AttemptError::NoReply("the queue of commits ended".to_owned());
        self.0.send(QueuedCommit { commit, reply, _permit: permit }).map_err(|_| ended())?;
        status.await.unwrap_or_else(|_| Err(ended()))
    }
}

async fn serve(
    names: Arc<RedisKeys>,
    connections: Arc<[MultiplexedConnection]>,
    routes: CommitRoutes,
    (mut requests, look_ups): (mpsc::UnboundedReceiver<QueuedCommit>, Arc<LookUpsInFlight>),
) {
    let (in_flight, mut next) = (Arc::new(Semaphore::new(routes.calls)), 0);
    let mut waiting = Vec::new();
    // The semaphore is never closed.
    while let Ok(mut turn) = Arc::clone(&in_flight).acquire_owned().await {
        if requests.recv_many(&mut waiting, COMMITS).await == 0 {
            return;
        }
        if waiting.len() < COMMITS_SENT_AT_ONCE {
            look_ups.wait_for_earlier().await;
        }
        while waiting.len() < COMMITS
            && let Ok(further) = requests.try_recv()
        {
            waiting.push(further);
        }
        for commits in calls(std::mem::take(&mut waiting), routes.has_slots) {
            let connection = connections[next % connections.len()].clone();
            next += 1;
            tokio::spawn(send(Arc::clone(&names), connection, commits, turn));
            let Ok(another) = Arc::clone(&in_flight).acquire_owned().await else { return };
            turn = another;
        }
    }
}

/// The commits of each call: those of a shard are together, and in a server with slots by themselves.
fn calls(mut waiting: Vec<QueuedCommit>, has_slots: bool) -> Vec<Vec<QueuedCommit>> {
    waiting.sort_by_key(|queued| queued.commit.shard());
    let (mut calls, mut bytes) = (Vec::<Vec<QueuedCommit>>::new(), 0);
    for queued in waiting {
        let size = queued.commit.size();
        let fits = |call: &&mut Vec<QueuedCommit>| {
            let last = call.last().map(|last| last.commit.shard());
            bytes + size <= BYTES && (!has_slots || last == Some(queued.commit.shard()))
        };
        match calls.last_mut().filter(fits) {
            Some(call) => {
                bytes += size;
                call.push(queued);
            }
            None => {
                bytes = size;
                calls.push(vec![queued]);
            }
        }
    }
    calls
}

async fn send(
    names: Arc<RedisKeys>,
    mut connection: MultiplexedConnection,
    commits: Vec<QueuedCommit>,
    turn: OwnedSemaphorePermit,
) {
    let encoded: Vec<&EncodedCommit> = commits.iter().map(|queued| &*queued.commit).collect();
    let call = commit_call(&names, &encoded);
    let reply = connection.send_packed_command(&call).await.and_then(Value::extract_error);
    let statuses = match reply.map_err(AttemptError::from) {
        Ok(Value::Array(statuses)) if statuses.len() == commits.len() => Ok(statuses),
        Ok(_) => {
            Err(AttemptError::NoReply("Redis replies with something else than the status of each commit".to_owned()))
        }
        Err(AttemptError::FunctionMissing) => {
            let loaded = functions::load_library_if_missing(&mut connection).await;
            Err(loaded.err().unwrap_or(AttemptError::FunctionMissing))
        }
        Err(error) => Err(error),
    };
    drop(turn);
    // The next call leaves before the answers of this one are made: the queue takes it, a task encodes it, another writes it.
    let_others_run().await;
    let mut statuses = statuses.map(Vec::into_iter);
    for queued in commits {
        let status = match &mut statuses {
            Ok(statuses) => statuses.next().map_or(Ok(Value::Nil), checked_status),
            Err(error) => Err(error.clone()),
        };
        // A caller that left has closed the channel.
        let _closed = queued.reply.send(status);
    }
}

/// The status of a commit, unless it says that the function failed.
fn checked_status(status: Value) -> Result<Value, AttemptError> {
    match &status {
        Value::BulkString(text) if text.starts_with(FAILED.as_bytes()) => {
            Err(AttemptError::Refused(String::from_utf8_lossy(text).into_owned()))
        }
        _ => Ok(status),
    }
}
