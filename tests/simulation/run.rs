//! One run: everything that happens under a seed, and what came of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use onestop::domain::day::Day;
use onestop::domain::ids::Digest;
use onestop::engine::audit::Audit;
use onestop::engine::list::HospitalFilter;
use onestop::reference::table::ReferenceTable;
use onestop::store::JournalStore;

use super::clients::Client;
use super::judge::{Judge, ensure};
use super::machine::Machine;
use super::plan::Plan;
use super::scheduler::{Group, Scheduler, lock};
use super::servers::{SERVERS, Servers};
use super::world;
use crate::model;
use crate::support::random::Random;
use crate::support::row;

/// What came of a run.
pub enum Outcome {
    Right,
    Wrong(String),
}

/// A run that ended.
pub struct Ran {
    pub outcome: Outcome,
    pub counts: BTreeMap<&'static str, u64>,
    /// A digest over everything that became durable, and when.
    pub trace: Digest,
}

/// The categories that come and go while claims are settled: person, category, from, until.
const CHANGES: [[&str; 4]; 5] = [
    ["P1", "registered_poor", "2017-12-31", ""],
    ["P2", "registered_poor", "2016-01-01", "2017-12-31"],
    ["P3", "destitute", "2016-01-01", "2018-01-02"],
    ["P1", "registered_poor", "2017-12-31", "2018-01-01"],
    ["P4", "subsistence_allowance", "2017-01-01", ""],
];

/// Runs a seed to its end.
pub fn run(seed: u64) -> Ran {
    // Seeds that follow one another have nothing in common.
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed);
    let scheduler = Scheduler::new(random.fork());
    thread_local!(static BOOK: Arc<model::Book> = Arc::new(model::Book::read(&world::texts())));
    let judge = Arc::new(Mutex::new(Judge::new(BOOK.with(Arc::clone))));
    let machine = Machine::start(&scheduler, &judge);
    let servers = Servers::new(&scheduler, &judge, &machine);
    let done = Arc::new(Mutex::new(false));
    scheduler.spawn(Group::ImportContext, direct(Arc::clone(&servers), random, Arc::clone(&done)));
    scheduler.run();
    let mut judge = lock(&judge);
    let ended = *lock(&done);
    let now = scheduler.now();
    judge.judge(now, ensure(ended, || "somebody waits for ever".to_owned()));
    let outcome = judge.wrong().map_or(Outcome::Right, |wrong| Outcome::Wrong(wrong.to_owned()));
    let requests: Vec<_> = judge.books.requests.values().copied().collect();
    let trace = Digest::of_value("trace", &(now, requests, &judge.books.listed));
    Ran { outcome, counts: std::mem::take(&mut judge.counts), trace }
}

/// From the first table to the last check.
async fn direct(servers: Arc<Servers>, mut random: Random, done: Arc<Mutex<bool>>) {
    servers.boot(0);
    servers.boot(1);
    servers.import(&world::rows()).await;
    // Each reads the tables when it opens.
    (0..SERVERS).for_each(|which| servers.crash(which));
    (0..SERVERS).for_each(|which| servers.boot(which));
    servers.machine.set_troubled(!random.one_in(8));
    let plan = Arc::new(Mutex::new(Plan::default()));
    let mut working = Vec::new();
    for _ in 0..2 + random.below(3) {
        let client = Client { servers: Arc::clone(&servers), plan: Arc::clone(&plan), random: random.fork() };
        let asks = 3 + random.below(8);
        working.push(start(&servers, client.work(asks)));
    }
    working.push(start(&servers, change_tables(Arc::clone(&servers), random.fork())));
    start(&servers, crash_now_and_then(Arc::clone(&servers), random.fork()));
    for work in working {
        // Whatever ended it, it ended.
        let _ended = work.await;
    }
    calm(&servers).await;
    let mut client = Client { servers: Arc::clone(&servers), plan: Arc::clone(&plan), random: random.fork() };
    let requests = lock(&plan).requests().to_vec();
    for ask in requests {
        client.see_through(ask).await;
    }
    last_look(&servers).await;
    *lock(&done) = true;
}

fn start(servers: &Servers, work: impl Future<Output = ()> + Send + 'static) -> tokio::sync::oneshot::Receiver<()> {
    let (ended, end) = tokio::sync::oneshot::channel();
    servers.scheduler.spawn(Group::ImportContext, async move {
        work.await;
        drop(ended);
    });
    end
}

/// People enter the register of the poor, and leave it.
async fn change_tables(servers: Arc<Servers>, mut random: Random) {
    for [person, category, from, until] in CHANGES {
        servers.scheduler.sleep(random.below(200) as u64).await;
        let held = (category.to_owned(), Some(from.to_owned()), (!until.is_empty()).then(|| until.to_owned()));
        let begins = |judge: &mut Judge| {
            let versions = judge.versions.get_mut(person)?;
            let mut next = versions.newest().clone();
            next.categories.retain(|(known, since, _)| (known, since) != (&held.0, &held.1));
            next.categories.push(held.clone());
            versions.begins(servers.scheduler.now(), next);
            Some(())
        };
        begins(&mut lock(&servers.judge)).expect("a person of the tables");
        servers.import(&[row(ReferenceTable::Categories, &[person, category, from, until])]).await;
        let now = servers.scheduler.now();
        lock(&servers.judge).versions.get_mut(person).expect("the person").is_known(now);
    }
}

/// Processes end where they are, and start again.
async fn crash_now_and_then(servers: Arc<Servers>, mut random: Random) {
    for _ in 0..random.below(5) {
        servers.scheduler.sleep(40 + random.below(400) as u64).await;
        if !servers.machine.is_troubled() {
            return;
        }
        if random.one_in(2) {
            servers.machine.crash();
            servers.scheduler.sleep(random.below(60) as u64).await;
            servers.machine.boot();
        } else {
            let which = random.below(SERVERS);
            servers.crash(which);
            servers.scheduler.sleep(random.below(60) as u64).await;
            servers.boot(which);
        }
    }
}

/// From now on nothing is lost and nobody crashes; what is still on its way arrives.
async fn calm(servers: &Arc<Servers>) {
    servers.machine.set_troubled(false);
    servers.scheduler.sleep(1_000).await;
    servers.machine.boot();
    for which in 0..SERVERS {
        if servers.engine(which).is_none() {
            servers.boot(which);
        }
    }
    servers.scheduler.sleep(200).await;
}

/// What the lists and the service's own audit say at the end.
async fn last_look(servers: &Arc<Servers>) {
    let engine = servers.some_engine().await;
    let mut audit = Audit::of(engine.store());
    let states = engine.store().states(None, usize::MAX).await.expect("the states");
    for (_, state) in states {
        let chain = audit.chain(&state.expect("a state")).await;
        let verdict = chain.map(|_| ()).map_err(|difference| format!("the audit finds {difference}"));
        lock(&servers.judge).judge(servers.scheduler.now(), verdict);
    }
    for hospital in ["H1", "H3", "H3X"] {
        let which = HospitalFilter { hospital_id: hospital.into(), from: Day::FIRST, until: Day::LAST };
        let page = engine.list_of_hospital(&which, None, usize::MAX).await.expect("a list");
        let told: Vec<_> = page.settlements.iter().map(|listed| listed.settlement.id).collect();
        let mut judge = lock(&servers.judge);
        let verdict = ensure(told == judge.books.list(hospital), || format!("the list of {hospital} is another"));
        judge.judge(servers.scheduler.now(), verdict);
    }
}
