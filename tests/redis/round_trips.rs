//! What a settle costs: its round trips, counted on the wire; and no key or field contains an id.

use onestop::store::redis::RedisSettings;

use super::settles;
use crate::support::engine;
use crate::support::proxy::Proxy;
use crate::support::redis_server::{RedisServer, open_with, prefix};

fn count(bytes: &[u8], text: &str) -> usize {
    bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
}

/// The look-up asks the person's shard and the claim's at the same time; then the binding; then the commit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settle_takes_three_round_trips_and_its_retry_two() {
    let server = RedisServer::shared();
    let proxy = Proxy::to(server.port()).await;
    let url = format!("redis://127.0.0.1:{}?prefix={}", proxy.port(), prefix());
    let engine = engine(open_with(&url, RedisSettings::default()).await.expect("a store")).await;
    let counted = |bytes: &[u8]| {
        let look_up = "$1\r\np\r\n$1\r\ns\r\n";
        [look_up, "}:b", "onestop_3_bind", "onestop_3_commit", "}:e"].map(|text| count(bytes, text))
    };
    proxy.requests();
    settles(&engine, 1).await.expect("settled");
    // The binding's key stands in the look-up and in the call that binds; the entry's in the commit, beside that of
    // their count.
    assert_eq!(counted(&proxy.requests()), [1, 2, 1, 1, 2]);
    settles(&engine, 1).await.expect("the same");
    assert_eq!(counted(&proxy.requests()), [1, 1, 0, 0, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_or_field_contains_an_id() {
    let server = RedisServer::shared();
    let url = server.url();
    let prefix = url.split_once("prefix=").expect("a prefix").1;
    let engine = super::engine_at(&url).await;
    settles(&engine, 1).await.expect("settled");
    let keys = server.ask(&["KEYS", &format!("{prefix}:*")]);
    assert!(keys.matches(":{").count() > 70, "{keys}");
    for id in ["P1", "H3", "C1", "r-C1", "370100"] {
        let own = keys.split("\r\n").filter(|line| line.contains(id));
        assert_eq!(own.count(), 0, "{id} stands in {keys:?}");
    }
}
