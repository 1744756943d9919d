//! What a backup holds: what is new is sent once, also over segments, and a restore gives the same store, whole or up to
//! a moment.

use std::path::Path;

use onestop::domain::ids::Digest;
use onestop::domain::journal::Instant;
use onestop::store::embedded::EmbeddedStore;
use onestop::store::embedded::backup::{RestoreUntil, Restored, restore, verify};
use onestop::store::{JournalStore, PolicyStore};

use super::{back_up, backed_up, blocking};
use crate::store_contract::{commit, open};
use crate::support::ADMINISTRATION_ENTRIES;
use crate::support::claims::claim;
use crate::support::program::Serve;
use crate::support::stamp;

async fn commit_numbers(store: &EmbeddedStore, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        let commit = commit(number, &format!("P{number}"), &Default::default(), Some(&format!("C{number}")));
        store.commit(commit).await.expect("a commit");
    }
}

fn restored_to(backup: &Path, store: &Path, until: RestoreUntil) -> Restored {
    restore(&verify(backup).expect("a sound backup"), store, until).expect("a restore")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_backup_receives_only_what_is_new() {
    let place = tempfile::tempdir().expect("a directory");
    let directory = place.path().join("backup");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let mut client = serve.with_tables().await;
    let mut settle = async |number: u64| {
        let id = format!("C{number}");
        client.settle(&claim(&id, "P1", "10.00"), &id, Vec::new()).await.expect("a settlement");
    };
    for number in 0..50 {
        settle(number).await;
    }
    let (url, to) = (serve.url.clone(), directory.clone());
    let back_up = move || backed_up(&url, &to);
    let first = blocking(back_up.clone()).await;
    let entries = 50 + ADMINISTRATION_ENTRIES;
    assert_eq!((first["entries"].as_u64(), first["new_entries"].as_u64()), (Some(entries), Some(entries)));
    let unchanged = blocking(back_up.clone()).await;
    let taken = |value: &serde_json::Value| value["bytes_received"].as_u64().expect("a number");
    assert!(taken(&unchanged) <= 4096, "a seal at the most: {unchanged}");
    settle(50).await;
    settle(51).await;
    let second = blocking(back_up).await;
    assert_eq!((second["entries"].as_u64(), second["new_entries"].as_u64()), (Some(entries + 2), Some(2)));
    let grown = second["log_bytes"].as_u64().expect("a number") - unchanged["log_bytes"].as_u64().expect("a number");
    assert_eq!(taken(&second), grown, "what the log grew by");
    println!("first {}, unchanged {}, two settlements {} bytes", taken(&first), taken(&unchanged), taken(&second));
    assert!(taken(&second) * 4 < taken(&first));
}

/// The used bytes of each segment, as the manifest says.
fn used_bytes(backup: &Path) -> Vec<usize> {
    let manifest = std::fs::read_to_string(backup.join("BACKUP")).expect("the manifest");
    let segments = verify(backup).expect("a sound backup").manifest.segments();
    let used = |line: &str| line.split(' ').nth(2).expect("its length").parse().expect("a number");
    manifest.lines().skip(1).take(segments).map(used).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_segment_that_is_used_to_its_last_byte_is_backed_up_and_restored() {
    let place = tempfile::tempdir().expect("a directory");
    let [path, backup, copy] = ["store", "backup", "copy"].map(|name| place.path().join(name));
    let store = open(&path).expect("a store");
    for number in 1..=12u8 {
        store.put_policy(Digest([number; 32]), "1".repeat(5 << 20)).await.expect("a policy");
    }
    // Once nothing is committed for a while, the log is sealed and its end stands.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    back_up(&store, &backup).expect("a backup");
    // The next frame leaves a page for the ROLL that ends the segment.
    let room = (64 << 20) - 4096 - used_bytes(&backup)[0];
    store.put_policy(Digest([13; 32]), "2".repeat(room - 2_000)).await.expect("a policy");
    commit_numbers(&store, 1..=1).await;
    back_up(&store, &backup).expect("a backup");
    drop(store);
    assert_eq!(used_bytes(&backup)[0], 64 << 20);
    restored_to(&backup, &copy, RestoreUntil::End);
    let copied = open(&copy).expect("the copy");
    assert_eq!(copied.policy(Digest([13; 32])).await.map(|text| text.map(|text| text.len())), Ok(Some(room - 2_000)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_over_several_segments_is_continued_in_the_middle_of_one() {
    let place = tempfile::tempdir().expect("a directory");
    let [path, backup, copy] = ["store", "backup", "copy"].map(|name| place.path().join(name));
    let store = open(&path).expect("a store");
    let text = |number: u8| format!("{number}").repeat(5 << 20);
    let mut sent = Vec::new();
    for number in 1..=30u8 {
        store.put_policy(Digest([number; 32]), text(number % 10)).await.expect("a policy");
        commit_numbers(&store, number.into()..=number.into()).await;
        if number % 7 == 0 || number == 30 {
            sent.push(back_up(&store, &backup).expect("a backup"));
        }
    }
    let seal = back_up(&store, &backup).expect("a backup");
    assert!(seal <= 4096, "nothing but a seal is new");
    sent.push(seal);
    drop(store);
    let verified = verify(&backup).expect("a sound backup");
    assert_eq!((verified.manifest.segments(), sent.len()), (3, 6));
    // Every byte of the log was sent once; the heads of segments are apart.
    assert_eq!(sent.iter().sum::<usize>() as u64 + 3 * 4096, verified.manifest.bytes());
    assert!(sent.iter().all(|sent| *sent < 50 << 20), "{sent:?}");
    let restored = restored_to(&backup, &copy, RestoreUntil::End);
    assert_eq!(restored, Restored { entries: 30, left_out: 0, newest: Some(Instant(30)) });
    let copied = open(&copy).expect("the copy");
    for number in 1..=30u8 {
        assert_eq!(copied.policy(Digest([number; 32])).await, Ok(Some(text(number % 10))));
    }
    let manifest = std::fs::read_to_string(backup.join("BACKUP")).expect("the manifest");
    for segment in 0..3 {
        let name = format!("log/{segment:010}.log");
        let line = manifest.lines().nth(1 + segment).expect("a segment");
        let used: usize = line.split(' ').nth(2).expect("its length").parse().expect("a number");
        let [original, copied] = [&path, &copy].map(|store| std::fs::read(store.join(&name)).expect("a segment"));
        assert!(original[..used] == copied[..used], "{name} is the same, byte for byte");
    }
}

#[tokio::test]
async fn a_restore_to_a_moment_holds_what_was_committed_up_to_it() {
    let place = tempfile::tempdir().expect("a directory");
    let [path, backup] = ["store", "backup"].map(|name| place.path().join(name));
    let store = open(&path).expect("a store");
    commit_numbers(&store, 1..=4).await;
    // These share frames: a restore cuts inside one.
    let together = (5..=12).map(|number| {
        store.commit(commit(number, &format!("P{number}"), &Default::default(), Some(&format!("C{number}"))))
    });
    futures_util::future::join_all(together).await.into_iter().for_each(|committed| committed.expect("a commit"));
    commit_numbers(&store, 13..=15).await;
    back_up(&store, &backup).expect("a backup");
    drop(store);
    for until in 0..=16 {
        let copy = place.path().join(format!("copy-{until}"));
        let restored = restored_to(&backup, &copy, RestoreUntil::Time(Instant(until)));
        let kept = until.min(15) as u64;
        let newest = (kept > 0).then_some(Instant(kept as i64));
        assert_eq!(restored, Restored { entries: kept, left_out: 15 - kept, newest }, "until {until}");
        let copied = open(&copy).expect("the copy");
        for number in 1..=15 {
            let found = copied.entry(stamp(number).id).await.expect("a read").is_some();
            assert_eq!(found, number <= kept, "entry {number} until {until}");
        }
        // It goes on as a store of its own, and its own backup is another history.
        commit_numbers(&copied, 20..=21).await;
        if kept < 15 {
            let after = Some(verify(&backup).expect("the backup").manifest.position);
            let reader = onestop::store::Store::backup_reader(&copied).expect("a reader");
            assert!(reader.cursor(after).is_err(), "until {until}: it does not continue the backup");
        }
    }
}
