//! The same sequence of calls on every store gives the same responses and the same bytes.

use onestop::domain::ids::Digest;
use onestop::engine::{Engine, EngineSettings};
use onestop::journal::record;
use onestop::store::Store;
use onestop::store::embedded::{Durability, EmbeddedStore};
use onestop::store::memory::MemoryStore;

use super::books::book;
use super::calls::{commit_stamp, execute, response_summary};
use super::fixtures;
use super::workload::Workload;
use crate::support::random::Random;
use crate::support::redis_server::RedisServer;

/// The number of sequences and of calls in each.
const SEQUENCES: u64 = 60;
const CALLS: u64 = 40;

/// Runs the sequence of a seed on an empty store: a summary of each response, then of the final state.
pub async fn run_sequence<S: Store>(store: S, seed: u64) -> Vec<String> {
    let engine = Engine::open(store, book(0), EngineSettings::default()).await.expect("an engine");
    engine.import(fixtures::table_rows()).await.expect("sound tables");
    let (mut workload, mut random) = (Workload::default(), Random(seed));
    let mut responses = Vec::new();
    for number in 1..=CALLS {
        let request = workload.next_request(&mut random);
        responses.push(response_summary(&execute(&engine, request, commit_stamp(number, number)).await));
    }
    responses.extend(final_state(engine.store()).await);
    responses
}

/// The digests of all person states, sorted because each store orders keys differently, and the number of entries.
async fn final_state(store: &impl Store) -> Vec<String> {
    let states = store.states(None, usize::MAX).await.expect("the states");
    let mut summary: Vec<String> = states
        .into_iter()
        .map(|(_, state)| Digest::blake3(&record::encode(&state.expect("a state"))).to_string())
        .collect();
    summary.sort();
    summary.push(store.entry_count().await.expect("a count").to_string());
    summary
}

#[tokio::test]
async fn every_store_answers_the_same() {
    let redis = RedisServer::shared();
    let mut committed = 0;
    for seed in 0..SEQUENCES {
        let directory = tempfile::tempdir().expect("a directory");
        let embedded = EmbeddedStore::open(directory.path(), Durability::Volatile).expect("a store");
        let (one, other) = (run_sequence(MemoryStore::default(), seed).await, run_sequence(embedded, seed).await);
        let third = run_sequence(redis.store().await, seed).await;
        assert_eq!(one, other, "sequence {seed}");
        assert_eq!(one, third, "sequence {seed} on Redis");
        committed += one.iter().filter(|execute| execute.starts_with("committed")).count();
    }
    assert!(committed > 600, "{committed} commits are too few to mean anything");
}
