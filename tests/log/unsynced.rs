//! A log that is used without syncs (`accept_volatile`): what a kill and what a power failure leave of it.

use std::sync::Arc;

use onestop::store::embedded::index::LogEnd;
use onestop::store::embedded::log::{Log, LogError, LogOptions, Syncing};

use super::disk::{Crash, SimulatedDisk};
use super::support::{IDENTITY, OPTIONS, contents, create, group, reopen};
use crate::support::random::Random;

#[test]
fn a_kill_loses_nothing_and_a_power_failure_leaves_a_beginning_or_a_log_that_is_refused_by_file_and_byte() {
    let (mut shorter, mut refused) = (0, 0);
    for seed in 0..200 {
        let (disk, mut random) = (SimulatedDisk::default(), Random(seed));
        drop(create(&disk));
        let options = LogOptions { syncing: Syncing::Unsynced, ..OPTIONS };
        let opened = Log::open(Arc::new(disk.clone()), IDENTITY, options, LogEnd::default(), |_| Ok::<_, LogError>(()));
        let (mut log, mut written) = (opened.expect("the log").log, Vec::new());
        for _ in 0..1 + random.below(12) {
            let next = contents(&mut random);
            log.append(&mut group(&next)).expect("an append");
            written.push(next);
        }
        drop(log);
        let crash = if seed % 4 == 0 { Crash::Kill } else { Crash::PowerFailure };
        disk.crash(crash, &mut random);
        match reopen(&disk, LogEnd::default()) {
            Ok(found) => {
                let groups: Vec<_> = found.groups.into_iter().map(|(contents, _)| contents).collect();
                assert_eq!(groups, written[..groups.len()], "seed {seed}");
                assert!(crash == Crash::PowerFailure || groups.len() == written.len(), "seed {seed}");
                shorter += u32::from(groups.len() < written.len());
            }
            Err(LogError::Damaged { .. }) => {
                assert_eq!(crash, Crash::PowerFailure, "seed {seed}");
                refused += 1;
            }
            Err(other) => panic!("seed {seed}: {other}"),
        }
    }
    println!("150 power failures: {shorter} logs are shorter, {refused} are refused");
    assert!(shorter > 10 && refused > 10, "{shorter} {refused}");
}
