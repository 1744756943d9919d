//! Closed years moved out of a Redis: what is read with the archive is what was read before, byte for byte, and what is
//! done to it is what would have been done.

use std::path::Path;
use std::sync::Arc;

use onestop::domain::claim::ClaimKeys;
use onestop::domain::content::RawReversal;
use onestop::domain::day::Day;
use onestop::domain::ids::{EntryId, HospitalId, PersonId};
use onestop::domain::journal::Instant;
use onestop::engine::EngineError;
use onestop::engine::audit::Audit;
use onestop::engine::chain;
use onestop::engine::copy::archive::{ArchivedSize, archivable};
use onestop::engine::copy::{CopyContext, CopyError, CopyReport, StoreCopy};
use onestop::engine::import::ImportSource;
use onestop::engine::read::SettlementView;
use onestop::engine::reverse::ReverseRequest;
use onestop::engine::{CommitStamp, Engine};
use onestop::grpc::status::Reason;
use onestop::store::archive::{ArchivableStore, ArchiveIdentity, ArchiveOutcome, ArchivedYears};
use onestop::store::embedded::EmbeddedStore;
use onestop::store::keys::StoreKey;
use onestop::store::redis::{OpenError, RedisSettings, RedisStore};
use onestop::store::rows::ListPosition;
use onestop::store::tiered::TieredStore;
use onestop::store::{JournalStore, Store, StoreError};

use super::history::History;
use super::open;
use super::whole::reopened;
use crate::support::claims::{claim, day, settle};
use crate::support::ids::id;
use crate::support::redis_server::{self, RedisServer};
use crate::support::{engine, stamp};

const SEED: u64 = 0x2019_0a2c;

/// A chain's entries, each with its record.
type Records = Vec<(EntryId, Vec<u8>)>;

/// Every chain with its records, and every list of a hospital.
#[derive(PartialEq)]
struct AllRows {
    chains: Vec<(StoreKey, Records)>,
    lists: Vec<Vec<(ListPosition, EntryId)>>,
}

async fn read_all_rows(store: &impl Store) -> AllRows {
    let mut chains = Vec::new();
    for (key, state) in store.states(None, 100).await.expect("states") {
        let chain = chain::read_chain(store, &state.expect("a state")).await.expect("a chain");
        chains.push((key, chain.into_iter().map(|stored| (stored.entry.id, stored.record)).collect()));
    }
    let mut lists = Vec::new();
    for hospital in ["H1", "H2", "H3", "H3X"].map(id::<HospitalId>) {
        let first = ListPosition { day: Day::FIRST, number: 0 };
        lists.push(store.hospital_settlements(&hospital, first, Day::LAST, 1_000).await.expect("a list"));
    }
    AllRows { chains, lists }
}

/// What is read of every settlement: itself, its revisions, its reversal.
async fn views<S: Store>(engine: &Engine<S>, history: &History) -> Vec<SettlementView> {
    let mut views = Vec::new();
    for (_, _, entry) in &history.settled {
        let view = engine.settlement(entry.id).await.expect("the settlement");
        views.push(view);
    }
    views
}

async fn audited(store: &impl Store) {
    let audit = Audit::new(store);
    for (_, state) in store.states(None, 100).await.expect("states") {
        audit.verify_person(&state.expect("a state")).await.expect("a sound chain");
    }
}

/// The years before this one move from the store to this archive.
async fn move_years(
    source: &TieredStore<RedisStore, EmbeddedStore>,
    target: &EmbeddedStore,
    before: i32,
) -> Result<(CopyReport, ArchivedSize), CopyError> {
    let outside = CopyContext { now: &|| Instant(1), progress: &|_, _, _| {} };
    StoreCopy::new(source, target, outside).await?.run_and_archive(ImportSource::default(), before).await
}

/// The store at this address, opened with this archive.
async fn open_with_archive(
    url: &str,
    archive: &Arc<EmbeddedStore>,
) -> Result<TieredStore<RedisStore, EmbeddedStore>, OpenError> {
    let archive_at_hand = Some(ArchiveIdentity::read(&**archive).await.expect("an identity"));
    let settings = RedisSettings { archive: archive_at_hand, ..RedisSettings::default() };
    Ok(TieredStore::new(redis_server::open_with(url, settings).await?, Some(Arc::clone(archive))))
}

/// A store with a history at this address, as it was before anything moved, without an archive.
async fn with_history(url: &str, seed: u64) -> (Engine<TieredStore<RedisStore, EmbeddedStore>>, History) {
    println!("seed {seed:#x}");
    let engine = engine(TieredStore::new(redis_server::open(url).await, None)).await;
    let history = History::play_with_runs(&engine, seed, 60).await;
    (engine, history)
}

/// The n-th stamp of a commit about this person: its last byte names their shard.
fn stamp_of(person: &str, number: u64) -> CommitStamp {
    stamp(number << 8).for_person(person)
}

/// Entries of these chains that are of years before this one.
fn of_years(before: i32, all: &AllRows) -> Vec<(EntryId, usize)> {
    let records = all.chains.iter().flat_map(|(_, chain)| chain);
    let entries = records.map(|(_, record)| (onestop::journal::decode_entry(record).expect("an entry").0, record));
    let closed = entries.filter(|(entry, _)| entry.account().is_some_and(|account| account.year < before));
    closed.map(|(entry, record)| (entry.id, record.len())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archived_settlements_are_read_reversed_and_settled_again_as_before() {
    let redis = RedisServer::shared();
    for seed in SEED..SEED + 3 {
        moved_and_read(&redis.url(), seed).await;
    }
}

/// The same of one history on the Redis at this address.
pub async fn moved_and_read(url: &str, seed: u64) {
    let place = tempfile::tempdir().expect("a directory");
    let (before, history) = with_history(url, seed).await;
    let (was, read) = (read_all_rows(before.store()).await, views(&before, &history).await);
    let closed = of_years(2019, &was);
    let weight =
        ArchivedSize { entries: closed.len() as u64, bytes: closed.iter().map(|(_, bytes)| *bytes as u64).sum() };
    assert!(weight.entries > 20 && history.readjudications() > 0, "{weight:?}");
    assert_eq!(archivable(before.store(), 2019).await, Ok(weight));
    let archive = Arc::new(open(place.path()));
    let (copied, left) = move_years(before.store(), &archive, 2019).await.expect("a move");
    assert_eq!((copied.settlements, left), (history.settled.len() as u64, weight));
    let after = reopened(open_with_archive(url, &archive).await.expect("the store")).await;
    let all: Vec<_> = was.chains.iter().flat_map(|(_, chain)| chain).map(|(id, _)| *id).collect();
    for id in all {
        let is_closed = closed.iter().any(|(closed, _)| *closed == id);
        let there = after.store().live().record(id).await;
        assert!(if is_closed { there == Err(StoreError::ArchiveRequired(id)) } else { matches!(there, Ok(Some(_))) });
    }
    assert!(read_all_rows(after.store()).await == was && views(&after, &history).await == read);
    assert_eq!(archivable(after.store(), 2019).await, Ok(ArchivedSize::default()));
    audited(after.store()).await;
    history.goes_on(&after).await;
    audited(after.store()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reversal_of_a_moved_year_decides_the_later_ones_anew() {
    let (redis, place) = (RedisServer::shared(), tempfile::tempdir().expect("a directory"));
    let (url, archive) = (redis.url(), Arc::new(open(place.path())));
    let before = engine(TieredStore::new(redis_server::open(&url).await, None)).await;
    for number in 1..=3 {
        let raw_claim = claim(&format!("C{number}"), "P1", "30000.00");
        before.settle(settle(raw_claim), stamp_of("P1", number)).await.expect("a settlement");
    }
    move_years(before.store(), &archive, 2018).await.expect("a move");
    let after = reopened(open_with_archive(&url, &archive).await.expect("the store")).await;
    let raw_reversal = RawReversal {
        hospital_id: "H3".into(),
        person_id: "P1".into(),
        claim_id: "C1".into(),
        reason: "a wrong bill".into(),
        readjudicate: true,
    };
    let request = ReverseRequest { reversal: raw_reversal, request_id: "v1".into(), dry_run: false };
    let reversal = after.reverse(request, stamp_of("P1", 9)).await.expect("a reversal");
    assert_eq!(reversal.entry.body.revisions.len(), 2);
    let view = after
        .settlement_of_claim(&ClaimKeys { hospital_id: id("H3"), person_id: id("P1"), claim_id: id("C2") })
        .await
        .expect("the settlement");
    assert_eq!((view.settlement.id, view.revisions.len()), (stamp_of("P1", 2).id, 1));
    audited(after.store()).await;
}

/// What came since goes into the same archive, or with the old one into a new one; a copy of its directory that was made
/// before lacks it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn further_years_are_archived_in_the_same_archive_or_a_new_one() {
    let (redis, place) = (RedisServer::shared(), tempfile::tempdir().expect("a directory"));
    let [first, older, second] = ["first", "older", "second"].map(|name| place.path().join(name));
    let url = redis.url();
    let (before, history) = with_history(&url, SEED + 7).await;
    let archive = open(&first);
    move_years(before.store(), &archive, 2018).await.expect("a move");
    drop((before, archive));
    copied_files(&first, &older);
    let archive = Arc::new(open(&first));
    let after = reopened(open_with_archive(&url, &archive).await.expect("the store")).await;
    let late = settle(claim("LATE", "P1", "100.00"));
    let stamp = CommitStamp { instant: Instant(1_000 * 21_600_000_000), ..stamp_of("P1", 1_000) };
    let late = after.settle(late, stamp).await.expect("a settlement").entry;
    let was = read_all_rows(after.store()).await;
    let (_, left) = move_years(after.store(), &archive, 2019).await.expect("a move");
    let [of_2017, of_2018] = [2018, 2019].map(|before| of_years(before, &was).len() as u64);
    // The late one is of 2017, and came after those had left.
    assert_eq!(left.entries, of_2018 - of_2017 + 1);
    assert!(read_all_rows(after.store()).await == was);
    assert!(matches!(open_with_archive(&url, &Arc::new(open(&older))).await, Err(OpenError::AnotherArchive(2019))));
    let new = Arc::new(open(&second));
    move_years(after.store(), &new, 2018).await.expect("a move");
    assert!(matches!(open_with_archive(&url, &archive).await, Err(OpenError::AnotherArchive(2019))));
    let after = reopened(open_with_archive(&url, &new).await.expect("the store")).await;
    assert!(read_all_rows(after.store()).await == was);
    assert_eq!(after.settlement(late.id).await.expect("the settlement").settlement, late);
    history.goes_on(&after).await;
}

fn copied_files(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-r").arg(from).arg(to).status().expect("cp runs");
    assert!(copied.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_without_the_archive_is_refused_and_one_opened_before_reports_the_store_unavailable() {
    let (redis, place) = (RedisServer::shared(), tempfile::tempdir().expect("a directory"));
    let [mine, other] = ["mine", "other"].map(|name| Arc::new(open(&place.path().join(name))));
    let url = redis.url();
    let before = engine(TieredStore::new(redis_server::open(&url).await, None)).await;
    assert!(matches!(open_with_archive(&url, &mine).await, Err(OpenError::NoArchive)));
    let stamps = [1, 2].map(|number| stamp_of("P1", number));
    let [closed, open] = [("C1", "2017"), ("C2", "2019")];
    for ((id, year), stamp) in [closed, open].into_iter().zip(stamps) {
        let days = [8, 15].map(|date| day(&format!("{year}-06-{date:02}")));
        let raw_claim =
            onestop::domain::claim::RawClaim { admitted: days[0], discharged: days[1], ..claim(id, "P1", "9.00") };
        before.settle(settle(raw_claim), stamp).await.expect("a settlement");
    }
    move_years(before.store(), &mine, 2019).await.expect("a move");
    let refused = redis_server::open_with(&url, RedisSettings::default()).await.err().expect("a refusal");
    assert_eq!(refused.to_string(), "settlements of years before 2019 are in an archive: --archive DIR");
    assert!(matches!(open_with_archive(&url, &other).await, Err(OpenError::AnotherArchive(2019))));
    let unavailable =
        |found: Result<_, EngineError>| found.err().map(|error| Reason::from(&error)) == Some(Reason::StoreUnavailable);
    assert!(unavailable(before.settlement(stamps[0].id).await.map(drop)));
    assert!(before.settlement(stamps[1].id).await.is_ok());
    let unknown = before.settlement(stamp_of("P1", 3).id).await;
    assert_eq!(unknown.err().map(|error| Reason::from(&error)), Some(Reason::NotFound));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_differs_from_the_archive_stays_and_an_archived_id_stays_taken() {
    let redis = RedisServer::shared();
    let (url, person) = (redis.url(), id::<PersonId>("P1"));
    let engine = engine(TieredStore::<_, EmbeddedStore>::new(redis_server::open(&url).await, None)).await;
    let ids = [1, 2, 3].map(|number| stamp_of("P1", number).id);
    for number in [1, 2] {
        let raw_claim = claim(&format!("C{number}"), "P1", "9.00");
        engine.settle(settle(raw_claim), stamp_of("P1", number)).await.expect("a settlement");
    }
    let live = engine.store().live();
    let mut records = Vec::new();
    for id in [ids[0], ids[1]] {
        records.push(live.record(id).await.expect("a read").expect("a record"));
    }
    let mut other = records[1].clone();
    *other.last_mut().expect("a byte") ^= 1;
    let entries_to_archive = [(ids[0], records[0].clone()), (ids[1], other), (ids[2], records[1].clone())];
    assert_eq!(
        live.archive_entries(&person, &entries_to_archive).await,
        Ok(vec![ArchiveOutcome::Archived, ArchiveOutcome::Differs, ArchiveOutcome::Differs])
    );
    assert_eq!(
        live.archive_entries(&person, &entries_to_archive[..1]).await,
        Ok(vec![ArchiveOutcome::AlreadyArchived])
    );
    assert_eq!(live.record(ids[0]).await, Err(StoreError::ArchiveRequired(ids[0])));
    assert_eq!(live.record(ids[1]).await, Ok(Some(records[1].clone())));
    assert_eq!(live.record(ids[2]).await, Ok(None));
    let again = engine.settle(settle(claim("C9", "P1", "9.00")), CommitStamp { id: ids[0], instant: Instant(9) });
    assert_eq!(again.await.err().map(|error| Reason::from(&error)), Some(Reason::StoreUnavailable));
    // What was noted once holds, whatever is noted after.
    let archive = ArchiveIdentity { secret_fingerprint: [0; 32], entries: 1 };
    for before in [2019, 2018] {
        live.require_archive(ArchivedYears { before, archive }).await.expect("a note");
    }
    assert!(matches!(redis_server::open_with(&url, RedisSettings::default()).await, Err(OpenError::Archived(2019))));
}
