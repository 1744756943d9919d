//! The servers of a store, and which of them serves a shard: a single one, the primary that the sentinels name, or those
//! of a Cluster.
//!
//! A call goes to the server of its shard. It is retried within its time limit if that server is unreachable, does not
//! serve the shard, or does not reply. Every call is idempotent, so that it may be sent twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use redis::{Cmd, Pipeline, Value};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::Instrument;

use super::address::{Address, Host};
use super::call_error::{AttemptError, CallError};
use super::connector::{Connector, ConnectorError};
use super::expected_marker::{self, ExpectedMarker};
use super::keys::RedisKeys;
use super::routes::{self, RouteError};
use super::server::{Access, Request, Server, deadline_in};
use crate::store::shard::{SHARDS, Shard};

/// The pause before a retry.
const PAUSE: Duration = Duration::from_millis(25);

/// Routes that were refreshed less than this ago are not read again.
const MIN_REFRESH_INTERVAL: Duration = Duration::from_millis(25);

/// The servers of a store.
pub struct Servers {
    address: Address,
    names: RedisKeys,
    marker: ExpectedMarker,
    connector: Arc<Connector>,
    by_shard: ArcSwap<Vec<Arc<Server>>>,
    /// When the routes were refreshed last.
    last_refresh: Mutex<Instant>,
}

impl Servers {
    /// Finds the servers of this address.
    ///
    /// # Errors
    /// If none can be found.
    pub async fn connect(address: Address, names: RedisKeys, connector: Connector) -> Result<Servers, RouteError> {
        let connector = Arc::new(connector);
        let hosts = routes::shard_hosts(&address, &[], &connector).await?;
        let by_shard = shard_servers(&hosts, &[], &connector)?;
        Ok(Servers {
            address,
            marker: ExpectedMarker(expected_marker::value(&names).into()),
            names,
            connector,
            by_shard: ArcSwap::from_pointee(by_shard),
            last_refresh: Mutex::new(Instant::now()),
        })
    }

    /// The server that serves a shard.
    pub fn for_shard(&self, shard: Shard) -> Arc<Server> {
        Arc::clone(&self.by_shard.load()[shard.number() as usize])
    }

    /// Every server once.
    pub fn all(&self) -> Vec<Arc<Server>> {
        distinct_servers(&self.by_shard.load())
    }

    /// The settings of the store.
    pub fn settings(&self) -> &super::connector::RedisSettings {
        &self.connector.settings
    }

    /// Reads in a shard, which must have the marker of the store.
    ///
    /// # Errors
    /// If no reply arrives in time, or the shard lost its data.
    pub async fn read(&self, shard: Shard, command: Cmd) -> Result<Value, CallError> {
        only_reply(self.call(shard, self.verified([(shard, command)]), Access::Read).await?)
    }

    /// Reads in a shard, whether or not it has the marker.
    ///
    /// # Errors
    /// If no reply arrives in time.
    pub async fn read_unverified(&self, shard: Shard, command: Cmd) -> Result<Value, CallError> {
        self.call(shard, Request::Command(command), Access::Read).await
    }

    /// Reads in a shard; if `must_be_replicated` holds for the reply and replicas are required, they have what was read.
    ///
    /// # Errors
    /// If no reply arrives in time, or the replicas do not confirm in time.
    pub async fn read_replicated(
        &self,
        shard: Shard,
        command: Cmd,
        must_be_replicated: fn(&Value) -> bool,
    ) -> Result<Value, CallError> {
        only_reply(
            self.call(shard, self.verified([(shard, command)]), Access::ReadReplicated(must_be_replicated)).await?,
        )
    }

    /// Reads in every shard, with one pipeline a server; returns the replies in the order of shards.
    ///
    /// # Errors
    /// The first failure.
    pub async fn read_all(&self, command: impl Fn(Shard) -> Cmd) -> Result<Vec<Value>, CallError> {
        self.call_all(|shards| self.verified(shards.iter().map(|shard| (*shard, command(*shard)))), Access::Read).await
    }

    /// As [`Servers::read_all`]; if replicas are required, they have what was read.
    ///
    /// # Errors
    /// The first failure, or the replicas do not confirm in time.
    pub async fn read_all_replicated(&self, command: impl Fn(Shard) -> Cmd) -> Result<Vec<Value>, CallError> {
        let request = |shards: &[Shard]| self.verified(shards.iter().map(|shard| (*shard, command(*shard))));
        self.call_all(request, Access::ReadReplicated(|_| true)).await
    }

    /// As [`Servers::read_all`], whether or not the shards have the marker.
    ///
    /// # Errors
    /// The first failure.
    pub async fn read_all_unverified(&self, command: impl Fn(Shard) -> Cmd) -> Result<Vec<Value>, CallError> {
        let request = |shards: &[Shard]| {
            let mut commands = Pipeline::new();
            for shard in shards {
                commands.add_command(command(*shard));
            }
            Request::Pipeline(commands)
        };
        self.call_all(request, Access::Read).await
    }

    async fn call_all(&self, request: impl Fn(&[Shard]) -> Request, access: Access) -> Result<Vec<Value>, CallError> {
        let mut attempts = Attempts::new(self.settings().timeout);
        loop {
            match self.attempt_all(&request, access, attempts.deadline).await {
                Ok(replies) => return Ok(replies),
                Err(error) => attempts.wait_or_fail(self, error).await?,
            }
        }
    }

    async fn attempt_all(
        &self,
        request: impl Fn(&[Shard]) -> Request,
        access: Access,
        deadline: Instant,
    ) -> Result<Vec<Value>, AttemptError> {
        // One snapshot of the routes: the old server of a shard that moves meanwhile refuses the call.
        let (by_shard, mut calls) = (self.by_shard.load_full(), JoinSet::new());
        for server in distinct_servers(&by_shard) {
            let is_served = |shard: &Shard| Arc::ptr_eq(&by_shard[shard.number() as usize], &server);
            let shards: Vec<Shard> = Shard::all().filter(is_served).collect();
            let request = Arc::new(request(&shards));
            let key = shards.first().map(|shard| self.names.shard_key(*shard, "touched")).unwrap_or_default();
            let call = async move { (shards, server.send(&request, (access, &key), deadline).await) };
            calls.spawn(call.in_current_span());
        }
        let mut replies = vec![Value::Nil; SHARDS as usize];
        while let Some(joined) = calls.join_next().await {
            let (shards, of_server) = joined.map_err(|error| AttemptError::NoReply(error.to_string()))?;
            for (shard, reply) in shards.into_iter().zip(pipeline_replies(of_server?)) {
                replies[shard.number() as usize] = reply;
            }
        }
        Ok(replies)
    }

    /// A request of these reads, each followed by a read of the marker of its shard.
    fn verified(&self, reads: impl IntoIterator<Item = (Shard, Cmd)>) -> Request {
        let mut commands = Pipeline::new();
        for (shard, read) in reads {
            commands.add_command(read);
            commands.add_command(expected_marker::get(&self.names, shard));
        }
        Request::Verified(commands, self.marker.clone())
    }

    /// Writes in a shard. The command itself verifies the marker; see [`super::functions`].
    ///
    /// # Errors
    /// [`CallError`] says whether the write may have been executed.
    pub async fn write(&self, shard: Shard, command: Cmd) -> Result<Value, CallError> {
        self.call(shard, Request::Command(command), Access::Write).await
    }

    /// Reads several rows of a shard, which must have the marker of the store.
    ///
    /// # Errors
    /// If no reply arrives in time, or the shard lost its data.
    pub async fn read_many(&self, shard: Shard, reads: Vec<Cmd>) -> Result<Vec<Value>, CallError> {
        let request = self.verified(reads.into_iter().map(|read| (shard, read)));
        self.call(shard, request, Access::Read).await.map(pipeline_replies)
    }

    /// Writes several rows of a shard.
    ///
    /// # Errors
    /// As [`Servers::write`]; some may have been written.
    pub async fn write_many(&self, shard: Shard, commands: Pipeline) -> Result<Vec<Value>, CallError> {
        self.call(shard, Request::Pipeline(commands), Access::Write).await.map(pipeline_replies)
    }

    async fn call(&self, shard: Shard, request: Request, access: Access) -> Result<Value, CallError> {
        let (request, key) = (Arc::new(request), self.names.shard_key(shard, "touched"));
        let mut attempts = Attempts::new(self.settings().timeout);
        loop {
            match self.for_shard(shard).send(&request, (access, &key), attempts.deadline).await {
                Ok(value) => return Ok(value),
                Err(error) => attempts.wait_or_fail(self, error).await?,
            }
        }
    }

    /// Asks again which server serves which shard, unless a call did within the minimum interval.
    pub async fn refresh_shard_routes_if_stale(&self) {
        let mut last_refresh = self.last_refresh.lock().await;
        if last_refresh.elapsed() < MIN_REFRESH_INTERVAL {
            return;
        }
        let known: Vec<Host> = self.all().iter().map(|server| server.host().clone()).collect();
        match routes::shard_hosts(&self.address, &known, &self.connector).await {
            Err(error) => tracing::warn!(%error, "the routes to the Redis servers cannot be read"),
            Ok(hosts) => match shard_servers(&hosts, &self.by_shard.load(), &self.connector) {
                Err(error) => tracing::warn!(%error, "a Redis server cannot be connected to"),
                Ok(shard_servers) => self.by_shard.store(Arc::new(shard_servers)),
            },
        }
        *last_refresh = Instant::now();
    }
}

/// The attempts of one call.
struct Attempts {
    deadline: Instant,
    /// Whether one of them may have been executed.
    may_have_executed: bool,
    /// Why the last one failed.
    reason: Option<String>,
}

impl Attempts {
    fn new(timeout: Duration) -> Attempts {
        Attempts { deadline: deadline_in(timeout), may_have_executed: false, reason: None }
    }

    /// Waits until the next attempt, or fails the call.
    ///
    /// # Errors
    /// If the attempt was refused, or no time is left. A call that is refused after an attempt without a reply may have
    /// been executed by that attempt.
    async fn wait_or_fail(&mut self, servers: &Servers, error: AttemptError) -> Result<(), CallError> {
        self.may_have_executed |= error.may_have_executed();
        let reason = self.reason_of(&error);
        if matches!(error, AttemptError::Refused(_)) || Instant::now() + PAUSE >= self.deadline {
            return Err(if self.may_have_executed {
                CallError::Unknown(reason)
            } else {
                CallError::NotExecuted(reason)
            });
        }
        self.reason = Some(reason);
        sleep(PAUSE).await;
        if !matches!(error, AttemptError::FunctionMissing) {
            // The next attempt shows whether it succeeded.
            let _in_time = timeout_at(self.deadline, servers.refresh_shard_routes_if_stale()).await;
        }
        Ok(())
    }

    /// Returns why this attempt failed; of one that the deadline cut short, why the attempt before it failed.
    fn reason_of(&mut self, error: &AttemptError) -> String {
        let cut_short = matches!(error, AttemptError::Retryable(_)) && Instant::now() >= self.deadline;
        self.reason.take().filter(|_| cut_short).unwrap_or_else(|| error.to_string())
    }
}

/// The replies to the commands of a pipeline.
fn pipeline_replies(replies: Value) -> Vec<Value> {
    match replies {
        Value::Array(parts) => parts,
        other => vec![other],
    }
}

/// The reply to the only command.
fn only_reply(replies: Value) -> Result<Value, CallError> {
    pipeline_replies(replies).pop().ok_or_else(|| CallError::NotExecuted("Redis returned no reply".to_owned()))
}

/// Each of these servers once.
fn distinct_servers(servers: &[Arc<Server>]) -> Vec<Arc<Server>> {
    let mut distinct: Vec<Arc<Server>> = Vec::new();
    for server in servers {
        if !distinct.iter().any(|known| Arc::ptr_eq(known, server)) {
            distinct.push(Arc::clone(server));
        }
    }
    distinct
}

/// The server of each shard; a known host keeps its server.
fn shard_servers(
    hosts: &[Host],
    known: &[Arc<Server>],
    connector: &Arc<Connector>,
) -> Result<Vec<Arc<Server>>, ConnectorError> {
    let mut by_host: HashMap<Host, Arc<Server>> =
        known.iter().map(|server| (server.host().clone(), Arc::clone(server))).collect();
    let mut servers = Vec::with_capacity(SHARDS as usize);
    for host in hosts {
        let server = match by_host.get(host) {
            Some(server) => Arc::clone(server),
            None => Arc::new(Server::new(host.clone(), connector)?),
        };
        by_host.insert(host.clone(), Arc::clone(&server));
        servers.push(server);
    }
    Ok(servers)
}
