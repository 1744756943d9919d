//! A Redis that could lose what was answered takes no commit, and the line of its configuration is named; whether it
//! could is seen at the start, and when it changes.

use onestop::domain::day::Day;
use onestop::grpc::status::Reason;
use onestop::store::coordination::{Coordination, Readiness};
use onestop::store::redis::{OpenError, RedisSettings, RedisStore};
use onestop::store::rows::{CommitPosition, ListPosition};
use onestop::store::{JournalStore, Store};

use super::settles;
use crate::support::engine;
use crate::support::ids::id;
use crate::support::redis_cluster::until;
use crate::support::redis_server::{DURABLE, RedisServer, open, open_with};

/// Why a store is not ready, as soon as it is not.
async fn not_ready(store: &RedisStore) -> String {
    let mut readiness = store.coordination().readiness();
    let readiness = readiness.wait_for(|now| matches!(now, Readiness::NotReady(_))).await.expect("the store");
    let Readiness::NotReady(why) = &*readiness else { unreachable!("it was waited for") };
    why.clone()
}

async fn ready(store: &RedisStore) {
    store.coordination().readiness().wait_for(|now| *now == Readiness::Ready).await.expect("the store");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_could_lose_a_settlement_is_refused_with_the_setting() {
    for (lines, wanted) in [
        (&["save \"\""][..], "redis.conf wants `appendonly yes`"),
        (&["appendonly yes"], "redis.conf wants `appendfsync always`"),
        (&["appendonly yes", "appendfsync always", "no-appendfsync-on-rewrite yes"], "`no-appendfsync-on-rewrite no`"),
        (&["appendonly yes", "appendfsync always", "maxmemory-policy allkeys-lru"], "`maxmemory-policy noeviction`"),
    ] {
        let server = RedisServer::start(lines);
        let Err(OpenError::Call(message)) = open_with(&server.url(), RedisSettings::default()).await else {
            panic!("{lines:?} must be refused");
        };
        assert!(message.contains(wanted), "{message}");
        assert_eq!(server.ask(&["DBSIZE"]), ":0\r\n");
        let accepted = RedisSettings { accept_volatile: true, ..RedisSettings::default() };
        let store = open_with(&server.url(), accepted).await.expect("accepted");
        assert!(
            matches!(&*store.coordination().readiness().borrow(), Readiness::Volatile(why) if why.contains(wanted))
        );
        assert!(settles(&engine(store).await, 1).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_changed_while_serving_is_detected_and_recovers() {
    let server = RedisServer::start(DURABLE);
    let engine = engine(open(&server.url()).await).await;
    settles(&engine, 1).await.expect("settled");
    server.ask(&["CONFIG", "SET", "appendfsync", "everysec"]);
    assert!(not_ready(engine.store()).await.contains("redis.conf wants `appendfsync always`"));
    assert_eq!(Reason::from(&settles(&engine, 2).await.expect_err("refused")), Reason::StoreUnavailable);
    assert!(settles(&engine, 1).await.expect("the same").replay);
    server.ask(&["CONFIG", "SET", "appendfsync", "always"]);
    ready(engine.store()).await;
    settles(&engine, 2).await.expect("settled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_is_refused_and_a_demoted_primary_is_detected() {
    let (primary, replica) = (RedisServer::start(DURABLE), RedisServer::start(DURABLE));
    let engine = engine(open(&primary.url()).await).await;
    replica.ask(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    let refused = open_with(&replica.url(), RedisSettings::default()).await.err().expect("refused").to_string();
    assert!(refused.contains("it is a replica"), "{refused}");
    primary.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    assert!(not_ready(engine.store()).await.contains("it is a replica"));
    primary.ask(&["REPLICAOF", "NO", "ONE"]);
    ready(engine.store()).await;
    settles(&engine, 1).await.expect("settled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_with_full_memory_is_not_ready_and_recovers() {
    let server = RedisServer::start(DURABLE);
    let engine = engine(open(&server.url()).await).await;
    settles(&engine, 1).await.expect("settled");
    server.ask(&["CONFIG", "SET", "maxmemory", "1mb"]);
    assert!(not_ready(engine.store()).await.contains("its memory is full"));
    assert_eq!(Reason::from(&settles(&engine, 2).await.expect_err("refused")), Reason::StoreUnavailable);
    // What is there is read.
    let entries = engine.store().entries_after(CommitPosition::FIRST, 10).await.expect("entries").entries;
    let listed = engine.store().hospital_settlements(&id("H3"), ListPosition::FIRST, Day::LAST, 10).await;
    assert_eq!((entries.len(), listed.expect("a list").len()), (1, 1));
    server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    ready(engine.store()).await;
    settles(&engine, 2).await.expect("settled");
}

/// A person of an emptied Redis must not pass for one who was never settled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_lost_its_data_takes_no_commit() {
    let server = RedisServer::start(DURABLE);
    let url = server.url();
    let engine = engine(open(&url).await).await;
    settles(&engine, 1).await.expect("settled");
    server.ask(&["FLUSHALL"]);
    assert!(settles(&engine, 2).await.is_err());
    assert!(not_ready(engine.store()).await.contains("was lost"));
    assert_eq!(server.ask(&["DBSIZE"]), ":0\r\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_a_store_and_another_secret_are_refused() {
    let server = RedisServer::start(DURABLE);
    let url = server.url();
    drop(open(&url).await);
    let prefix = url.split_once("prefix=").expect("a prefix").1;
    server.ask(&["DEL", &format!("{prefix}:{{17}}:store")]);
    assert!(matches!(open_with(&url, RedisSettings::default()).await, Err(OpenError::Incomplete)));
    server.ask(&["SET", &format!("{prefix}:{{00}}:store"), "onestop-store 1 another"]);
    assert!(matches!(open_with(&url, RedisSettings::default()).await, Err(OpenError::AnotherStore(_))));
}

/// A Redis without the functions is given them again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_functions_are_loaded_again() {
    let server = RedisServer::start(DURABLE);
    let engine = engine(open(&server.url()).await).await;
    server.ask(&["FUNCTION", "FLUSH"]);
    settles(&engine, 1).await.expect("settled");
    until(|| server.ask(&["FUNCTION", "LIST"]).contains("onestop_6"));
}

/// The functions of a released version never change: another release has another version.
#[test]
fn the_functions_of_a_version_never_change() {
    let text = include_str!("../../src/store/redis/functions.lua");
    let digest = onestop::domain::ids::Digest::blake3(text.as_bytes()).to_string();
    assert!(text.starts_with("#!lua name=onestop_6\n") && digest.starts_with(FUNCTIONS_6), "{digest}");
}

const FUNCTIONS_6: &str = "efe95b149688e770";

#[test]
fn the_shipped_configuration_is_right() {
    let file = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/redis/redis.conf")).expect("it");
    let own = ["port ", "bind ", "dir "];
    let lines: Vec<&str> =
        file.lines().filter(|line| !line.starts_with('#') && !own.iter().any(|own| line.starts_with(own))).collect();
    let server = RedisServer::start(&lines);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let store = open(&server.url()).await;
        assert_eq!(*store.coordination().readiness().borrow(), Readiness::Ready);
    });
}
