//! Watching the servers: whether they keep what they take, whether they still hold the store, and what other instances
//! wrote for all.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::{Cmd, cmd};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::failure::Failed;
use super::keys::{RedisKeys, common};
use super::link::{Link, within};
use super::marker;
use super::reply::{strings, unreadable};
use super::servers::Servers;
use crate::domain::ids::Digest;
use crate::store::StoreError;
use crate::store::coordination::{BookAnnouncement, Readiness, SharedState};
use crate::store::shard::Shard;

/// How often what is shared is read, and how often the servers are asked what they are.
const POLL: Duration = Duration::from_millis(250);
const INSPECTION: Duration = Duration::from_secs(1);

/// What is known of the servers.
pub struct Watch {
    servers: Arc<Servers>,
    names: RedisKeys,
    readiness: watch::Sender<Readiness>,
    shared: watch::Sender<SharedState>,
    own_book: Mutex<Option<Digest>>,
}

impl Watch {
    /// A first look.
    ///
    /// # Errors
    /// If what is shared cannot be read.
    pub async fn begin(servers: Arc<Servers>, names: RedisKeys) -> Result<Watch, StoreError> {
        let shared = shared(&servers, &names).await?;
        let (readiness, shared) = (watch::channel(Readiness::Ready).0, watch::channel(shared).0);
        let watch = Watch { servers, names, readiness, shared, own_book: Mutex::default() };
        watch.inspect().await;
        Ok(watch)
    }

    /// Whether commits are taken, as it changes.
    pub fn readiness(&self) -> watch::Receiver<Readiness> {
        self.readiness.subscribe()
    }

    /// What is shared, as it changes.
    pub fn shared(&self) -> watch::Receiver<SharedState> {
        self.shared.subscribe()
    }

    /// Looks again and again.
    pub async fn run(self: Arc<Self>) {
        let mut inspected = Instant::now();
        loop {
            sleep(POLL).await;
            self.poll().await;
            if inspected.elapsed() >= INSPECTION {
                self.inspect().await;
                inspected = Instant::now();
            }
        }
    }

    /// Announces the book that this instance applies.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn announce(&self, book: Digest, why: BookAnnouncement) -> Result<(), StoreError> {
        let mut command = cmd(if why == BookAnnouncement::Activate { "HSET" } else { "HSETNX" });
        command.arg(self.names.common("shared")).arg("book").arg(&book.0[..]);
        self.servers.write(common(), command).await.map_err(Failed::of_write)?;
        *self.own_book.lock().unwrap_or_else(PoisonError::into_inner) = Some(book);
        self.shared.send_replace(shared(&self.servers, &self.names).await?);
        self.inspect().await;
        Ok(())
    }

    /// Why no commit may be taken, whatever the servers are: this instance applies another law than the others.
    pub fn check_book(&self) -> Result<(), StoreError> {
        let own = *self.own_book.lock().unwrap_or_else(PoisonError::into_inner);
        match own.zip(self.shared.borrow().book) {
            Some((own, announced)) if own != announced => Err(StoreError::AnotherBook { own, announced }),
            _ => Ok(()),
        }
    }

    async fn poll(&self) {
        match shared(&self.servers, &self.names).await {
            Err(error) => self.tell(Readiness::NotReady(error.to_string())),
            Ok(now) => {
                if self.shared.send_if_modified(|known| std::mem::replace(known, now) != now) {
                    self.inspect().await;
                }
            }
        }
    }

    async fn inspect(&self) {
        let (mut against, mut volatile) =
            (Vec::from_iter(self.check_book().err().map(|error| error.to_string())), Vec::new());
        for link in self.servers.all() {
            let told = |what: String| format!("{}: {what}", link.host());
            match self.of_server(&link).await {
                Err(why) => against.push(why),
                Ok(None) => {}
                Ok(Some(why)) => volatile.push(told(why)),
            }
        }
        self.tell(match (&against[..], &volatile[..]) {
            ([], []) => Readiness::Ready,
            ([], volatile) => Readiness::Volatile(volatile.join("; ")),
            (against, _) => Readiness::NotReady(against.join("; ")),
        });
    }

    /// Why a server takes no commits, or else why it could lose what it took.
    async fn of_server(&self, link: &Arc<Link>) -> Result<Option<String>, String> {
        let settings = self.servers.settings();
        let report = link.inspect(within(settings.patience)).await.map_err(|failure| failure.to_string());
        let report = match report {
            Ok(report) => report,
            Err(why) => {
                self.servers.find_anew().await;
                return Err(why);
            }
        };
        let told = |why: &str| format!("{}: {why}", link.host());
        if let Some(why) = report.forbids(settings.accept_volatile) {
            return Err(told(&why));
        }
        for shard in Shard::all().filter(|shard| Arc::ptr_eq(&self.servers.of(*shard), link)).take(1) {
            if !marker::stands(&self.servers, &self.names, shard).await.map_err(|error| error.to_string())? {
                return Err(told(marker::LOST));
            }
        }
        Ok(Some(report.volatile.join("; ")).filter(|why| !why.is_empty()))
    }

    /// Tells what changed, once.
    fn tell(&self, now: Readiness) {
        let changed = self.readiness.send_if_modified(|known| {
            let changed = *known != now;
            known.clone_from(&now);
            changed
        });
        match now {
            Readiness::Ready if changed => tracing::info!("Redis keeps what it takes"),
            Readiness::Volatile(why) if changed => tracing::warn!(why, "Redis could lose acknowledged settlements"),
            Readiness::NotReady(why) if changed => tracing::error!(why, "not ready: no commit is taken"),
            _ => {}
        }
    }
}

/// What is shared, as it stands.
async fn shared(servers: &Servers, names: &RedisKeys) -> Result<SharedState, StoreError> {
    let answer = servers.read(common(), question(names)).await.map_err(Failed::of_read)?;
    let [tables, book]: [Option<Vec<u8>>; 2] =
        strings(answer)?.try_into().map_err(|_| unreadable("what instances share"))?;
    let number = |text: Vec<u8>| std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
    let tables = tables.map_or(Some(0), number).ok_or_else(|| unreadable("the version of the tables"))?;
    let digest = |bytes: Vec<u8>| bytes.try_into().map(Digest).map_err(|_| unreadable("the digest of a book"));
    Ok(SharedState { tables, book: book.map(digest).transpose()? })
}

fn question(names: &RedisKeys) -> Cmd {
    let mut command = cmd("HMGET");
    command.arg(names.common("shared")).arg("tables").arg("book");
    command
}
