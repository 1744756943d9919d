//! Waiting until replicas have what was written: `--replicas N`.
//!
//! WAIT holds its whole connection and covers what that connection wrote, so it has a connection of its own, which writes
//! a key of no meaning first. What a primary sends its replicas is one sequence: whoever has that key has everything
//! that the primary wrote before it, by whatever connection. So one WAIT serves all who asked before it began: those
//! whose commit was answered, and those who read what another committed.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, pipe};
use tokio::sync::{mpsc, oneshot};

use super::failure::Failure;

/// The most that one WAIT serves.
const GROUP: usize = 1_024;

type Reply = oneshot::Sender<Result<(), String>>;

/// Where one asks that what the primary wrote so far is on its replicas.
pub struct Barrier(mpsc::Sender<(Vec<u8>, Reply)>);

impl Barrier {
    /// A barrier over a connection of its own; it ends when nobody holds it.
    pub fn over(connection: MultiplexedConnection, replicas: usize, patience: Duration) -> Barrier {
        let (ask, asked) = mpsc::channel(GROUP);
        tokio::spawn(serve(connection, asked, replicas, patience));
        Barrier(ask)
    }

    /// Whether its connection ended, so that nobody passes any more.
    pub fn is_over(&self) -> bool {
        self.0.is_closed()
    }

    /// Waits until the replicas have all that was written before. The key is one of the primary's.
    ///
    /// # Errors
    /// If they do not have it in time.
    pub async fn passed(&self, key: &[u8]) -> Result<(), Failure> {
        let (reply, answer) = oneshot::channel();
        let not_taken = |_| Failure::Unconfirmed("too many wait for the replicas, or the connection ended".to_owned());
        self.0.try_send((key.to_vec(), reply)).map_err(not_taken)?;
        let answer = answer.await.unwrap_or_else(|_ended| Err("the connection ended".to_owned()));
        answer.map_err(Failure::Unconfirmed)
    }
}

async fn serve(
    mut connection: MultiplexedConnection,
    mut asked: mpsc::Receiver<(Vec<u8>, Reply)>,
    replicas: usize,
    patience: Duration,
) {
    let mut group = Vec::new();
    while asked.recv_many(&mut group, GROUP).await > 0 {
        let Ok(had) = had(&mut connection, &group[0].0, replicas, patience).await else {
            // Whoever asked learns it by the end of this; the next connection has a barrier of its own.
            return;
        };
        let told = || format!("{had} of {replicas} replicas had it in time");
        for (_, reply) in group.drain(..) {
            // Whoever asked may be gone.
            let _gone = reply.send(if had >= replicas { Ok(()) } else { Err(told()) });
        }
    }
}

/// How many replicas had it in time.
async fn had(
    connection: &mut MultiplexedConnection,
    key: &[u8],
    replicas: usize,
    patience: Duration,
) -> RedisResult<usize> {
    let mut commands = pipe();
    commands.cmd("SET").arg(key).arg("").ignore();
    commands.cmd("WAIT").arg(replicas).arg(patience.as_millis() as u64);
    let (had,): (usize,) = commands.query_async(connection).await?;
    Ok(had)
}
