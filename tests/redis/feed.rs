//! The change feed: a consumer group reads every entry of every shard, and one that ended before it had done its work
//! goes on where it was.

use std::collections::BTreeMap;

use onestop::domain::content::RawReversal;
use onestop::domain::ids::EntryId;
use onestop::engine::reverse::ReverseRequest;
use onestop::store::shard::Shard;

use super::{engine_at, of_p1, settles};
use crate::support::redis_server::RedisServer;

/// What the feed says of an entry.
type FeedItem = BTreeMap<String, String>;

/// What a read gives: streams with their changes, each with its number; nothing if there are none.
type Answer = Option<Vec<(String, Vec<(String, FeedItem)>)>>;

/// A payment system: a member of the group `payments`.
struct Payments {
    connection: ::redis::aio::MultiplexedConnection,
    streams: Vec<String>,
}

impl Payments {
    async fn over(url: &str, prefix: &str) -> Payments {
        let client = ::redis::Client::open(url).expect("an address");
        let mut connection = client.get_multiplexed_async_connection().await.expect("a connection");
        let streams: Vec<String> =
            Shard::all().map(|shard| format!("{prefix}:{{{:02}}}:journal", shard.number())).collect();
        for stream in &streams {
            let mut create = ::redis::cmd("XGROUP");
            create.arg("CREATE").arg(stream).arg("payments").arg("0").arg("MKSTREAM");
            // Whoever comes later finds the group there.
            let _there = create.exec_async(&mut connection).await;
        }
        Payments { connection, streams }
    }

    /// What came since (`>`), or what was taken and never said to be done (`0`): stream, number in it, change.
    async fn read(&mut self, from: &str) -> Vec<(String, String, FeedItem)> {
        let mut taken = Vec::new();
        for stream in &self.streams {
            let mut read = ::redis::cmd("XREADGROUP");
            read.arg("GROUP").arg("payments").arg("one").arg("STREAMS").arg(stream).arg(from);
            let answer: Answer = read.query_async(&mut self.connection).await.expect("a read");
            for (stream, changes) in answer.into_iter().flatten() {
                taken.extend(changes.into_iter().map(|(number, change)| (stream.clone(), number, change)));
            }
        }
        taken
    }

    async fn done(&mut self, (stream, number, _): &(String, String, FeedItem)) {
        let mut done = ::redis::cmd("XACK");
        done.arg(stream).arg("payments").arg(number);
        assert_eq!(done.query_async::<u32>(&mut self.connection).await, Ok(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_consumer_resumes_and_misses_nothing() {
    let server = RedisServer::shared();
    let url = server.url();
    let (base, prefix) = url.split_once("?prefix=").expect("a prefix");
    let engine = engine_at(&url).await;
    let mut payments = Payments::over(base, prefix).await;
    let mut settled = Vec::new();
    for number in 1..=3 {
        settled.push(settles(&engine, number).await.expect("settled").entry.id.to_string());
    }
    // It takes three, does the first, and ends.
    let taken = payments.read(">").await;
    assert_eq!(
        taken.iter().map(|(_, _, change)| &change["settlement"]).collect::<Vec<_>>(),
        settled.iter().collect::<Vec<_>>()
    );
    payments.done(&taken[0]).await;
    drop(payments);
    let raw_reversal = RawReversal {
        hospital_id: "H3".into(),
        person_id: "P1".into(),
        claim_id: "C3".into(),
        reason: "a wrong bill".to_owned(),
        readjudicate: false,
    };
    let request = ReverseRequest { reversal: raw_reversal, request_id: "reversed".into(), dry_run: false };
    let reversal = engine.reverse(request, of_p1(9)).await.expect("reversed").entry;
    // After a restart: first what was delivered but not acknowledged, then new entries.
    let mut payments = Payments::over(base, prefix).await;
    let again = payments.read("0").await;
    assert_eq!(again, taken[1..]);
    let since = payments.read(">").await;
    for change in again.iter().chain(&since) {
        payments.done(change).await;
    }
    let [(_, _, last)] = &since[..] else { panic!("{since:?}") };
    assert_eq!((last["deed"].as_str(), &last["entry"]), ("reversed", &reversal.id.to_string()));
    assert_eq!(last["settlement"], settled[2]);
    assert_eq!(last["committed"], reversal.committed.0.to_string());
    // The settlement that a change names has all that there is to know.
    let view = engine.settlement(EntryId::parse(&last["settlement"]).expect("an id")).await.expect("the settlement");
    assert_eq!(view.reversal, Some(reversal));
    assert!(payments.read("0").await.is_empty() && payments.read(">").await.is_empty());
    // The feed contains no name and no bill.
    assert!(last.keys().eq(["committed", "deed", "entry", "settlement"]));
}
