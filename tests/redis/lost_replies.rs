//! The reply is lost after Redis did what was asked, at every call site in turn: nothing is done twice, and the retry
//! gives the identical answer.

use std::time::Duration;

use onestop::domain::content::RawReversal;
use onestop::engine::Engine;
use onestop::engine::fence::{Outcome, RequestName};
use onestop::engine::reverse::ReverseRequest;
use onestop::grpc::status::Reason;
use onestop::store::JournalStore;
use onestop::store::redis::{RedisSettings, RedisStore};

use super::{cluster_of_one, of_p1, settles};
use crate::support::engine;
use crate::support::ids::id;
use crate::support::proxy::{Mode, Proxy};
use crate::support::redis_server::{RedisServer, open_with, prefix};

/// What each call of a settle, a reversal, a fence and a look at them says to Redis.
const SITES: [&str; 4] = ["$1\r\np\r\n$1\r\ns\r\n", "onestop_6_commit", "}:clock", "onestop_6_positions"];

async fn through(proxy: &Proxy, timeout: Duration) -> onestop::store::redis::RedisStore {
    let url = format!("redis://127.0.0.1:{}?prefix={}", proxy.port(), prefix());
    open_with(&url, RedisSettings { timeout, ..RedisSettings::default() }).await.expect("a store")
}

fn fence(number: u64) -> RequestName {
    RequestName { hospital_id: Some(id("H3")), person_id: id("P1"), request_id: id(format!("fenced-{number}")) }
}

fn reversal(number: u64) -> ReverseRequest {
    let raw_reversal = RawReversal {
        hospital_id: "H3".into(),
        person_id: "P1".into(),
        claim_id: format!("C{number}"),
        reason: "a wrong bill".to_owned(),
        readjudicate: false,
    };
    ReverseRequest { reversal: raw_reversal, request_id: format!("reversed-{number}"), dry_run: false }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_lost_at_any_call_site_changes_no_answer() {
    let server = RedisServer::shared();
    let proxy = Proxy::to(server.port()).await;
    let engine = engine(through(&proxy, Duration::from_secs(10)).await).await;
    lose_replies(&engine, &proxy, &SITES).await;
}

/// On a Cluster the claim is bound by a call of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_lost_at_any_call_site_of_a_cluster_changes_no_answer() {
    let (_server, proxy, url) = cluster_of_one().await;
    let settings = RedisSettings { timeout: Duration::from_secs(10), ..RedisSettings::default() };
    let engine = engine(open_with(&url, settings).await.expect("a store")).await;
    lose_replies(&engine, &proxy, &[&SITES[..], &["onestop_6_bind"]].concat()).await;
}

async fn lose_replies(engine: &Engine<RedisStore>, proxy: &Proxy, sites: &[&'static str]) {
    let mut entries = engine.store().entry_count().await.expect("a count");
    for (number, site) in (1..).zip(sites) {
        let lost = proxy.lost();
        proxy.set(Mode::LosesReplyTo(site));
        let settled = settles(engine, number).await.expect("settled");
        let reversed = engine.reverse(reversal(number), of_p1(1_000 + number)).await.expect("reversed");
        let fenced = engine.fence(&fence(number), of_p1(2_000 + number)).await.expect("fenced");
        assert!(!reversed.replay && matches!(fenced, Outcome::Fenced));
        let hospital = onestop::engine::list::HospitalFilter {
            hospital_id: id("H3"),
            from: onestop::domain::day::Day::FIRST,
            until: onestop::domain::day::Day::LAST,
        };
        let mut listed = 0;
        let count = |_| {
            listed += 1;
            onestop::engine::list::PageRoom::Left
        };
        engine.list_of_hospital(&hospital, None, 100, count).await.expect("a list");
        assert_eq!(listed, number);
        assert_eq!(proxy.lost(), lost + 1, "{site}");
        let again = settles(engine, number).await.expect("the same");
        assert!(again.replay && again.entry == settled.entry, "{site}");
        entries += 3;
        assert_eq!(engine.store().entry_count().await, Ok(entries), "{site}");
    }
}

/// Redis is gone for longer than anybody waits, right after it committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_with_a_lost_reply_is_unknown_and_the_retry_finds_it() {
    let server = RedisServer::shared();
    let proxy = Proxy::to(server.port()).await;
    let engine = engine(through(&proxy, Duration::from_millis(300)).await).await;
    proxy.set(Mode::LosesReplyAndCuts("onestop_6_commit"));
    assert_eq!(Reason::from(&settles(&engine, 1).await.expect_err("unknown")), Reason::OutcomeUnknown);
    assert_eq!(Reason::from(&settles(&engine, 1).await.expect_err("cut off")), Reason::StoreUnavailable);
    proxy.set(Mode::Passes);
    let found = settles(&engine, 1).await.expect("found");
    assert!(found.replay);
    assert_eq!(engine.store().entry_count().await, Ok(1));
}

/// Calls to a silent Redis fail at their deadline, and beyond the limit of calls in flight at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_to_a_silent_redis_meet_deadline_and_limit() {
    let server = RedisServer::shared();
    let proxy = Proxy::to(server.port()).await;
    let url = format!("redis://127.0.0.1:{}?prefix={}", proxy.port(), prefix());
    let settings = RedisSettings { timeout: Duration::from_millis(500), in_flight: 16, ..RedisSettings::default() };
    let store = std::sync::Arc::new(open_with(&url, settings).await.expect("a store"));
    proxy.set(Mode::IsSilent);
    let asked = std::time::Instant::now();
    let reads = (0..128u128).map(|number| {
        let store = std::sync::Arc::clone(&store);
        tokio::spawn(async move { store.entry(onestop::domain::ids::EntryId(number.to_be_bytes())).await })
    });
    let mut messages = Vec::new();
    for read in reads.collect::<Vec<_>>() {
        messages.push(read.await.expect("no panic").expect_err("no answer").to_string());
    }
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    let refused = messages.iter().filter(|message| message.contains("too many calls")).count();
    assert!(refused >= 100, "{refused} refused at once: {messages:?}");
    proxy.set(Mode::Passes);
}
