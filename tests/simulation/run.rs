//! One run of the simulation under a seed, and its verdict.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use onestop::domain::day::Day;
use onestop::domain::ids::Digest;
use onestop::engine::audit::Audit;
use onestop::engine::list::{HospitalFilter, Listed, PageRoom};
use onestop::reference::table::ReferenceTable;
use onestop::store::JournalStore;

use super::auditor::{Auditor, ensure};
use super::books::{BOOKS, model_books};
use super::clients::Client;
use super::fixtures;
use super::scheduler::{Group, Scheduler, lock};
use super::servers::{SERVERS, Servers};
use super::store_process::StoreProcess;
use super::workload::Workload;
use crate::model;
use crate::support::ids::id;
use crate::support::random::Random;
use crate::support::row;

/// The verdict on a run.
pub enum Verdict {
    Passed,
    Failed(String),
}

/// The report of a finished run.
pub struct RunReport {
    pub verdict: Verdict,
    pub counts: BTreeMap<&'static str, u64>,
    /// A digest over every durable request with its time, to compare two runs of a seed.
    pub trace: Digest,
}

/// The categories that change while claims are settled: person, category, from, until.
const CATEGORY_CHANGES: [[&str; 4]; 5] = [
    ["P1", "registered_poor", "2017-12-31", ""],
    ["P2", "registered_poor", "2016-01-01", "2017-12-31"],
    ["P3", "destitute", "2016-01-01", "2018-01-02"],
    ["P1", "registered_poor", "2017-12-31", "2018-01-01"],
    ["P4", "subsistence_allowance", "2017-01-01", ""],
];

/// Runs the simulation of a seed to its end.
pub fn run(seed: u64) -> RunReport {
    // Consecutive seeds give unrelated runs.
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed);
    let scheduler = Scheduler::new(random.fork());
    thread_local!(static MODEL_BOOKS: Arc<[model::Book]> = model_books().into());
    let auditor = Arc::new(Mutex::new(Auditor::new(MODEL_BOOKS.with(Arc::clone))));
    let process = StoreProcess::start(&scheduler, &auditor);
    let servers = Servers::new(&scheduler, &auditor, &process);
    let done = Arc::new(Mutex::new(false));
    scheduler.spawn(Group::Environment, run_scenario(Arc::clone(&servers), random, Arc::clone(&done)));
    scheduler.run();
    let mut auditor = lock(&auditor);
    let ended = *lock(&done);
    let now = scheduler.now();
    auditor.record(now, ensure(ended, || "a task waits forever".to_owned()));
    let verdict = auditor.first_fault().map_or(Verdict::Passed, |wrong| Verdict::Failed(wrong.to_owned()));
    let requests: Vec<_> = auditor.ledger.requests.values().copied().collect();
    let trace = Digest::blake3(format!("{now} {requests:?} {:?}", auditor.ledger.listed_settlements).as_bytes());
    RunReport { verdict, counts: std::mem::take(&mut auditor.counts), trace }
}

/// Imports the tables, runs clients, changes of tables and books, and crashes, ends the faults, and checks the final state.
async fn run_scenario(servers: Arc<Servers>, mut random: Random, done: Arc<Mutex<bool>>) {
    servers.boot(0);
    servers.boot(1);
    servers.import(&fixtures::table_rows()).await;
    // A server reads the tables when it opens the store.
    (0..SERVERS).for_each(|which| servers.crash(which));
    (0..SERVERS).for_each(|which| servers.boot(which));
    servers.process.set_faults_enabled(!random.one_in(8));
    let workload = Arc::new(Mutex::new(Workload::default()));
    let mut tasks = Vec::new();
    for _ in 0..2 + random.below(3) {
        let client = Client { servers: Arc::clone(&servers), workload: Arc::clone(&workload), random: random.fork() };
        let requests = 3 + random.below(8);
        tasks.push(spawn_with_end(&servers, client.run(requests)));
    }
    tasks.push(spawn_with_end(&servers, change_tables(Arc::clone(&servers), random.fork())));
    tasks.push(spawn_with_end(&servers, change_books(Arc::clone(&servers), random.fork())));
    spawn_with_end(&servers, crash_at_random(Arc::clone(&servers), random.fork()));
    for task in tasks {
        // The sender is dropped when the task ends.
        let _ended = task.await;
    }
    end_faults(&servers).await;
    let mut client = Client { servers: Arc::clone(&servers), workload: Arc::clone(&workload), random: random.fork() };
    let requests = lock(&workload).requests().to_vec();
    for request in requests {
        client.call_until_final(request).await;
    }
    check_final_state(&servers).await;
    *lock(&done) = true;
}

/// Spawns a task and returns a receiver that is closed when the task ends.
fn spawn_with_end(
    servers: &Servers,
    task: impl Future<Output = ()> + Send + 'static,
) -> tokio::sync::oneshot::Receiver<()> {
    let (ended, end) = tokio::sync::oneshot::channel();
    servers.scheduler.spawn(Group::Environment, async move {
        task.await;
        drop(ended);
    });
    end
}

/// Imports the category changes one after the other.
async fn change_tables(servers: Arc<Servers>, mut random: Random) {
    for [person, category, from, until] in CATEGORY_CHANGES {
        servers.scheduler.sleep(random.below(200) as u64).await;
        let held = (category.to_owned(), Some(from.to_owned()), (!until.is_empty()).then(|| until.to_owned()));
        let begin_change = |auditor: &mut Auditor| {
            let versions = auditor.versions.get_mut(person)?;
            let mut next = versions.latest().clone();
            next.categories.retain(|(known, since, _)| (known, since) != (&held.0, &held.1));
            next.categories.push(held.clone());
            versions.begin_change(servers.scheduler.now(), next);
            Some(())
        };
        begin_change(&mut lock(&servers.auditor)).expect("a person of the tables");
        servers.import(&[row(ReferenceTable::Categories, &[person, category, from, until])]).await;
        let now = servers.scheduler.now();
        lock(&servers.auditor).versions.get_mut(person).expect("the person").complete_change(now);
    }
}

/// Replaces the files of policies and puts them in force at one server after the other, once or more in a run.
async fn change_books(servers: Arc<Servers>, mut random: Random) {
    for number in 1..BOOKS {
        servers.scheduler.sleep(random.below(300) as u64).await;
        servers.replace_book_of_files(number);
        for which in 0..SERVERS {
            servers.scheduler.sleep(random.below(100) as u64).await;
            servers.activate(which).await;
        }
    }
}

/// Crashes and restarts the store process or a server at random times.
async fn crash_at_random(servers: Arc<Servers>, mut random: Random) {
    for _ in 0..random.below(5) {
        servers.scheduler.sleep(40 + random.below(400) as u64).await;
        if !servers.process.faults_enabled() {
            return;
        }
        if random.one_in(2) {
            servers.process.crash();
            servers.scheduler.sleep(random.below(60) as u64).await;
            servers.process.boot();
        } else {
            let which = random.below(SERVERS);
            servers.crash(which);
            servers.scheduler.sleep(random.below(60) as u64).await;
            servers.boot(which);
        }
    }
}

/// Disables faults, waits until messages in transit have arrived, and restarts what is down.
async fn end_faults(servers: &Arc<Servers>) {
    servers.process.set_faults_enabled(false);
    servers.scheduler.sleep(1_000).await;
    servers.process.boot();
    for which in 0..SERVERS {
        if servers.engine(which).is_none() {
            servers.boot(which);
        }
    }
    servers.scheduler.sleep(200).await;
}

/// Checks every chain with the audit of the engine, and the settlement lists of the hospitals.
async fn check_final_state(servers: &Arc<Servers>) {
    let engine = servers.any_engine().await;
    let audit = Audit::new(engine.store());
    let states = engine.store().states(None, usize::MAX).await.expect("the states");
    for (_, state) in states {
        let chain = audit.verify_person(&state.expect("a state")).await;
        let result = chain.map(|_| ()).map_err(|difference| format!("the audit reports {difference}"));
        lock(&servers.auditor).record(servers.scheduler.now(), result);
    }
    for hospital in ["H1", "H3", "H3X"] {
        let which = HospitalFilter { hospital_id: id(hospital), from: Day::FIRST, until: Day::LAST };
        let mut listed_ids = Vec::new();
        let add = |listed: Listed| {
            listed_ids.push(listed.settlement.id);
            PageRoom::Left
        };
        engine.list_of_hospital(&which, None, usize::MAX, add).await.expect("a list");
        let mut auditor = lock(&servers.auditor);
        let result =
            ensure(listed_ids == auditor.ledger.hospital_list(hospital), || format!("the list of {hospital} is wrong"));
        auditor.record(servers.scheduler.now(), result);
    }
}
