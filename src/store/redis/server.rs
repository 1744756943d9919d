//! One Redis server: the connections that all calls share, which are reopened when one fails, and the last inspection of
//! the server.
//!
//! Calls do not queue here: a call beyond the limit is refused. A permit is free again when the reply arrived or the
//! connection ended, whether or not the caller still waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::aio::MultiplexedConnection;
use redis::{Client, Cmd, Pipeline, Value};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::address::Host;
use super::barrier::Barrier;
use super::call_error::AttemptError;
use super::connector::{Connector, ConnectorError};
use super::durability::{self, ServerReport};
use super::expected_marker::ExpectedMarker;
use super::functions;

/// A server.
pub struct Server {
    host: Host,
    client: Client,
    connector: Arc<Connector>,
    open: ArcSwapOption<OpenConnections>,
    opening: Mutex<()>,
    permits: Arc<Semaphore>,
}

/// The number of connections. Redis reads 16 KiB of a connection in one cycle of its event loop, and syncs once a
/// cycle: over one connection only four commits would share a sync.
const CONNECTIONS: usize = 8;

/// Open connections, and the last inspection of their server.
#[derive(Clone)]
struct OpenConnections {
    connections: Arc<[MultiplexedConnection]>,
    next: Arc<AtomicUsize>,
    report: ServerReport,
    barrier: Option<Arc<Barrier>>,
}

impl OpenConnections {
    /// The next connection, round robin.
    fn connection(&self) -> MultiplexedConnection {
        self.connections[self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len()].clone()
    }
}

/// Commands that are sent together.
pub enum Request {
    /// One command.
    Command(Cmd),
    /// Several commands of one shard; the reply is the list of their replies.
    Pipeline(Pipeline),
    /// Reads, each followed by a read of its shard's marker; the reply is the list of the replies to the reads.
    Verified(Pipeline, ExpectedMarker),
}

impl Request {
    async fn send(&self, connection: &mut MultiplexedConnection) -> Result<Value, AttemptError> {
        match self {
            Request::Command(command) => {
                Ok(connection.send_packed_command(command).await.and_then(Value::extract_error)?)
            }
            Request::Pipeline(commands) => Ok(Value::Array(commands.query_async(connection).await?)),
            Request::Verified(reads, marker) => marker.verify(reads.query_async(connection).await?),
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

impl Server {
    /// A server without connections yet.
    ///
    /// # Errors
    /// If the certificates are invalid.
    pub fn new(host: Host, connector: &Arc<Connector>) -> Result<Server, ConnectorError> {
        Ok(Server {
            client: connector.client(&host)?,
            host,
            connector: Arc::clone(connector),
            open: ArcSwapOption::empty(),
            opening: Mutex::default(),
            permits: Arc::new(Semaphore::new(connector.settings.in_flight)),
        })
    }

    /// The host of the server.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Sends a request once and waits for the reply, and for the replicas if they must have it. `key` is any key of the
    /// server.
    ///
    /// # Errors
    /// [`AttemptError`] says whether the request may have been executed.
    pub async fn send(
        &self,
        request: &Arc<Request>,
        (access, key): (Access, &[u8]),
        deadline: Instant,
    ) -> Result<Value, AttemptError> {
        let opened = timeout_at(deadline, self.connections()).await;
        let open = opened.map_err(|_| AttemptError::Retryable(self.error_message("cannot be reached in time")))??;
        if matches!(access, Access::Write) {
            self.check_writable(&open.report)?;
        }
        let reply = self.send_and_await(&open, request, deadline).await?;
        let waits = match access {
            Access::Read => false,
            Access::ReadReplicated(must_be_replicated) => {
                matches!(&reply, Value::Array(replies) if replies.iter().any(must_be_replicated))
            }
            Access::Write => true,
        };
        if let Some(barrier) = open.barrier.as_ref().filter(|_| waits) {
            // On the server that replied: one that replaced it may never have had what was read here.
            let confirmed = timeout_at(deadline, barrier.wait(key)).await;
            if barrier.is_closed() {
                self.close(&open);
            }
            confirmed
                .map_err(|_| AttemptError::Unconfirmed(self.error_message("its replicas did not confirm in time")))??;
        }
        Ok(reply)
    }

    async fn send_and_await(
        &self,
        open: &Arc<OpenConnections>,
        request: &Arc<Request>,
        deadline: Instant,
    ) -> Result<Value, AttemptError> {
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        let permit = permit.map_err(|_| AttemptError::Refused(self.error_message("has too many calls in flight")))?;
        let (mut connection, request) = (open.connection(), Arc::clone(request));
        // A task of its own, so that a caller that leaves does not free the permit before the reply arrives.
        let sent = tokio::spawn(async move {
            let _permit = permit;
            request.send(&mut connection).await
        });
        let span = tracing::debug_span!(
            "redis",
            otel.kind = "client",
            db.system.name = "redis",
            server.address = %self.host,
        );
        let sent = sent.instrument(span);
        let error = match timeout_at(deadline, sent).await {
            Ok(Ok(Ok(value))) => return Ok(value),
            Ok(Ok(Err(error))) => error,
            Ok(Err(ended)) => AttemptError::NoReply(ended.to_string()),
            Err(_) => AttemptError::NoReply("no reply in time".to_owned()),
        };
        if matches!(error, AttemptError::NoReply(_)) {
            self.close(open);
        }
        if matches!(error, AttemptError::FunctionMissing) {
            functions::load_library_if_missing(&mut open.connection()).await?;
        }
        Err(error)
    }

    /// Inspects the server again.
    ///
    /// # Errors
    /// If it does not reply, or is no primary.
    pub async fn inspect(&self, deadline: Instant) -> Result<ServerReport, AttemptError> {
        let inspection = async {
            let open = self.connections().await?;
            let report = self.report(&mut open.connection()).await;
            let report = report.inspect_err(|_| self.close(&open))?;
            let inspected = OpenConnections { report: report.clone(), ..OpenConnections::clone(&open) };
            self.replace(&open, Some(Arc::new(inspected)));
            Ok(report)
        };
        let inspected = timeout_at(deadline, inspection).await;
        inspected.unwrap_or_else(|_| Err(AttemptError::NoReply(self.error_message("does not reply"))))
    }

    /// Checks that the server may be written to.
    fn check_writable(&self, report: &ServerReport) -> Result<(), AttemptError> {
        match report.reason_not_writable(self.connector.settings.accept_volatile) {
            None => Ok(()),
            Some(why) => Err(AttemptError::Refused(self.error_message(&why))),
        }
    }

    async fn connections(&self) -> Result<Arc<OpenConnections>, AttemptError> {
        if let Some(open) = self.open.load_full() {
            return Ok(open);
        }
        let _opening = self.opening.lock().await;
        if let Some(open) = self.open.load_full() {
            return Ok(open);
        }
        let mut connection = self.connect().await?;
        let report = self.report(&mut connection).await?;
        functions::load_library_if_missing(&mut connection).await?;
        let mut connections = vec![connection];
        while connections.len() < CONNECTIONS {
            connections.push(self.connect().await?);
        }
        let (connections, next) = (connections.into(), Arc::default());
        let open = Arc::new(OpenConnections { connections, next, report, barrier: self.barrier().await? });
        self.open.store(Some(Arc::clone(&open)));
        Ok(open)
    }

    async fn connect(&self) -> Result<MultiplexedConnection, AttemptError> {
        let connected = self.client.get_multiplexed_async_connection_with_config(&self.connector.connections()).await;
        connected.map_err(|error| match AttemptError::from(error) {
            // Only the handshake was sent.
            AttemptError::NoReply(message) => AttemptError::Retryable(self.error_message(&message)),
            other => other,
        })
    }

    async fn barrier(&self) -> Result<Option<Arc<Barrier>>, AttemptError> {
        let settings = &self.connector.settings;
        if settings.replicas == 0 {
            return Ok(None);
        }
        let barrier = Barrier::spawn(self.connect().await?, settings.replicas, settings.timeout);
        Ok(Some(Arc::new(barrier)))
    }

    async fn report(&self, connection: &mut MultiplexedConnection) -> Result<ServerReport, AttemptError> {
        let report = durability::inspect(connection, self.connector.settings.replicas).await;
        report.map_err(|error| match error {
            AttemptError::NoReply(message) => AttemptError::Retryable(self.error_message(&message)),
            other => other,
        })
    }

    fn close(&self, open: &Arc<OpenConnections>) {
        self.replace(open, None);
    }

    /// Replaces these connections if they are still in use.
    fn replace(&self, open: &Arc<OpenConnections>, with: Option<Arc<OpenConnections>>) {
        self.open.compare_and_swap(&Some(Arc::clone(open)), with);
    }

    fn error_message(&self, what: &str) -> String {
        format!("{}: {what}", self.host)
    }
}

/// The deadline of a call that starts now.
pub fn deadline_in(timeout: Duration) -> Instant {
    Instant::now() + timeout
}
