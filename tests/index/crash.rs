//! Crash images: whatever a kill or a power failure leaves of the files, the index opens and equals a replay.

use super::support::{Frames, assert_equal, each_seed, inline, open};
use crate::log::disk::{Crash, SimulatedDisk};
use crate::support::random::Random;
use crate::support::seeds;
use onestop::store::embedded::index::{Damage, IndexError};

/// How often a run met what this test is about.
#[derive(Default, Debug)]
struct Met {
    crashes: usize,
    in_opening: usize,
    leftovers: usize,
    uncovered: usize,
}

fn run(seed: u64, met: &mut Met) {
    let mut random = Random(seed);
    let (disk, mut frames) = (SimulatedDisk::default(), Frames::default());
    let options = inline(1 + random.below(40));
    let mut was_opened = false;
    for _ in 0..1 + random.below(4) {
        disk.end_after(1 + random.below(120) as u64, random.below(256));
        match open(&disk, options) {
            Ok(opened) => {
                check_discarded(opened.discarded.as_ref(), was_opened);
                was_opened = true;
                met.uncovered += usize::from(opened.index.covered().lsn < frames.end().lsn);
                let replayed = frames.replay(&opened.index);
                let mut inserted = replayed;
                while inserted.is_ok() {
                    let (rows, end) = frames.append(1 + random.below(3), 20, &mut random);
                    inserted = opened.index.insert(&rows, end);
                }
            }
            Err(_) => met.in_opening += 1,
        }
        met.crashes += 1;
        disk.crash(if random.one_in(3) { Crash::Kill } else { Crash::PowerFailure }, &mut random);
    }
    let files = disk.files().len();
    let opened = open(&disk, options).expect("an index");
    check_discarded(opened.discarded.as_ref(), was_opened);
    met.leftovers += usize::from(disk.files().len() < files);
    assert!(opened.index.covered().lsn <= frames.end().lsn, "no more than the log holds is covered");
    frames.replay(&opened.index).expect("a replay");
    assert_equal(&opened.index, &frames.rows(), &mut random);
    assert_eq!(disk.files().len(), opened.index.version().files().count() + 1, "the runs and the manifest");
}

/// A crash never damages the index; before the first opening returned there may be none.
fn check_discarded(discarded: Option<&IndexError>, was_opened: bool) {
    let missing = IndexError::Damaged { file: "manifest".to_owned(), damage: Damage::Missing };
    assert!(discarded.is_none() || !was_opened && discarded == Some(&missing), "{discarded:?}");
}

#[test]
fn after_any_crash_the_index_opens_undamaged_and_equals_a_replay_of_the_log() {
    let mut met = Met::default();
    each_seed(seeds::asked(0..2_000), |seed| run(seed, &mut met));
    println!("{met:?}");
    if seeds::asked(0..2_000) == (0..2_000) {
        assert!(met.in_opening > 100 && met.leftovers > 500 && met.uncovered > 1_000, "{met:?}");
    }
}

#[test]
fn a_failed_sync_or_a_full_disk_stops_the_index_and_the_next_opening_replays_what_is_not_covered() {
    let fail: [fn(&SimulatedDisk); 2] = [SimulatedDisk::fail_next_sync, |disk| disk.set_full(true)];
    for (number, fail) in fail.into_iter().enumerate() {
        let (disk, mut frames, mut random) = (SimulatedDisk::default(), Frames::default(), Random(number as u64));
        let index = open(&disk, inline(30)).expect("an index").index;
        for _ in 0..100 {
            let (rows, end) = frames.append(2, 20, &mut random);
            index.insert(&rows, end).expect("rows inserted");
        }
        fail(&disk);
        let failed = loop {
            let (rows, end) = frames.append(2, 20, &mut random);
            if let Err(failed) = index.insert(&rows, end) {
                break failed;
            }
        };
        disk.set_full(false);
        assert!(matches!(failed, IndexError::File { .. }), "{failed}");
        assert_eq!(index.failure(), Some(failed.clone()));
        assert_equal(&index, &frames.rows(), &mut random);
        let (rows, end) = frames.append(2, 20, &mut random);
        assert_eq!(index.insert(&rows, end), Err(failed), "nothing more is written");
        drop(index);
        let opened = open(&disk, inline(30)).expect("an index");
        assert_eq!(opened.discarded, None);
        frames.replay(&opened.index).expect("a replay");
        assert_equal(&opened.index, &frames.rows(), &mut random);
    }
}
