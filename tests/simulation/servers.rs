//! Servers over the one store, and the network before them: a call may be lost, come late or twice, and so may its
//! answer; a server may end with everything that it was doing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use onestop::engine::{Engine, EngineSettings};
use onestop::reference::row::ReferenceRow;
use tokio::sync::oneshot;

use super::answers::RETRIES;
use super::asking::{Answer, answer, stamp};
use super::judge::{Ask, Judge};
use super::machine::Machine;
use super::scheduler::{Group, Scheduler, Time, lock};
use super::store::SimulatedStore;
use super::world;

/// How many servers there are.
pub const SERVERS: usize = 2;

/// How long a client waits for an answer.
const PATIENCE: Time = 150;

/// How often a call, or an answer, is lost, comes twice, or comes late: once in so many.
const LOST: usize = 20;
const TWICE: usize = 12;
const LATE: usize = 10;

/// All servers.
pub struct Servers {
    pub scheduler: Scheduler,
    pub judge: Arc<Mutex<Judge>>,
    pub machine: Arc<Machine>,
    engines: Mutex<Vec<Option<Arc<Engine<SimulatedStore>>>>>,
    calls: AtomicU64,
}

impl Servers {
    pub fn new(scheduler: &Scheduler, judge: &Arc<Mutex<Judge>>, machine: &Arc<Machine>) -> Arc<Servers> {
        Arc::new(Servers {
            scheduler: scheduler.clone(),
            judge: Arc::clone(judge),
            machine: Arc::clone(machine),
            engines: Mutex::new(vec![None; SERVERS]),
            calls: AtomicU64::new(0),
        })
    }

    /// Starts a server; it tries until it can.
    pub fn boot(self: &Arc<Servers>, which: usize) {
        let servers = Arc::clone(self);
        self.scheduler.spawn(Group::Server(which), async move {
            loop {
                let book = world::book();
                let settings = EngineSettings { conflict_retries: RETRIES, ..EngineSettings::default() };
                let store = SimulatedStore::new(Arc::clone(&servers.machine));
                if let Ok(engine) = Engine::open(store, book, settings).await {
                    lock(&servers.engines)[which] = Some(Arc::new(engine));
                    return;
                }
                servers.scheduler.sleep(10).await;
            }
        });
    }

    /// A server ends with everything that it is doing.
    pub fn crash(&self, which: usize) {
        self.scheduler.kill(Group::Server(which));
        lock(&self.engines)[which] = None;
    }

    /// The engine of a server, if it serves.
    pub fn engine(&self, which: usize) -> Option<Arc<Engine<SimulatedStore>>> {
        lock(&self.engines)[which].clone()
    }

    /// A server whose engine serves, when one does.
    pub async fn some_engine(&self) -> Arc<Engine<SimulatedStore>> {
        loop {
            let which = self.scheduler.draw(|random| random.below(SERVERS));
            match self.engine(which) {
                Some(engine) => return engine,
                None => self.scheduler.sleep(5).await,
            }
        }
    }

    /// Imports rows by a server, again and again until they are taken.
    pub async fn import(self: &Arc<Servers>, rows: &[ReferenceRow]) {
        loop {
            let (done, taken) = oneshot::channel();
            let which = self.scheduler.draw(|random| random.below(SERVERS));
            let (engine, rows) = (self.engine(which), rows.to_vec());
            if let Some(engine) = engine {
                self.scheduler.spawn(Group::Server(which), async move {
                    // Whoever waits sees it, or that the server ended.
                    let _gone = done.send(engine.import(rows).await.is_ok());
                });
            } else {
                drop(done);
            }
            if taken.await == Ok(true) {
                return;
            }
            self.scheduler.sleep(10).await;
        }
    }

    /// Calls a server; none if no answer comes in time.
    pub async fn call(self: &Arc<Servers>, which: usize, ask: Ask) -> Option<Answer> {
        let (reply, answered) = oneshot::channel();
        if self.is_bad(TWICE) {
            let (servers, again) = (Arc::clone(self), ask.clone());
            self.scheduler.spawn(Group::ImportContext, async move {
                if servers.travels().await && servers.travels().await {
                    servers.deliver(which, again, None);
                }
            });
        }
        let servers = Arc::clone(self);
        self.scheduler.spawn(Group::ImportContext, async move {
            if servers.travels().await {
                servers.deliver(which, ask, Some(reply));
            }
        });
        let answer = async {
            let answer = answered.await.ok();
            if self.travels().await { answer } else { None }
        };
        self.scheduler.within(PATIENCE, answer).await.flatten()
    }

    fn is_bad(&self, once_in: usize) -> bool {
        self.machine.is_troubled() && self.scheduler.draw(|random| random.one_in(once_in))
    }

    async fn travels(&self) -> bool {
        let late = self.is_bad(LATE);
        let time = self.scheduler.draw(|random| if late { 50 + random.below(400) } else { 1 + random.below(6) });
        self.scheduler.sleep(time as Time).await;
        !self.is_bad(LOST)
    }

    /// A call arrives: the server works on it to its end, whether or not anybody waits.
    fn deliver(self: &Arc<Servers>, which: usize, ask: Ask, reply: Option<oneshot::Sender<Answer>>) {
        let Some(engine) = self.engine(which) else { return };
        let begun = self.scheduler.now();
        let stamp = stamp(1 + self.calls.fetch_add(1, Ordering::Relaxed), begun);
        lock(&self.judge).begins(stamp.id, ask.clone(), begun);
        let servers = Arc::clone(self);
        self.scheduler.spawn(Group::Server(which), async move {
            let answer = answer(&engine, ask, stamp).await;
            let (now, troubled) = (servers.scheduler.now(), servers.machine.was_troubled(begun));
            lock(&servers.judge).ends(stamp.id, &answer, now, troubled);
            if let Some(reply) = reply {
                // The caller may have gone.
                let _gone = reply.send(answer);
            }
        });
    }
}
