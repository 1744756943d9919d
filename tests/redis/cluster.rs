//! On a Cluster of three primaries: the contract's questions, lists over all shards, years that move to an archive, and a
//! failover while serving.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use onestop::domain::day::Day;
use onestop::engine::audit::Audit;
use onestop::engine::fence::{Outcome, RequestName};
use onestop::engine::list::{HospitalFilter, Listed, PageRoom};
use onestop::engine::retroactive::ReadjudicateRequest;
use onestop::reference::table::ReferenceTable;
use onestop::store::pages::Pages;
use onestop::store::shard::{SHARDS, Shard};
use onestop::store::{JournalStore, Scope};

use super::engine_at;
use crate::concurrency::assert_nothing_is_lost_or_paid_twice;
use crate::support::claims::{claim, settle};
use crate::support::ids::id;
use crate::support::redis_cluster::RedisCluster;
use crate::support::redis_server::{RedisServer, open};
use crate::support::{row, stamp};

/// One Cluster for all that is asked of one: it takes seconds to start.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cluster_passes_the_contract_lists_over_all_shards_and_survives_a_failover() {
    let cluster = RedisCluster::start();
    crate::store_contract::on_a_cluster(&cluster).await;
    crate::copying::archived::moved_and_read(&cluster.url(), 1).await;
    assert_nothing_is_lost_or_paid_twice(open(&cluster.url()).await).await;
    a_retroactive_run_is_committed_and_answered_again(&cluster).await;
    lists_run_over_all_shards(&cluster).await;
    a_failover_loses_nothing(&cluster).await;
}

/// A run over settlements of several hospitals, its replay and its outcome.
async fn a_retroactive_run_is_committed_and_answered_again(cluster: &RedisCluster) {
    let engine = engine_at(&cluster.url()).await;
    for number in 0..3u64 {
        let request = settle(claim(&format!("R{number}"), "P4", "20000.00"));
        engine.settle(request, stamp(number << 8).for_person("P4")).await.expect("settled");
    }
    let late = row(ReferenceTable::Categories, &["P4", "registered_poor", "2017-01-01", ""]);
    engine.import(vec![late]).await.expect("a sound row");
    let run = async |number: u64| {
        let (person_id, request_id) = ("P4".to_owned(), "a run".to_owned());
        let request = ReadjudicateRequest { person_id, benefit_year: 2017, request_id, dry_run: false };
        engine.readjudicate_year(request, stamp(number << 8).for_person("P4")).await.expect("a run")
    };
    let (done, again) = (run(10).await, run(11).await);
    assert_eq!((done.decided, done.revisions.len(), done.replay, again.replay), (3, 3, false, true));
    assert!(done.revisions == again.revisions);
    let name = RequestName { hospital_id: None, person_id: id("P4"), request_id: id("a run") };
    let Ok(Outcome::Readjudicated(found)) = engine.outcome(&name).await else { panic!("a run") };
    assert!(found.revisions == done.revisions);
    let state = engine.store().look_up(Scope::of_person(&id("P4"))).await.expect("a look-up").state;
    Audit::new(engine.store()).verify_person(&state).await.expect("a sound chain");
}

/// A person of each shard, and a page of each size.
async fn lists_run_over_all_shards(cluster: &RedisCluster) {
    let engine = engine_at(&cluster.url()).await;
    let mut shards = BTreeSet::new();
    let mut settled = Vec::new();
    for number in 0.. {
        let person = format!("Q{number}");
        if shards.len() == SHARDS as usize {
            break;
        }
        shards.insert(Shard::of_person(&id(person.as_str())));
        let rows = [row(ReferenceTable::Enrolments, &[&person, "2014-01-01", "resident", "370100", ""])];
        engine.import(rows.to_vec()).await.expect("sound rows");
        let raw_claim = claim(&format!("C{number}"), &person, "1000.00");
        let stamp = stamp(number << 8).for_person(&person);
        settled.push(engine.settle(settle(raw_claim), stamp).await.expect("settled").entry.id);
    }
    let hospital = HospitalFilter { hospital_id: id("H3"), from: Day::FIRST, until: Day::LAST };
    for most in [1, 7, 64, 1_000] {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let add = |one: Listed| {
                listed.push(one.settlement.id);
                PageRoom::Left
            };
            after = engine.list_of_hospital(&hospital, after, most, add).await.expect("a page");
            if after.is_none() {
                break;
            }
        }
        assert_eq!(listed.len(), settled.len(), "{most} a page");
        assert_eq!(BTreeSet::from_iter(&listed), BTreeSet::from_iter(&settled));
    }
    let (mut pages, audit, mut chains) = (Pages::new(50), Audit::new(engine.store()), 0);
    while let Some(states) = pages.next_page(|after, limit| engine.store().states(after, limit)).await.expect("states")
    {
        for (_, state) in states {
            audit.verify_person(&state.expect("a state")).await.expect("a sound chain");
            chains += 1;
        }
    }
    assert_eq!(chains, settled.len());
}

/// Promotes a replica. A failover has five seconds, and is requested again if it fails.
fn promote(replica: &RedisServer) {
    let is_primary = || replica.ask(&["ROLE"]).contains("master");
    for _ in 0..10 {
        assert!(replica.ask(&["CLUSTER", "FAILOVER"]).starts_with("+OK") || is_primary());
        let end = Instant::now() + Duration::from_secs(6);
        while Instant::now() < end {
            if is_primary() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    panic!("it is not promoted");
}

/// A replica is promoted; the store finds it.
async fn a_failover_loses_nothing(cluster: &RedisCluster) {
    let engine = engine_at(&cluster.url()).await;
    let shard = Shard::of_person(&id("P1"));
    let mut settled = Vec::new();
    for number in 0..30u64 {
        if number == 10 {
            // Whichever of the three has the shard; one after the other, for two elections at once may both be lost.
            cluster.servers[3..].iter().for_each(promote);
        }
        let request = settle(claim(&format!("F{number}"), "P1", "1000.00"));
        let committed = engine.settle(request, stamp(number << 8).for_person("P1")).await.expect("settled");
        assert_eq!(Shard::of_entry(committed.entry.id), shard);
        settled.push(committed.entry);
    }
    for entry in settled {
        assert_eq!(engine.store().entry(entry.id).await, Ok(Some(entry.into())));
    }
}
