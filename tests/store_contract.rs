//! The store's contract, held by every store; then what a store in a directory adds to it.
//!
//! Entries here are fences: a store does not look into an entry.

use std::path::Path;
use std::sync::Arc;

use onestop::domain::account::Account;
use onestop::domain::day::Day;
use onestop::domain::ids::AccountKey;
use onestop::domain::ids::{ClaimId, Digest, EntryId, HospitalId, PersonId, RequestId};
use onestop::domain::journal::Entry;
use onestop::domain::journal::{
    AdministrationAct, AdministrationEntry, Fence, Instant, JournaledImport, MonthClosing, PolicyActivation,
};
use onestop::domain::month::{ClosedMonths, Month};
use onestop::engine::CommitStamp;
use onestop::reference::catalogue::CatalogueRow;
use onestop::reference::person::PersonRecord;
use onestop::reference::row::ReferenceRow;
use onestop::reference::table::ReferenceTable;
use onestop::store::administration::{AdministrationCommit, AdministrationState};
use onestop::store::commit::CommitOrigin;
use onestop::store::embedded::{Durability, EmbeddedStore, OpenError};
use onestop::store::entry_page::{PAGE_BYTES, StoredEntry};
use onestop::store::imports::{ImportEnd, ImportEvent, ImportStart};
use onestop::store::memory::MemoryStore;
use onestop::store::pages::Pages;
use onestop::store::rows::{ClaimRow, CommitPosition, ListPosition, PersonState};
use onestop::store::tiered::TieredStore;
use onestop::store::{
    Commit, EncodedPerson, JournalStore, LookUp, PolicyStore, ReferenceStore, ReferenceWrite, Scope, Store, StoreError,
};

use crate::support::ids::id;
use crate::support::redis_cluster::RedisCluster;
use crate::support::redis_server::{self, RedisServer};
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
        /// The same on a Cluster, each on a store of its own.
        pub async fn on_a_cluster(cluster: &RedisCluster) {
            $(
                println!("{}", stringify!($test));
                $test(redis_server::open(&cluster.url()).await).await;
            )*
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                let server = super::RedisServer::shared();
                super::$test(server.store().await).await;
            })*
        }
        /// On a Redis, with an archive that has nothing yet.
        mod archived {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                let (server, place) = (super::RedisServer::shared(), tempfile::tempdir().expect("a directory"));
                let archive = std::sync::Arc::new(super::open(place.path()).expect("a store"));
                super::$test(super::TieredStore::new(server.store().await, Some(archive))).await;
            })*
        }
    };
}

contract! {
    an_absent_person_has_version_zero,
    a_commit_is_visible_as_a_whole,
    one_of_two_concurrent_first_commits_wins,
    a_commit_on_an_old_version_is_refused,
    a_claim_is_bound_to_one_of_two_concurrent_persons,
    a_claim_id_of_another_hospital_is_another_claim,
    a_refused_commit_changes_nothing,
    an_entry_is_never_replaced,
    a_look_up_sees_all_of_a_commit_or_nothing,
    reference_rows_are_replaced_by_their_keys,
    a_policy_is_stored,
    settlements_are_listed_by_hospital_and_day_in_the_order_of_commits,
    entries_are_read_in_the_order_of_commits_and_a_page_that_was_read_never_changes,
    a_page_of_entries_ends_when_its_records_are_long,
    a_position_behind_the_end_of_the_journal_is_refused,
    every_entry_is_at_its_position_and_none_is_elsewhere,
    all_entries_of_a_commit_are_written_or_none,
    the_chain_of_the_administration_is_one_in_the_order_of_commits,
    the_end_of_an_import_applies_with_its_entry,
    a_commit_that_was_decided_under_other_closed_months_is_refused,
    a_record_is_returned_byte_for_byte,
    appended_settlements_come_after_those_of_the_day,
    states_and_persons_are_paged_in_the_order_of_keys,
    persons_are_read_in_the_order_of_their_keys,
    all_policy_digests_are_listed,
    a_live_commit_on_an_earlier_day_is_refused_and_changes_nothing,
}

/// The n-th commit, of a person on this state, about a claim; its request is `r` and the number.
pub fn commit(number: u64, person: &str, state: &PersonState, claim: Option<&str>) -> Commit {
    let person_id = id::<PersonId>(person);
    let entry = Entry {
        id: stamp(number).id,
        link: state.next(),
        committed: stamp(number).instant,
        request_id: id(format!("r{number}")),
        content: Digest::default(),
        body: Fence { hospital_id: Some(id("H1")), person_id: person_id.clone() },
    };
    let mut commit = Commit::new(state.clone(), &entry);
    let (key, account) = account_after_admission(state);
    commit.set_account(key, account);
    if let Some(claim) = claim {
        let mut row = ClaimRow::unsettled(person_id);
        row.settled(stamp(number).id);
        commit.set_claim(id("H1"), id(claim), row);
    }
    commit
}

/// The same of a settlement of this hospital, on this day.
fn listed(number: u64, person: &str, hospital: &str, day: Day) -> Commit {
    let commit = commit(number, person, &PersonState::default(), None);
    Commit { hospital_id: Some(id(hospital)), listed: Some(day), ..commit }
}

/// The account of the year after one more admission.
fn account_after_admission(state: &PersonState) -> (AccountKey, Account) {
    let mut account = state.account(&key());
    (account.version, account.admissions) = (account.version + 1, account.admissions + 1);
    (key(), account)
}

fn key() -> AccountKey {
    AccountKey { insurance: "resident".into(), year: 2017 }
}

/// A request id and a claim id that no commit names.
const ABSENT: &str = "absent";

async fn look_up(store: &impl Store, person: &str, request: &str, claim: &str) -> LookUp {
    let (hospital_id, person_id) = (id::<HospitalId>("H1"), id::<PersonId>(person));
    let (request_id, claim_id) = (id::<RequestId>(request), id::<ClaimId>(claim));
    let scope = Scope::of_person(&person_id).with_claim(&hospital_id, &claim_id);
    let scope = scope.with_request(&hospital_id, &request_id);
    store.look_up(scope).await.expect("a look-up")
}

async fn state(store: &impl Store, person: &str) -> PersonState {
    look_up(store, person, ABSENT, ABSENT).await.state
}

async fn an_absent_person_has_version_zero(store: impl Store) {
    let seen = look_up(&store, "P1", "r1", "C1").await;
    assert_eq!((seen.state.version, seen.state), (0, PersonState::default()));
    assert!(seen.person.is_none() && seen.request.is_none() && seen.claim.is_none());
    assert_eq!(store.entry(stamp(1).id).await, Ok(None));
}

/// Every entry after a position, read in pages of this many.
async fn entries_after(store: &impl Store, mut after: CommitPosition, limit: usize) -> Vec<StoredEntry> {
    let mut entries = Vec::new();
    loop {
        let page = store.entries_after(after, limit).await.expect("a page");
        assert!(page.entries.len() <= limit && (page.is_end || !page.entries.is_empty()));
        after = page.entries.last().map_or(after, |entry| entry.position);
        entries.extend(page.entries);
        if page.is_end {
            return entries;
        }
    }
}

/// Persons of several shards, and a commit of two entries.
async fn entries_are_read_in_the_order_of_commits_and_a_page_that_was_read_never_changes(store: impl Store) {
    assert_eq!(entries_after(&store, CommitPosition::FIRST, 3).await, []);
    let mut records = Vec::new();
    for number in 1..=7 {
        let mut commit = commit(2 * number, &format!("P{number}"), &PersonState::default(), None);
        commit.append(stamp(2 * number + 1).id, Fence { hospital_id: Some(id("H1")), person_id: id("P1") });
        records.extend(commit.entries.clone());
        store.commit(commit).await.expect("a commit");
    }
    let all = entries_after(&store, CommitPosition::FIRST, 100).await;
    let read: Vec<_> = all.iter().map(|entry| (entry.id, entry.record.clone().expect("a record"))).collect();
    assert_eq!(read, records);
    assert!(all.is_sorted_by(|one, next| one.position < next.position));
    store.commit(commit(16, "P8", &PersonState::default(), None)).await.expect("a commit");
    for limit in [1, 2, 3, 14, 15] {
        let pages = entries_after(&store, CommitPosition::FIRST, limit).await;
        assert_eq!((&pages[..14], pages[14].id, pages.len()), (&all[..], stamp(16).id, 15), "pages of {limit}");
    }
    for (read, entry) in all.iter().enumerate() {
        let rest = entries_after(&store, entry.position, 4).await;
        assert_eq!((rest.len(), &rest[..13 - read]), (14 - read, &all[read + 1..]), "after {read}");
    }
}

/// An entry of the administration that puts a book in use.
fn activation(number: u64, state: &AdministrationState) -> AdministrationCommit {
    let book = Digest([number as u8; 32]);
    let act = AdministrationAct::PolicyActivation(PolicyActivation { activated_by: "an operator".to_owned(), book });
    administration(number, state, act)
}

async fn the_chain_of_the_administration_is_one_in_the_order_of_commits(store: impl Store) {
    let empty = AdministrationState::default();
    assert_eq!(store.administration().await, Ok(empty.clone()));
    let first = activation(1, &empty);
    store.commit_administration(first.clone()).await.expect("a commit");
    assert_eq!(store.administration().await, Ok(first.state.clone()));
    assert_eq!(store.commit_administration(activation(2, &empty)).await, Err(StoreError::Conflict));
    store.commit(commit(3, "P1", &PersonState::default(), None)).await.expect("a commit");
    let second = activation(4, &first.state);
    store.commit_administration(second.clone()).await.expect("a commit");
    let state = store.administration().await.expect("a state");
    assert_eq!((state.version, state.head, state.book), (2, Some(second.id), Some(Digest([4; 32]))));
    let taken = AdministrationCommit { id: first.id, ..activation(5, &state) };
    assert_eq!(store.commit_administration(taken).await, Err(StoreError::EntryIdTaken));
    let read: Vec<_> = entries_after(&store, CommitPosition::FIRST, 2).await;
    let records: Vec<_> = read.into_iter().map(|entry| entry.record.expect("a record")).collect();
    assert_eq!((records.len(), &records[0], &records[2]), (3, &first.record, &second.record));
    assert_eq!(store.record(second.id).await, Ok(Some(second.record)));
    let states = store.states(None, 10).await.expect("states");
    assert_eq!(states.len(), 1, "the administration is no person");
}

/// An entry of the administration with this act.
fn administration(number: u64, state: &AdministrationState, act: AdministrationAct) -> AdministrationCommit {
    let CommitStamp { id, instant } = stamp(64 * number);
    AdministrationCommit::new(state.clone(), &AdministrationEntry { id, link: state.next(), committed: instant, act })
}

async fn the_end_of_an_import_applies_with_its_entry(store: impl Store) {
    let write = ReferenceWrite { hospitals: rows(&store, "370100", "一院").hospitals, ..ReferenceWrite::default() };
    store.log_import(1, ImportEvent::Start(ImportStart::default())).await.expect("a start");
    store.write_reference(1, 0, write).await.expect("rows");
    assert!(store.read_hospitals_and_catalogue().await.expect("a read").hospitals.is_empty(), "it has not ended");
    let (state, digest) = (AdministrationState::default(), Digest([7; 32]));
    let end = JournaledImport {
        number: 1,
        table: "hospitals".to_owned(),
        source: String::new(),
        imported_by: String::new(),
        digest,
        changed: 2,
        unchanged: 3,
    };
    let commit = administration(1, &state, AdministrationAct::ImportEnd(end));
    let late = AdministrationCommit { expected: 1, ..commit.clone() };
    assert_eq!(store.commit_administration(late).await, Err(StoreError::Conflict));
    assert_eq!(store.imports(u64::MAX, 1).await.expect("imports")[0].end, None, "neither the entry nor the end");
    store.commit_administration(commit.clone()).await.expect("a commit");
    let ended = ImportEnd { instant: commit.committed, changed: 2, unchanged: 3 };
    assert_eq!(store.imports(u64::MAX, 1).await.expect("imports")[0].end, Some(ended));
    assert!(!store.read_hospitals_and_catalogue().await.expect("a read").hospitals.is_empty());
    let read = entries_after(&store, CommitPosition::FIRST, 2).await;
    assert_eq!((read.len(), &read[0].record), (1, &Ok(commit.record)));
}

async fn a_commit_that_was_decided_under_other_closed_months_is_refused(store: impl Store) {
    let decided = |number: u64, person: &str, closed| Commit {
        closed_months: Some(closed),
        ..commit(number, person, &PersonState::default(), None)
    };
    let open = ClosedMonths::default();
    store.commit(decided(1, "P1", open)).await.expect("nothing is closed");
    let month = Month::from_number(196_912).expect("a month");
    let closing = AdministrationAct::MonthClosing(MonthClosing { closed_by: "an operator".to_owned(), month });
    let closed = administration(1, &AdministrationState::default(), closing);
    store.commit_administration(closed).await.expect("a commit");
    let months = ClosedMonths { through: Some(month) };
    assert_eq!(store.administration().await.expect("a state").closed_months, months);
    for person in ["P1", "P2", "P3"] {
        let id = id::<PersonId>(person);
        let seen = store.look_up(Scope::of_person(&id).with_closed_months()).await.expect("a look-up");
        assert_eq!(seen.closed_months, months, "{person}");
    }
    assert_eq!(store.commit(decided(2, "P2", open)).await, Err(StoreError::Conflict));
    store.commit(decided(2, "P2", months)).await.expect("decided under what is closed");
    store.commit(commit(3, "P3", &PersonState::default(), None)).await.expect("nothing depends on it");
}

async fn a_page_of_entries_ends_when_its_records_are_long(store: impl Store) {
    for number in 1..=5 {
        let mut long = commit(number, &format!("P{number}"), &PersonState::default(), None);
        long.entries[0].1.resize(PAGE_BYTES / 2, 7);
        store.commit(long).await.expect("a commit");
    }
    let first = store.entries_after(CommitPosition::FIRST, 100).await.expect("a page");
    assert_eq!((first.entries.len(), first.is_end), (2, false));
    let ids: Vec<_> = entries_after(&store, CommitPosition::FIRST, 100).await.iter().map(|entry| entry.id).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5].map(|number| stamp(number).id));
}

async fn a_position_behind_the_end_of_the_journal_is_refused(store: impl Store) {
    store.commit(commit(1, "P1", &PersonState::default(), None)).await.expect("a commit");
    let refused = store.entries_after(CommitPosition(u64::MAX), 10).await;
    assert_eq!(refused, Err(StoreError::UnknownPosition));
}

async fn every_entry_is_at_its_position_and_none_is_elsewhere(store: impl Store) {
    for number in 1..=3 {
        let mut commit = commit(2 * number, &format!("P{number}"), &PersonState::default(), None);
        commit.append(stamp(2 * number + 1).id, Fence { hospital_id: Some(id("H1")), person_id: id("P1") });
        store.commit(commit).await.expect("a commit");
    }
    let all = entries_after(&store, CommitPosition::FIRST, 100).await;
    assert_eq!(all.len(), 6);
    for entry in &all {
        assert_eq!(store.entry_at(entry.position).await, Ok(Some(entry.id)));
    }
    let behind = CommitPosition(all[5].position.0 + 1);
    for position in [CommitPosition::FIRST, behind, CommitPosition(u64::MAX)] {
        assert_eq!(store.entry_at(position).await, Ok(None), "{position:?}");
    }
}

async fn a_commit_is_visible_as_a_whole(store: impl Store) {
    store.commit(commit(1, "P1", &PersonState::default(), Some("C1"))).await.expect("a commit");
    let seen = look_up(&store, "P1", "r1", "C1").await;
    assert_eq!((seen.state.version, seen.state.head), (1, Some(stamp(1).id)));
    assert_eq!(seen.state.account(&key()).admissions, 1);
    assert_eq!(seen.request, Some(stamp(1).id));
    assert_eq!(seen.claim.and_then(|row| Some(row.settlement_in_force()?.latest_revision())), Some(stamp(1).id));
    let entry = store.entry(stamp(1).id).await.expect("a read").expect("an entry");
    assert_eq!((entry.link.number, entry.request_id.as_str()), (1, "r1"));
}

/// Two stamps that collide: the second entry is refused, and the first stays as it was.
async fn an_entry_is_never_replaced(store: impl Store) {
    store.commit(commit(1, "P1", &PersonState::default(), None)).await.expect("a commit");
    let again = store.commit(commit(1, "P2", &PersonState::default(), None)).await;
    assert_eq!(again, Err(StoreError::EntryIdTaken));
    let entry = store.entry(stamp(1).id).await.expect("a read").expect("an entry");
    assert_eq!(entry.parties().1.as_str(), "P1");
    assert_eq!(state(&store, "P2").await, PersonState::default());
}

/// Nobody has a row yet, so there is none to lock: version 0 takes part in the compare.
async fn one_of_two_concurrent_first_commits_wins(store: impl Store) {
    let absent = PersonState::default();
    let (one, other) =
        tokio::join!(store.commit(commit(1, "P1", &absent, None)), store.commit(commit(2, "P1", &absent, None)));
    assert!(matches!((&one, &other), (Ok(()), Err(StoreError::Conflict)) | (Err(StoreError::Conflict), Ok(()))));
    let head = if one.is_ok() { stamp(1).id } else { stamp(2).id };
    let state = state(&store, "P1").await;
    assert_eq!((state.version, state.head), (1, Some(head)));
}

async fn a_commit_on_an_old_version_is_refused(store: impl Store) {
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

async fn a_claim_is_bound_to_one_of_two_concurrent_persons(store: impl Store) {
    let absent = PersonState::default();
    let one = store.commit(commit(1, "P1", &absent, Some("C1")));
    let (one, other) = tokio::join!(one, store.commit(commit(2, "P2", &absent, Some("C1"))));
    assert!(matches!((&one, &other), (Ok(()), Err(StoreError::Conflict)) | (Err(StoreError::Conflict), Ok(()))));
    let (winner, loser) = if one.is_ok() { ("P1", "P2") } else { ("P2", "P1") };
    let bound = look_up(&store, loser, ABSENT, "C1").await;
    assert_eq!(bound.claim.expect("the claim").person_id, id::<PersonId>(winner));
    assert_eq!(bound.state, absent);
}

async fn a_claim_id_of_another_hospital_is_another_claim(store: impl Store) {
    let absent = PersonState::default();
    store.commit(commit(1, "P1", &absent, Some("C1"))).await.expect("a commit");
    let mut elsewhere = Commit { hospital_id: Some(id("H2")), ..commit(2, "P2", &absent, Some("C1")) };
    elsewhere.claims[0].hospital_id = id("H2");
    store.commit(elsewhere).await.expect("a commit");
    assert_eq!(look_up(&store, "P1", ABSENT, "C1").await.claim.expect("the claim").person_id, id::<PersonId>("P1"));
}

async fn a_refused_commit_changes_nothing(store: impl Store) {
    store.commit(commit(1, "P1", &PersonState::default(), Some("C1"))).await.expect("a commit");
    let refused = commit(2, "P2", &PersonState::default(), Some("C1"));
    assert_eq!(store.commit(refused).await, Err(StoreError::Conflict));
    let refused = commit(3, "P1", &PersonState::default(), Some("C3"));
    assert_eq!(store.commit(refused).await, Err(StoreError::Conflict));
    // To another person C3 may look bound already: a store may bind a claim to a person before the commit.
    for (person, request, claim, id) in [("P2", "r2", "C2", 2), ("P1", "r3", "C3", 3)] {
        let seen = look_up(&store, person, request, claim).await;
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

/// The later day is committed first, and the ids run against the order of commits. How places are numbered is the
/// store's to say; that later commits are numbered higher is not.
async fn settlements_are_listed_by_hospital_and_day_in_the_order_of_commits(store: impl Store) {
    let [before, day, after] = [14, 15, 16].map(|day| Day::new(2017, 6, day).expect("a day"));
    for (number, person, hospital, on) in
        [(9, "P1", "H1", after), (8, "P2", "H1", day), (7, "P3", "H2", day), (6, "P4", "H1", day), (5, "P5", "H1", day)]
    {
        store.commit(listed(number, person, hospital, on)).await.expect("a commit");
    }
    let list = async |hospital: &str, from: ListPosition, until: Day, most: usize| {
        store.hospital_settlements(&id(hospital), from, until, most).await.expect("a list")
    };
    let place = |day, number| ListPosition { day, number };
    let of = |day, id| (day, stamp(id).id);
    let all = list("H1", place(before, 0), Day::LAST, 100).await;
    assert!(all.is_sorted_by(|one, other| one.0 < other.0) && all[0].0.number > 0);
    let ids = |list: &[(ListPosition, EntryId)]| list.iter().map(|(place, id)| (place.day, *id)).collect::<Vec<_>>();
    assert_eq!(ids(&all), [of(day, 8), of(day, 6), of(day, 5), of(after, 9)]);
    assert_eq!(list("H1", place(before, 0), Day::LAST, 2).await, all[..2]);
    assert_eq!(list("H1", all[2].0, Day::LAST, 100).await, all[2..]);
    assert_eq!(list("H1", place(day, all[1].0.number + 1), Day::LAST, 1).await, all[2..3]);
    assert_eq!(list("H1", place(day, 0), after, 100).await, all[..3]);
    assert_eq!(ids(&list("H2", place(Day::FIRST, 0), Day::LAST, 100).await), [of(day, 7)]);
    assert_eq!(list("H1", place(after, 0), day, 100).await, []);
    assert_eq!(list("H3", place(Day::FIRST, 0), Day::LAST, 100).await, []);
    // A refused commit is in no list, and a later one comes last.
    assert_eq!(store.commit(listed(4, "P1", "H2", day)).await, Err(StoreError::Conflict));
    store.commit(listed(3, "P6", "H2", day)).await.expect("a commit");
    assert_eq!(ids(&list("H2", place(Day::FIRST, 0), Day::LAST, 100).await), [of(day, 7), of(day, 3)]);
}

async fn all_entries_of_a_commit_are_written_or_none(store: impl Store) {
    let more = |mut commit: Commit, numbers: &[u64]| {
        for number in numbers {
            let fence = Fence { hospital_id: Some(id("H2")), person_id: id("P1") };
            commit.append(stamp(*number).id, fence);
        }
        commit
    };
    let absent = PersonState::default();
    store.commit(more(commit(1, "P1", &absent, Some("C1")), &[2, 3])).await.expect("a commit");
    let seen = look_up(&store, "P1", "r1", "C1").await;
    assert_eq!((seen.state.version, seen.state.head, seen.request), (3, Some(stamp(3).id), Some(stamp(1).id)));
    let mut next = seen.state.head;
    for number in [3, 2, 1] {
        let entry = store.entry(next.expect("an id")).await.expect("a read").expect("an entry");
        assert_eq!((entry.id, entry.link.number), (stamp(number).id, number));
        next = entry.link.previous;
    }
    assert_eq!(next, None);
    // One id of several is taken: none is written.
    let refused = store.commit(more(commit(4, "P2", &absent, Some("C2")), &[5, 3])).await;
    assert_eq!(refused, Err(StoreError::EntryIdTaken));
    assert_eq!(store.entry(stamp(4).id).await, Ok(None));
    assert_eq!(store.entry(stamp(5).id).await, Ok(None));
    assert!(look_up(&store, "P2", "r4", "C2").await.claim.is_none());
}

/// Persons, hospitals and catalogue rows as one write.
fn reference(store: &impl Store, rows: Vec<ReferenceRow>) -> ReferenceWrite {
    let mut write = ReferenceWrite::default();
    for row in rows {
        match row {
            ReferenceRow::Person(id, part) => {
                let mut record = PersonRecord::new(id.clone());
                record.put(part);
                write.persons.push(EncodedPerson::new(store.person_key(&id), &record));
            }
            ReferenceRow::Hospital(id, part) => {
                write.hospitals.push((id, Default::default()));
                write.hospitals.last_mut().expect("the hospital").1.put(part);
            }
            ReferenceRow::Catalogue(row) => write.catalogue.push(row),
        }
    }
    write
}

/// Two rows of each table, as they are in this region and under this name.
fn rows(store: &impl Store, region: &str, name: &str) -> ReferenceWrite {
    reference(
        store,
        vec![
            row(ReferenceTable::Enrolments, &["P1", "", "resident", region, ""]),
            row(ReferenceTable::Enrolments, &["P2", "", "resident", "370100", ""]),
            row(ReferenceTable::Hospitals, &["H1", "", name, "primary", region, "", ""]),
            row(ReferenceTable::Hospitals, &["H2", "", "二院", "tertiary", "370100", "", ""]),
            row(ReferenceTable::Catalogue, &["A", "", "", name, "A", "", "", ""]),
            row(ReferenceTable::Catalogue, &["A", "37", "2017-01-01", "青霉素", "A", "", "", ""]),
        ],
    )
}

/// Of rows with one key the last, as a reader of the catalogue keeps them.
fn newest(rows: Vec<CatalogueRow>) -> Vec<CatalogueRow> {
    let mut kept: Vec<CatalogueRow> = Vec::new();
    for row in rows {
        kept.retain(|known| !known.same_key(&row));
        kept.push(row);
    }
    kept
}

async fn reference_rows_are_replaced_by_their_keys(store: impl Store) {
    for (number, region, name) in [(1, "370100", "before"), (2, "370200", "after"), (3, "370300", "never")] {
        store
            .log_import(number, ImportEvent::Start(ImportStart { source: name.to_owned(), ..ImportStart::default() }))
            .await
            .expect("a note");
        let ReferenceWrite { persons, hospitals, catalogue } = rows(&store, region, name);
        // In two parts; persons hold at once, hospitals and catalogue when the import ended.
        let first = ReferenceWrite { hospitals, ..ReferenceWrite::default() };
        let second = ReferenceWrite { catalogue, ..ReferenceWrite::default() };
        if number < 3 {
            store
                .write_reference(number, 0, ReferenceWrite { persons, ..ReferenceWrite::default() })
                .await
                .expect("a write");
        }
        store.write_reference(number, 1, first).await.expect("a write");
        store.write_reference(number, 2, second).await.expect("a write");
        let read = store.read_hospitals_and_catalogue().await.expect("a read");
        let day = Day::FIRST;
        assert!(
            read.hospitals
                .iter()
                .all(|(_, record)| record.statuses().on(day).is_some_and(|(status, _)| *status.name != *name))
        );
        if number < 3 {
            store
                .log_import(number, ImportEvent::End(ImportEnd { changed: number, ..ImportEnd::default() }))
                .await
                .expect("a note");
        }
    }
    let log = store.imports(u64::MAX, 10).await.expect("the log");
    let logged = log.iter().map(|one| (one.number, &*one.start.source, one.end.as_ref().map(|ended| ended.changed)));
    let logged: Vec<_> = logged.collect();
    assert_eq!(logged, [(3, "never", None), (2, "after", Some(2)), (1, "before", Some(1))]);
    assert_eq!(store.imports(3, 1).await.expect("the log"), log[1..2]);
    let wanted = rows(&store, "370200", "after");
    let mut read = store.read_hospitals_and_catalogue().await.expect("a read");
    read.catalogue = newest(read.catalogue);
    read.hospitals.sort_by(|one, other| one.0.cmp(&other.0));
    read.catalogue.sort_by(|one, other| one.regions.cmp(&other.regions));
    assert!(read.hospitals == wanted.hospitals && read.catalogue == wanted.catalogue);
    let ids = ["P2", "P3", "P1"].map(id::<PersonId>);
    let persons = store.persons(&ids).await.expect("a read");
    assert_eq!(look_up(&store, "P1", ABSENT, ABSENT).await.person, persons[2]);
    let encoded = |person: PersonRecord| EncodedPerson::new(store.person_key(person.id()), &person);
    let persons: Vec<_> = persons.into_iter().map(|person| person.map(encoded)).collect();
    assert_eq!(persons, [Some(wanted.persons[1].clone()), None, Some(wanted.persons[0].clone())]);
}

async fn a_policy_is_stored(store: impl Store) {
    let (digest, other) = (Digest::blake3(b"one"), Digest::blake3(b"other"));
    store.put_policy(digest, "the canonical text 一".to_owned()).await.expect("a write");
    assert_eq!(store.policy(digest).await, Ok(Some("the canonical text 一".to_owned())));
    assert_eq!(store.policy(other).await, Ok(None));
}

async fn a_record_is_returned_byte_for_byte(store: impl Store) {
    let commit = commit(1, "P1", &PersonState::default(), None);
    let record = commit.entries[0].1.clone();
    store.commit(commit).await.expect("a commit");
    assert_eq!(store.record(stamp(1).id).await, Ok(Some(record)));
    assert_eq!(store.record(stamp(2).id).await, Ok(None));
    assert!(store.entry(stamp(1).id).await.expect("a read").is_some());
}

async fn appended_settlements_come_after_those_of_the_day(store: impl Store) {
    let [day, after] = [15, 16].map(|day| Day::new(2017, 6, day).expect("a day"));
    let (hospital, ids) = (id::<HospitalId>("H1"), |numbers: &[u64]| numbers.iter().map(|n| stamp(*n).id).collect());
    store.commit(listed(9, "P1", "H1", day)).await.expect("a commit");
    store.append_settlements(&hospital, day, ids(&[7, 8])).await.expect("a write");
    store.append_settlements(&hospital, after, ids(&[6])).await.expect("a write");
    store.append_settlements(&hospital, day, ids(&[])).await.expect("nothing to write");
    store.append_settlements(&id("H2"), day, ids(&[5])).await.expect("a write");
    store.commit(listed(4, "P2", "H1", day)).await.expect("a commit");
    let listed =
        store.hospital_settlements(&hospital, ListPosition { day, number: 0 }, Day::LAST, 100).await.expect("a list");
    assert!(listed.is_sorted_by_key(|(place, _)| *place), "{listed:?}");
    let listed: Vec<_> = listed.into_iter().map(|(place, id)| (place.day, id)).collect();
    let of = |day, id| (day, stamp(id).id);
    assert_eq!(listed, [of(day, 9), of(day, 7), of(day, 8), of(day, 4), of(after, 6)]);
}

async fn a_live_commit_on_an_earlier_day_is_refused_and_changes_nothing(store: impl Store) {
    let [earlier, later] = [15, 16].map(|day| Day::new(2017, 6, day).expect("a day"));
    let on = |number, state: &PersonState, day: Day| {
        let mut commit = commit(number, "P1", state, None);
        commit.committed = Instant(day.start_in_china_micros());
        commit
    };
    store.commit(on(1, &PersonState::default(), later)).await.expect("a commit");
    let before = state(&store, "P1").await;
    let refused = store.commit(on(2, &before, earlier)).await;
    assert_eq!(refused, Err(StoreError::EarlierDay { newest: later }));
    assert_eq!((state(&store, "P1").await, store.entry_count().await), (before.clone(), Ok(1)));
    store.commit(on(3, &before, later)).await.expect("a commit on the same day");
    let mut copied = on(4, &state(&store, "P1").await, earlier);
    copied.origin = CommitOrigin::Copied;
    store.commit(copied).await.expect("a copied commit");
    let refused = store.commit(on(5, &state(&store, "P1").await, earlier)).await;
    assert_eq!(refused, Err(StoreError::EarlierDay { newest: later }));
}

async fn states_and_persons_are_paged_in_the_order_of_keys(store: impl Store) {
    let ids: Vec<_> = (0..25).map(|number| id::<PersonId>(format!("P{number}"))).collect();
    for (number, id) in (1..).zip(&ids) {
        store.commit(commit(number, id.as_str(), &PersonState::default(), None)).await.expect("a commit");
    }
    let persons = ids.iter().map(|id| EncodedPerson::new(store.person_key(id), &PersonRecord::new(id.clone())));
    let write = ReferenceWrite { persons: persons.collect(), ..ReferenceWrite::default() };
    store.write_reference(1, 0, write).await.expect("a write");
    let (mut pages, mut state_pages, mut keys, mut named) = (Pages::new(10), Pages::new(10), Vec::new(), Vec::new());
    let read_states = |after, limit| store.states(after, limit);
    while let Some(page) = pages.next_page(|after, limit| store.person_records(after, limit)).await.expect("a page") {
        let states = state_pages.next_page(read_states).await.expect("a page").expect("as many states");
        assert!(page.iter().map(|(key, _)| key).eq(states.iter().map(|(key, _)| key)), "one key for one person");
        assert!(page.len() <= 10);
        keys.extend(page.iter().map(|(key, _)| *key));
        named.extend(page.into_iter().map(|(_, record)| record.expect("a record").id().clone()));
    }
    assert_eq!(state_pages.next_page(read_states).await, Ok(None));
    assert!(keys.is_sorted_by(|one, next| one < next), "every key is after the one before");
    named.sort();
    let mut ids = ids;
    ids.sort();
    assert!(named == ids);
}

/// Some are next to each other, some are far apart, and some are not there, also before the first and after the last.
async fn persons_are_read_in_the_order_of_their_keys(store: impl Store) {
    let ids = (0..600).map(|number| id::<PersonId>(format!("P{number}")));
    let mut keys: Vec<_> = ids.map(|id| (store.person_key(&id), id)).collect();
    keys.sort_by_key(|(key, _)| *key);
    let is_there = |at: usize| !at.is_multiple_of(7) && at != 599;
    let there = keys.iter().enumerate().filter(|(at, _)| is_there(*at));
    let persons = there.map(|(_, (key, id))| EncodedPerson::new(*key, &PersonRecord::new(id.clone())));
    let write = ReferenceWrite { persons: persons.collect(), ..ReferenceWrite::default() };
    store.write_reference(1, 0, write).await.expect("a write");
    for step in [1, 2, 7, 40, 599] {
        let asked: Vec<_> = keys.iter().step_by(step).cloned().collect();
        let records = store.persons_in_order(&asked).await.expect("a read");
        let found: Vec<_> = records.into_iter().map(|record| record.map(|record| record.id().clone())).collect();
        let wanted: Vec<_> = (0..600).step_by(step).map(|at| is_there(at).then(|| keys[at].1.clone())).collect();
        assert_eq!(found, wanted, "every {step}");
    }
    assert_eq!(store.persons_in_order(&[]).await, Ok(vec![]));
}

async fn all_policy_digests_are_listed(store: impl Store) {
    assert_eq!(store.policy_digests().await, Ok(vec![]));
    let mut digests = [b"one", b"two"].map(|text| Digest::blake3(text));
    for digest in digests {
        store.put_policy(digest, digest.to_string()).await.expect("a write");
    }
    digests.sort();
    assert_eq!(store.policy_digests().await, Ok(digests.to_vec()));
}

/// The store in this directory.
pub fn open(place: &Path) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(place, Durability::Synced)
}

#[tokio::test]
async fn a_position_stays_valid_when_a_directory_is_opened_again_and_across_segments_and_seals() {
    let place = tempfile::tempdir().expect("a directory");
    let mut ids = Vec::new();
    let mut after = CommitPosition::FIRST;
    for round in 0..4 {
        let store = open(place.path()).expect("a store");
        for number in 1..=5 {
            let mut long = commit(10 * round + number, &format!("P{round}{number}"), &PersonState::default(), None);
            // Four rounds of these fill more than one segment.
            long.entries[0].1.resize(PAGE_BYTES, 7);
            store.commit(long).await.expect("a commit");
        }
        let read = entries_after(&store, after, 3).await;
        after = read.last().expect("an entry").position;
        ids.extend(read.iter().map(|entry| entry.id));
        assert_eq!(entries_after(&store, after, 3).await, []);
    }
    let expected: Vec<_> = (0..4).flat_map(|round| (1..=5).map(move |number| stamp(10 * round + number).id)).collect();
    assert_eq!(ids, expected);
}

/// In a store that was restored to an earlier moment, a position that another history gave may be anywhere in a frame.
#[tokio::test]
async fn no_entry_is_at_a_position_in_the_middle_of_a_frame() {
    let place = tempfile::tempdir().expect("a directory");
    let store = open(place.path()).expect("a store");
    let mut long = commit(1, "P1", &PersonState::default(), None);
    long.entries[0].1.resize(3 * 4_096, 7);
    store.commit(long).await.expect("a commit");
    store.commit(commit(2, "P2", &PersonState::default(), None)).await.expect("a commit");
    let first = entries_after(&store, CommitPosition::FIRST, 1).await[0].position;
    for page in 1..=2 {
        assert_eq!(store.entry_at(CommitPosition(first.0 + (page << 20))).await, Ok(None), "page {page}");
    }
}

/// Whoever reads the feed would begin it again if damage looked like another history.
#[tokio::test]
async fn a_damaged_head_of_a_frame_is_named_whatever_is_left_of_it() {
    use std::os::unix::fs::FileExt;
    let place = tempfile::tempdir().expect("a directory");
    let store = open(place.path()).expect("a store");
    for number in 1..=3 {
        let mut long = commit(number, &format!("P{number}"), &PersonState::default(), None);
        long.entries[0].1.resize(3 * 4_096, 7);
        store.commit(long).await.expect("a commit");
    }
    let entry = &entries_after(&store, CommitPosition::FIRST, 3).await[1];
    let inside = CommitPosition(entry.position.0 + (1 << 20));
    assert_eq!(store.entry_at(inside).await, Ok(None), "in the middle of the frame");
    let byte = (entry.position.0 >> 20) * 4_096;
    let log = place.path().join("log/0000000000.log");
    let log = std::fs::OpenOptions::new().read(true).write(true).open(log).expect("the log");
    let mut whole = [0; 512];
    log.read_exact_at(&mut whole, byte).expect("the head");
    let flipped = (0..64).map(|at| {
        let mut sector = whole;
        sector[at] ^= 1;
        sector
    });
    let named = format!("0000000000.log is damaged at byte {byte}: ");
    for damaged in flipped.chain([[0; 512], [0xff; 512]]) {
        log.write_all_at(&damaged, byte).expect("damage");
        for position in [entry.position, inside] {
            let found = store.entry_at(position).await;
            assert!(matches!(&found, Err(StoreError::Damaged(why)) if why.contains(&named)), "{found:?}");
        }
    }
    log.write_all_at(&whole, byte).expect("the head");
    assert_eq!(store.entry_at(entry.position).await, Ok(Some(entry.id)));
}

/// What lies between two entries may be an import of millions of persons.
#[tokio::test]
async fn of_frames_without_entries_a_reader_of_entries_reads_the_heads_alone() {
    use std::os::unix::fs::FileExt;
    let place = tempfile::tempdir().expect("a directory");
    let store = open(place.path()).expect("a store");
    store.commit(commit(1, "P1", &PersonState::default(), None)).await.expect("a commit");
    store.put_policy(Digest([1; 32]), "a long policy, ".repeat(1_000)).await.expect("a policy");
    store.commit(commit(2, "P2", &PersonState::default(), None)).await.expect("a commit");
    let log = place.path().join("log/0000000000.log");
    let log = std::fs::OpenOptions::new().read(true).write(true).open(log).expect("the log");
    let mut bytes = vec![0; 64 << 10];
    log.read_exact_at(&mut bytes, 0).expect("its first bytes");
    let text = b"a long policy, a long policy, ";
    let at = bytes.windows(text.len()).position(|window| window == text).expect("the policy");
    log.write_all_at(b"A", at as u64).expect("a damaged body");
    let entries = entries_after(&store, CommitPosition::FIRST, 10).await;
    assert!(entries.iter().map(|entry| entry.id).eq([1, 2].map(|number| stamp(number).id)));
    // Behind the last entry not even the heads are read.
    store.put_policy(Digest([2; 32]), "another policy".to_owned()).await.expect("a policy");
    log.read_exact_at(&mut bytes, 0).expect("its first bytes");
    let at = bytes.windows(14).position(|window| window == b"another policy").expect("the policy");
    log.write_all_at(&[0; 64], at as u64 / 4_096 * 4_096).expect("a damaged head");
    assert_eq!(entries_after(&store, entries[1].position, 10).await, []);
}

#[tokio::test]
async fn a_commit_longer_than_a_frame_is_refused_for_good_and_one_as_long_is_stored() {
    let place = tempfile::tempdir().expect("a directory");
    let store = open(place.path()).expect("a store");
    let long = |bytes| {
        let mut commit = commit(1, "P1", &PersonState::default(), None);
        commit.entries[0].1.resize(bytes, 7);
        commit
    };
    // A frame of 8 MiB without its head and trailer.
    let limit = (8 << 20) - 64 - 8;
    let refused = store.commit(long(limit)).await;
    let Err(StoreError::CommitTooLong { bytes, limit: known }) = refused else { panic!("{refused:?}") };
    assert!(known == limit && bytes > limit, "{bytes} {known}");
    let longest = limit - (bytes - limit);
    assert!(matches!(store.commit(long(longest + 8)).await, Err(StoreError::CommitTooLong { .. })));
    assert_eq!(store.entry_count().await, Ok(0));
    store.commit(long(longest)).await.expect("the longest commit");
    let record = store.record(stamp(1).id).await.expect("a read").expect("the entry");
    assert_eq!(record.len(), longest);
}

#[tokio::test]
async fn a_reopened_directory_returns_everything() {
    let place = tempfile::tempdir().expect("a directory");
    let store = open(place.path()).expect("a store");
    store.commit(commit(1, "P1", &PersonState::default(), Some("C1"))).await.expect("a commit");
    store.write_reference(1, 0, rows(&store, "370100", "一院")).await.expect("a write");
    store.log_import(1, ImportEvent::Start(ImportStart::default())).await.expect("a note");
    store.log_import(1, ImportEvent::End(ImportEnd::default())).await.expect("a note");
    store.put_policy(Digest::blake3(b"one"), "text".to_owned()).await.expect("a write");
    let entry = store.entry(stamp(1).id).await.expect("a read");
    let before = look_up(&store, "P1", "r1", "C1").await;
    drop(store);
    let store = open(place.path()).expect("the store");
    let after = look_up(&store, "P1", "r1", "C1").await;
    assert!(after.state == before.state && after.claim == before.claim && after.claim.is_some());
    assert_eq!((after.request, after.person), (Some(stamp(1).id), before.person));
    assert_eq!(store.entry(stamp(1).id).await.expect("a read"), entry);
    let mut hospitals = store.read_hospitals_and_catalogue().await.expect("a read").hospitals;
    hospitals.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(hospitals == rows(&store, "370100", "一院").hospitals);
    assert_eq!(store.policy(Digest::blake3(b"one")).await, Ok(Some("text".to_owned())));
}

#[test]
fn a_directory_in_use_is_refused_until_it_is_released() {
    let place = tempfile::tempdir().expect("a directory");
    let store = open(place.path()).expect("a store");
    assert!(matches!(open(place.path()), Err(OpenError::InUse(_))));
    drop(store);
    assert!(open(place.path()).is_ok());
}

#[test]
fn a_directory_of_another_format_is_refused_and_unchanged() {
    let place = tempfile::tempdir().expect("a directory");
    drop(open(place.path()).expect("a store"));
    for (text, expected) in [
        ("onestop-store 13 00\n", "13"),
        ("onestop-store 11 00\n", "11"),
        ("onestop-store 10 00\n", "10"),
        ("onestop-store 9 00\n", "9"),
        ("onestop-store 8 00\n", "8"),
        ("onestop-store 7 00\n", "7"),
        ("onestop-store 6 00\n", "6"),
        ("onestop-store 5 00\n", "5"),
        ("onestop-store 4\n", "4"),
        ("onestop-store 3\n", "3"),
        ("onestop-store 0\n", "0"),
        ("something else", "unknown"),
        ("", "unknown"),
    ] {
        std::fs::write(place.path().join("FORMAT"), text).expect("a write");
        let refused = open(place.path()).err();
        assert!(matches!(refused, Some(OpenError::OtherFormat { found, .. }) if found == expected), "{text:?}");
        assert_eq!(std::fs::read_to_string(place.path().join("FORMAT")).expect("a read"), text);
    }
}

#[test]
fn a_directory_of_other_files_is_refused_and_an_interrupted_first_opening_is_not() {
    let place = tempfile::tempdir().expect("a directory");
    std::fs::write(place.path().join("FORMAT.new"), "").expect("a write");
    std::fs::write(place.path().join("secret"), "half").expect("a write");
    std::fs::write(place.path().join("redb"), "half").expect("a write");
    assert!(open(place.path()).is_ok());
    assert!(open(place.path()).is_ok());
    let place = tempfile::tempdir().expect("a directory");
    std::fs::write(place.path().join("letter.txt"), "of another").expect("a write");
    assert!(matches!(open(place.path()), Err(OpenError::NotAStore(_))));
    assert_eq!(std::fs::read_dir(place.path()).expect("a directory").count(), 1);
}
