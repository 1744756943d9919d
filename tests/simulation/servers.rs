//! Servers over one store, and the network in front of them: a call or its response may be lost, late or duplicated,
//! and a server may crash with all its calls.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use onestop::engine::{CommitStamp, Engine, EngineSettings};
use onestop::reference::row::ReferenceRow;
use tokio::sync::oneshot;

use super::auditor::{Auditor, ClientRequest};
use super::books::book;
use super::calls::{Response, commit_stamp, execute};
use super::check_refusal::RETRIES;
use super::scheduler::{Group, Scheduler, Time, lock};
use super::store::SimulatedStore;
use super::store_process::StoreProcess;

/// The number of servers.
pub const SERVERS: usize = 2;

/// How long a client waits for a response.
const CLIENT_TIMEOUT: Time = 150;

/// One in this many messages is lost, duplicated or late.
const LOST_ONE_IN: usize = 20;
const DUPLICATE_ONE_IN: usize = 12;
const LATE_ONE_IN: usize = 10;

/// All servers.
pub struct Servers {
    pub scheduler: Scheduler,
    pub auditor: Arc<Mutex<Auditor>>,
    pub process: Arc<StoreProcess>,
    engines: Mutex<Vec<Option<Arc<Engine<SimulatedStore>>>>>,
    calls: AtomicU64,
    /// The number of the book in the files that all servers read.
    book_of_files: AtomicUsize,
}

impl Servers {
    pub fn new(scheduler: &Scheduler, auditor: &Arc<Mutex<Auditor>>, process: &Arc<StoreProcess>) -> Arc<Servers> {
        Arc::new(Servers {
            scheduler: scheduler.clone(),
            auditor: Arc::clone(auditor),
            process: Arc::clone(process),
            engines: Mutex::new(vec![None; SERVERS]),
            calls: AtomicU64::new(0),
            book_of_files: AtomicUsize::new(0),
        })
    }

    /// Starts a server, which retries until it can open the store.
    pub fn boot(self: &Arc<Servers>, which: usize) {
        let servers = Arc::clone(self);
        self.scheduler.spawn(Group::Server(which), async move {
            loop {
                let settings = EngineSettings { conflict_retries: RETRIES, ..EngineSettings::default() };
                let store = SimulatedStore::new(Arc::clone(&servers.process));
                let (stamp, number) = servers.begin_activation(which);
                let in_use = async {
                    let engine = Engine::open(store, book(number), settings).await.ok()?;
                    engine.put_own_book_in_use(&|| stamp).await.ok().map(|_dropped| engine)
                };
                if let Some(engine) = in_use.await {
                    lock(&servers.auditor).call_ended(stamp.id, &Response::Activated, servers.scheduler.now(), true);
                    lock(&servers.engines)[which] = Some(Arc::new(engine));
                    return;
                }
                servers.scheduler.sleep(10).await;
            }
        });
    }

    /// Replaces the book in the files.
    pub fn replace_book_of_files(&self, number: usize) {
        self.book_of_files.store(number, Ordering::Relaxed);
    }

    /// A stamp of a server that puts the book in the files in force, and the number of that book.
    fn begin_activation(&self, which: usize) -> (CommitStamp, usize) {
        let (now, number) = (self.scheduler.now(), self.book_of_files.load(Ordering::Relaxed));
        let stamp = self.next_stamp(now);
        lock(&self.auditor).call_began(stamp.id, which, ClientRequest::Activate { book: number }, now);
        (stamp, number)
    }

    fn next_stamp(&self, now: Time) -> CommitStamp {
        commit_stamp(1 + self.calls.fetch_add(1, Ordering::Relaxed), now)
    }

    /// Has a server put the book in the files in force, and retries until it has.
    pub async fn activate(self: &Arc<Servers>, which: usize) {
        loop {
            let (done, activated) = oneshot::channel();
            if let Some(engine) = self.engine(which) {
                let servers = Arc::clone(self);
                self.scheduler.spawn(Group::Server(which), async move {
                    let (stamp, book) = servers.begin_activation(which);
                    let response = execute(&engine, ClientRequest::Activate { book }, stamp).await;
                    servers.call_ended(stamp, &response);
                    // The waiting task learns the result, or that the server crashed.
                    let _gone = done.send(matches!(response, Response::Activated));
                });
            } else {
                drop(done);
            }
            if activated.await == Ok(true) {
                return;
            }
            self.scheduler.sleep(10).await;
        }
    }

    fn call_ended(&self, stamp: CommitStamp, response: &Response) {
        let now = self.scheduler.now();
        let began = lock(&self.auditor).calls.get(&stamp.id).map_or(now, |call| call.began);
        let faults_possible = self.process.faults_possible_since(began);
        lock(&self.auditor).call_ended(stamp.id, response, now, faults_possible);
    }

    /// Crashes a server with all its calls.
    pub fn crash(&self, which: usize) {
        self.scheduler.kill(Group::Server(which));
        lock(&self.engines)[which] = None;
    }

    /// The engine of a server, if the server is up.
    pub fn engine(&self, which: usize) -> Option<Arc<Engine<SimulatedStore>>> {
        lock(&self.engines)[which].clone()
    }

    /// Waits for the engine of a server that is up.
    pub async fn any_engine(&self) -> Arc<Engine<SimulatedStore>> {
        loop {
            let which = self.scheduler.draw(|random| random.below(SERVERS));
            match self.engine(which) {
                Some(engine) => return engine,
                None => self.scheduler.sleep(5).await,
            }
        }
    }

    /// Imports rows, and retries on any server until the import succeeds.
    pub async fn import(self: &Arc<Servers>, rows: &[ReferenceRow]) {
        loop {
            let (done, imported) = oneshot::channel();
            let which = self.scheduler.draw(|random| random.below(SERVERS));
            let (engine, rows) = (self.engine(which), rows.to_vec());
            if let Some(engine) = engine {
                self.scheduler.spawn(Group::Server(which), async move {
                    // The waiting task learns the result, or that the server crashed.
                    let _gone = done.send(engine.import(rows).await.is_ok());
                });
            } else {
                drop(done);
            }
            if imported.await == Ok(true) {
                return;
            }
            self.scheduler.sleep(10).await;
        }
    }

    /// Calls a server; none if no response comes in time.
    pub async fn call(self: &Arc<Servers>, which: usize, request: ClientRequest) -> Option<Response> {
        let (reply, reply_received) = oneshot::channel();
        if self.fault_happens(DUPLICATE_ONE_IN) {
            let (servers, duplicate) = (Arc::clone(self), request.clone());
            self.scheduler.spawn(Group::Environment, async move {
                if servers.message_arrives().await && servers.message_arrives().await {
                    servers.serve_call(which, duplicate, None);
                }
            });
        }
        let servers = Arc::clone(self);
        self.scheduler.spawn(Group::Environment, async move {
            if servers.message_arrives().await {
                servers.serve_call(which, request, Some(reply));
            }
        });
        let response = async {
            let response = reply_received.await.ok();
            if self.message_arrives().await { response } else { None }
        };
        self.scheduler.timeout(CLIENT_TIMEOUT, response).await.flatten()
    }

    /// Whether faults are enabled and one in this many draws happens.
    fn fault_happens(&self, one_in: usize) -> bool {
        self.process.faults_enabled() && self.scheduler.draw(|random| random.one_in(one_in))
    }

    /// Waits while a message is in transit; false if the message is lost.
    async fn message_arrives(&self) -> bool {
        let late = self.fault_happens(LATE_ONE_IN);
        let time = self.scheduler.draw(|random| if late { 50 + random.below(400) } else { 1 + random.below(6) });
        self.scheduler.sleep(time as Time).await;
        !self.fault_happens(LOST_ONE_IN)
    }

    /// Executes a call that arrived at a server, whether or not a client still waits.
    fn serve_call(self: &Arc<Servers>, which: usize, request: ClientRequest, reply: Option<oneshot::Sender<Response>>) {
        let Some(engine) = self.engine(which) else { return };
        let began = self.scheduler.now();
        let stamp = self.next_stamp(began);
        lock(&self.auditor).call_began(stamp.id, which, request.clone(), began);
        let servers = Arc::clone(self);
        self.scheduler.spawn(Group::Server(which), async move {
            let response = execute(&engine, request, stamp).await;
            servers.call_ended(stamp, &response);
            if let Some(reply) = reply {
                // The client may have stopped waiting.
                let _gone = reply.send(response);
            }
        });
    }
}
