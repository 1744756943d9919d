//! The database of reference tables beside a log that is newer or older: the one is completed, the other refused.

use std::path::Path;

use onestop::domain::ids::Digest;
use onestop::store::embedded::{Durability, EmbeddedStore};
use onestop::store::{PolicyStore, ReferenceStore};

use crate::store_contract::open;

async fn put_policies(path: &Path, numbers: std::ops::Range<u8>) {
    let store = open(path).expect("a store");
    for number in numbers {
        store.put_policy(Digest([number; 32]), format!("text {number}")).await.expect("a policy");
    }
}

async fn policies(path: &Path) -> usize {
    open(path).expect("the store").policy_digests().await.expect("digests").len()
}

#[tokio::test]
async fn an_older_database_of_reference_tables_is_completed_from_the_log() {
    let place = tempfile::tempdir().expect("a directory");
    let [store, old] = ["store", "old"].map(|name| place.path().join(name));
    put_policies(&store, 0..3).await;
    std::fs::copy(store.join("redb"), &old).expect("a copy");
    put_policies(&store, 3..40).await;
    std::fs::copy(&old, store.join("redb")).expect("the old one back");
    assert_eq!(policies(&store).await, 40);
    // What was completed stays so without the log's help, and the next write follows.
    put_policies(&store, 40..41).await;
    assert_eq!(policies(&store).await, 41);
    let opened = open(&store).expect("the store");
    assert_eq!(opened.policy(Digest([39; 32])).await, Ok(Some("text 39".to_owned())));
    assert_eq!(opened.imports(u64::MAX, 9).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_database_of_reference_tables_that_is_newer_than_the_log_is_refused_by_name() {
    let place = tempfile::tempdir().expect("a directory");
    let [store, older] = ["store", "older"].map(|name| place.path().join(name));
    put_policies(&store, 0..2).await;
    let copied = std::process::Command::new("cp").arg("-r").args([&store, &older]).status().expect("cp runs");
    assert!(copied.success());
    put_policies(&store, 2..3).await;
    std::fs::copy(store.join("redb"), older.join("redb")).expect("the newer one");
    let refused = EmbeddedStore::open(&older, Durability::Synced).err().expect("a refusal").to_string();
    assert!(refused.contains("redb holds reference tables that the log beside it does not"), "{refused}");
}

/// redb panics where it writes to such a page.
#[tokio::test]
async fn a_database_that_cannot_be_completed_because_a_page_is_damaged_is_refused_by_name() {
    let place = tempfile::tempdir().expect("a directory");
    let store = place.path().join("store");
    put_policies(&store, 0..200).await;
    let older = std::fs::read(store.join("redb")).expect("the database");
    put_policies(&store, 200..201).await;
    let mut damaged = older;
    let with_rows = |page: &&mut [u8]| page.windows(5).any(|bytes| bytes == b"text ");
    let pages = damaged.chunks_mut(4_096).skip(1).filter(with_rows);
    assert!(pages.map(|page| page[0] = 0xff).count() > 0);
    // The file stays the same, so that not every page is checked before.
    std::fs::write(store.join("redb"), damaged).expect("written");
    let refused = EmbeddedStore::open(&store, Durability::Synced).err().expect("a refusal").to_string();
    assert!(refused.contains("/redb"), "{refused}");
}

#[tokio::test]
async fn every_page_of_a_copied_database_is_checked_before_it_is_served() {
    let place = tempfile::tempdir().expect("a directory");
    let [store, copy] = ["store", "copy"].map(|name| place.path().join(name));
    put_policies(&store, 0..200).await;
    let database = std::fs::read(store.join("redb")).expect("the database");
    let text = b"text 150";
    let places: Vec<_> = (0..database.len()).filter(|at| database[*at..].starts_with(text)).collect();
    assert!(!places.is_empty());
    let copied = std::process::Command::new("cp").arg("-r").args([&store, &copy]).status().expect("cp runs");
    assert!(copied.success());
    let mut damaged = database.clone();
    places.iter().for_each(|at| damaged[at + 5] ^= 1);
    std::fs::remove_file(copy.join("redb")).expect("removed");
    std::fs::write(copy.join("redb"), damaged).expect("written");
    match EmbeddedStore::open(&copy, Durability::Synced) {
        Err(refused) => assert!(refused.to_string().contains("redb"), "{refused}"),
        Ok(opened) => {
            assert_eq!(opened.policy(Digest([150; 32])).await, Ok(Some("text 150".to_owned())), "healed, or refused");
        }
    }
}
