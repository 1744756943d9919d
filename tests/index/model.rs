//! Random frames, freezes, merges and reopenings: the index equals a map.

use super::support::{Frames, assert_equal, each_seed, inline, open};
use crate::log::disk::SimulatedDisk;
use crate::support::random::Random;
use crate::support::seeds;

/// Frames, with a reopening or a checkpoint between some of them.
fn run(seed: u64) {
    let mut random = Random(seed);
    let (disk, mut frames) = (SimulatedDisk::default(), Frames::default());
    let most = *random.pick(&[20, 100, 3_000]);
    let options = inline(1 + random.below(most));
    let (persons, largest) = (1 + random.below(200), 1 + random.below(12));
    let mut index = open(&disk, options).expect("an index").index;
    for _ in 0..random.below(300) {
        let (rows, end) = frames.append(random.below(largest), persons, &mut random);
        index.insert(&rows, end).expect("rows inserted");
        if random.one_in(40) {
            index.checkpoint().expect("a checkpoint");
            assert_eq!(index.covered(), end);
        }
        if random.one_in(40) {
            drop(index);
            let opened = open(&disk, options).expect("an index");
            assert_eq!(opened.discarded, None);
            frames.replay(&opened.index).expect("a replay");
            index = opened.index;
        }
        if random.one_in(60) {
            assert_equal(&index, &frames.rows(), &mut random);
        }
    }
    assert_equal(&index, &frames.rows(), &mut random);
    let listed: Vec<_> = index.version().files().map(str::to_owned).collect();
    let unlisted = disk.files().into_iter().filter(|file| file.starts_with("run-") && !listed.contains(file));
    assert_eq!(unlisted.count(), 0, "files of merged runs are removed");
}

#[test]
fn the_index_equals_a_map_across_freezes_merges_and_reopenings() {
    each_seed(seeds::asked(0..60), run);
}

#[test]
fn runs_are_merged_eight_at_a_time_and_keep_the_newest_rows() {
    let (disk, mut frames, mut random) = (SimulatedDisk::default(), Frames::default(), Random(1));
    let index = open(&disk, inline(6)).expect("an index").index;
    for commits in 1..=600 {
        let (rows, end) = frames.append(1, 30, &mut random);
        index.insert(&rows, end).expect("rows inserted");
        let digits = [commits % 8, commits / 8 % 8, commits / 64 % 8, commits / 512].iter().sum::<usize>();
        assert_eq!(index.version().files().count(), digits, "{commits} runs of one commit");
        assert_eq!(index.covered(), end);
    }
    assert_equal(&index, &frames.rows(), &mut random);
}
