//! A wrong index: an entry that leads to the record of another person, request, claim or entry serves none of it.

use std::path::Path;
use std::sync::Arc;

use onestop::domain::ids::{Digest, PersonId};
use onestop::domain::journal::{Entry, Fence};
use onestop::store::embedded::disk::Directory;
use onestop::store::embedded::index::{Index, IndexOptions, Key, Row};
use onestop::store::embedded::log::LogSizes;
use onestop::store::embedded::{Durability, EmbeddedStore};
use onestop::store::rows::PersonState;
use onestop::store::{Commit, JournalStore, Scope, StoreError};

use crate::support::ids::id;
use crate::support::{stamp, stored_log};

/// The n-th commit: a fence for a person on this state.
fn commit(number: u64, person: &str, state: &PersonState) -> Commit {
    let entry = Entry {
        id: stamp(number).id,
        link: state.next(),
        committed: stamp(number).instant,
        request_id: id(format!("r{number}")),
        content: Digest::default(),
        body: Fence { hospital_id: Some(id("H1")), person_id: id(person) },
    };
    Commit::new(state.clone(), &entry)
}

fn open(place: &Path) -> EmbeddedStore {
    EmbeddedStore::open(place, Durability::Synced).expect("a store")
}

#[tokio::test]
async fn an_index_that_leads_to_another_person_or_entry_serves_neither() {
    let place = tempfile::tempdir().expect("a directory");
    let store = open(place.path());
    for (number, person) in [(1, "P1"), (2, "P2"), (3, "P3")] {
        store.commit(commit(number, person, &PersonState::default())).await.expect("a commit");
    }
    let persons_of = ["P1", "P2", "P3"].map(|person| store.person_key(&id::<PersonId>(person)));
    drop(store);
    std::fs::remove_dir_all(place.path().join("index")).expect("the index");
    std::fs::create_dir(place.path().join("index")).expect("a directory");
    let disk = Arc::new(Directory::new(place.path().join("index")));
    let index = Index::open(disk, stored_log::identity(place.path()), IndexOptions::default()).expect("an index").index;
    stored_log::replay(place.path(), |frame| {
        let mut rows = Vec::new();
        for (position, record) in frame.records() {
            let record = stored_log::decode(record.rows(), record.entries());
            let persons = record.rows.iter().filter(|row| row.table == stored_log::PERSON);
            rows.extend(persons.map(|row| Row { key: Key::person(row.key[..].try_into().expect("a key")), position }));
            rows.extend(record.entries.iter().map(|(id, _)| Row { key: Key::entry(id.0), position }));
            if record.entries[0].0 == stamp(2).id {
                let wrong = [Key::person(persons_of[0]), Key::entry(stamp(1).id.0)];
                rows.extend(wrong.map(|key| Row { key, position }));
            }
        }
        index.insert(&rows, frame.end(LogSizes::STORE)).expect("rows");
    });
    index.checkpoint().expect("a checkpoint");
    drop(index);
    let store = open(place.path());
    let person: PersonId = id("P1");
    let read = store.look_up(Scope::of_person(&person)).await.map(|seen| seen.state);
    assert!(matches!(read, Err(StoreError::Damaged(_))), "{read:?}");
    let entry = store.entry(stamp(1).id).await;
    assert!(matches!(entry, Err(StoreError::Damaged(_))), "{entry:?}");
    let refused = store.commit(commit(4, "P1", &PersonState::default())).await;
    assert!(
        matches!(refused, Err(StoreError::Damaged(_))),
        "nothing is settled on the account of another: {refused:?}"
    );
    for (number, person) in [(2, "P2"), (3, "P3")] {
        let person: PersonId = id(person);
        let seen = store.look_up(Scope::of_person(&person)).await.expect("a read");
        assert_eq!((seen.state.version, seen.state.head), (1, Some(stamp(number).id)));
    }
}
