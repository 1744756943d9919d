//! Runs tasks on simulated time. The next ready task is drawn from the seed, and time advances when no task is ready, so
//! the same seed gives the same run, step for step.
//!
//! Each task belongs to a group; killing a group drops all its tasks at once, which simulates the crash of a process.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use crate::support::random::Random;

/// Milliseconds of simulated time.
pub type Time = u64;

/// The process that a task belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Tasks that no crash ends: messages in transit, clients, and the control of the run.
    Environment,
    /// The store process.
    Store,
    /// A server.
    Server(usize),
}

type TaskFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The scheduler; clones share its state.
#[derive(Clone)]
pub struct Scheduler {
    ready: Arc<Mutex<Vec<u64>>>,
    state: Arc<Mutex<State>>,
}

struct State {
    now: Time,
    random: Random,
    timers: BTreeMap<(Time, u64), Waker>,
    tasks: BTreeMap<u64, (Group, Option<TaskFuture>)>,
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

    /// Draws from the random generator of the run.
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

    /// Drops every task of a group.
    pub fn kill(&self, group: Group) {
        let ended: Vec<_> = {
            let mut state = lock(&self.state);
            let ids: Vec<u64> = state.tasks.iter().filter(|(_, (of, _))| *of == group).map(|(id, _)| *id).collect();
            ids.iter().filter_map(|id| state.tasks.remove(id)).collect()
        };
        // The tasks are dropped after the lock is released, for dropping may wake other tasks.
        drop(ended);
    }

    /// Completes after this time.
    pub fn sleep(&self, time: Time) -> Sleep {
        Sleep { scheduler: self.clone(), until: self.now() + time, set: false }
    }

    /// The output of a future, if it completes within this time.
    pub async fn timeout<T>(&self, time: Time, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = self.sleep(time) => None,
        }
    }

    /// Runs until no task is ready and no timer is set.
    pub fn run(&self) {
        loop {
            let next = self.draw_ready_task();
            match next {
                Some(id) => self.poll(id),
                None if self.advance_time() => {}
                None => return,
            }
        }
    }

    fn draw_ready_task(&self) -> Option<u64> {
        let mut ready = lock(&self.ready);
        let count = ready.len();
        (count > 0).then(|| ready.swap_remove(self.draw(|random| random.below(count))))
    }

    fn poll(&self, id: u64) {
        let future = lock(&self.state).tasks.get_mut(&id).and_then(|(_, future)| future.take());
        // A task that ended may have been woken before.
        let Some(mut future) = future else { return };
        let waker = Waker::from(Arc::new(Ready(id, Arc::clone(&self.ready))));
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        let mut state = lock(&self.state);
        match polled {
            Poll::Ready(()) => drop(state.tasks.remove(&id)),
            Poll::Pending => {
                if let Some((_, slot)) = state.tasks.get_mut(&id) {
                    *slot = Some(future);
                }
            }
        }
    }

    /// Advances to the next timer and wakes its tasks; false if there is none.
    fn advance_time(&self) -> bool {
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
