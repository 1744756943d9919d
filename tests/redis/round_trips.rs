//! What a settle costs: its round trips, counted on the wire; and no key or field contains an id.

use onestop::store::redis::RedisSettings;

use super::{cluster_of_one, settles};
use crate::support::engine;
use crate::support::proxy::Proxy;
use crate::support::redis_server::{RedisServer, open_with, prefix};

fn count(bytes: &[u8], text: &str) -> usize {
    bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
}

/// How often a look-up, the key of a binding, its call, the call of commits, and keys of entries are in these bytes.
fn counted(bytes: &[u8]) -> [usize; 5] {
    let look_up = "$1\r\np\r\n$1\r\ns\r\n";
    [look_up, "}:b", "onestop_6_bind", "onestop_6_commit", "}:e"].map(|text| count(bytes, text))
}

/// One request looks up the person and the claim; the commit binds the claim. The key of the entry is in the commit, beside
/// that of the number of entries.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settle_takes_two_round_trips_and_so_does_its_retry() {
    let server = RedisServer::shared();
    let proxy = Proxy::to(server.port()).await;
    let url = format!("redis://127.0.0.1:{}?prefix={}", proxy.port(), prefix());
    let engine = engine(open_with(&url, RedisSettings::default()).await.expect("a store")).await;
    proxy.requests();
    settles(&engine, 1).await.expect("settled");
    assert_eq!(counted(&proxy.requests()), [1, 2, 0, 1, 2]);
    settles(&engine, 1).await.expect("the same");
    assert_eq!(counted(&proxy.requests()), [1, 1, 0, 0, 1]);
}

/// The binding of the claim is in another slot than the person.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_cluster_a_settle_takes_three_round_trips_and_its_retry_two() {
    let (_server, proxy, url) = cluster_of_one().await;
    let engine = engine(open_with(&url, RedisSettings::default()).await.expect("a store")).await;
    proxy.requests();
    settles(&engine, 1).await.expect("settled");
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
