//! The alarm before the disk of the store is full: below the reserve no commit is begun, and above it commits go on by
//! themselves. Reads, outcomes and lists need no room and are always answered.
//!
//! A store that meets a full disk in the middle of a write takes no further writes until it is opened again; the reserve
//! is there so that this does not happen.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::store::embedded::disk::{Directory, Disk};
use crate::telemetry::set_gauge::SetGauge;

/// The interval at which the free room is read.
const INTERVAL: Duration = Duration::from_secs(1);

/// The alarm of one disk.
pub(super) struct DiskAlarm<'a> {
    /// A directory on the disk; `None` if the store is not on a disk of this machine.
    pub(super) directory: Option<PathBuf>,
    /// The bytes that must stay free.
    pub(super) reserve: u64,
    /// Whether the alarm is on.
    pub(super) full: &'a AtomicBool,
    /// 1 while the alarm is on.
    pub(super) gauge: SetGauge,
}

impl DiskAlarm<'_> {
    /// Sets the alarm from now on; never ends.
    pub(super) async fn run(self) -> Infallible {
        self.gauge.set(0.0, &[]);
        let Some(directory) = &self.directory else { return std::future::pending().await };
        loop {
            if let Some(free) = free_bytes(directory) {
                self.set(free);
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    fn set(&self, free: u64) {
        let full = free < self.reserve;
        if self.full.swap(full, Ordering::Relaxed) == full {
            return;
        }
        self.gauge.set(if full { 1.0 } else { 0.0 }, &[]);
        let (free_mib, reserve_mib) = (free >> 20, self.reserve >> 20);
        if full {
            tracing::error!(free_mib, reserve_mib, "the disk of the store is nearly full: commits are refused");
        } else {
            tracing::warn!(free_mib, reserve_mib, "the disk of the store has room again: commits are accepted");
        }
    }
}

/// The free bytes of the disk that holds a directory, as far as this process may use them.
pub(super) fn free_bytes(directory: &Path) -> Option<u64> {
    Directory::new(directory.to_owned()).free().ok()
}
