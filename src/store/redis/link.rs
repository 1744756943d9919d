//! One Redis server: connections that all calls share, made anew when one is lost, and what the server said of itself
//! when they were made and since.
//!
//! Calls do not queue here: those beyond the limit are refused, and a place is free again when the reply came or the
//! connection ended, whether or not anybody still waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::aio::MultiplexedConnection;
use redis::{Client, Cmd, Pipeline, RedisResult, Value};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::OpenError;
use super::address::Host;
use super::barrier::Barrier;
use super::durability::{self, Report};
use super::failure::Failure;
use super::functions;
use super::open::Opener;

/// A server.
pub struct Link {
    host: Host,
    client: Client,
    opener: Arc<Opener>,
    open: ArcSwapOption<Open>,
    opening: Mutex<()>,
    places: Arc<Semaphore>,
}

/// Redis takes 16 KiB of a connection in one turn of its event loop, and syncs once a turn: over one connection, four
/// commits would share a sync, however many wait.
const CONNECTIONS: usize = 8;

/// The connections, and what their server said.
#[derive(Clone)]
struct Open {
    connections: Arc<[MultiplexedConnection]>,
    turn: Arc<AtomicUsize>,
    report: Report,
    barrier: Option<Arc<Barrier>>,
}

impl Open {
    /// The connection whose turn it is.
    fn connection(&self) -> MultiplexedConnection {
        self.connections[self.turn.fetch_add(1, Ordering::Relaxed) % self.connections.len()].clone()
    }
}

/// What is sent at once.
pub enum Question {
    /// A command.
    One(Cmd),
    /// Commands one behind the other, each of the same shard; the reply is the list of theirs.
    Many(Pipeline),
}

impl Question {
    async fn put(&self, connection: &mut MultiplexedConnection) -> RedisResult<Value> {
        match self {
            Question::One(command) => connection.send_packed_command(command).await.and_then(Value::extract_error),
            Question::Many(commands) => commands.query_async(connection).await.map(Value::Array),
        }
    }
}

/// What a call does.
#[derive(Clone, Copy)]
pub enum Access {
    /// It reads.
    Read,
    /// It reads what must be on the replicas before it is told, if this says so of the reply.
    Tell(fn(&Value) -> bool),
    /// It writes, which a server that could lose it is not asked for.
    Write,
}

impl Link {
    /// A server that is not connected yet.
    ///
    /// # Errors
    /// If the certificates are none.
    pub fn new(host: Host, opener: &Arc<Opener>) -> Result<Link, OpenError> {
        Ok(Link {
            client: opener.client(&host)?,
            host,
            opener: Arc::clone(opener),
            open: ArcSwapOption::empty(),
            opening: Mutex::default(),
            places: Arc::new(Semaphore::new(opener.settings.in_flight)),
        })
    }

    /// Where it is.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Sends once, and waits for the reply until the deadline; then, where replicas are to have it, for them. The key
    /// is one of the server's, for that.
    ///
    /// # Errors
    /// What it may have done is told apart by [`Failure`].
    pub async fn send(
        &self,
        question: &Arc<Question>,
        (access, key): (Access, &[u8]),
        deadline: Instant,
    ) -> Result<Value, Failure> {
        let opened = timeout_at(deadline, self.opened()).await;
        let open = opened.map_err(|_| Failure::Elsewhere(self.told("cannot be reached in time")))??;
        if matches!(access, Access::Write) {
            self.permit(&open.report)?;
        }
        let reply = self.reply(&open, question, deadline).await?;
        let waits = match access {
            Access::Read => false,
            Access::Tell(says) => says(&reply),
            Access::Write => true,
        };
        if let Some(barrier) = open.barrier.as_ref().filter(|_| waits) {
            // On the connection's own server: another that took its place may never have had what was read here.
            let passed = timeout_at(deadline, barrier.passed(key)).await;
            if barrier.is_over() {
                self.close(&open);
            }
            passed.map_err(|_| Failure::Unconfirmed(self.told("its replicas did not confirm in time")))??;
        }
        Ok(reply)
    }

    async fn reply(&self, open: &Arc<Open>, question: &Arc<Question>, deadline: Instant) -> Result<Value, Failure> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| Failure::Refused(self.told("has too many calls waiting for it")))?;
        let (mut connection, question) = (open.connection(), Arc::clone(question));
        // Of its own, so that a caller who leaves does not make room for another before the reply came.
        let sent = tokio::spawn(async move {
            let _place = place;
            question.put(&mut connection).await
        });
        let failure = match timeout_at(deadline, sent).await {
            Ok(Ok(Ok(value))) => return Ok(value),
            Ok(Ok(Err(error))) => Failure::from(error),
            Ok(Err(ended)) => Failure::Lost(ended.to_string()),
            Err(_) => Failure::Lost("no reply in time".to_owned()),
        };
        if matches!(failure, Failure::Lost(_)) {
            self.close(open);
        }
        if matches!(failure, Failure::NoFunction) {
            functions::load(&mut open.connection()).await?;
        }
        Err(failure)
    }

    /// Asks the server anew what it is; gives that.
    ///
    /// # Errors
    /// If it does not answer, or is no primary.
    pub async fn inspect(&self, deadline: Instant) -> Result<Report, Failure> {
        let asked = async {
            let open = self.opened().await?;
            let report = self.report(&mut open.connection()).await;
            let report = report.inspect_err(|_| self.close(&open))?;
            let anew = Open { report: report.clone(), ..Open::clone(&open) };
            self.replace(&open, Some(Arc::new(anew)));
            Ok(report)
        };
        let asked = timeout_at(deadline, asked).await;
        asked.unwrap_or_else(|_| Err(Failure::Lost(self.told("does not answer"))))
    }

    /// What keeps the server from being written to.
    fn permit(&self, report: &Report) -> Result<(), Failure> {
        match report.forbids(self.opener.settings.accept_volatile) {
            None => Ok(()),
            Some(why) => Err(Failure::Refused(self.told(&why))),
        }
    }

    async fn opened(&self) -> Result<Arc<Open>, Failure> {
        if let Some(open) = self.open.load_full() {
            return Ok(open);
        }
        let _alone = self.opening.lock().await;
        if let Some(open) = self.open.load_full() {
            return Ok(open);
        }
        let mut connection = self.connect().await?;
        let report = self.report(&mut connection).await?;
        functions::load(&mut connection).await?;
        let mut connections = vec![connection];
        while connections.len() < CONNECTIONS {
            connections.push(self.connect().await?);
        }
        let (connections, turn) = (connections.into(), Arc::default());
        let open = Arc::new(Open { connections, turn, report, barrier: self.barrier().await? });
        self.open.store(Some(Arc::clone(&open)));
        Ok(open)
    }

    async fn connect(&self) -> Result<MultiplexedConnection, Failure> {
        let connected = self.client.get_multiplexed_async_connection_with_config(&self.opener.connections()).await;
        connected.map_err(|error| match Failure::from(error) {
            // Nothing was sent yet but the greeting.
            Failure::Lost(told) => Failure::Elsewhere(self.told(&told)),
            other => other,
        })
    }

    async fn barrier(&self) -> Result<Option<Arc<Barrier>>, Failure> {
        let settings = &self.opener.settings;
        if settings.replicas == 0 {
            return Ok(None);
        }
        let barrier = Barrier::over(self.connect().await?, settings.replicas, settings.patience);
        Ok(Some(Arc::new(barrier)))
    }

    async fn report(&self, connection: &mut MultiplexedConnection) -> Result<Report, Failure> {
        let report = durability::report(connection, self.opener.settings.replicas).await;
        report.map_err(|failure| match failure {
            Failure::Lost(told) => Failure::Elsewhere(self.told(&told)),
            other => other,
        })
    }

    fn close(&self, open: &Arc<Open>) {
        self.replace(open, None);
    }

    /// Puts another in the place of this connection, if it is the one in use.
    fn replace(&self, open: &Arc<Open>, with: Option<Arc<Open>>) {
        self.open.compare_and_swap(&Some(Arc::clone(open)), with);
    }

    fn told(&self, what: &str) -> String {
        format!("{}: {what}", self.host)
    }
}

/// A moment from now.
pub fn within(patience: Duration) -> Instant {
    Instant::now() + patience
}
