//! File descriptors: some are kept for the store and for health and metrics, so that connections of callers cannot use up
//! all of them.

use rustix::process::{Resource, getrlimit};

use super::operations_listener;
use crate::config::ServerLimits;
use crate::store::embedded::log::affordable_segments;
use crate::store::sorted_runs::MAX_FILES;

/// The descriptors that are kept for the files of the store other than segments of its log, and for logs: 64 of them for the
/// runs of its index.
const FOR_STORE_AND_LOGS: usize = 80;

/// For how many connections of the limits the process has descriptors.
pub(super) fn affordable_connections(limits: &ServerLimits) -> usize {
    let wanted = limits.connections;
    let Some(descriptors) = getrlimit(Resource::Nofile).current else { return wanted };
    let affordable = affordable_with(usize::try_from(descriptors).unwrap_or(usize::MAX), limits);
    if affordable < wanted {
        tracing::warn!(wanted, affordable, descriptors, "too few file descriptors for all connections (ulimit -n)");
    }
    wanted.min(affordable)
}

/// What remains of so many descriptors for connections: at least half of them.
fn affordable_with(descriptors: usize, limits: &ServerLimits) -> usize {
    let kept = operations_listener::CONNECTIONS + affordable_segments(descriptors) + FOR_STORE_AND_LOGS;
    let kept = kept + sorts(limits) * MAX_FILES;
    (descriptors - kept.min(descriptors / 2)).max(1)
}

/// How many sorts there are at once: one for each import and one of what the import that is applied changes, and two for each
/// list that is reconciled.
fn sorts(limits: &ServerLimits) -> usize {
    limits.imports + 1 + 2 * limits.reconciliations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_kept_for_the_store_and_for_health() {
        let limits = ServerLimits { imports: 2, reconciliations: 3, ..ServerLimits::default() };
        // 64 connections for health, 512 segments, 80 other files, and nine sorts of 23 files.
        let kept = 64 + 512 + 80 + 9 * 23;
        let affordable =
            [1 << 20, 2_048, 1_024, 256, 100, 1, 0].map(|descriptors| affordable_with(descriptors, &limits));
        assert_eq!(affordable, [(1 << 20) - kept, 2_048 - kept, 512, 128, 50, 1, 1]);
    }
}
