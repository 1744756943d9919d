//! The format as its page describes it: a reader in Python, written from the page alone, lists what was written.

use std::process::Command;
use std::sync::Arc;

use onestop::store::embedded::disk::Directory;
use onestop::store::embedded::index::LogEnd;
use onestop::store::embedded::log::{Log, LogError, LogOptions};

use super::support::{IDENTITY, SIZES, contents, group};
use crate::support::random::Random;

const OPTIONS: LogOptions =
    LogOptions { maker: onestop::store::embedded::log::SegmentMaker::Thread, ..super::support::OPTIONS };

#[test]
fn a_reader_written_from_the_page_lists_every_record_of_a_log() {
    let place = tempfile::tempdir().expect("a directory");
    let disk = Arc::new(Directory::new(place.path().to_owned()));
    Log::create(disk.clone(), IDENTITY, SIZES).expect("a log");
    let replay_nothing = |_: &_| Ok::<_, LogError>(());
    let open = |covered| Log::open(disk.clone(), IDENTITY, OPTIONS, covered, replay_nothing).expect("the log").log;
    let (mut log, mut random) = (open(LogEnd::default()), Random(9));
    let (mut expected, mut sequence) = (Vec::new(), 0);
    for number in 0..80 {
        let contents = contents(&mut random);
        let positions = log.append(&mut group(&contents)).expect("an append");
        for (position, (rows, entries)) in positions.iter().zip(&contents) {
            sequence += rows.len() % 3;
            let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
            expected.push(format!(
                "{sequence} {} {} {} {} {}",
                position.lsn,
                rows.len(),
                sum(rows),
                entries.len(),
                sum(entries)
            ));
        }
        if number % 9 == 0 {
            log.seal().expect("a seal");
        }
    }
    let end = log.end();
    drop(log);
    assert!(end.lsn > 2 * SIZES.segment, "several segments");
    assert_eq!(open(end).end(), end);
    let reader = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/log/read_log.py");
    let read = Command::new("python3").arg(reader).arg(place.path()).output().expect("python3 runs");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let listed = String::from_utf8(read.stdout).expect("UTF-8");
    assert_eq!(listed.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn segments_are_made_two_ahead() {
    let place = tempfile::tempdir().expect("a directory");
    let disk = Arc::new(Directory::new(place.path().to_owned()));
    Log::create(disk.clone(), IDENTITY, SIZES).expect("a log");
    let opened = Log::open(disk, IDENTITY, OPTIONS, LogEnd::default(), |_| Ok::<_, LogError>(()));
    let (mut log, mut random) = (opened.expect("the log").log, Random(10));
    while log.end().lsn < 3 * SIZES.segment {
        log.append(&mut group(&contents(&mut random))).expect("an append");
    }
    let fifth = place.path().join("0000000005.log");
    let start = std::time::Instant::now();
    while !fifth.exists() {
        assert!(start.elapsed().as_secs() < 10, "segment 5 is made while segment 3 is in use");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    drop(log);
    assert!(!place.path().join("0000000006.log").exists());
}
