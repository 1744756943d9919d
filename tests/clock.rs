//! A clock that jumps back over midnight: settlements keep the order of days, and a page of a list that was read stays as
//! it is.

use onestop::domain::day::Day;
use onestop::domain::journal::Instant;
use onestop::engine::list::{HospitalFilter, Listed, PageRoom};
use onestop::engine::{CommitStamp, Engine};
use onestop::store::Store;
use onestop::store::embedded::{Durability, EmbeddedStore};
use onestop::store::memory::MemoryStore;

use crate::support::claims::{claim, settle};
use crate::support::ids::id;
use crate::support::redis_server::RedisServer;
use crate::support::{engine, stamp};

const HOUR: i64 = 3_600_000_000;

fn day(day: i32) -> Day {
    Day::new(2017, 7, day).expect("a day")
}

/// The n-th stamp for a person, at this hour of a day in China.
fn stamp_at(number: u64, person: &str, on: i32, hour: i64) -> CommitStamp {
    let id = stamp(number << 16).id;
    CommitStamp { id, instant: Instant(day(on).start_in_china_micros() + hour * HOUR) }.for_person(person)
}

async fn settles_on(engine: &Engine<impl Store>, number: u64, person: &str, (on, hour): (i32, i64)) -> Day {
    let request = settle(claim(&format!("C{number}"), person, "1000.00"));
    let settled = engine.settle(request, stamp_at(number, person, on, hour)).await.expect("settled");
    settled.entry.committed.china_day()
}

/// The days and claims of the hospital's list.
async fn listed(engine: &Engine<impl Store>) -> Vec<(Day, String)> {
    let every_day = HospitalFilter { hospital_id: id("H3"), from: Day::FIRST, until: Day::LAST };
    let mut lines = Vec::new();
    let add = |listed: Listed| {
        let settled = listed.settlement;
        lines.push((settled.committed.china_day(), settled.body.claim.claim_id.as_str().to_owned()));
        PageRoom::Left
    };
    engine.list_of_hospital(&every_day, None, 100, add).await.expect("a list");
    lines
}

async fn days_follow_commits(store: impl Store) {
    let engine = engine(store).await;
    assert_eq!(settles_on(&engine, 1, "P1", (1, 23)).await, day(1));
    assert_eq!(settles_on(&engine, 2, "P1", (2, 1)).await, day(2));
    let before = listed(&engine).await;
    assert_eq!(before, [(day(1), "C1".to_owned()), (day(2), "C2".to_owned())]);
    // The clock is an hour behind midnight again.
    for (number, person) in [(3, "P1"), (4, "P2"), (5, "P3")] {
        assert_eq!(settles_on(&engine, number, person, (1, 23)).await, day(2), "{person}");
    }
    assert_eq!(listed(&engine).await[..2], before);
    assert_eq!(settles_on(&engine, 6, "P4", (3, 0)).await, day(3));
}

#[tokio::test]
async fn days_follow_commits_in_memory() {
    days_follow_commits(MemoryStore::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_follow_commits_on_redis() {
    days_follow_commits(RedisServer::shared().store().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_follow_commits_in_a_directory_also_when_it_is_reopened() {
    let place = tempfile::tempdir().expect("a directory");
    let open = || EmbeddedStore::open(place.path(), Durability::Synced).expect("a store");
    days_follow_commits(open()).await;
    let reopened = engine(open()).await;
    assert_eq!(settles_on(&reopened, 7, "P2", (1, 12)).await, day(3));
}
