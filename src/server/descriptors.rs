//! File descriptors: some are kept for the store and for health and metrics, so that connections of callers cannot use up
//! all of them.

use rustix::process::{Resource, getrlimit};

use super::operations_listener;
use crate::store::embedded::log::affordable_segments;

/// The descriptors that are kept for the files of the store other than segments of its log, while an import is sorted too,
/// and logs.
const FOR_STORE_AND_LOGS: usize = 64;

/// How many of these connections the process has descriptors for.
pub(super) fn affordable_connections(wanted: usize) -> usize {
    let Some(descriptors) = getrlimit(Resource::Nofile).current else { return wanted };
    let affordable = affordable_with(usize::try_from(descriptors).unwrap_or(usize::MAX));
    if affordable < wanted {
        tracing::warn!(wanted, affordable, descriptors, "too few file descriptors for all connections (ulimit -n)");
    }
    wanted.min(affordable)
}

/// What remains of so many descriptors for connections: at least half of them.
fn affordable_with(descriptors: usize) -> usize {
    let kept = operations_listener::CONNECTIONS + affordable_segments(descriptors) + FOR_STORE_AND_LOGS;
    (descriptors - kept.min(descriptors / 2)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_kept_for_the_store_and_for_health() {
        assert_eq!([1 << 20, 1_024, 256, 100, 1, 0].map(affordable_with), [(1 << 20) - 640, 640, 128, 50, 1, 1]);
    }
}
