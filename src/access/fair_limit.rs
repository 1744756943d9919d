//! The calls in flight of all callers: at most as many as are answered soon (`LoadLimit`), and each caller its share.
//!
//! Every caller that calls has an equal share of the limit and may have that many calls in flight, whatever the others do. A
//! caller may exceed its share while there is room, but not the last quarter of it where others call too; while calls take
//! too long, only where few are in flight of all callers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use tokio::sync::{Notify, oneshot};

use super::load_limit::{LEAST_CALLS, LoadLimit, RESERVED};

/// Calls in flight of all callers up to which one may exceed its share though calls take too long.
const FEW_CALLS: usize = LEAST_CALLS / 2;

/// How long a caller has a share after its last call.
const ACTIVE: Duration = Duration::from_secs(1);

/// A limit on calls in flight that is fair to callers.
pub struct FairLimit {
    max: usize,
    state: Mutex<State>,
    /// Notified when no call is in flight any more.
    idle: Notify,
}

struct State {
    load: LoadLimit,
    in_flight: usize,
    callers: HashMap<Arc<str>, OfCaller, RandomState>,
    /// The callers that have a share, counted when this was last brought up to date.
    active: usize,
    counted: Instant,
}

/// What a caller has.
struct OfCaller {
    in_flight: usize,
    /// Claims of streams that wait for a permit.
    waiting: VecDeque<oneshot::Sender<CallInFlight>>,
    seen: Instant,
}

/// A call in flight, until it is dropped.
pub struct CallInFlight {
    limit: Arc<FairLimit>,
    caller: Arc<str>,
}

impl FairLimit {
    /// At most `max` calls in flight.
    pub fn new(max: usize) -> Arc<FairLimit> {
        let now = Instant::now();
        let load = LoadLimit::new(max, now);
        let state = State { load, in_flight: 0, callers: HashMap::default(), active: 0, counted: now };
        Arc::new(FairLimit { max, state: Mutex::new(state), idle: Notify::new() })
    }

    /// A further call of a caller; `None` if the caller or all of them have as many as they may.
    pub fn try_acquire(self: &Arc<Self>, caller: &Arc<str>) -> Option<CallInFlight> {
        let mut state = self.lock();
        state.see(caller, Instant::now());
        state.admits(caller, self.max).then(|| self.begin(&mut state, caller))
    }

    /// A claim of a stream of a caller, as soon as there is room for it: a stream is slowed down, not refused. `None` never
    /// occurs while the limit exists.
    pub async fn acquire(self: &Arc<Self>, caller: &Arc<str>) -> Option<CallInFlight> {
        let granted = {
            let mut state = self.lock();
            state.see(caller, Instant::now());
            if state.admits(caller, self.max) {
                return Some(self.begin(&mut state, caller));
            }
            let (grant, granted) = oneshot::channel();
            if let Some(of_caller) = state.callers.get_mut(caller) {
                of_caller.waiting.push_back(grant);
            }
            granted
        };
        granted.await.ok()
    }

    /// Counts the time in which a call was answered.
    pub fn record(&self, took: Duration) {
        let mut state = self.lock();
        let in_flight = state.in_flight;
        state.load.record(took, in_flight, Instant::now());
    }

    /// The number of calls in flight.
    pub fn in_flight(&self) -> usize {
        self.lock().in_flight
    }

    /// The number of calls that may be in flight now.
    pub fn limit(&self) -> usize {
        self.lock().load.limit()
    }

    /// Completes when no call is in flight.
    pub async fn idle(&self) {
        loop {
            let notified = self.idle.notified();
            if self.in_flight() == 0 {
                return;
            }
            notified.await;
        }
    }

    fn begin(self: &Arc<Self>, state: &mut State, caller: &Arc<str>) -> CallInFlight {
        state.in_flight += 1;
        if let Some(of_caller) = state.callers.get_mut(caller) {
            of_caller.in_flight += 1;
        }
        CallInFlight { limit: Arc::clone(self), caller: Arc::clone(caller) }
    }

    fn end(self: &Arc<Self>, caller: &Arc<str>) {
        let mut granted = Vec::new();
        let mut state = self.lock();
        state.in_flight -= 1;
        if let Some(of_caller) = state.callers.get_mut(caller) {
            of_caller.in_flight -= 1;
        }
        while let Some((next, grant)) = state.next_waiting(self.max) {
            granted.push((grant, self.begin(&mut state, &next)));
        }
        let is_idle = state.in_flight == 0;
        drop(state);
        if is_idle {
            self.idle.notify_waiters();
        }
        // A claim that is no longer waited for gives its permit back, without the lock.
        granted.into_iter().for_each(|(grant, permit)| drop(grant.send(permit)));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Notes that a caller calls.
    fn see(&mut self, caller: &Arc<str>, now: Instant) {
        match self.callers.get_mut(caller) {
            Some(of_caller) => of_caller.seen = now,
            None => {
                let of_caller = OfCaller { in_flight: 0, waiting: VecDeque::new(), seen: now };
                self.callers.insert(Arc::clone(caller), of_caller);
                self.active += 1;
            }
        }
        if now.saturating_duration_since(self.counted) > ACTIVE / 4 {
            self.counted = now;
            let is_active = |of_caller: &OfCaller| {
                let is_recent = now.saturating_duration_since(of_caller.seen) < ACTIVE;
                is_recent || of_caller.in_flight > 0 || !of_caller.waiting.is_empty()
            };
            self.callers.retain(|_, of_caller| is_active(of_caller));
            self.active = self.callers.len();
        }
    }

    /// Whether a caller may have a further call in flight.
    fn admits(&self, caller: &Arc<str>, max: usize) -> bool {
        let own = self.callers.get(caller).map_or(0, |of_caller| of_caller.in_flight);
        let limit = self.load.limit();
        let is_alone = self.active < 2;
        let reserved = if is_alone { 0 } else { limit / RESERVED };
        let within_share = own < (limit / self.active.max(1)).max(1);
        let may_exceed = is_alone || self.in_flight < FEW_CALLS || !self.load.is_overloaded();
        let has_room = self.in_flight < limit - reserved && may_exceed;
        self.in_flight < max && (within_share || has_room)
    }

    /// A waiting claim that may begin, of the caller with the fewest calls in flight.
    fn next_waiting(&mut self, max_in_flight: usize) -> Option<(Arc<str>, oneshot::Sender<CallInFlight>)> {
        loop {
            let waiting = self.callers.iter().filter(|(_, of_caller)| !of_caller.waiting.is_empty());
            let (caller, _) = waiting.min_by_key(|(_, of_caller)| of_caller.in_flight)?;
            let caller = Arc::clone(caller);
            if !self.admits(&caller, max_in_flight) {
                return None;
            }
            let grant = self.callers.get_mut(&caller)?.waiting.pop_front()?;
            if !grant.is_closed() {
                return Some((caller, grant));
            }
        }
    }
}

impl Drop for CallInFlight {
    fn drop(&mut self) {
        self.limit.end(&self.caller);
    }
}

impl std::fmt::Debug for FairLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (max, in_flight) = (self.max, self.in_flight());
        f.debug_struct("FairLimit").field("max", &max).field("in_flight", &in_flight).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn caller(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    /// As many calls as a caller may begin.
    fn flood(limit: &Arc<FairLimit>, name: &str) -> Vec<CallInFlight> {
        let caller = caller(name);
        std::iter::from_fn(|| limit.try_acquire(&caller)).collect()
    }

    #[test]
    fn one_caller_alone_has_all_of_the_limit() {
        let limit = FairLimit::new(100);
        let held = flood(&limit, "a");
        assert_eq!((held.len(), limit.in_flight()), (100, 100));
        drop(held);
        assert_eq!(limit.in_flight(), 0);
    }

    #[test]
    fn the_limit_rises_for_a_caller_with_many_calls_beside_one_with_few() {
        let limit = FairLimit::new(1_024);
        let _other = limit.try_acquire(&caller("b")).expect("room");
        let permitted = limit.limit();
        let held = flood(&limit, "a");
        assert!(held.len() < permitted);
        let mut now = Instant::now();
        for _ in 0..1_000 {
            now += Duration::from_millis(1);
            let in_flight = limit.in_flight();
            limit.lock().load.record(Duration::from_millis(2), in_flight, now);
        }
        assert!(limit.limit() > permitted, "{} after {permitted}", limit.limit());
    }

    #[test]
    fn while_calls_take_too_long_no_caller_has_more_than_its_share_unless_few_are_in_flight() {
        let limit = FairLimit::new(1_024);
        let callers =
            |count: usize| (0..count).map(|number| limit.try_acquire(&caller(&number.to_string())).expect("room"));
        let _one: Vec<_> = callers(1).collect();
        limit.lock().load.overload();
        let share = limit.limit() / 2;
        assert_eq!(flood(&limit, "a").len(), share);
        let _nine: Vec<_> = callers(9).collect();
        assert_eq!(flood(&limit, "a").len(), FEW_CALLS - 10, "the share of each is {}", limit.limit() / 11);
    }

    #[test]
    fn a_claim_of_a_stream_waits_for_room_and_the_caller_with_the_fewest_calls_goes_first() {
        let limit = FairLimit::new(4);
        let (a, b) = (caller("a"), caller("b"));
        let mut held = flood(&limit, "a");
        let mut of_a = Box::pin(limit.acquire(&a));
        let mut of_b = Box::pin(limit.acquire(&b));
        assert!(of_a.as_mut().now_or_never().is_none() && of_b.as_mut().now_or_never().is_none());
        held.pop();
        assert!(of_a.as_mut().now_or_never().is_none());
        let granted = of_b.as_mut().now_or_never().flatten().expect("it has its share");
        drop((granted, held));
        assert!(of_a.as_mut().now_or_never().flatten().is_some());
    }

    #[test]
    fn a_claim_that_is_no_longer_waited_for_leaves_its_place_to_the_next() {
        let limit = FairLimit::new(1);
        let a = caller("a");
        let held = limit.try_acquire(&a).expect("room");
        let mut gone = Box::pin(limit.acquire(&a));
        let mut next = Box::pin(limit.acquire(&a));
        assert!(gone.as_mut().now_or_never().is_none() && next.as_mut().now_or_never().is_none());
        drop(gone);
        drop(held);
        assert!(next.as_mut().now_or_never().flatten().is_some());
        assert!(limit.idle().now_or_never().is_some());
    }
}
