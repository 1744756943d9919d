//! How much a caller may ask for: calls a second, and calls at once. So one that runs wild does not starve the rest.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::refusal::{Detail, Reason, Refusal};

/// When a caller with all its places taken may come again.
const RETRY: Duration = Duration::from_millis(500);

/// What a caller may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallerLimits {
    /// Calls, and claims of streams, a second; as many may come at once after a quiet second.
    pub rate: NonZeroU32,
    /// Calls, and claims of streams, in flight.
    pub in_flight: u32,
}

/// What is left of it now.
pub struct Allowance {
    bounds: Option<CallerLimits>,
    rate: Option<DefaultDirectRateLimiter>,
    places: Arc<Semaphore>,
}

impl Allowance {
    /// All of it.
    pub fn within(bounds: CallerLimits) -> Allowance {
        Allowance {
            bounds: Some(bounds),
            rate: Some(RateLimiter::direct(Quota::per_second(bounds.rate))),
            places: Arc::new(Semaphore::new(bounds.in_flight as usize)),
        }
    }

    /// One without an end, where callers are not told apart.
    pub fn unbounded() -> Allowance {
        Allowance { bounds: None, rate: None, places: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)) }
    }

    /// What it is in full.
    pub fn bounds(&self) -> Option<CallerLimits> {
        self.bounds
    }

    /// Takes a call of it, or says when to come again.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` CALLER_LIMIT, with the time to wait.
    pub fn take(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_full| limited(RETRY))?;
        self.check_rate()?;
        Ok(place)
    }

    /// Counts a call by its rate alone: a stream, whose claims take the places.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` CALLER_LIMIT, with the time to wait.
    pub fn check_rate(&self) -> Result<(), Refusal> {
        let Some(rate) = &self.rate else { return Ok(()) };
        rate.check().map_err(|later| limited(later.wait_time_from(DefaultClock::default().now())))
    }

    /// Takes a claim of a stream, as soon as there is one to be had: the stream is as fast as it may be.
    pub async fn taken(&self) -> Option<OwnedSemaphorePermit> {
        while let Some(rate) = &self.rate
            && let Err(later) = rate.check()
        {
            tokio::time::sleep(later.wait_time_from(DefaultClock::default().now())).await;
        }
        // The semaphore is never closed.
        Arc::clone(&self.places).acquire_owned().await.ok()
    }
}

fn limited(wait: Duration) -> Refusal {
    Refusal::because(Reason::CallerLimit).with(Detail::After(wait))
}

impl fmt::Debug for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Allowance").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}
