//! Damaged, missing and foreign files: named, and never served.

use super::support::{Frames, STORE, assert_equal, inline, open, table};
use crate::log::disk::SimulatedDisk;
use crate::support::random::Random;
use onestop::store::embedded::index::{Damage, Index, IndexError, KeyRange, Table};

/// Damages the bytes of a file.
type ChangeBytes = fn(Vec<u8>) -> Vec<u8>;

/// An index with runs of three levels, some of several pages, and a tail that is not covered.
fn sample() -> (SimulatedDisk, Frames) {
    let (disk, mut frames, mut random) = (SimulatedDisk::default(), Frames::default(), Random(9));
    let index = open(&disk, inline(120)).expect("an index").index;
    for _ in 0..77 {
        let (rows, end) = frames.append(20, 500, &mut random);
        index.insert(&rows, end).expect("rows inserted");
    }
    (disk, frames)
}

fn names(error: &IndexError, file: &str) -> bool {
    matches!(error, IndexError::Damaged { file: named, .. } if named == file)
}

/// Opens a disk with one damaged file: it is named at once and the log rebuilds the index, or what is read is right, or
/// names the file, and then the next opening discards the index. Returns which of the three.
fn check(disk: &SimulatedDisk, frames: &Frames, file: &str) -> usize {
    let opened = open(disk, inline(120)).expect("an index");
    if let Some(damage) = opened.discarded {
        assert!(names(&damage, file), "{damage:?} is not about {file}");
        assert_eq!(opened.index.covered().lsn, 0);
        frames.replay(&opened.index).expect("a replay");
        assert_equal(&opened.index, &frames.rows(), &mut Random(0));
        return 0;
    }
    frames.replay(&opened.index).expect("a replay");
    if !reads_name(&opened.index, frames, file) {
        return 1;
    }
    drop(opened);
    let again = open(disk, inline(120)).expect("an index");
    let IndexError::Damaged { file: report, damage: Damage::Reported(text) } = again.discarded.expect("a report")
    else {
        panic!("another damage")
    };
    assert!(report == "damaged" && text.contains(file), "{text}");
    2
}

/// Whether a read fails; those that do not are right.
fn reads_name(index: &Index, frames: &Frames, file: &str) -> bool {
    let rows = frames.rows();
    let mut failed = false;
    for kind in Table::ALL {
        match index.range(KeyRange::all(kind), usize::MAX) {
            Ok(found) => assert_eq!(found, table(&rows, kind)),
            Err(error) => {
                assert!(names(&error, file), "{error:?}");
                failed = true;
            }
        }
    }
    for (key, position) in rows {
        match index.get(key) {
            Ok(found) => assert_eq!(found, Some(position)),
            Err(error) => assert!(failed && names(&error, file), "{error:?}"),
        }
    }
    failed
}

#[test]
fn a_flipped_byte_anywhere_is_named_or_unread_until_its_read_fails_and_is_named() {
    let (disk, frames) = sample();
    let (mut random, mut outcomes) = (Random(3), [0; 3]);
    let files = disk.files();
    for _ in 0..400 {
        let copy = disk.copy();
        let file = random.pick(&files);
        let mut bytes = copy.bytes(file);
        let page = random.below(bytes.len().div_ceil(4096)) * 4096;
        let inside = bytes.len().min(page + *random.pick(&[64, 400, 4096])) - page;
        bytes[page + random.below(inside)] ^= 1 << random.below(8);
        copy.put(file, bytes);
        outcomes[check(&copy, &frames, file)] += 1;
    }
    println!("named at opening: {}, without effect: {}, named by a read: {}", outcomes[0], outcomes[1], outcomes[2]);
    assert!(outcomes[0] > 100 && outcomes[2] > 40, "{outcomes:?}");
}

#[test]
fn a_missing_emptied_cut_foreign_or_misplaced_file_is_named_and_the_index_rebuilt() {
    let (disk, frames) = sample();
    let foreign = SimulatedDisk::default();
    let other = Index::open(std::sync::Arc::new(foreign.clone()), *b"another store!!!", inline(120));
    frames.replay(&other.expect("an index").index).expect("a replay");
    let files = disk.files();
    for file in &files {
        let other_file = files.iter().find(|other| *other != file && other.starts_with("run-")).expect("a run");
        let damages: [(ChangeBytes, &str); 3] = [
            (|_| Vec::new(), "is empty"),
            (|bytes| bytes[..bytes.len() - 40].to_vec(), ""),
            (|bytes| [bytes, vec![0; 4096]].concat(), ""),
        ];
        for (damage, text) in damages {
            let copy = disk.copy();
            copy.put(file, damage(disk.bytes(file)));
            named(&copy, &frames, file, text);
        }
        for (bytes, text) in [(foreign.bytes(file), "belongs to another store"), (disk.bytes(other_file), "")] {
            let copy = disk.copy();
            copy.put(file, bytes);
            named(&copy, &frames, file, text);
        }
        let copy = disk.copy();
        copy.take_away(file);
        named(&copy, &frames, file, "is missing");
    }
}

/// The damage is named with this text at the opening, and a replay of the log rebuilds the index.
fn named(disk: &SimulatedDisk, frames: &Frames, file: &str, text: &str) {
    let opened = open(disk, inline(120)).expect("an index");
    let damage = opened.discarded.expect("a damage");
    assert!(names(&damage, file) && damage.to_string().contains(text), "{damage} is not about {file}: {text}");
    frames.replay(&opened.index).expect("a replay");
    assert_equal(&opened.index, &frames.rows(), &mut Random(0));
}

#[test]
fn an_index_of_another_format_is_rebuilt_and_other_files_stay() {
    let (disk, frames) = sample();
    let mut bytes = disk.bytes("manifest");
    bytes[16] = 9;
    disk.put("manifest", bytes);
    disk.put("notes.txt", b"of an operator".to_vec());
    named(&disk, &frames, "manifest", "has format 9; this release reads format 1");
    assert_eq!(disk.bytes("notes.txt"), b"of an operator");
}

#[test]
fn damage_that_a_merge_reads_stops_the_index_and_the_next_opening_rebuilds_it() {
    let (disk, mut frames) = sample();
    let index = open(&disk, inline(120)).expect("an index").index;
    frames.replay(&index).expect("a replay");
    let newest = index.version().files().next().expect("a run").to_owned();
    let mut bytes = disk.bytes(&newest);
    let last = bytes.len() - 100;
    bytes[last] ^= 1;
    bytes[last - 4_000] ^= 1;
    disk.put(&newest, bytes);
    let mut random = Random(4);
    let failed = loop {
        let (rows, end) = frames.append(20, 500, &mut random);
        if let Err(error) = index.insert(&rows, end) {
            break error;
        }
    };
    assert!(names(&failed, &newest), "{failed}");
    assert_eq!(index.failure(), Some(failed.clone()));
    let (rows, end) = frames.append(1, 500, &mut random);
    assert_eq!(index.insert(&rows, end), Err(failed.clone()));
    drop(index);
    let opened = open(&disk, inline(120)).expect("an index");
    assert!(opened.discarded.expect("a report").to_string().contains(&failed.to_string()));
    frames.replay(&opened.index).expect("a replay");
    assert_equal(&opened.index, &frames.rows(), &mut random);
}

#[test]
fn the_identity_of_the_store_is_in_every_file() {
    let (disk, _) = sample();
    for file in disk.files() {
        assert_eq!(disk.bytes(&file)[24..40], STORE, "{file}");
    }
}
