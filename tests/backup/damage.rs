//! A backup that is damaged, incomplete or foreign is refused by name, before anything is written.

use std::path::{Path, PathBuf};

use onestop::store::JournalStore;
use onestop::store::embedded::EmbeddedStore;

use super::{back_up, text};
use crate::store_contract::{commit, open};
use crate::support::program::run;
use crate::support::random::Random;

async fn store(path: &Path) -> EmbeddedStore {
    let store = open(path).expect("a store");
    for number in 1..=20 {
        let (person, claim) = (format!("P{number}"), format!("C{number}"));
        store.commit(commit(number, &person, &Default::default(), Some(&claim))).await.expect("a commit");
    }
    store
}

fn copied(from: &Path, to: &Path) {
    let _absent = std::fs::remove_dir_all(to);
    let copied = std::process::Command::new("cp").arg("-r").arg(from).arg(to).status().expect("cp runs");
    assert!(copied.success());
}

/// What a restore of this backup says, which must write nothing.
fn refusal(backup: &Path) -> String {
    let target = backup.with_file_name("target");
    let (code, _, errors) = run(&["restore", &text(backup), "--store", &text(&target)]);
    assert_eq!(code, Some(1), "{errors}");
    assert!(!target.exists(), "nothing is written: {errors}");
    errors
}

struct Backups {
    _place: tempfile::TempDir,
    whole: PathBuf,
    other: PathBuf,
    part: PathBuf,
}

async fn backups() -> Backups {
    let place = tempfile::tempdir().expect("a directory");
    let [whole, other, part] = ["whole", "other", "part"].map(|name| place.path().join(name));
    back_up(&store(&place.path().join("store")).await, &whole).expect("a backup");
    back_up(&store(&place.path().join("another")).await, &other).expect("a backup");
    Backups { _place: place, whole, other, part }
}

const SEGMENT: &str = "log/0000000000.log";

#[tokio::test]
async fn a_part_of_a_backup_that_is_missing_emptied_or_foreign_is_refused_by_name() {
    let Backups { _place, whole, other, part } = backups().await;
    for (file, missing, emptied, foreign) in [
        ("BACKUP", "never completed", "BACKUP is damaged", "part/secret"),
        ("secret", "secret is missing", "secret is damaged", "secret of another store"),
        (SEGMENT, "0000000000.log is missing", "0000000000.log is damaged", "belongs to another store"),
    ] {
        copied(&whole, &part);
        std::fs::remove_file(part.join(file)).expect("removed");
        let said = refusal(&part);
        assert!(said.contains(missing), "{file}: {said}");
        std::fs::write(part.join(file), "").expect("emptied");
        let said = refusal(&part);
        assert!(said.contains(emptied), "{file}: {said}");
        std::fs::copy(other.join(file), part.join(file)).expect("a copy");
        let said = refusal(&part);
        assert!(said.contains(foreign), "{file}: {said}");
    }
    copied(&whole, &part);
    std::fs::OpenOptions::new().write(true).open(part.join(SEGMENT)).expect("a file").set_len(8192).expect("cut");
    assert!(refusal(&part).contains("0000000000.log is damaged"), "{}", refusal(&part));
    std::fs::remove_dir_all(part.join("log")).expect("removed");
    assert!(refusal(&part).contains("0000000000.log is missing"), "{}", refusal(&part));
    let (code, _, errors) = run(&["restore", &text(&whole.join("log")), "--dry-run"]);
    assert!(code == Some(1) && errors.contains("holds no backup"), "{errors}");
    let (code, output, errors) = run(&["restore", &text(&whole), "--dry-run"]);
    assert!(code == Some(0) && output.starts_with("verified: 20 entries"), "{output} {errors}");
}

#[tokio::test]
async fn any_flipped_bit_of_a_backup_is_refused_and_named() {
    let Backups { _place, whole, part, .. } = backups().await;
    copied(&whole, &part);
    let (mut random, path) = (Random(7), part.join(SEGMENT));
    let log = std::fs::read(&path).expect("the segment");
    let used = log.iter().rposition(|byte| *byte != 0).expect("bytes") + 1;
    for _ in 0..24 {
        let at = random.below(used);
        let mut damaged = log.clone();
        damaged[at] ^= 1 << random.below(8);
        std::fs::write(&path, damaged).expect("written");
        let said = refusal(&part);
        assert!(said.contains("0000000000.log"), "byte {at}: {said}");
        // Nor is such a backup continued.
        let continued = onestop::store::embedded::backup::BackupDirectory::open(&part).err();
        assert!(continued.expect("a refusal").to_string().contains("0000000000.log"), "byte {at}");
    }
    std::fs::write(&path, &log).expect("as it was");
    let manifest = std::fs::read_to_string(part.join("BACKUP")).expect("the manifest");
    std::fs::write(part.join("BACKUP"), manifest.replace(" 20 ", " 21 ")).expect("written");
    assert!(refusal(&part).contains("BACKUP is damaged in line"));
    std::fs::write(part.join("BACKUP"), manifest).expect("as it was");
    let (code, _, errors) = run(&["restore", &text(&part), "--dry-run"]);
    assert_eq!(code, Some(0), "{errors}");
}
