//! The servers of a store, and which of them serves a shard: a single one, the primary that the sentinels name, or those
//! of a Cluster.
//!
//! A call goes to the server of its shard. It is retried within its time limit if that server is unreachable, does not
//! serve the shard, or does not reply. Every call is idempotent, so that it may be sent twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::future::try_join_all;
use redis::{Cmd, Pipeline, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::address::{Address, Host};
use super::attempts::Attempts;
use super::call_error::{AttemptError, CallError};
use super::connector::{Connector, ConnectorError};
use super::encoded_commit::EncodedCommit;
use super::expected_marker::{self, ExpectedMarker, MarkedReads, ShardReads};
use super::keys::RedisKeys;
use super::reply::{only_reply, replies_of};
use super::request::{Access, Request};
use super::routes::{self, RouteError};
use super::server::Server;
use crate::store::shard::{SHARDS, Shard};

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
        let by_shard = shard_servers(&hosts, &[], (&names, &connector))?;
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
        distinct_servers(self.by_shard.load().iter())
    }

    /// The settings of the store.
    pub fn settings(&self) -> &super::connector::RedisSettings {
        &self.connector.settings
    }

    /// Whether the servers have hash slots: keys of two slots are in no call together.
    pub fn have_slots(&self) -> bool {
        self.connector.has_slots
    }

    /// Reads in a shard, which must have the marker of the store.
    ///
    /// # Errors
    /// If no reply arrives in time, or the shard lost its data.
    pub async fn read(&self, shard: Shard, command: Cmd) -> Result<Value, CallError> {
        only_reply(self.read_many(shard, vec![command]).await?)
    }

    /// Reads several rows of a shard, which must have the marker of the store.
    ///
    /// # Errors
    /// If no reply arrives in time, or the shard lost its data.
    pub async fn read_many(&self, shard: Shard, reads: Vec<Cmd>) -> Result<Vec<Value>, CallError> {
        let request = Request::Marked(self.marked([(shard, reads.into())]));
        Ok(replies_of(only_reply(replies_of(self.call(shard, request, Access::Read).await?))?))
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
        let request = Request::Marked(self.marked([(shard, vec![command].into())]));
        let replies = self.call(shard, request, Access::ReadReplicated(must_be_replicated)).await?;
        only_reply(replies_of(only_reply(replies_of(replies))?))
    }

    /// Reads in several shards, with one call a server, all at the same time; returns the replies of each shard. If
    /// `must_be_replicated` holds for any of them and replicas are required, they have what was read.
    ///
    /// # Errors
    /// The first failure, or the replicas do not confirm in time.
    pub async fn read_shards<R: Into<ShardReads>>(
        &self,
        shards: &[Shard],
        reads: impl Fn(Shard) -> R,
        access: Access,
    ) -> Result<Vec<Vec<Value>>, CallError> {
        let request =
            |shards: &[Shard]| Request::Marked(self.marked(shards.iter().map(|shard| (*shard, reads(*shard).into()))));
        Ok(self.call_shards(shards, request, access).await?.into_iter().map(replies_of).collect())
    }

    fn marked(&self, shards: impl IntoIterator<Item = (Shard, ShardReads)>) -> MarkedReads {
        MarkedReads::new(&self.names, (&self.marker, self.have_slots()), shards)
    }

    /// Reads in every shard, with one pipeline a server; returns the replies in the order of shards.
    ///
    /// # Errors
    /// The first failure.
    pub async fn read_all(&self, command: impl Fn(Shard) -> Cmd) -> Result<Vec<Value>, CallError> {
        let shards: Vec<Shard> = Shard::all().collect();
        let replies = self.read_shards(&shards, |shard| vec![command(shard)], Access::Read).await?;
        replies.into_iter().map(only_reply).collect()
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
        let shards: Vec<Shard> = Shard::all().collect();
        self.call_shards(&shards, request, Access::Read).await
    }

    /// Sends a request for its shards to every server; returns the reply of each shard.
    async fn call_shards(
        &self,
        shards: &[Shard],
        request: impl Fn(&[Shard]) -> Request,
        access: Access,
    ) -> Result<Vec<Value>, CallError> {
        let mut attempts = Attempts::new(self.settings().timeout);
        loop {
            match self.attempt_shards(shards, &request, access, attempts.deadline).await {
                Ok(replies) => return Ok(replies),
                Err(error) => attempts.wait_or_fail(self.refresh_shard_routes_if_stale(), error).await?,
            }
        }
    }

    async fn attempt_shards(
        &self,
        shards: &[Shard],
        request: impl Fn(&[Shard]) -> Request,
        access: Access,
        deadline: Instant,
    ) -> Result<Vec<Value>, AttemptError> {
        // One snapshot of the routes: the old server of a shard that moves meanwhile refuses the call.
        let by_shard = self.by_shard.load_full();
        let server_of = |shard: &Shard| &by_shard[shard.number() as usize];
        let servers = distinct_servers(shards.iter().map(server_of));
        let calls = servers.into_iter().map(|server| {
            let served: Vec<Shard> =
                shards.iter().copied().filter(|shard| Arc::ptr_eq(server_of(shard), &server)).collect();
            let request = Arc::new(request(&served));
            let key = served.first().map(|shard| self.names.shard_key(*shard, "touched")).unwrap_or_default();
            async move { Ok::<_, AttemptError>((served, server.send(&request, (access, &key), deadline).await?)) }
        });
        let mut replies = vec![Value::Nil; SHARDS as usize];
        for (served, of_server) in try_join_all(calls).await? {
            for (shard, reply) in served.into_iter().zip(replies_of(of_server)) {
                replies[shard.number() as usize] = reply;
            }
        }
        Ok(shards.iter().map(|shard| std::mem::replace(&mut replies[shard.number() as usize], Value::Nil)).collect())
    }

    /// Writes in a shard. The command itself verifies the marker; see [`super::functions`].
    ///
    /// # Errors
    /// [`CallError`] says whether the write may have been executed.
    pub async fn write(&self, shard: Shard, command: Cmd) -> Result<Value, CallError> {
        self.call(shard, Request::Command(command), Access::Write).await
    }

    /// Writes in every shard, with one pipeline a server; returns the replies in the order of shards.
    ///
    /// # Errors
    /// The first failure; the others may have been executed.
    pub async fn write_all(&self, command: impl Fn(Shard) -> Cmd) -> Result<Vec<Value>, CallError> {
        let shards: Vec<Shard> = Shard::all().collect();
        let replies = self.read_shards(&shards, |shard| vec![command(shard)], Access::Write).await?;
        replies.into_iter().map(only_reply).collect()
    }

    /// Writes a commit, together with others of its server that wait; returns its status.
    ///
    /// # Errors
    /// [`CallError`] says whether it may have been executed.
    pub async fn commit(&self, commit: Arc<EncodedCommit>) -> Result<Value, CallError> {
        let shard = commit.shard();
        let key = self.names.shard_key(shard, "touched");
        let mut attempts = Attempts::new(self.settings().timeout);
        loop {
            match self.for_shard(shard).commit(&commit, &key, attempts.deadline).await {
                Ok(status) => return Ok(status),
                Err(error) => attempts.wait_or_fail(self.refresh_shard_routes_if_stale(), error).await?,
            }
        }
    }

    async fn call(&self, shard: Shard, request: Request, access: Access) -> Result<Value, CallError> {
        let (request, key) = (Arc::new(request), self.names.shard_key(shard, "touched"));
        let mut attempts = Attempts::new(self.settings().timeout);
        loop {
            match self.for_shard(shard).send(&request, (access, &key), attempts.deadline).await {
                Ok(value) => return Ok(value),
                Err(error) => attempts.wait_or_fail(self.refresh_shard_routes_if_stale(), error).await?,
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
            Ok(hosts) => match shard_servers(&hosts, &self.by_shard.load(), (&self.names, &self.connector)) {
                Err(error) => tracing::warn!(%error, "a Redis server cannot be connected to"),
                Ok(shard_servers) => self.by_shard.store(Arc::new(shard_servers)),
            },
        }
        *last_refresh = Instant::now();
    }
}

/// Each of these servers once.
fn distinct_servers<'a>(servers: impl IntoIterator<Item = &'a Arc<Server>>) -> Vec<Arc<Server>> {
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
    (names, connector): (&RedisKeys, &Arc<Connector>),
) -> Result<Vec<Arc<Server>>, ConnectorError> {
    let mut by_host: HashMap<Host, Arc<Server>> =
        known.iter().map(|server| (server.host().clone(), Arc::clone(server))).collect();
    let mut servers = Vec::with_capacity(SHARDS as usize);
    for host in hosts {
        let server = match by_host.get(host) {
            Some(server) => Arc::clone(server),
            None => Arc::new(Server::new(host.clone(), names, connector)?),
        };
        by_host.insert(host.clone(), Arc::clone(&server));
        servers.push(server);
    }
    Ok(servers)
}
