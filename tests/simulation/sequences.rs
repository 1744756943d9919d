//! The same sequence of calls on every store: the same answers, the same bytes.

use onestop::domain::ids::Digest;
use onestop::engine::{Engine, EngineSettings};
use onestop::store::Store;
use onestop::store::embedded::{Durability, EmbeddedStore};
use onestop::store::memory::MemoryStore;

use super::asking::{answer, stamp, told};
use super::plan::Plan;
use super::world;
use crate::support::random::Random;
use crate::support::redis_server::RedisServer;

/// How many sequences, and how many calls in each.
const SEQUENCES: u64 = 60;
const CALLS: u64 = 40;

/// What each call of a sequence is answered on a fresh store, and every entry at the end.
pub async fn play<S: Store>(store: S, seed: u64) -> Vec<String> {
    let engine = Engine::open(store, world::book(), EngineSettings::default()).await.expect("an engine");
    engine.import(world::rows()).await.expect("sound tables");
    let (mut plan, mut random) = (Plan::default(), Random(seed));
    let mut answers = Vec::new();
    for number in 1..=CALLS {
        let ask = plan.ask(&mut random);
        answers.push(told(&answer(&engine, ask, stamp(number, number)).await));
    }
    answers.extend(left(engine.store()).await);
    answers
}

/// The states of all persons, by the keys of this store sorted by what they hold, and how many entries there are.
async fn left(store: &impl Store) -> Vec<String> {
    let states = store.states(None, usize::MAX).await.expect("the states");
    let mut told: Vec<String> =
        states.into_iter().map(|(_, state)| Digest::of_value("state", &state.expect("a state")).to_string()).collect();
    told.sort();
    told.push(store.entry_count().await.expect("a count").to_string());
    told
}

#[tokio::test]
async fn every_store_answers_the_same() {
    let redis = RedisServer::shared();
    let mut committed = 0;
    for seed in 0..SEQUENCES {
        let place = tempfile::tempdir().expect("a directory");
        let embedded = EmbeddedStore::open(place.path(), Durability::Volatile).expect("a store");
        let (one, other) = (play(MemoryStore::default(), seed).await, play(embedded, seed).await);
        let third = play(redis.store().await, seed).await;
        assert_eq!(one, other, "sequence {seed}");
        assert_eq!(one, third, "sequence {seed} on Redis");
        committed += one.iter().filter(|answer| answer.starts_with("committed")).count();
    }
    assert!(committed > 600, "{committed} commits are too few to mean anything");
}
