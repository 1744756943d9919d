//! The servers of a store, and which of them has a shard: one, the one that the sentinels name, or those of a Cluster.
//!
//! A call goes to the server of its shard, and again, within its time, where that server cannot be reached, is not the
//! one, or gave no reply. Every call may be sent twice: the second time it finds done what the first did.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use redis::{Cmd, Pipeline, Value};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::OpenError;
use super::address::{Address, Host};
use super::failure::{Failed, Failure};
use super::keys::RedisKeys;
use super::link::{Access, Link, Question, within};
use super::open::Opener;
use super::routes;
use crate::store::shard::{SHARDS, Shard};

/// Before a call is tried again.
const PAUSE: Duration = Duration::from_millis(25);

/// All servers.
pub struct Servers {
    address: Address,
    names: RedisKeys,
    opener: Arc<Opener>,
    of_shard: ArcSwap<Vec<Arc<Link>>>,
    /// When the routes were asked for last.
    asked: Mutex<Instant>,
}

impl Servers {
    /// Finds the servers of this address.
    ///
    /// # Errors
    /// If none can be found.
    pub async fn find(address: Address, names: RedisKeys, opener: Opener) -> Result<Servers, OpenError> {
        let opener = Arc::new(opener);
        let hosts = routes::of(&address, &[], &opener).await.map_err(OpenError::Failed)?;
        let links = links(&hosts, &[], &opener)?;
        Ok(Servers {
            address,
            names,
            opener,
            of_shard: ArcSwap::from_pointee(links),
            asked: Mutex::new(Instant::now()),
        })
    }

    /// The server of a shard.
    pub fn of(&self, shard: Shard) -> Arc<Link> {
        Arc::clone(&self.of_shard.load()[shard.number() as usize])
    }

    /// Every server, once.
    pub fn all(&self) -> Vec<Arc<Link>> {
        distinct(&self.of_shard.load())
    }

    /// How the store behaves.
    pub fn settings(&self) -> &super::open::RedisSettings {
        &self.opener.settings
    }

    /// Reads.
    ///
    /// # Errors
    /// If no reply comes in time.
    pub async fn read(&self, shard: Shard, command: Cmd) -> Result<Value, Failed> {
        self.call(shard, Question::One(command), Access::Read).await
    }

    /// Reads what is told as done: where replicas are to have commits, what was found is on them, if this says so of
    /// the reply.
    ///
    /// # Errors
    /// If no reply comes in time, or the replicas do not have it in time.
    pub async fn read_to_tell(&self, shard: Shard, command: Cmd, says: fn(&Value) -> bool) -> Result<Value, Failed> {
        self.call(shard, Question::One(command), Access::Tell(says)).await
    }

    /// Reads in every shard at once, one message a server; the answers in the order of shards.
    ///
    /// # Errors
    /// The first that fails.
    pub async fn read_all(&self, command: impl Fn(Shard) -> Cmd) -> Result<Vec<Value>, Failed> {
        let mut tries = Tries::within(self.settings().patience);
        loop {
            match self.attempt_all(&command, tries.deadline).await {
                Ok(answers) => return Ok(answers),
                Err(failure) => tries.again(self, failure).await?,
            }
        }
    }

    async fn attempt_all(&self, command: impl Fn(Shard) -> Cmd, deadline: Instant) -> Result<Vec<Value>, Failure> {
        // One moment's routes: a shard that moves meanwhile is asked for where it was, and told so.
        let (of_shard, mut calls) = (self.of_shard.load_full(), JoinSet::new());
        for link in distinct(&of_shard) {
            let is_there = |shard: &Shard| Arc::ptr_eq(&of_shard[shard.number() as usize], &link);
            let shards: Vec<Shard> = Shard::all().filter(is_there).collect();
            let mut commands = Pipeline::new();
            for shard in &shards {
                commands.add_command(command(*shard));
            }
            let question = Arc::new(Question::Many(commands));
            calls.spawn(async move { (shards, link.send(&question, (Access::Read, &[]), deadline).await) });
        }
        let mut answers = vec![Value::Nil; SHARDS as usize];
        while let Some(ended) = calls.join_next().await {
            let (shards, replies) = ended.map_err(|error| Failure::Lost(error.to_string()))?;
            for (shard, reply) in shards.into_iter().zip(parts(replies?)) {
                answers[shard.number() as usize] = reply;
            }
        }
        Ok(answers)
    }

    /// Writes.
    ///
    /// # Errors
    /// Whether it may have been done is told apart by [`Failed`].
    pub async fn write(&self, shard: Shard, command: Cmd) -> Result<Value, Failed> {
        self.call(shard, Question::One(command), Access::Write).await
    }

    /// Reads several rows of one shard.
    ///
    /// # Errors
    /// If no reply comes in time.
    pub async fn read_many(&self, shard: Shard, commands: Pipeline) -> Result<Vec<Value>, Failed> {
        self.call(shard, Question::Many(commands), Access::Read).await.map(parts)
    }

    /// Writes several rows of one shard.
    ///
    /// # Errors
    /// As [`Servers::write`]; some may have been written.
    pub async fn write_many(&self, shard: Shard, commands: Pipeline) -> Result<Vec<Value>, Failed> {
        self.call(shard, Question::Many(commands), Access::Write).await.map(parts)
    }

    async fn call(&self, shard: Shard, question: Question, access: Access) -> Result<Value, Failed> {
        let (question, key) = (Arc::new(question), self.names.of_shard(shard, "touched"));
        let mut tries = Tries::within(self.settings().patience);
        loop {
            match self.of(shard).send(&question, (access, &key), tries.deadline).await {
                Ok(value) => return Ok(value),
                Err(failure) => tries.again(self, failure).await?,
            }
        }
    }

    /// Asks anew which server has which shard, unless somebody just did.
    pub async fn find_anew(&self) {
        let mut asked = self.asked.lock().await;
        if asked.elapsed() < PAUSE {
            return;
        }
        let known: Vec<Host> = self.all().iter().map(|link| link.host().clone()).collect();
        match routes::of(&self.address, &known, &self.opener).await {
            Err(told) => tracing::warn!(told, "which Redis server has what is not known"),
            Ok(hosts) => match links(&hosts, &self.of_shard.load(), &self.opener) {
                Err(error) => tracing::warn!(%error, "a Redis server cannot be spoken to"),
                Ok(links) => self.of_shard.store(Arc::new(links)),
            },
        }
        *asked = Instant::now();
    }
}

/// The attempts of one call.
struct Tries {
    deadline: Instant,
    /// Whether one of them may have done it.
    open: bool,
}

impl Tries {
    fn within(patience: Duration) -> Tries {
        Tries { deadline: within(patience), open: false }
    }

    /// Waits until the call may be tried again.
    ///
    /// # Errors
    /// If it was refused, or there is no time left. What was refused after an attempt without a reply may have been
    /// done by that.
    async fn again(&mut self, servers: &Servers, failure: Failure) -> Result<(), Failed> {
        self.open |= failure.is_open();
        if matches!(failure, Failure::Refused(_)) || Instant::now() + PAUSE >= self.deadline {
            let told = failure.to_string();
            return Err(if self.open { Failed::Unknown(told) } else { Failed::Undone(told) });
        }
        sleep(PAUSE).await;
        if !matches!(failure, Failure::NoFunction) {
            // In vain or not, the next attempt shows.
            let _in_time = timeout_at(self.deadline, servers.find_anew()).await;
        }
        Ok(())
    }
}

/// The replies to several commands.
fn parts(replies: Value) -> Vec<Value> {
    match replies {
        Value::Array(parts) => parts,
        other => vec![other],
    }
}

/// These links, each once.
fn distinct(links: &[Arc<Link>]) -> Vec<Arc<Link>> {
    let mut distinct: Vec<Arc<Link>> = Vec::new();
    for link in links {
        if !distinct.iter().any(|known| Arc::ptr_eq(known, link)) {
            distinct.push(Arc::clone(link));
        }
    }
    distinct
}

/// A link for each shard; a host that is known already keeps the one it has.
fn links(hosts: &[Host], known: &[Arc<Link>], opener: &Arc<Opener>) -> Result<Vec<Arc<Link>>, OpenError> {
    let mut by_host: HashMap<Host, Arc<Link>> =
        known.iter().map(|link| (link.host().clone(), Arc::clone(link))).collect();
    let mut links = Vec::with_capacity(SHARDS as usize);
    for host in hosts {
        let link = match by_host.get(host) {
            Some(link) => Arc::clone(link),
            None => Arc::new(Link::new(host.clone(), opener)?),
        };
        by_host.insert(host.clone(), Arc::clone(&link));
        links.push(link);
    }
    Ok(links)
}
