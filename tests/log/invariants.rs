//! The invariants of the log. Those that crashes and damage put to the test are in `simulation`, `tears` and `damage`.

use onestop::store::embedded::index::LogEnd;
use onestop::store::embedded::log::{LogError, LogSizes};

use super::disk::{Crash, Operation, SimulatedDisk};
use super::support::{SIZES, contents, create, group, record, reopen};
use crate::support::random::Random;

#[test]
fn no_write_goes_below_what_is_durable_and_every_append_returns_after_its_sync() {
    let (disk, mut random) = (SimulatedDisk::default(), Random(1));
    let mut log = create(&disk);
    let mut synced: Vec<(String, u64)> = Vec::new();
    for _ in 0..200 {
        disk.take_operations();
        log.append(&mut group(&contents(&mut random))).expect("an append");
        let current = format!("{:010}.log", log.end().lsn / SIZES.segment);
        let mut unsynced = None;
        for operation in disk.take_operations() {
            match operation {
                Operation::Write { file, offset, length } if file.ends_with(".log") => {
                    let durable = synced.iter().find(|(known, _)| *known == file).map_or(4096, |(_, end)| *end);
                    assert!(offset >= durable, "{file}: a write at {offset}, durable up to {durable}");
                    unsynced = Some((file, offset + length as u64));
                }
                Operation::Sync { file } if unsynced.as_ref().is_some_and(|(written, _)| *written == file) => {
                    synced.retain(|(known, _)| *known != file);
                    synced.extend(unsynced.take());
                }
                _ => {}
            }
        }
        assert_eq!(unsynced, None, "the append returned before its sync");
        assert!(synced.contains(&(current, log.end().lsn % SIZES.segment)));
    }
}

#[test]
fn durable_advances_with_every_sync() {
    let (disk, mut random) = (SimulatedDisk::default(), Random(2));
    let (mut log, mut end) = (create(&disk), 4096);
    for _ in 0..60 {
        log.append(&mut group(&contents(&mut random))).expect("an append");
        if log.end().lsn / SIZES.segment != end / SIZES.segment {
            end = SIZES.segment + end / SIZES.segment * SIZES.segment + 4096;
        }
        let file = disk.bytes(&format!("{:010}.log", end / SIZES.segment));
        let head = &file[(end % SIZES.segment) as usize..];
        let number = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("8 bytes"));
        assert_eq!((number(8), number(16)), (end, end), "all in front of this frame was durable");
        end = log.end().lsn;
    }
}

#[test]
fn what_was_cut_never_returns() {
    let (disk, mut random) = (SimulatedDisk::default(), Random(3));
    let mut log = create(&disk);
    log.append(&mut group(&contents(&mut random))).expect("an append");
    disk.end_after(2, 0);
    log.append(&mut group(&[(vec![1; 100], vec![2; 9_000])])).expect_err("the run ends");
    let torn = disk.copy();
    let mut cuts = 0;
    for seed in 0..200 {
        let (disk, mut random) = (torn.copy(), Random(seed));
        disk.crash(Crash::PowerFailure, &mut random);
        let Ok(opened) = reopen(&disk, LogEnd::default()) else { panic!("seed {seed}") };
        if opened.groups.len() == 2 {
            continue;
        }
        cuts += u32::from(opened.cut.is_some());
        // Whatever happens next, the remains are gone: neither a crash before nor after the next frame brings them back.
        disk.crash(Crash::PowerFailure, &mut random);
        let again = reopen(&disk, LogEnd::default()).expect("the log");
        assert_eq!((again.groups.len(), again.cut), (1, None));
        let mut log = again.log;
        log.append(&mut group(&[(vec![3], vec![4])])).expect("an append");
        disk.crash(Crash::PowerFailure, &mut random);
        let last = reopen(&disk, LogEnd::default()).expect("the log").groups.pop().expect("a group");
        assert_eq!(last.0, [(vec![3], vec![4])]);
    }
    assert!(cuts > 50, "{cuts}");
}

#[test]
fn a_failed_write_or_sync_lets_nothing_be_written_after_it() {
    for (operations, what) in [(1, "write"), (2, "sync")] {
        let (disk, mut random) = (SimulatedDisk::default(), Random(4));
        let mut log = create(&disk);
        log.append(&mut group(&contents(&mut random))).expect("an append");
        disk.end_after(operations, 0);
        let failed = log.append(&mut group(&contents(&mut random)));
        assert!(matches!(failed, Err(LogError::File { operation, .. }) if operation == what));
        // The disk works again, but nobody knows what is on it.
        disk.crash(Crash::Kill, &mut random);
        disk.take_operations();
        assert!(matches!(log.append(&mut group(&contents(&mut random))), Err(LogError::Stopped(_))));
        assert!(matches!(log.seal(), Err(LogError::Stopped(_))));
        assert_eq!(disk.take_operations(), []);
    }
}

#[test]
fn a_frame_whose_sync_failed_is_written_again_before_it_counts_as_durable() {
    for is_seal in [false, true] {
        let (disk, mut random) = (SimulatedDisk::default(), Random(7));
        let mut log = create(&disk);
        log.append(&mut group(&contents(&mut random))).expect("an append");
        disk.fail_next_sync();
        let last = group(&[(b"rows".to_vec(), b"last".to_vec())]);
        let failed = if is_seal { log.seal() } else { log.append(&mut { last }).map(drop) };
        assert!(matches!(failed, Err(LogError::File { operation: "sync", .. })), "{failed:?}");
        disk.crash(Crash::Kill, &mut random);
        // The frame is read, though the disk does not have it.
        let opened = reopen(&disk, LogEnd::default()).expect("the log");
        let groups = opened.groups.len();
        assert_eq!((groups, opened.log.is_sealed()), if is_seal { (1, true) } else { (2, false) });
        let mut log = opened.log;
        log.append(&mut group(&[(vec![3], vec![4])])).expect("an append");
        disk.crash(Crash::PowerFailure, &mut random);
        let again = reopen(&disk, LogEnd::default()).expect("the log after a power failure");
        assert_eq!((again.groups.len(), again.cut), (groups + 1, None), "sealed: {is_seal}");
    }
}

#[test]
fn a_recovery_that_is_interrupted_while_it_writes_a_frame_again_loses_nothing() {
    for seed in 0..40 {
        let (disk, mut random) = (SimulatedDisk::default(), Random(seed));
        let mut log = create(&disk);
        for _ in 0..2 {
            log.append(&mut group(&contents(&mut random))).expect("an append");
        }
        disk.crash(Crash::Kill, &mut random);
        let answered = reopen(&disk.copy(), LogEnd::default()).expect("the log").groups;
        assert_eq!(answered.len(), 2);
        // Recovery writes the last frame, then syncs it.
        for (operations, crash) in
            [(1, Crash::Kill), (1, Crash::PowerFailure), (2, Crash::Kill), (2, Crash::PowerFailure)]
        {
            let disk = disk.copy();
            disk.end_after(operations, random.below(257));
            assert!(reopen(&disk, LogEnd::default()).is_err(), "seed {seed}: the run ends");
            disk.crash(crash, &mut random);
            let again = reopen(&disk, LogEnd::default()).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            assert_eq!((again.groups, again.cut), (answered.clone(), None), "seed {seed}");
        }
    }
}

#[test]
fn remains_whose_cut_was_not_synced_are_cut_again() {
    let (disk, mut random) = (SimulatedDisk::default(), Random(8));
    let mut log = create(&disk);
    log.append(&mut group(&contents(&mut random))).expect("an append");
    let file = "0000000000.log";
    // Half of the frame reaches the disk.
    disk.end_after(1, 128);
    log.append(&mut group(&[(vec![1; 100], vec![2; 9_000])])).expect_err("the run ends");
    disk.crash(Crash::Kill, &mut random);
    disk.put(file, disk.bytes(file));
    disk.fail_next_sync();
    let failed = reopen(&disk, LogEnd::default()).err();
    assert!(matches!(failed, Some(LogError::File { operation: "sync", .. })), "{failed:?}");
    disk.crash(Crash::Kill, &mut random);
    let opened = reopen(&disk, LogEnd::default()).expect("the log");
    assert_eq!((opened.groups.len(), opened.cut.map(|cut| cut.file)), (1, Some(file.to_owned())));
    let mut log = opened.log;
    log.append(&mut group(&[(vec![3], vec![4])])).expect("an append");
    disk.crash(Crash::PowerFailure, &mut random);
    let again = reopen(&disk, LogEnd::default()).expect("the log after a power failure");
    assert_eq!((again.groups.len(), again.cut), (2, None));
}

#[test]
fn a_full_disk_refuses_groups_without_writing_and_takes_them_once_there_is_room() {
    let (disk, mut random) = (SimulatedDisk::default(), Random(5));
    let mut log = create(&disk);
    disk.set_full(true);
    let refused = loop {
        let contents = contents(&mut random);
        disk.take_operations();
        if let Err(error) = log.append(&mut group(&contents)) {
            assert!(matches!(error, LogError::File { operation: "create", .. }), "{error}");
            break contents;
        }
    };
    assert_eq!(disk.take_operations(), []);
    assert_eq!(log.end().lsn / SIZES.segment, 2, "the spare segments are used");
    disk.set_full(false);
    log.append(&mut group(&refused)).expect("an append");
    assert_eq!(log.end().lsn / SIZES.segment, 3);
    let last = reopen(&disk, LogEnd::default()).expect("the log").groups.pop().expect("a group");
    assert_eq!(last, (refused, log.end()));
}

#[test]
fn a_record_longer_than_a_frame_is_refused_and_one_as_long_is_not() {
    let longest = SIZES.frame as usize - 64 - 8 - 20;
    let sizes: LogSizes = SIZES;
    let mut group = onestop::store::embedded::log::Group::new(sizes);
    let refused = group.push(&record(&(Vec::new(), vec![1; longest + 1])));
    assert!(matches!(refused, Err(LogError::RecordTooLong { limit, .. }) if limit == longest + 20));
    let (disk, whole) = (SimulatedDisk::default(), (Vec::new(), vec![1; longest]));
    group.push(&record(&whole)).expect("a record as long as a frame");
    let mut log = create(&disk);
    log.append(&mut group).expect("an append");
    assert_eq!(reopen(&disk, LogEnd::default()).expect("the log").groups[0].0, [whole]);
}

#[test]
fn a_seal_is_written_once_until_the_next_group() {
    let (disk, mut random) = (SimulatedDisk::default(), Random(6));
    let mut log = create(&disk);
    log.append(&mut group(&contents(&mut random))).expect("an append");
    assert!(!log.is_sealed());
    log.seal().expect("a seal");
    let end = log.end();
    log.seal().expect("a seal that is there");
    assert_eq!((log.end(), log.is_sealed()), (end, true));
    let mut log = reopen(&disk, LogEnd::default()).expect("the log").log;
    log.seal().expect("a seal that is there");
    assert_eq!(log.end(), end);
}
