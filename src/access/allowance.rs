//! The limits of one caller, on calls per second and calls in flight, so that no caller starves the others.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::byte_limit::ByteLimit;
use super::error::AccessError;

/// How long a caller with all its calls in flight is asked to wait.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// The limits of a caller. A call, or a claim of a stream, counts as one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallerLimits {
    /// Calls per second; as many may arrive at once after a second without calls.
    pub rate: NonZeroU32,
    /// Calls in flight.
    pub in_flight: u32,
    /// Bytes of memory that the calls in flight may hold.
    pub bytes: usize,
}

/// What a caller may still use of its limits.
pub struct Allowance {
    limits: Option<CallerLimits>,
    rate: Option<DefaultDirectRateLimiter>,
    in_flight: Arc<Semaphore>,
    bytes: ByteLimit,
}

impl Allowance {
    /// The full allowance of these limits.
    pub fn new(limits: CallerLimits) -> Allowance {
        Allowance {
            limits: Some(limits),
            rate: Some(RateLimiter::direct(Quota::per_second(limits.rate))),
            in_flight: Arc::new(Semaphore::new(limits.in_flight as usize)),
            bytes: ByteLimit::new(limits.bytes),
        }
    }

    /// An allowance without limits, for a server that does not distinguish callers.
    pub(crate) fn unlimited() -> Allowance {
        let in_flight = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        Allowance { limits: None, rate: None, in_flight, bytes: ByteLimit::unlimited() }
    }

    /// The limits, if there are any.
    pub(crate) fn limits(&self) -> Option<CallerLimits> {
        self.limits
    }

    /// The limit on the memory of the caller's calls.
    pub(crate) fn bytes(&self) -> &ByteLimit {
        &self.bytes
    }

    /// Counts a call, which is in flight until the permit is dropped.
    ///
    /// # Errors
    /// [`AccessError::LimitExceeded`], with the time to wait.
    pub fn try_acquire(&self) -> Result<OwnedSemaphorePermit, AccessError> {
        let permit = Arc::clone(&self.in_flight).try_acquire_owned().map_err(|_full| limit_exceeded(RETRY_DELAY))?;
        self.check_rate()?;
        Ok(permit)
    }

    /// Counts a call in the rate only: the start of a stream. Each claim of the stream is a call in flight.
    ///
    /// # Errors
    /// [`AccessError::LimitExceeded`], with the time to wait.
    pub(crate) fn check_rate(&self) -> Result<(), AccessError> {
        let Some(rate) = &self.rate else { return Ok(()) };
        rate.check().map_err(|later| limit_exceeded(later.wait_time_from(DefaultClock::default().now())))
    }

    /// Counts a claim of a stream as soon as the limits permit: a stream is slowed down, not refused.
    pub(crate) async fn acquire(&self) -> Option<OwnedSemaphorePermit> {
        while let Some(rate) = &self.rate
            && let Err(later) = rate.check()
        {
            tokio::time::sleep(later.wait_time_from(DefaultClock::default().now())).await;
        }
        // The semaphore is never closed.
        Arc::clone(&self.in_flight).acquire_owned().await.ok()
    }
}

fn limit_exceeded(retry_after: Duration) -> AccessError {
    AccessError::LimitExceeded { retry_after }
}

impl fmt::Debug for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Allowance").field("limits", &self.limits).finish_non_exhaustive()
    }
}
