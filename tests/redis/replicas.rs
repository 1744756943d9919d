//! `--replicas N`: nothing is said to be done before N replicas have it, neither by the one who did it nor by one who
//! found it done; and what was said so is there after the primary is gone.

use onestop::engine::fence::{Outcome, RequestName};
use onestop::grpc::status::Reason;
use onestop::store::coordination::{Coordination, Readiness};
use onestop::store::redis::RedisSettings;
use onestop::store::{JournalStore, Store};

use super::{of_p1, settles};
use crate::support::engine;
use crate::support::ids::id;
use crate::support::redis_cluster::until;
use crate::support::redis_server::{DURABLE, RedisServer, open_with, prefix};

fn replica_of(primary: &RedisServer) -> RedisServer {
    let replica = RedisServer::start(&[DURABLE, &["repl-diskless-sync-delay 0"]].concat());
    replica.ask(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    until(|| replica.ask(&["INFO", "replication"]).contains("master_link_status:up"));
    until(|| primary.ask(&["INFO", "replication"]).contains("state=online"));
    replica
}

fn one_replica() -> RedisSettings {
    RedisSettings { replicas: 1, ..RedisSettings::default() }
}

/// A stopped replica keeps its connection and confirms nothing.
fn signal(server: &RedisServer, which: &str) {
    let status = std::process::Command::new("kill").args([which, &server.pid().to_string()]).status();
    assert!(status.expect("kill").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_replica_no_commit_is_acknowledged() {
    let primary = RedisServer::start(&[DURABLE, &["repl-diskless-sync-delay 0"]].concat());
    let replica = replica_of(&primary);
    let url = primary.url();
    let engine = engine(open_with(&url, one_replica()).await.expect("a store")).await;
    settles(&engine, 1).await.expect("settled");
    signal(&replica, "-STOP");
    let name = RequestName { hospital_id: Some(id("H3")), person_id: id("P1"), request_id: id("f") };
    // Committed on the primary, and not said to be.
    assert_eq!(Reason::from(&engine.fence(&name, of_p1(9)).await.expect_err("unknown")), Reason::OutcomeUnknown);
    // Neither another fence nor the outcome says yes, nor the retry of what was done before.
    assert_eq!(Reason::from(&engine.fence(&name, of_p1(10)).await.expect_err("unknown")), Reason::StoreUnavailable);
    assert_eq!(Reason::from(&engine.outcome(&name).await.expect_err("unknown")), Reason::StoreUnavailable);
    assert_eq!(Reason::from(&settles(&engine, 1).await.expect_err("unknown")), Reason::StoreUnavailable);
    assert_eq!(Reason::from(&settles(&engine, 2).await.expect_err("unknown")), Reason::OutcomeUnknown);
    assert_eq!(engine.store().entry_count().await, Ok(3));
    signal(&replica, "-CONT");
    let mut readiness = engine.store().coordination().readiness();
    readiness.wait_for(|now| *now == Readiness::Ready).await.expect("the store");
    assert!(matches!(engine.outcome(&name).await, Ok(Outcome::Fenced)));
    assert!(settles(&engine, 2).await.expect("settled").replay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_few_replicas_are_reported_and_a_promoted_replica_has_every_acknowledged_settlement() {
    let primary = RedisServer::start(&[DURABLE, &["repl-diskless-sync-delay 0"]].concat());
    let alone = open_with(&primary.url(), one_replica()).await.err().expect("refused").to_string();
    assert!(alone.contains("1 replicas must have every settlement, but 0 are connected"), "{alone}");
    let replica = replica_of(&primary);
    let prefix = prefix();
    let url = |server: &RedisServer| format!("redis://127.0.0.1:{}?prefix={prefix}", server.port());
    let before = engine(open_with(&url(&primary), one_replica()).await.expect("a store")).await;
    let mut settled = Vec::new();
    for number in 1..=50 {
        settled.push(settles(&before, number).await.expect("settled").entry);
    }
    primary.kill();
    drop(before);
    replica.ask(&["REPLICAOF", "NO", "ONE"]);
    let after = open_with(&url(&replica), RedisSettings::default()).await.expect("a store");
    for entry in settled {
        assert_eq!(after.entry(entry.id).await, Ok(Some(entry.into())));
    }
}

/// One waiting for the replicas serves all who asked before it began.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_commits_share_one_wait() {
    const COMMITS: u64 = 400;
    let primary = RedisServer::start(&[DURABLE, &["repl-diskless-sync-delay 0"]].concat());
    let _replica = replica_of(&primary);
    let engine = std::sync::Arc::new(engine(open_with(&primary.url(), one_replica()).await.expect("a store")).await);
    let waits = || {
        let stats = primary.ask(&["INFO", "commandstats"]);
        let line = stats.lines().find(|line| line.starts_with("cmdstat_wait:")).unwrap_or("calls=0,").to_owned();
        let calls = line.split("calls=").nth(1).and_then(|rest| rest.split(',').next()).expect("a count").to_owned();
        calls.parse::<u64>().expect("a count")
    };
    let before = waits();
    let name =
        |number| RequestName { hospital_id: Some(id("H3")), person_id: id(format!("Q{number}")), request_id: id("r") };
    let fences = (0..COMMITS).map(|number| {
        let engine = std::sync::Arc::clone(&engine);
        let name = name(number);
        tokio::spawn(async move { engine.fence(&name, of_p1(number).for_person(name.person_id.as_str())).await })
    });
    for fence in fences.collect::<Vec<_>>() {
        assert!(matches!(fence.await.expect("no panic"), Ok(Outcome::Fenced)));
    }
    let waited = waits() - before;
    println!("{waited} waits for {COMMITS} commits");
    assert!(waited < COMMITS / 2, "{waited} waits for {COMMITS} commits");
}
