//! The monitor of the servers: whether they keep what they take, whether they still hold the store, and the state that
//! all instances share.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::{Cmd, cmd};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::attempts::deadline_in;
use super::call_error::CallError;
use super::keys::{RedisKeys, common_shard};
use super::reply::{strings, unexpected_reply};
use super::server::Server;
use super::servers::Servers;
use super::shard_write::ShardWrite;
use super::{expected_marker, marker};
use crate::domain::ids::Digest;
use crate::store::StoreError;
use crate::store::coordination::{BookAnnouncement, PanicReport, Readiness, SharedVersions};
use crate::store::shard::Shard;

/// How often the shared state is read.
const POLL: Duration = Duration::from_millis(250);

/// How often the servers are inspected.
const INSPECTION: Duration = Duration::from_secs(1);

/// The observed state of the servers.
pub struct Monitor {
    servers: Arc<Servers>,
    names: RedisKeys,
    readiness: watch::Sender<Readiness>,
    shared_versions: watch::Sender<SharedVersions>,
    own_book: Mutex<Option<Digest>>,
}

impl Monitor {
    /// A monitor that inspected the servers once.
    ///
    /// # Errors
    /// If the shared state cannot be read.
    pub async fn start(servers: Arc<Servers>, names: RedisKeys) -> Result<Monitor, StoreError> {
        let shared_versions = watch::Sender::new(read_shared_versions(&servers, &names).await?);
        let readiness = watch::Sender::new(Readiness::Ready);
        let monitor = Monitor { servers, names, readiness, shared_versions, own_book: Mutex::default() };
        monitor.inspect().await;
        Ok(monitor)
    }

    /// Whether commits are taken, as it changes.
    pub fn readiness(&self) -> watch::Receiver<Readiness> {
        self.readiness.subscribe()
    }

    /// The shared state, as it changes.
    pub fn shared_versions(&self) -> watch::Receiver<SharedVersions> {
        self.shared_versions.subscribe()
    }

    /// Keeps polling and inspecting; never ends.
    pub async fn run(self: Arc<Self>) {
        let _report = PanicReport { component: "the monitor of Redis", readiness: self.readiness.clone() };
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
    pub async fn announce(&self, book: Digest, announcement: BookAnnouncement) -> Result<(), StoreError> {
        let command = if announcement == BookAnnouncement::Activate { "HSET" } else { "HSETNX" };
        let mut write = ShardWrite::new(&self.names, common_shard());
        write.add(command, self.names.common_key("shared"), &[b"book", &book.0]);
        write.run(&self.servers).await.map_err(CallError::into_write_error)??;
        *self.own_book.lock().unwrap_or_else(PoisonError::into_inner) = Some(book);
        self.shared_versions.send_replace(read_shared_versions(&self.servers, &self.names).await?);
        self.inspect().await;
        Ok(())
    }

    /// Checks that this instance applies the announced book.
    ///
    /// # Errors
    /// `AnotherBook` if it does not.
    pub fn check_book(&self) -> Result<(), StoreError> {
        let own = *self.own_book.lock().unwrap_or_else(PoisonError::into_inner);
        match own.zip(self.shared_versions.borrow().announced_book) {
            Some((own, announced)) if own != announced => Err(StoreError::AnotherBook { own, announced }),
            _ => Ok(()),
        }
    }

    async fn poll(&self) {
        match read_shared_versions(&self.servers, &self.names).await {
            Err(error) => self.publish(Readiness::NotReady(error.to_string())),
            Ok(now) => {
                if self.shared_versions.send_if_modified(|known| std::mem::replace(known, now) != now) {
                    self.inspect().await;
                }
            }
        }
    }

    async fn inspect(&self) {
        let (mut not_ready, mut volatile) = (Vec::new(), Vec::new());
        not_ready.extend(self.check_book().err().map(|error| error.to_string()));
        for server in self.servers.all() {
            match self.server_readiness(&server).await {
                Readiness::Ready => {}
                Readiness::Volatile(why) => volatile.push(why),
                Readiness::NotReady(why) => not_ready.push(why),
                Readiness::Failed(failed) => not_ready.push(failed.to_string()),
            }
        }
        self.publish(match (&not_ready[..], &volatile[..]) {
            ([], []) => Readiness::Ready,
            ([], volatile) => Readiness::Volatile(volatile.join("; ")),
            (not_ready, _) => Readiness::NotReady(not_ready.join("; ")),
        });
    }

    async fn server_readiness(&self, server: &Arc<Server>) -> Readiness {
        let settings = self.servers.settings();
        let report = match server.inspect(deadline_in(settings.timeout)).await {
            Ok(report) => report,
            Err(error) => {
                self.servers.refresh_shard_routes_if_stale().await;
                return Readiness::NotReady(error.to_string());
            }
        };
        let of_server = |why: &str| format!("{}: {why}", server.host());
        if let Some(why) = report.reason_not_writable(settings.accept_volatile) {
            return Readiness::NotReady(of_server(&why));
        }
        if let Some(shard) = Shard::all().find(|shard| Arc::ptr_eq(&self.servers.for_shard(*shard), server)) {
            match marker::is_present(&self.servers, &self.names, shard).await {
                Ok(true) => {}
                Ok(false) => return Readiness::NotReady(of_server(expected_marker::LOST)),
                Err(error) => return Readiness::NotReady(error.to_string()),
            }
        }
        match &report.volatile[..] {
            [] => Readiness::Ready,
            volatile => Readiness::Volatile(of_server(&volatile.join("; "))),
        }
    }

    /// Publishes the readiness, and logs it if it changed.
    fn publish(&self, now: Readiness) {
        let changed = self.readiness.send_if_modified(|known| {
            let changed = *known != now;
            known.clone_from(&now);
            changed
        });
        match now {
            Readiness::Ready if changed => tracing::info!("Redis is ready and keeps what it acknowledges"),
            Readiness::Volatile(why) if changed => tracing::warn!(why, "Redis could lose acknowledged settlements"),
            Readiness::NotReady(why) if changed => tracing::error!(why, "Redis is not ready: commits are refused"),
            _ => {}
        }
    }
}

async fn read_shared_versions(servers: &Servers, names: &RedisKeys) -> Result<SharedVersions, StoreError> {
    let reply = servers.read(common_shard(), read_command(names)).await.map_err(CallError::into_read_error)?;
    let [tables, book]: [Option<Vec<u8>>; 2] =
        strings(reply)?.try_into().map_err(|_| unexpected_reply("the shared versions"))?;
    let number = |text: Vec<u8>| std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
    let tables_version = tables.map_or(Some(0), number).ok_or_else(|| unexpected_reply("the version of the tables"))?;
    let digest = |bytes: Vec<u8>| bytes.try_into().map(Digest).map_err(|_| unexpected_reply("the digest of a book"));
    Ok(SharedVersions { tables_version, announced_book: book.map(digest).transpose()? })
}

fn read_command(names: &RedisKeys) -> Cmd {
    let mut command = cmd("HMGET");
    command.arg(names.common_key("shared")).arg("tables").arg("book");
    command
}
