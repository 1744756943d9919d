//! Waiting for replicas: `--replicas N`.
//!
//! WAIT blocks its connection and covers only the writes of that connection. So a barrier has a connection of its own
//! and first writes a key without meaning. A primary sends its replicas one sequence: a replica that has that key has
//! everything that the primary wrote before, over any connection. One WAIT therefore serves every caller that asked
//! before it started: those that wait for their commit, and those that read the commit of another.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, pipe};
use tokio::sync::{mpsc, oneshot};

use super::call_error::AttemptError;

/// The maximum number of callers that one WAIT serves.
const GROUP: usize = 1_024;

type ReplySender = oneshot::Sender<Result<(), AttemptError>>;

/// Waits until the replicas have what the primary wrote so far.
pub struct Barrier(mpsc::Sender<(Vec<u8>, ReplySender)>);

impl Barrier {
    /// Starts a barrier over a connection of its own; it ends when it is dropped.
    pub fn spawn(connection: MultiplexedConnection, replicas: usize, timeout: Duration) -> Barrier {
        let (sender, requests) = mpsc::channel(GROUP);
        tokio::spawn(serve(connection, requests, replicas, timeout));
        Barrier(sender)
    }

    /// Whether its connection ended, after which every wait fails.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Waits until the replicas have everything written before; `key` is any key of the primary.
    ///
    /// # Errors
    /// `Unconfirmed` if they do not have it in time.
    pub async fn wait(&self, key: &[u8]) -> Result<(), AttemptError> {
        let (reply, confirmed) = oneshot::channel();
        let refused =
            |_| AttemptError::Unconfirmed("too many calls wait for replicas, or the connection ended".to_owned());
        self.0.try_send((key.to_vec(), reply)).map_err(refused)?;
        confirmed.await.unwrap_or_else(|_ended| Err(AttemptError::Unconfirmed("the connection ended".to_owned())))
    }
}

async fn serve(
    mut connection: MultiplexedConnection,
    mut requests: mpsc::Receiver<(Vec<u8>, ReplySender)>,
    replicas: usize,
    timeout: Duration,
) {
    let mut group = Vec::new();
    while requests.recv_many(&mut group, GROUP).await > 0 {
        let Ok(confirmed) = wait(&mut connection, &group[0].0, replicas, timeout).await else {
            // Dropping the replies fails the callers; the next connection has a barrier of its own.
            return;
        };
        let too_few = || AttemptError::Unconfirmed(format!("{confirmed} of {replicas} replicas confirmed in time"));
        for (_, reply) in group.drain(..) {
            // A caller that left has closed the channel.
            let _closed = reply.send(if confirmed >= replicas { Ok(()) } else { Err(too_few()) });
        }
    }
}

/// Returns the number of replicas that confirmed in time.
async fn wait(
    connection: &mut MultiplexedConnection,
    key: &[u8],
    replicas: usize,
    timeout: Duration,
) -> RedisResult<usize> {
    let mut commands = pipe();
    commands.cmd("SET").arg(key).arg("").ignore();
    commands.cmd("WAIT").arg(replicas).arg(timeout.as_millis() as u64);
    let (confirmed,): (usize,) = commands.query_async(connection).await?;
    Ok(confirmed)
}
