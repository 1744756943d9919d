//! Tasks on simulated time. Which of those that can go on goes on next is drawn from the seed, and time passes when
//! none can: the same seed gives the same run, step for step.
//!
//! Tasks belong to a group, and a group ends all at once, wherever its tasks are: that is how a process crashes.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use crate::support::random::Random;

/// Milliseconds of simulated time.
pub type Time = u64;

/// Which process a task belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// What no crash ends: messages on their way, clients, those who plan the crashes.
    ImportContext,
    /// The process of the store.
    Store,
    /// A server.
    Server(usize),
}

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The scheduler; its copies are the same one.
#[derive(Clone)]
pub struct Scheduler {
    ready: Arc<Mutex<Vec<u64>>>,
    state: Arc<Mutex<State>>,
}

struct State {
    now: Time,
    random: Random,
    timers: BTreeMap<(Time, u64), Waker>,
    tasks: BTreeMap<u64, (Group, Option<Job>)>,
    next: u64,
}

struct Ready(u64, Arc<Mutex<Vec<u64>>>);

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        let mut ready = lock(&self.1);
        if !ready.contains(&self.0) {
            ready.push(self.0);
        }
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scheduler {
    pub fn new(random: Random) -> Scheduler {
        let state = State { now: 0, random, timers: BTreeMap::new(), tasks: BTreeMap::new(), next: 0 };
        Scheduler { ready: Arc::default(), state: Arc::new(Mutex::new(state)) }
    }

    pub fn now(&self) -> Time {
        lock(&self.state).now
    }

    /// Draws from the chance of the run.
    pub fn draw<T>(&self, draw: impl FnOnce(&mut Random) -> T) -> T {
        draw(&mut lock(&self.state).random)
    }

    pub fn spawn(&self, group: Group, work: impl Future<Output = ()> + Send + 'static) {
        let mut state = lock(&self.state);
        state.next += 1;
        let id = state.next;
        state.tasks.insert(id, (group, Some(Box::pin(work))));
        lock(&self.ready).push(id);
    }

    /// Ends every task of a group, wherever it is.
    pub fn kill(&self, group: Group) {
        let ended: Vec<_> = {
            let mut state = lock(&self.state);
            let ids: Vec<u64> = state.tasks.iter().filter(|(_, (of, _))| *of == group).map(|(id, _)| *id).collect();
            ids.iter().filter_map(|id| state.tasks.remove(id)).collect()
        };
        // What they held is dropped when nothing is locked: it may wake others.
        drop(ended);
    }

    /// Ends after so much time.
    pub fn sleep(&self, time: Time) -> Sleep {
        Sleep { scheduler: self.clone(), until: self.now() + time, set: false }
    }

    /// What a future gives, if it gives it within so much time.
    pub async fn within<T>(&self, time: Time, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            given = future => Some(given),
            () = self.sleep(time) => None,
        }
    }

    /// Goes on until nothing can.
    pub fn run(&self) {
        loop {
            let next = self.draw_ready();
            match next {
                Some(id) => self.poll(id),
                None if self.pass_time() => {}
                None => return,
            }
        }
    }

    fn draw_ready(&self) -> Option<u64> {
        let mut ready = lock(&self.ready);
        let count = ready.len();
        (count > 0).then(|| ready.swap_remove(self.draw(|random| random.below(count))))
    }

    fn poll(&self, id: u64) {
        let job = lock(&self.state).tasks.get_mut(&id).and_then(|(_, job)| job.take());
        // A task that ended may have been waked before.
        let Some(mut job) = job else { return };
        let waker = Waker::from(Arc::new(Ready(id, Arc::clone(&self.ready))));
        let polled = job.as_mut().poll(&mut Context::from_waker(&waker));
        let mut state = lock(&self.state);
        match polled {
            Poll::Ready(()) => drop(state.tasks.remove(&id)),
            Poll::Pending => {
                if let Some((_, place)) = state.tasks.get_mut(&id) {
                    *place = Some(job);
                }
            }
        }
    }

    /// Goes on to the next moment at which something happens, if there is one.
    fn pass_time(&self) -> bool {
        let due = {
            let mut state = lock(&self.state);
            let Some((&(at, _), _)) = state.timers.first_key_value() else { return false };
            state.now = at;
            let later = state.timers.split_off(&(at + 1, 0));
            std::mem::replace(&mut state.timers, later)
        };
        due.into_values().for_each(Waker::wake);
        true
    }
}

/// See [`Scheduler::sleep`].
pub struct Sleep {
    scheduler: Scheduler,
    until: Time,
    set: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let scheduler = self.scheduler.clone();
        let mut state = lock(&scheduler.state);
        if state.now >= self.until {
            return Poll::Ready(());
        }
        if !self.set {
            self.set = true;
            state.next += 1;
            let key = (self.until, state.next);
            state.timers.insert(key, context.waker().clone());
        }
        Poll::Pending
    }
}
