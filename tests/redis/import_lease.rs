//! The import lease: an import keeps it for as long as it takes, and one that lost it ends and changes nothing further.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use onestop::domain::ids::{HospitalId, PersonId};
use onestop::domain::journal::Instant;
use onestop::engine::import::{ImportContext, ImportSource, Imported};
use onestop::engine::{Engine, EngineError};
use onestop::grpc::status::Reason;
use onestop::reference::person::PersonRecord;
use onestop::reference::table::ReferenceTable;
use onestop::store::coordination::Coordination;
use onestop::store::imports::Import;
use onestop::store::redis::{RedisSettings, RedisStore};
use onestop::store::{EncodedPerson, JournalStore, ReferenceStore, ReferenceWrite, Store, StoreError};

use super::engine_at;
use crate::support::engine;
use crate::support::ids::id;
use crate::support::proxy::{Mode, Proxy};
use crate::support::redis_cluster::until;
use crate::support::redis_server::{RedisServer, open, open_with};

/// The key of the lease of the store at this address.
fn lease_key(url: &str) -> String {
    format!("{}:{{00}}:import-lease", url.split_once("prefix=").expect("a prefix").1)
}

/// The integer that the server answers.
fn integer(answer: &str) -> i64 {
    answer.trim_end().strip_prefix(':').expect("an integer").parse().expect("an integer")
}

/// The text that the server answers.
fn text(answer: &str) -> String {
    answer.lines().nth(1).expect("a text").to_owned()
}

/// Imports a hospital H9 and a person P9.
async fn import<S: Store>(engine: &Engine<S>, outside: &ImportContext<'_>) -> Result<Imported, EngineError> {
    let mut rows = engine.incoming();
    rows.add(ReferenceTable::Hospitals, &["H9", "", "九院", "tertiary", "370100", "", ""]).expect("a row");
    rows.add(ReferenceTable::Enrolments, &["P9", "2014-01-01", "resident", "370100", ""]).expect("a row");
    let permit = engine.acquire_import_permit().await;
    engine.import_rows(permit, rows, "both", ImportSource::default(), outside).await
}

/// Whether the person and the hospital of that import are in the store.
async fn imported(store: &RedisStore) -> (bool, bool) {
    let persons = store.persons(&[id("P9")]).await.expect("a read");
    let hospitals = store.read_hospitals_and_catalogue().await.expect("a read").hospitals;
    (persons[0].is_some(), hospitals.iter().any(|(hospital, _)| *hospital == id::<HospitalId>("H9")))
}

async fn last_import(store: &RedisStore) -> Import {
    store.imports(u64::MAX, 1).await.expect("imports").remove(0)
}

/// It writes nothing from its start until the lease was renewed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_renews_its_lease_while_it_writes_nothing() {
    let server = RedisServer::shared();
    let url = server.url();
    let settings = RedisSettings { import_lease: Duration::from_secs(3), ..RedisSettings::default() };
    let engine = engine(open_with(&url, settings).await.expect("a store")).await;
    let (key, waited) = (lease_key(&url), AtomicBool::new(false));
    let now = || {
        let least = Cell::new(i64::MAX);
        let is_renewed = || {
            let left = integer(&server.ask(&["PTTL", &key]));
            assert!((1..=3_000).contains(&left), "{left} ms");
            let before = least.replace(left.min(least.get()));
            left > before
        };
        if !waited.swap(true, Ordering::Relaxed) {
            until(is_renewed);
        }
        Instant(1)
    };
    import(&engine, &ImportContext { now: &now, stamps: None, stop: &|| false }).await.expect("imported");
    assert_eq!(imported(engine.store()).await, (true, true));
    assert_eq!(server.ask(&["EXISTS", &key]), ":0\r\n", "it is released");
}

/// The lease expires, and another instance takes it: before anything is written, before persons are, and before the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_lost_its_lease_ends_and_changes_nothing_further() {
    let server = RedisServer::shared();
    let url = server.url();
    let (engine, key) = (engine_at(&url).await, lease_key(&url));
    let take = || assert_eq!(server.ask(&["SET", &key, "another"]), "+OK\r\n");
    let before = last_import(engine.store()).await.number;
    for (taken_at_step, number, is_imported) in
        [(0, before, (false, false)), (1, before + 1, (false, false)), (2, before + 2, (true, false))]
    {
        let steps = AtomicU64::new(0);
        let now = || {
            if taken_at_step == 0 {
                take();
            }
            Instant(1)
        };
        let stop = || {
            if steps.fetch_add(1, Ordering::Relaxed) + 1 == taken_at_step {
                take();
            }
            false
        };
        let outside = ImportContext { now: &now, stamps: None, stop: &stop };
        let ended = import(&engine, &outside).await.expect_err("the lease is lost");
        assert_eq!(Reason::from(&ended), Reason::ImportStopped, "{taken_at_step}");
        assert_eq!(imported(engine.store()).await, is_imported, "{taken_at_step}");
        let last = last_import(engine.store()).await;
        assert_eq!((last.number, last.end.is_none()), (number, taken_at_step > 0), "{taken_at_step}");
        assert_eq!(text(&server.ask(&["GET", &key])), "another");
        assert_eq!(server.ask(&["PTTL", &key]), ":-1\r\n", "neither renewed nor released");
        assert_eq!(server.ask(&["DEL", &key]), ":1\r\n");
    }
    import(&engine, &ImportContext { now: &|| Instant(1), stamps: None, stop: &|| false }).await.expect("imported");
    assert_eq!(imported(engine.store()).await, (true, true));
}

/// A write of rows leaves while the lease is held, and arrives when another instance has read them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_takes_no_rows_under_an_earlier_lease() {
    let server = RedisServer::shared();
    let url = server.url();
    let (one, other, key) = (open(&url).await, open(&url).await, lease_key(&url));
    let person: PersonId = id("P9");
    let write = async |store: &RedisStore| {
        let persons = vec![EncodedPerson::new(store.person_key(&person), &PersonRecord::new(person.clone()))];
        store.write_reference(1, 0, ReferenceWrite { persons, ..ReferenceWrite::default() }).await
    };
    one.coordination().acquire_import_lease().await.expect("a lease");
    let earlier = text(&server.ask(&["GET", &key]));
    assert_eq!(server.ask(&["DEL", &key]), ":1\r\n");
    assert_eq!(write(&one).await, Err(StoreError::ImportLeaseLost), "it expired");
    other.coordination().acquire_import_lease().await.expect("a lease");
    let later = text(&server.ask(&["GET", &key]));
    assert_ne!(earlier, later);
    // As if it had been renewed just before.
    server.ask(&["SET", &key, &earlier]);
    assert_eq!(write(&one).await, Err(StoreError::ImportLeaseLost));
    assert!(other.persons(std::slice::from_ref(&person)).await.expect("a read")[0].is_none());
    server.ask(&["SET", &key, &later]);
    write(&other).await.expect("it holds the lease");
    assert!(other.persons(std::slice::from_ref(&person)).await.expect("a read")[0].is_some());
}

/// The primary of the common shard failed, and the replica in its place lacks leases whose numbers two other shards have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_has_a_number_above_those_that_the_common_shard_lost() {
    let server = RedisServer::shared();
    let url = server.url();
    let store = open(&url).await;
    let prefix = url.split_once("prefix=").expect("a prefix").1;
    let key = |shard: u8| format!("{prefix}:{{{shard:02}}}:lease");
    for (shard, number) in [(17, "7"), (40, "9")] {
        assert_eq!(server.ask(&["SET", &key(shard), number]), "+OK\r\n");
    }
    store.coordination().acquire_import_lease().await.expect("a lease");
    assert_eq!([0, 17, 40].map(|shard| text(&server.ask(&["GET", &key(shard)]))), ["10", "10", "10"]);
    let persons = vec![EncodedPerson::new(store.person_key(&id("P9")), &PersonRecord::new(id("P9")))];
    store
        .write_reference(1, 0, ReferenceWrite { persons, ..ReferenceWrite::default() })
        .await
        .expect("it holds the lease");
}

/// Redis is gone for longer than anybody waits, right after it gave the lease; and gives it once more, late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_whose_reply_is_lost_is_released_and_until_then_its_instance_alone_may_replace_it() {
    let server = RedisServer::shared();
    let proxy = Proxy::to(server.port()).await;
    let (direct, settings) =
        (server.url(), RedisSettings { timeout: Duration::from_millis(500), ..Default::default() });
    let through_proxy = direct.replace(&server.port().to_string(), &proxy.port().to_string());
    let (other, one) = (open(&direct).await, open_with(&through_proxy, settings).await.expect("a store"));
    let key = lease_key(&direct);
    proxy.set(Mode::LosesReplyAndCuts("onestop_6_acquire_lease"));
    let lost = one.coordination().acquire_import_lease().await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    let token = text(&server.ask(&["GET", &key]));
    assert_eq!(other.coordination().acquire_import_lease().await, Err(StoreError::ImportLeaseHeld));
    proxy.set(Mode::Passes);
    until(|| server.ask(&["EXISTS", &key]) == ":0\r\n");
    assert_eq!(server.ask(&["SET", &key, &token]), "+OK\r\n");
    assert_eq!(other.coordination().acquire_import_lease().await, Err(StoreError::ImportLeaseHeld));
    one.coordination().acquire_import_lease().await.expect("its own lease is replaced");
    assert_ne!(text(&server.ask(&["GET", &key])), token);
    one.coordination().release_import_lease().await;
    other.coordination().acquire_import_lease().await.expect("nobody holds it");
}
