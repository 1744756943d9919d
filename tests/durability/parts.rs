//! A part of a store that is missing, empty or of another store is refused by name, and an index that is any of these is
//! made again from the log.

use std::path::Path;

use onestop::store::embedded::{Durability, EmbeddedStore, OpenError};
use onestop::store::{JournalStore, PolicyStore};

use crate::store_contract::{commit, open};
use crate::support::stamp;

/// A closed store with two commits in this directory.
async fn store(path: &Path) {
    let store = open(path).expect("a store");
    for (number, person) in [(1, "P1"), (2, "P2")] {
        let claim = format!("C{number}");
        store.commit(commit(number, person, &Default::default(), Some(&claim))).await.expect("a commit");
    }
    store.put_policy(Default::default(), "text".to_owned()).await.expect("a policy");
}

fn refusal(path: &Path) -> String {
    let refused = EmbeddedStore::open(path, Durability::Synced).err().expect("a refusal");
    assert!(!matches!(refused, OpenError::NotAStore(_)));
    refused.to_string()
}

fn copied(from: &Path, to: &Path) {
    let _absent = std::fs::remove_dir_all(to);
    let copied = std::process::Command::new("cp").arg("-r").arg(from).arg(to).status().expect("cp runs");
    assert!(copied.success());
}

#[tokio::test]
async fn a_part_that_is_missing_empty_or_of_another_store_is_refused_by_name() {
    let place = tempfile::tempdir().expect("a directory");
    let [whole, other, part] = ["whole", "other", "part"].map(|name| place.path().join(name));
    store(&whole).await;
    store(&other).await;
    for file in ["redb", "secret", "log/0000000000.log"] {
        copied(&whole, &part);
        std::fs::remove_file(part.join(file)).expect("removed");
        let name = Path::new(file).file_name().expect("a name").to_string_lossy().into_owned();
        let said = refusal(&part);
        assert!(said.contains(&name) && said.contains("missing"), "{said}");
        copied(&whole, &part);
        std::fs::write(part.join(file), "").expect("emptied");
        let said = refusal(&part);
        assert!(said.contains(&name), "{said}");
        copied(&whole, &part);
        std::fs::copy(other.join(file), part.join(file)).expect("a copy");
        let said = refusal(&part);
        assert!(said.contains(&name) && said.contains("another store"), "{said}");
    }
    // The log as a whole.
    copied(&whole, &part);
    std::fs::remove_dir_all(part.join("log")).expect("removed");
    let said = refusal(&part);
    assert!(said.contains("log"), "{said}");
    // Without its format the directory is no store, and nothing in it is changed.
    copied(&whole, &part);
    std::fs::remove_file(part.join("FORMAT")).expect("removed");
    assert!(matches!(EmbeddedStore::open(&part, Durability::Synced), Err(OpenError::NotAStore(_))));
    let refused = EmbeddedStore::open_existing(&part, Durability::Synced).err().expect("a refusal");
    assert!(matches!(&refused, OpenError::PartMissing(missing) if *missing == part.join("FORMAT")), "{refused}");
    std::fs::copy(whole.join("FORMAT"), part.join("FORMAT")).expect("a copy");
    assert_eq!(open(&part).expect("the store").entry_count().await, Ok(2));
}

#[tokio::test]
async fn a_zeroed_page_of_the_database_is_damage_and_no_panic() {
    let place = tempfile::tempdir().expect("a directory");
    let [whole, part] = ["whole", "part"].map(|name| place.path().join(name));
    store(&whole).await;
    let length = std::fs::metadata(whole.join("redb")).expect("the database").len() as usize;
    let mut refused = 0;
    for page in 0..length.div_ceil(4096).min(64) {
        copied(&whole, &part);
        let mut bytes = std::fs::read(part.join("redb")).expect("the database");
        let end = (page * 4096 + 4096).min(length);
        bytes[page * 4096..end].fill(0);
        std::fs::write(part.join("redb"), bytes).expect("written");
        match EmbeddedStore::open(&part, Durability::Synced) {
            Err(_) => refused += 1,
            Ok(store) => {
                let read = store.policy(Default::default()).await;
                assert!(read.is_err() || read == Ok(Some("text".to_owned())), "page {page}: {read:?}");
                assert_eq!(store.entry_count().await, Ok(2));
            }
        }
    }
    assert!(refused > 0, "the first page is needed");
}

#[tokio::test]
async fn an_index_that_is_missing_emptied_or_of_another_store_is_made_again() {
    let place = tempfile::tempdir().expect("a directory");
    let [whole, other, part] = ["whole", "other", "part"].map(|name| place.path().join(name));
    store(&whole).await;
    store(&other).await;
    let is_whole = async |why: &str| {
        let store = open(&part).expect(why);
        for number in [1, 2] {
            assert!(store.entry(stamp(number).id).await.expect("a read").is_some(), "{why}");
        }
        assert_eq!(store.entry_count().await, Ok(2));
    };
    copied(&whole, &part);
    std::fs::remove_dir_all(part.join("index")).expect("removed");
    is_whole("without an index").await;
    copied(&whole, &part);
    for file in std::fs::read_dir(part.join("index")).expect("the index") {
        std::fs::write(file.expect("a file").path(), "").expect("emptied");
    }
    is_whole("with an emptied index").await;
    copied(&whole, &part);
    std::fs::remove_dir_all(part.join("index")).expect("removed");
    copied(&other.join("index"), &part.join("index"));
    is_whole("with the index of another store").await;
}
