//! Interrupted writes: wherever the last frame is torn, it is cut, the log goes on, and what was cut never returns.

use onestop::store::embedded::index::LogEnd;
use onestop::store::embedded::log::{Cut, LogError};

use super::disk::{SECTOR, SimulatedDisk};
use super::support::{Content, contents, create, group, reopen};
use crate::support::random::Random;

const FILE: &str = "0000000000.log";

/// A log of some groups before and after its last group was written.
struct LastWrite {
    before: SimulatedDisk,
    after: SimulatedDisk,
    groups: Vec<Vec<Content>>,
    /// Where the last frame begins and ends.
    frame: std::ops::Range<usize>,
}

fn last_write(last: Vec<Content>) -> LastWrite {
    let (disk, mut random) = (SimulatedDisk::default(), Random(7));
    let (mut log, mut groups) = (create(&disk), Vec::new());
    for _ in 0..3 {
        groups.push(contents(&mut random));
        log.append(&mut group(groups.last().expect("a group"))).expect("an append");
    }
    let (before, begin) = (disk.copy(), log.end().lsn as usize);
    log.append(&mut group(&last)).expect("an append");
    groups.push(last);
    LastWrite { before, after: disk.copy(), groups, frame: begin..log.end().lsn as usize }
}

impl LastWrite {
    /// The disk when only these bytes of the last frame reached it.
    fn torn(&self, keep: impl Fn(usize) -> bool) -> SimulatedDisk {
        let (disk, whole) = (self.before.copy(), self.after.bytes(FILE));
        let mut bytes = disk.bytes(FILE);
        self.frame.clone().filter(|at| keep(at - self.frame.start)).for_each(|at| bytes[at] = whole[at]);
        disk.put(FILE, bytes);
        disk
    }

    /// Opens a torn log, appends, and opens it again. Returns what was cut, and whether the last frame is there.
    fn goes_on(&self, disk: &SimulatedDisk) -> Result<(Option<Cut>, bool), LogError> {
        let opened = reopen(disk, LogEnd::default())?;
        let found: Vec<_> = opened.groups.iter().map(|(contents, _)| contents.clone()).collect();
        let whole = found.len() == self.groups.len();
        assert_eq!(found, self.groups[..found.len()], "only whole groups are replayed");
        assert!(found.len() + 1 >= self.groups.len(), "no group that was answered is lost");
        let (mut log, further) = (opened.log, vec![(b"rows".to_vec(), b"further".to_vec())]);
        log.append(&mut group(&further)).expect("an append after a cut");
        let again = reopen(disk, LogEnd::default()).expect("the log after a cut");
        let expected = [&found[..], &[further]].concat();
        assert_eq!(again.groups.into_iter().map(|(contents, _)| contents).collect::<Vec<_>>(), expected);
        assert_eq!(again.cut, None);
        Ok((opened.cut, whole))
    }
}

#[test]
fn a_last_frame_that_is_torn_at_any_byte_is_cut_and_the_log_goes_on() {
    let last = vec![(vec![0; 700], vec![7; 2_600]), (b"rows".to_vec(), vec![0; 900])];
    let written = last_write(last);
    let (length, mut counts) = (written.frame.len(), [0; 3]);
    for torn_at in 0..=length {
        let disk = written.torn(|at| at < torn_at);
        let (cut, whole) = written.goes_on(&disk).unwrap_or_else(|error| panic!("torn at {torn_at}: {error}"));
        let cut_where = cut.map(|cut| (cut.file, cut.byte as usize));
        let remains = !whole && torn_at > 0;
        assert_eq!(cut_where, remains.then(|| (FILE.to_owned(), written.frame.start)), "torn at {torn_at}");
        counts[if whole { 2 } else { usize::from(remains) }] += 1;
    }
    println!("{length} bytes: {} without remains, {} cut, {} whole", counts[0], counts[1], counts[2]);
    assert_eq!(counts[0], 1);
}

#[test]
fn a_last_frame_of_which_any_sectors_are_missing_is_cut_and_the_log_goes_on() {
    let (mut random, mut counts) = (Random(11), [0; 2]);
    for round in 0..40 {
        let written = last_write(contents(&mut random));
        let sectors = written.frame.len() / SECTOR;
        for _ in 0..25 {
            let kept: Vec<_> = (0..sectors).map(|_| random.one_in(2)).collect();
            let disk = written.torn(|at| kept[at / SECTOR]);
            let result = written.goes_on(&disk);
            let (_, whole) = result.unwrap_or_else(|error| panic!("round {round}, {kept:?}: {error}"));
            counts[usize::from(whole)] += 1;
        }
    }
    println!("{} cut or empty, {} whole", counts[0], counts[1]);
    assert!(counts[0] > 800);
}

#[test]
fn a_first_frame_of_a_segment_is_cut_like_any_other() {
    let (disk, mut random) = (SimulatedDisk::default(), Random(3));
    let mut log = create(&disk);
    let mut before = disk.copy();
    let is_in_next = |lsn: u64| lsn > super::support::SIZES.segment + 4096;
    while !is_in_next(log.end().lsn) {
        before = disk.copy();
        log.append(&mut group(&contents(&mut random))).expect("an append");
    }
    let next = "0000000001.log";
    let whole = disk.bytes(next);
    let used = whole.iter().rposition(|byte| *byte != 0).expect("a frame") + 1;
    for torn_at in 4096..used {
        let torn = disk.copy();
        torn.put(next, [&whole[..torn_at], &vec![0; whole.len() - torn_at]].concat());
        let opened = reopen(&torn, LogEnd::default()).unwrap_or_else(|error| panic!("torn at {torn_at}: {error}"));
        assert_eq!(opened.groups, reopen(&before.copy(), LogEnd::default()).expect("the log before").groups);
        assert_eq!(opened.cut.is_some(), torn_at > 4096);
    }
    // Without its durable ROLL the segment before does not lead to it.
    let without_roll = disk.copy();
    without_roll.put(FILE, before.bytes(FILE));
    let refused = reopen(&without_roll, LogEnd::default()).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(refused.contains("was durable") || refused.contains("the log ends before it"), "{refused}");
}
