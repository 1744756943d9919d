//! The attempts of one call to Redis, within its time limit.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::call_error::{AttemptError, CallError};

/// The pause before a retry.
const PAUSE: Duration = Duration::from_millis(25);

/// The attempts of one call.
pub struct Attempts {
    /// When the call fails.
    pub deadline: Instant,
    /// Whether one of them may have been executed.
    may_have_executed: bool,
    /// Why the last one failed.
    reason: Option<String>,
}

impl Attempts {
    /// No attempt yet, of a call with this time limit.
    pub fn new(timeout: Duration) -> Attempts {
        Attempts { deadline: deadline_in(timeout), may_have_executed: false, reason: None }
    }

    /// Waits until the next attempt, before which the routes are refreshed, or fails the call.
    ///
    /// # Errors
    /// If the attempt was refused, or no time is left. A call that is refused after an attempt without a reply may have
    /// been executed by that attempt.
    pub async fn wait_or_fail(
        &mut self,
        refresh: impl Future<Output = ()>,
        error: AttemptError,
    ) -> Result<(), CallError> {
        self.may_have_executed |= error.may_have_executed();
        let reason = self.reason_of(&error);
        if matches!(error, AttemptError::Refused(_)) || Instant::now() + PAUSE >= self.deadline {
            return Err(if self.may_have_executed {
                CallError::Unknown(reason)
            } else {
                CallError::NotExecuted(reason)
            });
        }
        self.reason = Some(reason);
        sleep(PAUSE).await;
        if !matches!(error, AttemptError::FunctionMissing) {
            // The next attempt shows whether it succeeded.
            let _in_time = timeout_at(self.deadline, refresh).await;
        }
        Ok(())
    }

    /// Returns why this attempt failed; of one that the deadline cut short, why the attempt before it failed.
    fn reason_of(&mut self, error: &AttemptError) -> String {
        let cut_short = matches!(error, AttemptError::Retryable(_)) && Instant::now() >= self.deadline;
        self.reason.take().filter(|_| cut_short).unwrap_or_else(|| error.to_string())
    }
}

/// The deadline of a call that starts now.
pub fn deadline_in(timeout: Duration) -> Instant {
    Instant::now() + timeout
}
