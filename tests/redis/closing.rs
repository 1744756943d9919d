//! A closing of a month that ended in the middle: nobody takes the month for closed, or for open, until it is closed for all.
//! One that loses to that of another month leaves nothing closed. What a server lost blocks no later closing.

use std::sync::Arc;
use std::time::Duration;

use onestop::domain::ids::PersonId;
use onestop::domain::journal::{AdministrationAct, AdministrationEntry, MonthClosing, PolicyActivation};
use onestop::domain::month::{ClosedMonths, Month};
use onestop::engine::audit::Audit;
use onestop::engine::close_month::ClosedMonth;
use onestop::engine::{CommitStamp, Engine};
use onestop::grpc::status::Reason;
use onestop::store::administration::AdministrationCommit;
use onestop::store::redis::{RedisSettings, RedisStore};
use onestop::store::shard::Shard;
use onestop::store::{JournalStore, Scope, StoreError};

use super::engine_at;
use crate::closing::{reversal, stamp_on};
use crate::support::claims::{claim, settle};
use crate::support::engine;
use crate::support::ids::id;
use crate::support::proxy::{Mode, Proxy};
use crate::support::redis_cluster::until;
use crate::support::redis_server::{DURABLE, RedisServer, open_with, prefix};

fn month(text: &str) -> Month {
    text.parse().expect("a month")
}

/// Settles C1 of P1 in June.
async fn settles_in_june(engine: &Engine<RedisStore>) {
    let request = settle(claim("C1", "P1", "1000.00"));
    engine.settle(request, stamp_on("2017-06-20", 1)).await.expect("a settlement");
}

/// Reverses it in July; the month in which that is booked.
async fn reversed_in_july(engine: &Engine<RedisStore>) -> Month {
    let reversed = engine.reverse(reversal("C1", "P1"), stamp_on("2017-07-12", 9)).await.expect("a reversal");
    reversed.entry.body.booking_month
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_closing_is_interrupted_nothing_is_reversed_and_when_it_is_repeated_all_is_booked_as_it_says() {
    let server = RedisServer::start(DURABLE);
    let url = server.url();
    let settings = RedisSettings { timeout: Duration::from_millis(400), ..RedisSettings::default() };
    let engine = engine(open_with(&url, settings).await.expect("a store")).await;
    for (number, claim_id) in [(1, "C1"), (2, "C2")] {
        let request = settle(claim(claim_id, "P1", "1000.00"));
        engine.settle(request, stamp_on("2017-06-20", number)).await.expect("a settlement");
    }
    // What a closing writes for the shard of a person, before it ends.
    let person: PersonId = id("P1");
    let (prefix, shard) = (url.split_once("prefix=").expect("a prefix").1, Shard::of_person(&person).number());
    assert!(server.ask(&["SET", &format!("{prefix}:{{{shard:02}}}:closed"), "201706"]).starts_with("+OK"));
    let refused = engine.reverse(reversal("C1", "P1"), stamp_on("2017-07-10", 3)).await.expect_err("refused");
    assert_eq!(Reason::from(&refused), Reason::StoreUnavailable);
    let scope = Scope::of_person(&person).with_closed_months();
    let why = engine.store().look_up(scope).await.err().expect("refused").to_string();
    assert!(why.contains("close the month again"), "{why}");
    engine.settle(settle(claim("C3", "P1", "10.00")), stamp_on("2017-07-10", 4)).await.expect("a settlement");
    let closed = engine.close_month(month("2017-06"), "an operator", &|| stamp_on("2017-07-11", 5)).await;
    assert!(matches!(closed, Ok(ClosedMonth::Now(_))), "{closed:?}");
    let reversed = engine.reverse(reversal("C2", "P1"), stamp_on("2017-07-12", 6)).await.expect("a reversal");
    assert_eq!(reversed.entry.body.booking_month, month("2017-07"));
    let state = engine.store().look_up(Scope::of_person(&person)).await.expect("a look-up").state;
    Audit::new(engine.store()).verify_person(&state).await.expect("a sound chain");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closing_that_was_decided_before_another_closes_nothing() {
    let server = RedisServer::shared();
    let engine = engine_at(&server.url()).await;
    settles_in_june(&engine).await;
    let before = engine.store().administration().await.expect("a state");
    let closed = engine.close_month(month("2017-05"), "an operator", &|| stamp_on("2017-07-10", 2)).await;
    assert!(matches!(closed, Ok(ClosedMonth::Now(_))), "{closed:?}");
    let CommitStamp { id, instant } = stamp_on("2017-07-10", 3);
    let closing = MonthClosing { closed_by: "another".to_owned(), month: month("2017-06") };
    let entry = AdministrationEntry {
        id: Shard::ADMINISTRATION.set_in(id),
        link: before.next(),
        committed: instant,
        act: AdministrationAct::MonthClosing(closing),
    };
    let late = engine.store().commit_administration(AdministrationCommit::new(before, &entry)).await;
    assert_eq!(late, Err(StoreError::Conflict));
    assert_eq!(reversed_in_july(&engine).await, month("2017-06"), "only May is closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_first_closings_at_once_either_wins_and_nothing_is_left_closed() {
    let server = RedisServer::shared();
    let url = server.url();
    let (one, other) = (engine_at(&url).await, engine_at(&url).await);
    settles_in_june(&one).await;
    let (of_march, of_june) = (|| stamp_on("2017-07-10", 2), || stamp_on("2017-07-10", 3));
    let closings = tokio::join!(
        one.close_month(month("2017-03"), "an operator", &of_march),
        other.close_month(month("2017-06"), "another", &of_june),
    );
    let closed = one.store().administration().await.expect("a state").closed_months;
    let booked = match closings {
        (Ok(ClosedMonth::Now(_)), Err(refused)) => {
            assert_eq!(Reason::from(&refused), Reason::MonthNotClosable);
            assert_eq!(closed, ClosedMonths { through: Some(month("2017-03")) });
            "2017-06"
        }
        (Ok(ClosedMonth::Before(_)), Ok(ClosedMonth::Now(_))) => {
            assert_eq!(closed, ClosedMonths { through: Some(month("2017-06")) });
            "2017-07"
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(reversed_in_july(&other).await, month(booked));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_closing_is_replaced_by_that_of_another_month_and_closes_nothing_later() {
    let server = RedisServer::start(DURABLE);
    let url = server.url();
    let settings = RedisSettings { timeout: Duration::from_millis(400), ..RedisSettings::default() };
    let engine = engine(open_with(&url, settings).await.expect("a store")).await;
    settles_in_june(&engine).await;
    let (prefix, shard) = (url.split_once("prefix=").expect("a prefix").1, Shard::of_person(&id("P1")).number());
    let common = |name: &str| format!("{prefix}:{{00}}:{name}");
    let of_shard = |name: &str| format!("{prefix}:{{{shard:02}}}:{name}");
    let marker = server.ask(&["GET", &common("store")]);
    let marker = marker.lines().nth(1).expect("a marker");
    // A closing of June, which ends after it closed the shard of P1.
    let keys = ["store", "administration", "shared"].map(common);
    let begun = server.ask(&[
        "FCALL",
        "onestop_6_begin_closing",
        "3",
        &keys[0],
        &keys[1],
        &keys[2],
        marker,
        "\0\0\0\0\0\0\0\0",
        "the state after it",
        "201706",
        "",
        "0",
    ]);
    assert_eq!(begun, "*2\r\n$4\r\ndone\r\n$1\r\n1\r\n");
    let keys = ["store", "closed", "closing", "day"].map(of_shard);
    let [store, closed, closing, day] = keys.each_ref().map(String::as_str);
    let closes = ["FCALL", "onestop_6_close", "4", store, closed, closing, day, marker, "201706", "1", "20170710"];
    assert_eq!(server.ask(&closes), "$4\r\ndone\r\n");
    let closed = engine.close_month(month("2017-05"), "an operator", &|| stamp_on("2017-07-11", 3)).await;
    assert!(matches!(closed, Ok(ClosedMonth::Now(_))), "{closed:?}");
    assert_eq!(server.ask(&closes), "$8\r\nconflict\r\n", "what it still sends");
    assert_eq!(reversed_in_july(&engine).await, month("2017-06"));
    let again = engine.close_month(month("2017-06"), "an operator", &|| stamp_on("2017-07-13", 10)).await;
    assert!(matches!(again, Ok(ClosedMonth::Now(_))), "{again:?}");
}

/// A store behind a proxy, with its address, and time enough to send a call again.
async fn behind_proxy(server: &RedisServer) -> (Proxy, String, Arc<Engine<RedisStore>>) {
    let proxy = Proxy::to(server.port()).await;
    let url = format!("redis://127.0.0.1:{}?prefix={}", proxy.port(), prefix());
    let settings = RedisSettings { timeout: Duration::from_secs(10), ..RedisSettings::default() };
    let engine = Arc::new(engine(open_with(&url, settings).await.expect("a store")).await);
    (proxy, url, engine)
}

/// The keys of shards of the store at this address.
fn keys_of(url: &str) -> impl Fn(u8, &str) -> String {
    let prefix = url.split_once("prefix=").expect("a prefix").1.to_owned();
    move |shard, name| format!("{prefix}:{{{shard:02}}}:{name}")
}

/// What the last closing wrote in a shard: its number, and its month.
fn set_closed(server: &RedisServer, key: impl Fn(&str) -> String, closing: &str, month: &str) {
    assert!(server.ask(&["SET", &key("closing"), closing]).starts_with("+OK"));
    assert!(server.ask(&["SET", &key("closed"), month]).starts_with("+OK"));
}

/// The primary of the common shard failed, and the replica in its place lacks closings whose numbers two other shards have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closing_has_a_number_above_those_that_the_common_shard_lost() {
    let server = RedisServer::shared();
    let url = server.url();
    let engine = engine_at(&url).await;
    settles_in_june(&engine).await;
    let closed = engine.close_month(month("2017-05"), "an operator", &|| stamp_on("2017-07-10", 2)).await;
    assert!(matches!(closed, Ok(ClosedMonth::Now(_))), "{closed:?}");
    let (key, shard) = (keys_of(&url), Shard::of_person(&id("P1")).number());
    set_closed(&server, |name| key(shard, name), "7", "201706");
    set_closed(&server, |name| key((shard + 1) % 64, name), "9", "201705");
    let closed = engine.close_month(month("2017-06"), "an operator", &|| stamp_on("2017-07-11", 3)).await;
    assert!(matches!(closed, Ok(ClosedMonth::Now(_))), "{closed:?}");
    assert_eq!(server.ask(&["HGET", &key(0, "shared"), "closing"]), "$2\r\n10\r\n");
    assert_eq!(reversed_in_july(&engine).await, month("2017-07"));
}

/// The number of a closing was given to another after the common shard lost it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_closings_with_one_number_a_shard_refuses_the_second_which_then_gets_a_later_number() {
    let server = RedisServer::shared();
    let url = server.url();
    let engine = engine_at(&url).await;
    settles_in_june(&engine).await;
    let (key, shard) = (keys_of(&url), Shard::of_person(&id("P1")).number());
    set_closed(&server, |name| key(shard, name), "1", "201705");
    assert_eq!(server.ask(&["HSET", &key(0, "shared"), "closing", "1", "closing month", "201706"]), ":2\r\n");
    let marker = server.ask(&["GET", &key(0, "store")]);
    let marker = marker.lines().nth(1).expect("a marker");
    let [store, closed, closing, day] = ["store", "closed", "closing", "day"].map(|name| key(shard, name));
    let closes: [&str; 11] =
        ["FCALL", "onestop_6_close", "4", &store, &closed, &closing, &day, marker, "201706", "1", "20170710"];
    assert_eq!(server.ask(&closes), "$8\r\nconflict\r\n");
    let closed = engine.close_month(month("2017-06"), "an operator", &|| stamp_on("2017-07-11", 3)).await;
    assert!(matches!(closed, Ok(ClosedMonth::Now(_))), "{closed:?}");
    assert_eq!(server.ask(&["HGET", &key(0, "shared"), "closing"]), "$1\r\n2\r\n");
    assert_eq!(reversed_in_july(&engine).await, month("2017-07"));
}

/// The primary of a shard failed, and the replica in its place lacks the last closing, which the chain has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_that_a_shard_lost_is_closed_there_again_without_an_entry() {
    let server = RedisServer::shared();
    let url = server.url();
    let settings = RedisSettings { timeout: Duration::from_millis(400), ..RedisSettings::default() };
    let engine = engine(open_with(&url, settings).await.expect("a store")).await;
    settles_in_june(&engine).await;
    let close = async |number| {
        engine.close_month(month("2017-06"), "an operator", &|| stamp_on("2017-07-10", number)).await.expect("closed")
    };
    assert!(matches!(close(2).await, ClosedMonth::Now(_)));
    let (key, shard) = (keys_of(&url), Shard::of_person(&id("P1")).number());
    set_closed(&server, |name| key(shard, name), "0", "201705");
    assert!(server.ask(&["SET", &key(shard, "day"), "20170620"]).starts_with("+OK"));
    let refused = engine.reverse(reversal("C1", "P1"), stamp_on("2017-07-11", 3)).await.expect_err("refused");
    assert_eq!(Reason::from(&refused), Reason::StoreUnavailable);
    let (before, entries) = (engine.store().administration().await, engine.store().entry_count().await);
    assert!(matches!(close(4).await, ClosedMonth::Before(_)));
    assert_eq!((engine.store().administration().await, engine.store().entry_count().await), (before, entries));
    assert_eq!(server.ask(&["HEXISTS", &key(0, "shared"), "closing month"]), ":0\r\n", "it ended");
    assert_eq!(server.ask(&["GET", &key(shard, "day")]), "$8\r\n20170710\r\n", "the day of the closing");
    assert_eq!(reversed_in_july(&engine).await, month("2017-07"));
}

/// A closing goes on after a lost reply, and so does one that closes again what a shard lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_lost_at_any_call_of_a_closing_changes_no_answer() {
    let server = RedisServer::shared();
    let (proxy, url, engine) = behind_proxy(&server).await;
    settles_in_june(&engine).await;
    let (key, shard) = (keys_of(&url), Shard::of_person(&id("P1")).number());
    let close = async |site, text, number| {
        let lost = proxy.lost();
        proxy.set(Mode::LosesReplyTo(site));
        let closed = engine.close_month(month(text), "an operator", &|| stamp_on("2017-07-10", number)).await;
        assert_eq!(proxy.lost(), lost + 1, "{site}");
        closed
    };
    for (number, text, site) in [
        (2, "2017-04", "onestop_6_begin_closing"),
        (3, "2017-05", "onestop_6_close"),
        (4, "2017-06", "onestop_6_administer"),
    ] {
        let closed = close(site, text, number).await;
        assert!(matches!(closed, Ok(ClosedMonth::Now(_))), "{site}: {closed:?}");
    }
    for site in ["onestop_6_begin_closing", "onestop_6_close", "onestop_6_end_closing"] {
        set_closed(&server, |name| key(shard, name), "0", "201705");
        let closed = close(site, "2017-06", 5).await;
        assert!(matches!(closed, Ok(ClosedMonth::Before(_))), "{site}: {closed:?}");
    }
    assert_eq!(reversed_in_july(&engine).await, month("2017-07"));
}

/// Two that close again what a shard lost share a number: each ends it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closing_that_has_ended_is_ended_again_and_no_other_one_is() {
    let server = RedisServer::shared();
    let url = server.url();
    let _engine = engine_at(&url).await;
    let key = keys_of(&url);
    let (store, shared) = (key(0, "store"), key(0, "shared"));
    let marker = server.ask(&["GET", &store]);
    let marker = marker.lines().nth(1).expect("a marker");
    let begin = |closing: &str, month: &str| server.ask(&["HSET", &shared, "closing", closing, "closing month", month]);
    let end = |closing: &str| {
        server.ask(&["FCALL", "onestop_6_end_closing", "2", &store, &shared, marker, "201706", closing])
    };
    begin("3", "201706");
    assert_eq!(end("2"), "$8\r\nconflict\r\n", "it was replaced");
    assert_eq!([end("3"), end("3")], ["$4\r\ndone\r\n"; 2]);
    begin("4", "201707");
    assert_eq!(end("3"), "$8\r\nconflict\r\n", "that of another month has not ended");
    assert_eq!(server.ask(&["HGET", &shared, "closing month"]), "$6\r\n201707\r\n");
}

/// The chain is another one when the closing begins than when it was looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_that_a_shard_lost_is_closed_there_again_though_an_entry_of_the_administration_comes_first() {
    let server = RedisServer::shared();
    let (proxy, url, engine) = behind_proxy(&server).await;
    settles_in_june(&engine).await;
    let close = |number| {
        let engine = Arc::clone(&engine);
        async move { engine.close_month(month("2017-06"), "an operator", &|| stamp_on("2017-07-10", number)).await }
    };
    assert!(matches!(close(2).await, Ok(ClosedMonth::Now(_))));
    let (key, shard) = (keys_of(&url), Shard::of_person(&id("P1")).number());
    set_closed(&server, |name| key(shard, name), "0", "201705");
    // A closing of another month, which keeps it waiting.
    assert_eq!(server.ask(&["HSET", &key(0, "shared"), "closing month", "201707"]), ":1\r\n");
    proxy.requests();
    let closing = tokio::spawn(close(3));
    until(|| String::from_utf8_lossy(&proxy.requests()).contains("onestop_6_begin_closing"));
    let before = engine.store().administration().await.expect("a state");
    let CommitStamp { id: entry_id, instant } = stamp_on("2017-07-11", 4);
    let activation = PolicyActivation { activated_by: "another".to_owned(), book: engine.book().digest() };
    let entry = AdministrationEntry {
        id: Shard::ADMINISTRATION.set_in(entry_id),
        link: before.next(),
        committed: instant,
        act: AdministrationAct::PolicyActivation(activation),
    };
    engine.store().commit_administration(AdministrationCommit::new(before, &entry)).await.expect("an entry");
    assert_eq!(server.ask(&["HDEL", &key(0, "shared"), "closing month"]), ":1\r\n");
    let closed = closing.await.expect("no panic");
    let through = ClosedMonths { through: Some(month("2017-06")) };
    assert!(matches!(closed, Ok(ClosedMonth::Before(months)) if months == through), "{closed:?}");
    assert_eq!(reversed_in_july(&engine).await, month("2017-07"));
}
