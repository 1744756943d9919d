//! One Redis server: the connections that all calls share, which are reopened when one fails, and the last inspection of
//! the server.
//!
//! Calls do not queue here: a call beyond the limit is refused. A permit is free again when the reply arrived or the
//! connection ended, whether or not the caller still waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;
use redis::aio::MultiplexedConnection;
use redis::{Client, Value};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::address::Host;
use super::barrier::Barrier;
use super::call_error::AttemptError;
use super::commit_queue::{CommitQueue, CommitRoutes};
use super::connector::{Connector, ConnectorError};
use super::durability::{self, ServerReport};
use super::encoded_commit::EncodedCommit;
use super::functions;
use super::keys::RedisKeys;
use super::look_ups_in_flight::LookUpsInFlight;
use super::request::{Access, Request, any_reply};

/// A server.
pub struct Server {
    host: Host,
    client: Client,
    connector: Arc<Connector>,
    names: RedisKeys,
    open: ArcSwapOption<OpenConnections>,
    opening: Mutex<()>,
    permits: Arc<Semaphore>,
}

/// The number of connections for all calls but commits.
const CONNECTIONS: usize = 4;

/// Open connections, and the last inspection of their server.
#[derive(Clone)]
struct OpenConnections {
    connections: Arc<[MultiplexedConnection]>,
    next: Arc<AtomicUsize>,
    commits: Arc<CommitQueue>,
    look_ups: Arc<LookUpsInFlight>,
    report: ServerReport,
    barrier: Option<Arc<Barrier>>,
}

impl OpenConnections {
    /// The next connection, round robin.
    fn connection(&self) -> MultiplexedConnection {
        self.connections[self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len()].clone()
    }
}

impl Server {
    /// A server without connections yet.
    ///
    /// # Errors
    /// If the certificates are invalid.
    pub fn new(host: Host, names: &RedisKeys, connector: &Arc<Connector>) -> Result<Server, ConnectorError> {
        Ok(Server {
            client: connector.client(&host)?,
            host,
            connector: Arc::clone(connector),
            names: names.clone(),
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
        let open = self.opened(deadline).await?;
        if matches!(access, Access::Write) {
            self.check_writable(&open.report)?;
        }
        let in_flight = matches!(access, Access::ReadReplicated(_)).then(|| open.look_ups.begin());
        let reply = self.send_and_await(&open, request, deadline).await?;
        drop(in_flight);
        let waits = match access {
            Access::Read => false,
            Access::ReadReplicated(must_be_replicated) => any_reply(&reply, must_be_replicated),
            Access::Write => true,
        };
        if waits {
            self.confirm(&open, key, deadline).await?;
        }
        Ok(reply)
    }

    /// Sends a commit once, together with others that wait, and waits for its status, and for the replicas if they must have
    /// it.
    ///
    /// # Errors
    /// [`AttemptError`] says whether it may have been executed.
    pub async fn commit(
        &self,
        commit: &Arc<EncodedCommit>,
        key: &[u8],
        deadline: Instant,
    ) -> Result<Value, AttemptError> {
        let open = self.opened(deadline).await?;
        self.check_writable(&open.report)?;
        let sent = open.commits.commit(Arc::clone(commit), self.permit()?);
        let status = self.await_reply(&open, sent, deadline).await?;
        self.confirm(&open, key, deadline).await?;
        Ok(status)
    }

    async fn opened(&self, deadline: Instant) -> Result<Arc<OpenConnections>, AttemptError> {
        let opened = timeout_at(deadline, self.connections()).await;
        opened.map_err(|_| AttemptError::Retryable(self.error_message("cannot be reached in time")))?
    }

    fn permit(&self) -> Result<OwnedSemaphorePermit, AttemptError> {
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        permit.map_err(|_| AttemptError::Refused(self.error_message("has too many calls in flight")))
    }

    /// Waits until the replicas have what the server has, if they must have it.
    async fn confirm(&self, open: &Arc<OpenConnections>, key: &[u8], deadline: Instant) -> Result<(), AttemptError> {
        let Some(barrier) = &open.barrier else { return Ok(()) };
        // On the server that replied: one that replaced it may never have had what was read here.
        let confirmed = timeout_at(deadline, barrier.wait(key)).await;
        if barrier.is_closed() {
            self.close(open);
        }
        confirmed.map_err(|_| AttemptError::Unconfirmed(self.error_message("its replicas did not confirm in time")))?
    }

    async fn send_and_await(
        &self,
        open: &Arc<OpenConnections>,
        request: &Arc<Request>,
        deadline: Instant,
    ) -> Result<Value, AttemptError> {
        let permit = self.permit()?;
        let (mut connection, request) = (open.connection(), Arc::clone(request));
        // A task of its own, so that a caller that leaves does not free the permit before the reply arrives.
        let sent = tokio::spawn(async move {
            let _permit = permit;
            request.send(&mut connection).await
        });
        let sent = async { sent.await.unwrap_or_else(|ended| Err(AttemptError::NoReply(ended.to_string()))) };
        let reply = self.await_reply(open, sent, deadline).await;
        if matches!(reply, Err(AttemptError::FunctionMissing)) {
            functions::load_library_if_missing(&mut open.connection()).await?;
        }
        reply
    }

    async fn await_reply(
        &self,
        open: &Arc<OpenConnections>,
        sent: impl Future<Output = Result<Value, AttemptError>>,
        deadline: Instant,
    ) -> Result<Value, AttemptError> {
        let span = tracing::debug_span!(
            "redis",
            otel.kind = "client",
            db.system.name = "redis",
            server.address = %self.host,
        );
        let reply = timeout_at(deadline, sent.instrument(span)).await;
        let reply = reply.unwrap_or_else(|_| Err(AttemptError::NoReply("no reply in time".to_owned())));
        if matches!(reply, Err(AttemptError::NoReply(_))) {
            self.close(open);
        }
        reply
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
        functions::check_permissions(&mut connection, &self.names.common_key("store")).await?;
        let mut connections = vec![connection];
        connections.extend(self.further_connections(CONNECTIONS - 1).await?);
        let look_ups = Arc::<LookUpsInFlight>::default();
        let open = Arc::new(OpenConnections {
            connections: connections.into(),
            next: Arc::default(),
            commits: Arc::new(self.commit_queue(&look_ups).await?),
            look_ups,
            report,
            barrier: self.barrier().await?,
        });
        self.open.store(Some(Arc::clone(&open)));
        Ok(open)
    }

    async fn further_connections(&self, count: usize) -> Result<Vec<MultiplexedConnection>, AttemptError> {
        let mut connections = Vec::with_capacity(count);
        while connections.len() < count {
            connections.push(self.connect().await?);
        }
        Ok(connections)
    }

    async fn commit_queue(&self, look_ups: &Arc<LookUpsInFlight>) -> Result<CommitQueue, AttemptError> {
        let routes = CommitRoutes::new(self.connector.has_slots);
        let connections = self.further_connections(routes.calls).await?.into();
        Ok(CommitQueue::spawn(self.names.clone(), connections, routes, Arc::clone(look_ups)))
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
