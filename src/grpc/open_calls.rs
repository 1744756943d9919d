//! The open calls of one connection: when the peer breaks a limit of time, the server closes the connection.
//!
//! A call is open from its headers until the last byte of its response was written to the connection. A response that
//! the peer does not read stays in memory until then, so it must make progress.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;

use crate::access::byte_limit::ByteLimit;

/// The bounds of the interval at which the limits of a connection are checked.
const MIN_CHECK_INTERVAL: Duration = Duration::from_millis(50);
const MAX_CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// The limits of a connection.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionTimes {
    /// How long a unary call may take.
    pub call: Duration,
    /// How long a response may wait until the peer reads the next part of it.
    pub unread: Duration,
    /// How long the connection may be without an open call.
    pub idle: Duration,
}

/// Why the server closes a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// There was no call for too long.
    Idle,
    /// A call was still open after its time.
    CallTooLong,
    /// The peer did not read a response.
    ResponseUnread,
}

impl CloseReason {
    /// The word in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            CloseReason::Idle => "idle",
            CloseReason::CallTooLong => "call_too_long",
            CloseReason::ResponseUnread => "response_unread",
        }
    }
}

/// The open calls of a connection, and the bytes that they hold.
pub struct OpenCalls {
    times: ConnectionTimes,
    /// The bytes that calls of this connection hold in memory.
    pub(super) bytes: ByteLimit,
    state: Mutex<State>,
}

struct State {
    next: u64,
    open: HashMap<u64, Arc<Progress>, RandomState>,
    idle_since: Instant,
}

impl fmt::Debug for OpenCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenCalls")
    }
}

impl OpenCalls {
    /// No calls yet.
    pub fn new(times: ConnectionTimes, bytes: usize) -> OpenCalls {
        let state = State { next: 0, open: HashMap::default(), idle_since: Instant::now() };
        OpenCalls { times, bytes: ByteLimit::new(bytes), state: Mutex::new(state) }
    }

    /// Adds a call, which is open until the last clone of the result is dropped; `end` is when that must have happened.
    pub(super) fn open(self: &Arc<Self>, end: Option<Instant>) -> OpenCall {
        let progress = Arc::new(Progress::new(end));
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.open.insert(number, Arc::clone(&progress));
        OpenCall { number, calls: Arc::clone(self), progress }
    }

    /// How often the limits are checked.
    pub fn check_interval(&self) -> Duration {
        let ConnectionTimes { call, unread, idle } = self.times;
        (call.min(unread).min(idle) / 4).clamp(MIN_CHECK_INTERVAL, MAX_CHECK_INTERVAL)
    }

    /// Whether no call is open.
    pub fn is_empty(&self) -> bool {
        self.lock().open.is_empty()
    }

    /// The number of open calls.
    pub fn count(&self) -> usize {
        self.lock().open.len()
    }

    /// Why the connection is to be closed now, if it is.
    pub fn close_reason(&self, now: Instant) -> Option<CloseReason> {
        let state = self.lock();
        if state.open.is_empty() {
            let idle = now.saturating_duration_since(state.idle_since) > self.times.idle;
            return idle.then_some(CloseReason::Idle);
        }
        state.open.values().find_map(|call| call.close_reason(now, self.times.unread))
    }

    fn close(&self, number: u64) {
        let mut state = self.lock();
        state.open.remove(&number);
        state.idle_since = Instant::now();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open call of a connection.
pub(super) struct OpenCall {
    number: u64,
    calls: Arc<OpenCalls>,
    progress: Arc<Progress>,
}

impl OpenCall {
    /// Counts bytes of the response that were handed to the transport.
    pub(super) fn handed_over(&self, bytes: usize) {
        self.progress.mark();
        self.progress.unsent.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Counts bytes of the response that the transport has written or dropped.
    pub(super) fn sent(&self, bytes: usize) {
        self.progress.unsent.fetch_sub(bytes, Ordering::AcqRel);
        self.progress.mark();
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.calls.close(self.number);
    }
}

/// How far the response of a call has come.
struct Progress {
    start: Instant,
    end: Option<Instant>,
    /// Bytes that the transport has not written yet.
    unsent: AtomicUsize,
    /// The last progress, in milliseconds since the start.
    marked: AtomicU64,
}

impl Progress {
    fn new(end: Option<Instant>) -> Progress {
        Progress { start: Instant::now(), end, unsent: AtomicUsize::new(0), marked: AtomicU64::new(0) }
    }

    fn mark(&self) {
        self.marked.store(self.start.elapsed().as_millis() as u64, Ordering::Release);
    }

    fn close_reason(&self, now: Instant, unread: Duration) -> Option<CloseReason> {
        if self.end.is_some_and(|end| now > end) {
            return Some(CloseReason::CallTooLong);
        }
        let marked = self.start + Duration::from_millis(self.marked.load(Ordering::Acquire));
        let waits = self.unsent.load(Ordering::Acquire) > 0 && now.saturating_duration_since(marked) > unread;
        waits.then_some(CloseReason::ResponseUnread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls() -> Arc<OpenCalls> {
        let call = Duration::from_secs(60);
        let times = ConnectionTimes { call, unread: Duration::from_secs(20), idle: Duration::from_secs(300) };
        Arc::new(OpenCalls::new(times, 1 << 20))
    }

    fn in_seconds(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    #[test]
    fn a_connection_without_calls_is_idle_after_its_time() {
        let calls = calls();
        assert_eq!(calls.close_reason(in_seconds(299)), None);
        assert_eq!(calls.close_reason(in_seconds(301)), Some(CloseReason::Idle));
        let call = calls.open(None);
        assert_eq!(calls.close_reason(in_seconds(100_000)), None);
        drop(call);
        assert!(calls.is_empty());
    }

    #[test]
    fn a_call_past_its_end_closes_the_connection() {
        let calls = calls();
        let call = calls.open(Some(in_seconds(60)));
        assert_eq!(calls.close_reason(in_seconds(59)), None);
        assert_eq!(calls.close_reason(in_seconds(61)), Some(CloseReason::CallTooLong));
        drop(call);
        assert_eq!(calls.close_reason(in_seconds(61)), None);
    }

    #[test]
    fn a_response_of_which_nothing_is_read_closes_the_connection() {
        let calls = calls();
        let call = calls.open(None);
        call.handed_over(100);
        assert_eq!(calls.close_reason(in_seconds(19)), None);
        assert_eq!(calls.close_reason(in_seconds(21)), Some(CloseReason::ResponseUnread));
        call.sent(100);
        assert_eq!(calls.close_reason(in_seconds(21)), None);
    }
}
