//! The store's contract, held by every store; then what a store in a directory adds to it.
//!
//! Entries here are fences: a store does not look into an entry.

use std::path::Path;
use std::sync::Arc;

use onestop::domain::account::Account;
use onestop::domain::ids::AccountKey;
use onestop::domain::ids::{ClaimId, Digest, HospitalId, PersonId, RequestId};
use onestop::domain::journal::{Deed, Entry, Fenced};
use onestop::reference::row::{Row, Table};
use onestop::store::embedded::{Durability, EmbeddedStore, OpenError};
use onestop::store::memory::MemoryStore;
use onestop::store::rows::{ClaimRow, PersonState};
use onestop::store::{Commit, ReferenceWrite, Scope, Seen, Store, StoreError};

use crate::support::{row, stamp};

/// Runs every test of the contract on each store.
macro_rules! contract {
    ($($test:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                super::$test(super::MemoryStore::default()).await;
            })*
        }
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                let place = tempfile::tempdir().expect("a directory");
                super::$test(super::open(place.path()).expect("a store")).await;
            })*
        }
    };
}

contract! {
    an_absent_person_has_version_zero,
    a_commit_is_seen_whole,
    of_two_first_commits_one_wins,
    a_commit_on_a_version_that_moved_is_refused,
    of_two_persons_one_gets_the_claim,
    a_claim_id_of_another_hospital_is_another_claim,
    a_refused_commit_leaves_nothing,
    an_entry_is_never_replaced,
    a_look_up_sees_all_of_a_commit_or_nothing,
    reference_rows_are_replaced_by_their_keys,
    a_policy_is_kept,
}

/// The n-th commit, of a person on this state, about a claim; its request is `r` and the number.
fn commit(number: u64, person: &str, state: &PersonState, claim: Option<&str>) -> Commit {
    let person_id = PersonId::from(person);
    let entry = Entry {
        id: stamp(number).id,
        link: state.next(),
        committed: stamp(number).instant,
        request_id: format!("r{number}").into(),
        content: Digest::default(),
        deed: Deed::Fenced(Fenced { hospital_id: "H1".into(), person_id: person_id.clone() }),
    };
    let claim = claim.map(|claim| (claim.into(), ClaimRow { person_id, settlements: vec![(entry.id, None)] }));
    Commit::plan(&entry, state.clone(), Some(moved(state)), claim).expect("a commit")
}

/// The account of the year after one more admission.
fn moved(state: &PersonState) -> (AccountKey, Account) {
    let mut account = state.account(&key());
    (account.version, account.admissions) = (account.version + 1, account.admissions + 1);
    (key(), account)
}

fn key() -> AccountKey {
    AccountKey { insurance: "resident".into(), year: 2017 }
}

async fn look_up(store: &impl Store, person: &str, request: &str, claim: &str) -> Seen {
    let (hospital_id, person_id) = (HospitalId::from("H1"), PersonId::from(person));
    let (request_id, claim_id) = (RequestId::from(request), ClaimId::from(claim));
    let (request_id, claim_id) = (Some(&request_id), Some(&claim_id));
    let scope = Scope { hospital_id: &hospital_id, person_id: &person_id, request_id, claim_id };
    store.look_up(scope).await.expect("a look-up")
}

async fn state(store: &impl Store, person: &str) -> PersonState {
    look_up(store, person, "", "").await.state
}

async fn an_absent_person_has_version_zero(store: impl Store) {
    let seen = look_up(&store, "P1", "r1", "C1").await;
    assert_eq!((seen.state.version, seen.state), (0, PersonState::default()));
    assert!(seen.person.is_none() && seen.request.is_none() && seen.claim.is_none());
    assert_eq!(store.entry(stamp(1).id).await, Ok(None));
}

async fn a_commit_is_seen_whole(store: impl Store) {
    store.commit(commit(1, "P1", &PersonState::default(), Some("C1"))).await.expect("a commit");
    let seen = look_up(&store, "P1", "r1", "C1").await;
    assert_eq!((seen.state.version, seen.state.head), (1, Some(stamp(1).id)));
    assert_eq!(seen.state.account(&key()).admissions, 1);
    assert_eq!(seen.request, Some(stamp(1).id));
    assert_eq!(seen.claim.and_then(|row| row.live()), Some(stamp(1).id));
    let entry = store.entry(stamp(1).id).await.expect("a read").expect("an entry");
    assert_eq!((entry.link.number, entry.request_id.as_str()), (1, "r1"));
}

/// Two stamps that collide: the second entry is refused, and the first stays as it was.
async fn an_entry_is_never_replaced(store: impl Store) {
    store.commit(commit(1, "P1", &PersonState::default(), None)).await.expect("a commit");
    let again = store.commit(commit(1, "P2", &PersonState::default(), None)).await;
    assert!(matches!(again, Err(StoreError::Unavailable(_))), "{again:?}");
    let entry = store.entry(stamp(1).id).await.expect("a read").expect("an entry");
    assert_eq!(entry.parties().1.as_str(), "P1");
    assert_eq!(state(&store, "P2").await, PersonState::default());
}

/// Nobody has a row yet, so there is none to lock: version 0 takes part in the compare.
async fn of_two_first_commits_one_wins(store: impl Store) {
    let absent = PersonState::default();
    let (one, other) =
        tokio::join!(store.commit(commit(1, "P1", &absent, None)), store.commit(commit(2, "P1", &absent, None)));
    assert!(matches!((&one, &other), (Ok(()), Err(StoreError::Conflict)) | (Err(StoreError::Conflict), Ok(()))));
    let head = if one.is_ok() { stamp(1).id } else { stamp(2).id };
    let state = state(&store, "P1").await;
    assert_eq!((state.version, state.head), (1, Some(head)));
}

async fn a_commit_on_a_version_that_moved_is_refused(store: impl Store) {
    let absent = PersonState::default();
    store.commit(commit(1, "P1", &absent, None)).await.expect("a commit");
    let first = state(&store, "P1").await;
    store.commit(commit(2, "P1", &first, None)).await.expect("a commit");
    let mut ahead = state(&store, "P1").await;
    ahead.version = 3;
    for other in [&absent, &first, &ahead] {
        assert_eq!(store.commit(commit(3, "P1", other, None)).await, Err(StoreError::Conflict));
    }
    assert_eq!(state(&store, "P1").await.version, 2);
}

async fn of_two_persons_one_gets_the_claim(store: impl Store) {
    let absent = PersonState::default();
    let one = store.commit(commit(1, "P1", &absent, Some("C1")));
    let (one, other) = tokio::join!(one, store.commit(commit(2, "P2", &absent, Some("C1"))));
    assert!(matches!((&one, &other), (Ok(()), Err(StoreError::Conflict)) | (Err(StoreError::Conflict), Ok(()))));
    let (winner, loser) = if one.is_ok() { ("P1", "P2") } else { ("P2", "P1") };
    let bound = look_up(&store, loser, "", "C1").await;
    assert_eq!(bound.claim.expect("the claim").person_id, PersonId::from(winner));
    assert_eq!(bound.state, absent);
}

async fn a_claim_id_of_another_hospital_is_another_claim(store: impl Store) {
    let absent = PersonState::default();
    store.commit(commit(1, "P1", &absent, Some("C1"))).await.expect("a commit");
    let elsewhere = Commit { hospital_id: "H2".into(), ..commit(2, "P2", &absent, Some("C1")) };
    store.commit(elsewhere).await.expect("a commit");
    assert_eq!(look_up(&store, "P1", "", "C1").await.claim.expect("the claim").person_id, PersonId::from("P1"));
}

async fn a_refused_commit_leaves_nothing(store: impl Store) {
    store.commit(commit(1, "P1", &PersonState::default(), Some("C1"))).await.expect("a commit");
    let refused = commit(2, "P2", &PersonState::default(), Some("C1"));
    assert_eq!(store.commit(refused).await, Err(StoreError::Conflict));
    let refused = commit(3, "P1", &PersonState::default(), Some("C3"));
    assert_eq!(store.commit(refused).await, Err(StoreError::Conflict));
    for (person, request, id) in [("P2", "r2", 2), ("P1", "r3", 3)] {
        let seen = look_up(&store, person, request, "C3").await;
        assert!(seen.request.is_none() && seen.claim.is_none());
        assert_eq!(store.entry(stamp(id).id).await, Ok(None));
    }
    assert_eq!(state(&store, "P1").await.head, Some(stamp(1).id));
    assert_eq!(state(&store, "P2").await, PersonState::default());
}

async fn a_look_up_sees_all_of_a_commit_or_nothing(store: impl Store) {
    const COMMITS: u64 = 60;
    let store = Arc::new(store);
    let writing = Arc::clone(&store);
    let writer = tokio::spawn(async move {
        for number in 1..=COMMITS {
            let state = state(&*writing, "P1").await;
            writing.commit(commit(number, "P1", &state, Some(&format!("C{number}")))).await.expect("a commit");
        }
    });
    let mut next = 1;
    while next <= COMMITS {
        let seen = look_up(&*store, "P1", &format!("r{next}"), &format!("C{next}")).await;
        let there = seen.state.version >= next;
        assert_eq!((seen.request.is_some(), seen.claim.is_some()), (there, there), "commit {next}");
        assert_eq!(seen.state.account(&key()).version, seen.state.version);
        if let Some(head) = seen.state.head {
            let entry = store.entry(head).await.expect("a read").expect("the entry");
            assert_eq!(entry.link.number, seen.state.version);
        }
        next += u64::from(there);
        tokio::task::yield_now().await;
    }
    writer.await.expect("the writer");
}

/// Persons, hospitals and catalogue rows as one write.
fn reference(rows: Vec<Row>) -> ReferenceWrite {
    let mut write = ReferenceWrite::default();
    for row in rows {
        match row {
            Row::Person(id, part) => {
                write.persons.push((id, Default::default()));
                write.persons.last_mut().expect("the person").1.put(part);
            }
            Row::Hospital(id, part) => {
                write.hospitals.push((id, Default::default()));
                write.hospitals.last_mut().expect("the hospital").1.put(part);
            }
            Row::Catalogue(row) => write.catalogue.push(row),
        }
    }
    write
}

/// Two rows of each table, as they are in this region and under this name.
fn rows(region: &str, name: &str) -> ReferenceWrite {
    reference(vec![
        row(Table::Persons, &["P1", "resident", region]),
        row(Table::Persons, &["P2", "resident", "370100"]),
        row(Table::Hospitals, &["H1", name, "primary", region]),
        row(Table::Hospitals, &["H2", "二院", "tertiary", "370100"]),
        row(Table::Catalogue, &["A", "", "", name, "A", "", "", ""]),
        row(Table::Catalogue, &["A", "37", "2017-01-01", "青霉素", "A", "", "", ""]),
    ])
}

async fn reference_rows_are_replaced_by_their_keys(store: impl Store) {
    for (region, name) in [("370100", "before"), ("370200", "after")] {
        store.put_reference(rows(region, name)).await.expect("a write");
    }
    let wanted = rows("370200", "after");
    let mut read = store.reference().await.expect("a read");
    read.hospitals.sort_by(|one, other| one.0.cmp(&other.0));
    read.catalogue.sort_by(|one, other| one.regions.cmp(&other.regions));
    assert!(read.hospitals == wanted.hospitals && read.catalogue == wanted.catalogue);
    let ids = ["P2", "P3", "P1"].map(PersonId::from);
    let persons = store.persons(&ids).await.expect("a read");
    let wanted = [Some(wanted.persons[1].1.clone()), None, Some(wanted.persons[0].1.clone())];
    assert_eq!(persons, wanted);
    assert_eq!(look_up(&store, "P1", "", "").await.person, wanted[2]);
}

async fn a_policy_is_kept(store: impl Store) {
    let (digest, other) = (Digest::of(b"one"), Digest::of(b"other"));
    store.put_policy(digest, "the canonical text 一".to_owned()).await.expect("a write");
    assert_eq!(store.policy(digest).await, Ok(Some("the canonical text 一".to_owned())));
    assert_eq!(store.policy(other).await, Ok(None));
}

/// The store in this directory.
pub fn open(place: &Path) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(place, Durability::Synced)
}

#[tokio::test]
async fn a_directory_opened_anew_gives_everything_back() {
    let place = tempfile::tempdir().expect("a directory");
    let store = open(place.path()).expect("a store");
    store.commit(commit(1, "P1", &PersonState::default(), Some("C1"))).await.expect("a commit");
    store.put_reference(rows("370100", "一院")).await.expect("a write");
    store.put_policy(Digest::of(b"one"), "text".to_owned()).await.expect("a write");
    let entry = store.entry(stamp(1).id).await.expect("a read");
    let before = look_up(&store, "P1", "r1", "C1").await;
    drop(store);
    let store = open(place.path()).expect("the store");
    let after = look_up(&store, "P1", "r1", "C1").await;
    assert!(after.state == before.state && after.claim == before.claim && after.claim.is_some());
    assert_eq!((after.request, after.person), (Some(stamp(1).id), before.person));
    assert_eq!(store.entry(stamp(1).id).await.expect("a read"), entry);
    assert!(store.reference().await.expect("a read").hospitals == rows("370100", "一院").hospitals);
    assert_eq!(store.policy(Digest::of(b"one")).await, Ok(Some("text".to_owned())));
}

#[test]
fn a_directory_in_use_is_refused_until_it_is_let_go() {
    let place = tempfile::tempdir().expect("a directory");
    let store = open(place.path()).expect("a store");
    assert!(matches!(open(place.path()), Err(OpenError::InUse(_))));
    drop(store);
    assert!(open(place.path()).is_ok());
}

#[test]
fn a_directory_of_another_format_is_refused_and_left_as_it_is() {
    let place = tempfile::tempdir().expect("a directory");
    drop(open(place.path()).expect("a store"));
    for (text, told) in [("onestop-store 2\n", "2"), ("something else", "unknown"), ("", "unknown")] {
        std::fs::write(place.path().join("FORMAT"), text).expect("a write");
        let refused = open(place.path()).err();
        assert!(matches!(refused, Some(OpenError::NewerFormat { found, .. }) if found == told), "{text:?}");
        assert_eq!(std::fs::read_to_string(place.path().join("FORMAT")).expect("a read"), text);
    }
}

#[test]
fn a_directory_of_other_files_is_refused_and_an_interrupted_first_opening_is_not() {
    let place = tempfile::tempdir().expect("a directory");
    std::fs::write(place.path().join("secret"), "half").expect("a write");
    assert!(open(place.path()).is_ok());
    let place = tempfile::tempdir().expect("a directory");
    std::fs::write(place.path().join("letter.txt"), "of another").expect("a write");
    assert!(matches!(open(place.path()), Err(OpenError::NotAStore(_))));
    assert_eq!(std::fs::read_dir(place.path()).expect("a directory").count(), 1);
}
