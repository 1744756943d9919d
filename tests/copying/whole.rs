//! A whole copy: nothing is lost, nothing added, and everything goes on from there.

use onestop::domain::day::Day;
use onestop::domain::ids::{Digest, EntryId, PersonId};
use onestop::engine::copy::CopyCount;
use onestop::engine::{Engine, EngineSettings};
use onestop::policy::shipped;
use onestop::store::imports::COPY;
use onestop::store::memory::MemoryStore;
use onestop::store::rows::ListPosition;
use onestop::store::{JournalStore, PolicyStore, ReferenceStore, Scope, Store};

use super::history::History;
use super::{copied, copy, open};
use crate::support::engine;
use crate::support::ids::id;
use crate::support::program::run;

const SEED: u64 = 0x00c0_9e17;

pub async fn reopened<S: Store>(store: S) -> Engine<S> {
    Engine::open(store, shipped::book().expect("the shipped book"), EngineSettings::default()).await.expect("an engine")
}

/// Twelve histories, each through a directory: to its secret and back to the one of memory.
#[tokio::test]
async fn a_copy_of_a_copy_equals_the_source_row_for_row() {
    for seed in SEED..SEED + 12 {
        println!("seed {seed:#x}");
        let place = tempfile::tempdir().expect("a directory");
        let original = engine(MemoryStore::default()).await;
        let history = History::play_with_runs(&original, seed, 60).await;
        assert!(
            history.settled.len() > 20
                && history.readjudications() > 0
                && !history.runs.is_empty()
                && !history.fenced.is_empty()
        );
        let (embedded, back) = (open(place.path()), MemoryStore::default());
        let copied = copy(original.store(), &embedded).await.expect("a copy");
        let entries = original.store().entry_count().await.expect("a count");
        assert_eq!(copied.entries, CopyCount { total: entries, written: entries });
        assert_eq!((copied.chains, copied.persons, copied.hospitals), (4, CopyCount { total: 4, written: 4 }, 4));
        assert_eq!(
            (copied.imports, copied.catalogue, copied.settlements),
            (6 + history.imports, 5, history.settled.len() as u64)
        );
        copy(&embedded, &back).await.expect("a copy");
        assert!(back.settled_fingerprint() == original.store().settled_fingerprint());
        the_rest_is_the_same(original.store(), &back).await;
        history.goes_on(&reopened(embedded).await).await;
    }
}

/// Persons, policies, hospitals, catalogue; the log of imports, followed by the two copies.
pub async fn the_rest_is_the_same(one: &MemoryStore, other: &MemoryStore) {
    let ids = [1, 2, 3, 4].map(|number| id::<PersonId>(format!("P{number}")));
    assert_eq!(one.persons(&ids).await, other.persons(&ids).await);
    let policies = one.policy_digests().await.expect("policies");
    assert_eq!(other.policy_digests().await.as_ref(), Ok(&policies));
    for digest in policies {
        assert_eq!(one.policy(digest).await, other.policy(digest).await);
    }
    let [one_tables, other_tables] =
        [one.read_hospitals_and_catalogue().await, other.read_hospitals_and_catalogue().await].map(|read| {
            let mut read = read.expect("tables");
            read.hospitals.sort_by(|one, other| one.0.cmp(&other.0));
            (read.hospitals, read.catalogue)
        });
    assert!(one_tables == other_tables);
    let log = other.imports(u64::MAX, 100).await.expect("the log");
    assert_eq!(log[2..], one.imports(u64::MAX, 100).await.expect("the log"));
    assert!(log[..2].iter().all(|import| import.start.table == COPY && import.end.is_some()));
    assert_eq!(log[0].start.imported_by, "a test");
}

/// Ids do not follow the order of commits, and the list does: place for place it is the source's.
#[tokio::test]
async fn a_copied_list_keeps_the_order_of_commits() {
    let place = tempfile::tempdir().expect("a directory");
    let original = engine(MemoryStore::default()).await;
    History::play(&original, SEED, 200).await;
    let embedded = open(place.path());
    copy(original.store(), &embedded).await.expect("a copy");
    let mut by_ids = true;
    for hospital in ["H1", "H2", "H3", "H3X"] {
        let from = ListPosition { day: Day::FIRST, number: 0 };
        let listed =
            original.store().hospital_settlements(&id(hospital), from, Day::LAST, 1_000).await.expect("a list");
        assert!(listed.len() > 10);
        let copied = embedded.hospital_settlements(&id(hospital), from, Day::LAST, 1_000).await.expect("a list");
        // Each kind of store numbers positions in its own way.
        let days_and_ids =
            |list: &[(ListPosition, EntryId)]| list.iter().map(|(at, id)| (at.day, *id)).collect::<Vec<_>>();
        assert_eq!(days_and_ids(&copied), days_and_ids(&listed));
        assert!(copied.is_sorted_by(|(one, _), (next, _)| one < next));
        by_ids &= listed.is_sorted_by_key(|(place, id)| (place.day, *id));
    }
    assert!(!by_ids);
}

#[tokio::test]
async fn a_second_copy_writes_nothing() {
    let original = engine(MemoryStore::default()).await;
    History::play(&original, SEED, 60).await;
    let target = MemoryStore::default();
    let first = copy(original.store(), &target).await.expect("a copy");
    let (before, log) = (target.settled_fingerprint(), target.imports(u64::MAX, 100).await);
    let second = copy(original.store(), &target).await.expect("a copy");
    assert_eq!((second.entries.written, second.persons.written), (0, 0));
    assert_eq!(
        (second.entries.total, second.persons.total, second.splits),
        (first.entries.total, first.persons.total, first.splits)
    );
    assert!(target.settled_fingerprint() == before && target.imports(u64::MAX, 100).await == log);
}

/// The whole program, with the seal that an auditor took of the source.
#[tokio::test]
async fn the_command_copies_and_a_seal_of_the_source_verifies_the_copy() {
    let place = tempfile::tempdir().expect("a directory");
    let [from, to, seal] = ["old", "new", "seal"].map(|name| place.path().join(name));
    let original = engine(open(&from)).await;
    let history = History::play(&original, SEED, 60).await;
    drop(original);
    let audit = |more: &[&str]| {
        let (code, output, _) = run(&[&["audit"], more].concat());
        (code, output)
    };
    let [at, new, sealed] = [&from, &to, &seal].map(|path| path.display().to_string());
    assert_eq!(audit(&["seal", "--store", &at, &sealed]).0, Some(0));
    let (code, output, errors) = copied(&from, &to, &["--by", "an operator"]);
    assert!(code == Some(0) && output.lines().count() == 3, "{output}{errors}");
    assert!(output.contains("4 persons (4 written now)\n4 chains, "), "{output}");
    let secrets = [&from, &to].map(|store| std::fs::read(store.join("secret")).expect("a secret"));
    assert!(secrets[0] != secrets[1]);
    let (code, output) = audit(&["verify", "--store", &new, "--against", &sealed]);
    assert_eq!(code, Some(0), "{output}");
    let (code, output, _) = copied(&from, &to, &["--json"]);
    let report: serde_json::Value = serde_json::from_str(&output).expect("JSON");
    assert_eq!((code, &report["entries_written"], &report["chains"]), (Some(0), &0.into(), &4.into()));
    assert_eq!(report["settlements"], history.settled.len());
    // No key of one is a key of the other.
    let keys = async |path| open(path).states(None, 100).await.expect("states").into_iter().map(|(key, _)| key);
    let (old_keys, mut new_keys): (Vec<_>, _) = (keys(&from).await.collect(), keys(&to).await);
    assert!(new_keys.all(|key| !old_keys.contains(&key)));
    history.goes_on(&reopened(open(&to)).await).await;
    let (code, output) = audit(&["verify", "--store", &new, "--against", &sealed]);
    assert_eq!(code, Some(0), "what grew since stands: {output}");
}

/// Nobody was ever settled for: persons, tables and policies are copied all the same.
#[tokio::test]
async fn a_store_without_a_settlement_is_copied() {
    let place = tempfile::tempdir().expect("a directory");
    let original = engine(MemoryStore::default()).await;
    let embedded = open(place.path());
    let copied = copy(original.store(), &embedded).await.expect("a copy");
    assert_eq!((copied.chains, copied.entries.total, copied.persons.total, copied.splits), (0, 0, 4, 0));
    let person_id = id("P2");
    let scope = Scope::of_person(&person_id);
    let seen = reopened(embedded).await.store().look_up(scope).await.expect("a look-up");
    assert_eq!(seen.person.expect("P2").id(), &person_id);
    assert_eq!(seen.state.chained, Digest::default());
}
