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
use super::link::{Access, Link, Question, within};
use super::open::Opener;
use super::routes;
use crate::store::shard::{SHARDS, Shard};

/// Before a call is tried again.
const PAUSE: Duration = Duration::from_millis(25);

/// All servers.
pub struct Servers {
    address: Address,
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
    pub async fn find(address: Address, opener: Opener) -> Result<Servers, OpenError> {
        let opener = Arc::new(opener);
        let hosts = routes::of(&address, &[], &opener).await.map_err(OpenError::Failed)?;
        let links = links(&hosts, &[], &opener)?;
        Ok(Servers { address, opener, of_shard: ArcSwap::from_pointee(links), asked: Mutex::new(Instant::now()) })
    }

    /// The server of a shard.
    pub fn of(&self, shard: Shard) -> Arc<Link> {
        Arc::clone(&self.of_shard.load()[shard.number() as usize])
    }

    /// Every server, once.
    pub fn all(&self) -> Vec<Arc<Link>> {
        let mut all: Vec<Arc<Link>> = Vec::new();
        for link in self.of_shard.load().iter() {
            if !all.iter().any(|known| Arc::ptr_eq(known, link)) {
                all.push(Arc::clone(link));
            }
        }
        all
    }

    /// How the store behaves.
    pub fn settings(&self) -> &super::open::Settings {
        &self.opener.settings
    }

    /// Reads.
    ///
    /// # Errors
    /// If no reply comes in time.
    pub async fn read(&self, shard: Shard, command: Cmd) -> Result<Value, Failed> {
        self.call(shard, Question::One(command), Access::Read).await
    }

    /// Reads in every shard at once; the answers in the order of shards.
    ///
    /// # Errors
    /// The first that fails.
    pub async fn read_all(self: &Arc<Self>, command: impl Fn(Shard) -> Cmd) -> Result<Vec<Value>, Failed> {
        let mut calls = JoinSet::new();
        for shard in Shard::all() {
            let (servers, question) = (Arc::clone(self), Question::One(command(shard)));
            calls.spawn(async move { (shard, servers.call(shard, question, Access::Read).await) });
        }
        let mut answers = vec![Value::Nil; SHARDS as usize];
        while let Some(ended) = calls.join_next().await {
            let (shard, answer) = ended.map_err(|error| Failed::Unknown(error.to_string()))?;
            answers[shard.number() as usize] = answer?;
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
        let (question, deadline) = (Arc::new(question), within(self.settings().patience));
        let mut lost = false;
        loop {
            let link = self.of(shard);
            let failure = match link.send(&question, access, deadline).await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            lost |= matches!(failure, Failure::Lost(_));
            let told = failure.to_string();
            if matches!(failure, Failure::Refused(_)) || Instant::now() + PAUSE >= deadline {
                return Err(if lost { Failed::Unknown(told) } else { Failed::Undone(told) });
            }
            sleep(PAUSE).await;
            if !matches!(failure, Failure::NoFunction) {
                // In vain or not, the next attempt shows.
                let _in_time = timeout_at(deadline, self.find_anew()).await;
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

/// The replies to several commands.
fn parts(replies: Value) -> Vec<Value> {
    match replies {
        Value::Array(parts) => parts,
        other => vec![other],
    }
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
