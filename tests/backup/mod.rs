//! Backups: incremental, verified, restored elsewhere, also under load and when anything is killed.

mod content;
mod damage;
mod feed;
mod follow;
mod history;
mod killed;
mod plain_copy;
mod refused;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use onestop::cli::client::Client;
use onestop::store::Store;
use onestop::store::embedded::EmbeddedStore;
use onestop::store::embedded::backup::{BackupDirectory, BackupError, BackupPart};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::support::claims::claim;
use crate::support::program::run;

/// Backs up an open store; returns the bytes of frames that were sent.
fn back_up(store: &EmbeddedStore, directory: &Path) -> Result<usize, BackupError> {
    let reader = store.backup_reader().expect("a store in a directory");
    let mut backup = BackupDirectory::open(directory)?;
    let after = backup.manifest().map(|manifest| manifest.position);
    let mut cursor = reader.cursor(after).expect("it is continued");
    backup.begin(reader.secret().clone())?;
    let (until, mut bytes) = (*reader.ends().borrow(), 0);
    loop {
        let before = cursor.end();
        let parts = cursor.read(until).expect("a sound log");
        if cursor.end() == before {
            return Ok(bytes);
        }
        for part in parts {
            backup.write(&part)?;
            match part {
                BackupPart::Bytes { bytes: sent, .. } => bytes += sent.len(),
                BackupPart::End(end) => drop(backup.commit(end)?),
                BackupPart::Segment { .. } => {}
            }
        }
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Runs `onestop backup --json` to its end, which must be good.
fn backed_up(url: &str, directory: &Path) -> Value {
    let (code, output, errors) = run(&["backup", "--json", "--server", url, &text(directory)]);
    assert_eq!(code, Some(0), "{errors}");
    serde_json::from_str(&output).expect("JSON")
}

/// Restores a backup with the program; returns what it printed.
fn restored(backup: &Path, store: &Path) -> Value {
    let (code, output, errors) = run(&["restore", "--json", &text(backup), "--store", &text(store)]);
    assert_eq!(code, Some(0), "{errors}");
    serde_json::from_str(&output).expect("JSON")
}

/// Audits a store, which must be sound; returns the number of its entries.
fn audited(store: &Path, more: &[&str]) -> u64 {
    let (code, output, errors) = run(&[&["audit", "verify", "--json", "--store", &text(store)], more].concat());
    assert_eq!(code, Some(0), "{output} {errors}");
    let audit: Value = serde_json::from_str(&output).expect("JSON");
    audit["entries"].as_u64().expect("a number")
}

/// Claims that are settled from several tasks until it is stopped.
struct Load {
    acknowledged: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Load {
    /// Settles claims of P1 to P4 whose ids begin with this name; a task ends when the server is gone.
    fn start(client: &Client, name: &str) -> Load {
        let mut load = Load { acknowledged: Arc::default(), stopped: Arc::default(), tasks: JoinSet::new() };
        for task in 0..8 {
            let (mut client, name) = (client.clone(), name.to_owned());
            let (acknowledged, stopped) = (Arc::clone(&load.acknowledged), Arc::clone(&load.stopped));
            load.tasks.spawn(async move {
                for number in 0.. {
                    let id = format!("{name}-{task}-{number}");
                    let bill = claim(&id, &format!("P{}", task % 4 + 1), "10.00");
                    if stopped.load(Ordering::Relaxed) || client.settle(&bill, &id, Vec::new()).await.is_err() {
                        return;
                    }
                    acknowledged.fetch_add(1, Ordering::AcqRel);
                }
            });
        }
        load
    }

    fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Acquire)
    }

    /// Waits until so many further claims were acknowledged.
    async fn further(&self, count: usize) {
        let from = self.acknowledged();
        while self.acknowledged() < from + count {
            tokio::task::yield_now().await;
        }
    }

    /// Stops it, and returns how many claims were acknowledged in all.
    async fn stop(mut self) -> usize {
        self.stopped.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("no panic");
        }
        self.acknowledged()
    }
}

/// Runs what waits for a child on a thread of its own: the load goes on meanwhile.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("no panic")
}
