//! Requests to one Redis server: commands that are sent together, and whether they read or write.

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, Value};

use super::call_error::AttemptError;
use super::expected_marker::MarkedReads;

/// Commands that are sent together.
pub enum Request {
    /// One command.
    Command(Cmd),
    /// Several commands of one shard; the reply is the list of their replies.
    Pipeline(Pipeline),
    /// Reads of shards, with the marker of each; the reply has a list of the replies of each shard.
    Marked(MarkedReads),
}

impl Request {
    /// Sends it over a connection, and waits for the reply.
    ///
    /// # Errors
    /// [`AttemptError`] says whether it may have been executed.
    pub async fn send(&self, connection: &mut MultiplexedConnection) -> Result<Value, AttemptError> {
        match self {
            Request::Command(command) => {
                Ok(connection.send_packed_command(command).await.and_then(Value::extract_error)?)
            }
            Request::Pipeline(commands) => Ok(Value::Array(commands.query_async(connection).await?)),
            Request::Marked(reads) => reads.verify(reads.commands().query_async(connection).await?),
        }
    }
}

/// How a call accesses the server.
#[derive(Clone, Copy)]
pub enum Access {
    /// It reads.
    Read,
    /// It reads; if the predicate holds for any reply, the replicas must have what was read before it is returned.
    ReadReplicated(fn(&Value) -> bool),
    /// It writes; a server that could lose the write is not used.
    Write,
}

/// Whether the predicate holds for the reply to any read.
pub fn any_reply(reply: &Value, holds: fn(&Value) -> bool) -> bool {
    let Value::Array(shards) = reply else { return false };
    shards.iter().any(|of_shard| matches!(of_shard, Value::Array(replies) if replies.iter().any(holds)))
}
