//! Damage: what is not the remains of an interrupted write is refused, and named by file and byte.

use std::collections::BTreeMap;
use std::sync::Arc;

use onestop::store::embedded::index::LogEnd;
use onestop::store::embedded::log::{Log, LogDamage, LogError, RecordPart};

use super::disk::{SECTOR, SimulatedDisk};
use super::support::{Content, IDENTITY, SIZES, contents, create, group, reopen};
use crate::support::random::Random;

type Groups = Vec<(Vec<Content>, LogEnd)>;

/// A log of several segments, and its groups; sealed at its end or not.
fn filled(seed: u64, sealed: bool) -> (SimulatedDisk, Groups) {
    let (disk, mut random) = (SimulatedDisk::default(), Random(seed));
    let (mut log, mut groups) = (create(&disk), Vec::new());
    while log.end().lsn < 2 * SIZES.segment + 40_000 {
        let contents = contents(&mut random);
        log.append(&mut group(&contents)).expect("an append");
        groups.push((contents, log.end()));
    }
    if sealed {
        log.seal().expect("a seal");
    }
    (disk, groups)
}

fn file_name(number: u64) -> String {
    format!("{number:010}.log")
}

/// What became of a damaged log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// It does not open, and the error names the frame or head that holds the damage.
    RefusedAndNamed,
    /// It opens with all groups: the damage is in padding.
    Whole,
    /// The last group, which no later frame proves to have been durable, is cut.
    Cut,
}

fn outcome(disk: &SimulatedDisk, groups: &Groups, file: &str, at: usize) -> Outcome {
    match reopen(disk, LogEnd::default()) {
        Ok(opened) if opened.groups == *groups => Outcome::Whole,
        Ok(opened) => {
            assert_eq!(opened.groups, groups[..groups.len() - 1], "{file} byte {at}: other groups than were written");
            assert!(opened.cut.is_some());
            Outcome::Cut
        }
        Err(LogError::Damaged { file: named, byte, .. }) => {
            let frame = byte as usize..byte as usize + SIZES.frame as usize;
            let sector = at / SECTOR * SECTOR;
            assert!(
                named == file && (frame.contains(&at) || frame.contains(&sector)),
                "{file} byte {at} is damaged, {named} byte {byte} is named"
            );
            Outcome::RefusedAndNamed
        }
        Err(error) => panic!("{file} byte {at}: {error}"),
    }
}

/// Damages a random place of the first three segments, 500 times with the log sealed at its end and 500 without.
fn damaged_a_thousand_times(damage: impl Fn(&mut Random, &mut [u8], usize)) -> [BTreeMap<Outcome, u32>; 2] {
    [true, false].map(|sealed| {
        let (disk, groups) = filled(if sealed { 21 } else { 22 }, sealed);
        let end = reopen(&disk.copy(), LogEnd::default()).expect("the log").log.end().lsn as usize;
        let (mut random, mut outcomes) = (Random(77), BTreeMap::new());
        for _ in 0..500 {
            let (at, damaged) = (random.below(end), disk.copy());
            let (file, at) = (file_name(at as u64 / SIZES.segment), at % SIZES.segment as usize);
            let mut bytes = damaged.bytes(&file);
            damage(&mut random, &mut bytes, at);
            if bytes == damaged.bytes(&file) {
                continue;
            }
            damaged.put(&file, bytes);
            *outcomes.entry(outcome(&damaged, &groups, &file, at)).or_default() += 1;
        }
        outcomes
    })
}

#[test]
fn a_thousand_flipped_bytes_are_refused_and_named_or_in_padding() {
    let outcomes = damaged_a_thousand_times(|random, bytes, at| bytes[at] ^= 1 << random.below(8));
    println!("sealed: {:?}; not sealed: {:?}", outcomes[0], outcomes[1]);
    for outcomes in outcomes {
        assert_eq!(outcomes.get(&Outcome::Cut), None, "a flipped bit is never a tear");
        assert!(outcomes[&Outcome::RefusedAndNamed] > 250, "{outcomes:?}");
    }
}

#[test]
fn a_thousand_zeroed_sectors_are_refused_and_named_or_in_the_last_unsealed_frame() {
    let outcomes = damaged_a_thousand_times(|_, bytes, at| {
        let sector = at / SECTOR * SECTOR;
        bytes[sector..sector + SECTOR].fill(0);
    });
    println!("sealed: {:?}; not sealed: {:?}", outcomes[0], outcomes[1]);
    assert_eq!(outcomes[0].get(&Outcome::Cut), None, "a SEAL proves that the frame before it was durable");
    assert!(outcomes.iter().all(|outcomes| outcomes[&Outcome::RefusedAndNamed] > 200));
}

#[test]
fn every_byte_of_a_head_that_is_flipped_is_refused_and_named() {
    let (disk, groups) = filled(23, true);
    for at in (0..72).chain(4096..4096 + 64) {
        let (damaged, file) = (disk.copy(), file_name(1));
        let mut bytes = damaged.bytes(&file);
        bytes[at] ^= 0x10;
        damaged.put(&file, bytes);
        assert_eq!(outcome(&damaged, &groups, &file, at), Outcome::RefusedAndNamed, "byte {at}");
    }
}

fn refusal(disk: &SimulatedDisk) -> LogError {
    reopen(disk, LogEnd::default()).err().expect("a refusal")
}

#[test]
fn a_missing_segment_is_refused_by_name() {
    let (disk, _) = filled(24, true);
    let files: Vec<_> = disk.files();
    assert_eq!(files.len(), 5, "three used segments and two spare ones");
    for missing in &files[..4] {
        let damaged = disk.copy();
        damaged.take_away(missing);
        assert_eq!(refusal(&damaged), LogError::Missing(missing.clone()));
    }
    // A spare segment that is missing is made again.
    let damaged = disk.copy();
    damaged.take_away(&files[4]);
    assert!(reopen(&damaged, LogEnd::default()).is_ok());
    // All that follow a ROLL are missing.
    files[2..].iter().for_each(|file| damaged.take_away(file));
    assert_eq!(refusal(&damaged), LogError::Missing(files[2].clone()));
}

#[test]
fn an_emptied_a_foreign_and_a_misnamed_segment_are_refused_by_name() {
    let (disk, _) = filled(25, true);
    let damage_of = |file: u64, bytes: Vec<u8>| {
        let damaged = disk.copy();
        damaged.put(&file_name(file), bytes);
        match refusal(&damaged) {
            LogError::Damaged { file: named, damage, .. } if named == file_name(file) => damage,
            error => panic!("{error}"),
        }
    };
    let segment = disk.bytes(&file_name(1));
    assert_eq!(damage_of(1, Vec::new()), LogDamage::SegmentMagic);
    assert_eq!(damage_of(3, vec![0; SIZES.segment as usize]), LogDamage::SegmentMagic);
    assert_eq!(damage_of(2, segment.clone()), LogDamage::OtherSegment { found: 1 });
    let (found, expected) = (SIZES.segment - 1, SIZES.segment);
    assert_eq!(damage_of(1, segment[..found as usize].to_vec()), LogDamage::Length { found, expected });
    let other = SimulatedDisk::default();
    Log::create(Arc::new(other.clone()), [7; 16], SIZES).expect("another log");
    assert_eq!(damage_of(0, other.bytes(&file_name(0))), LogDamage::OtherStore);
    assert_ne!(IDENTITY, [7; 16]);
}

#[test]
fn a_log_that_ends_before_what_the_index_covers_is_refused_by_name() {
    let (disk, mut random) = (SimulatedDisk::default(), Random(26));
    let mut log = create(&disk);
    log.append(&mut group(&contents(&mut random))).expect("an append");
    let older = disk.copy();
    log.append(&mut group(&contents(&mut random))).expect("an append");
    let covered = log.end();
    assert!(reopen(&disk, covered).is_ok());
    let not_covered = |end: LogEnd| Some(LogError::NotCovered { file: file_name(0), byte: end.lsn });
    assert_eq!(reopen(&older, covered).err(), not_covered(covered));
    // Another log that is as long has other checksums.
    for other in [LogEnd { chain: covered.chain ^ 1, ..covered }, LogEnd { sequence: 1_000, ..covered }] {
        assert_eq!(reopen(&disk, other).err(), not_covered(other));
    }
}

#[test]
fn a_damaged_head_of_the_last_covered_frame_is_named_and_not_taken_for_an_older_copy() {
    let (disk, mut random) = (SimulatedDisk::default(), Random(29));
    let mut log = create(&disk);
    log.append(&mut group(&contents(&mut random))).expect("an append");
    let last = log.end().lsn;
    log.append(&mut group(&contents(&mut random))).expect("an append");
    let covered = log.end();
    let whole = disk.bytes(&file_name(0));
    let (head, sector) = (last as usize..last as usize + 64, last as usize..last as usize + SECTOR);
    let mut damages: Vec<_> = head.map(|at| (at..at + 1, 1)).collect();
    damages.push((sector, 0xff));
    for (range, flipped) in damages {
        let (damaged, mut bytes) = (disk.copy(), whole.clone());
        bytes[range.clone()].iter_mut().for_each(|byte| *byte ^= flipped);
        damaged.put(&file_name(0), bytes);
        match reopen(&damaged, covered).err() {
            Some(LogError::Damaged { file, byte, .. }) => assert_eq!((file, byte), (file_name(0), last), "{range:?}"),
            other => panic!("{range:?}: {other:?}"),
        }
    }
    assert!(reopen(&disk, covered).is_ok());
}

/// A flipped bit in any byte of its head, and a first page that became zero.
#[test]
fn a_damaged_beginning_of_the_last_covered_frame_is_named_if_it_is_the_first_of_its_segment_or_the_frames_are_long() {
    let disk = SimulatedDisk::default();
    let mut log = create(&disk);
    let ends = [(); 2].map(|()| {
        log.append(&mut group(&[(vec![1; 100], vec![7; 20_000])])).expect("an append");
        log.end()
    });
    // Five pages each, and together longer than the longest frame.
    let starts = [4_096, 24_576];
    assert_eq!(ends.map(|end| end.lsn), [24_576, 45_056]);
    let whole = disk.bytes(&file_name(0));
    for (start, covered) in starts.into_iter().zip(ends) {
        let flipped = (start..start + 64).map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            bytes
        });
        let mut zeroed = whole.clone();
        zeroed[start..start + 4_096].fill(0);
        for (number, bytes) in flipped.chain([zeroed]).enumerate() {
            let damaged = disk.copy();
            damaged.put(&file_name(0), bytes);
            match reopen(&damaged, covered).err() {
                Some(LogError::Damaged { file, byte, .. }) => {
                    assert_eq!((file, byte), (file_name(0), start as u64), "damage {number}");
                }
                other => panic!("damage {number} of the frame at {start}: {other:?}"),
            }
        }
        assert!(reopen(&disk.copy(), covered).is_ok());
    }
}

#[test]
fn bytes_behind_the_end_that_no_interrupted_write_explains_are_refused_and_named() {
    let (disk, groups) = filled(27, true);
    let end = (reopen(&disk, LogEnd::default()).expect("the log").log.end().lsn % SIZES.segment) as usize;
    let far = end + SIZES.frame as usize;
    let unused = [(2, far + 10, LogDamage::BehindEnd), (3, 8_192 + 5, LogDamage::NoRoll)];
    for (file, at, expected) in unused {
        let damaged = disk.copy();
        let mut bytes = damaged.bytes(&file_name(file));
        bytes[at] = 1;
        damaged.put(&file_name(file), bytes);
        match refusal(&damaged) {
            LogError::Damaged { file: named, byte, damage } => {
                assert_eq!((named, damage), (file_name(file), expected));
                assert_eq!(byte / 4096, at as u64 / 4096);
            }
            error => panic!("{error}"),
        }
    }
    // Bytes that are no beginning of a head.
    let damaged = disk.copy();
    let mut bytes = damaged.bytes(&file_name(2));
    bytes[end + 3] = 1;
    damaged.put(&file_name(2), bytes);
    assert_eq!(outcome(&damaged, &groups, &file_name(2), end + 3), Outcome::RefusedAndNamed);
}

#[test]
fn a_damaged_record_fails_alone_and_is_named() {
    let (disk, mut random) = (SimulatedDisk::default(), Random(28));
    let mut log = create(&disk);
    let contents = contents(&mut random);
    let positions = log.append(&mut group(&contents)).expect("an append");
    let (position, file) = (positions[0], file_name(0));
    let read = |position| {
        let parts = [RecordPart::Rows, RecordPart::Entries];
        parts.map(|part| log.segments().read(position, part).err()).into_iter().flatten().next()
    };
    assert_eq!(read(position), None);
    for at in position.lsn..position.lsn + u64::from(position.length) {
        let whole = disk.bytes(&file);
        let mut bytes = whole.clone();
        bytes[at as usize] ^= 0x40;
        disk.put(&file, bytes);
        let named = read(position);
        let named = matches!(named, Some(LogError::Damaged { file: f, byte, .. }) if f == file && byte == position.lsn);
        assert!(named, "byte {at}");
        disk.put(&file, whole);
    }
    let mut wrong = position;
    wrong.lsn += 8;
    assert!(matches!(read(wrong), Some(LogError::Damaged { .. })));
    wrong.lsn = log.end().lsn;
    assert!(matches!(read(wrong), Some(LogError::Damaged { damage: LogDamage::BeyondEnd, .. })));
}
