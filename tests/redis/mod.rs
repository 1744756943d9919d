//! What a store on Redis adds to the contract: what it asks of Redis, lost replies, replicas, a Cluster, other instances
//! beside it, and what it shows to those who read its feed.

mod batches;
mod closing;
mod cluster;
mod durability;
mod emptied;
mod feed;
mod import_lease;
mod instances;
mod load;
mod lost_replies;
mod replicas;
mod round_trips;
mod secured;

use std::sync::Arc;

use onestop::domain::ids::EntryId;
use onestop::engine::EngineError;
use onestop::engine::settle::SettleOutcome;
use onestop::engine::{CommitStamp, Engine};
use onestop::store::Store;
use onestop::store::redis::RedisStore;

use crate::support::claims::{claim, settle};
use crate::support::proxy::Proxy;
use crate::support::redis_cluster::until;
use crate::support::redis_server::{DURABLE, RedisServer, free_port, prefix};
use crate::support::{engine, stamp};

/// An engine over the store at this address, with the tables of most tests.
async fn engine_at(url: &str) -> Arc<Engine<RedisStore>> {
    Arc::new(engine(crate::support::redis_server::open(url).await).await)
}

/// A Cluster of one server behind a proxy, with its address.
async fn cluster_of_one() -> (RedisServer, Proxy, String) {
    let bus = format!("cluster-port {}", free_port());
    let server = RedisServer::start(&[DURABLE, &["cluster-enabled yes", &bus]].concat());
    let proxy = Proxy::to(server.port()).await;
    let announced = proxy.port().to_string();
    assert!(
        server
            .ask(&["CONFIG", "SET", "cluster-announce-ip", "127.0.0.1", "cluster-announce-port", &announced])
            .starts_with("+OK")
    );
    assert!(server.ask(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).starts_with("+OK"));
    until(|| server.ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok"));
    let url = format!("redis-cluster://127.0.0.1:{announced}?prefix={}", prefix());
    (server, proxy, url)
}

/// Settles the n-th claim, of P1.
async fn settles<S: Store>(engine: &Engine<S>, number: u64) -> Result<SettleOutcome, EngineError> {
    settles_under(engine, number, of_p1(number)).await
}

/// The same under this stamp.
async fn settles_under<S: Store>(
    engine: &Engine<S>,
    number: u64,
    stamp: CommitStamp,
) -> Result<SettleOutcome, EngineError> {
    engine.settle(settle(claim(&format!("C{number}"), "P1", "1000.00")), stamp).await
}

/// A stamp with the shard of P1 in its id, as a server makes it.
fn of_p1(number: u64) -> CommitStamp {
    let CommitStamp { id: EntryId(id), instant } = stamp(number);
    let id = u128::from_be_bytes(id) << 8;
    CommitStamp { id: EntryId(id.to_be_bytes()), instant }.for_person("P1")
}
