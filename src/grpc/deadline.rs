//! A call that may commit runs to its end: when its caller goes away, or its deadline passes, what is left of it goes on in
//! a task of its own, so that nothing is torn. A call that nobody leaves needs no such task.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tonic::codegen::http::HeaderMap;
use tracing::Instrument;

use crate::engine::EngineError;

use super::error::CallError;

/// Answers within the deadline, whatever becomes of the work.
///
/// # Errors
/// [`CallError::DeadlinePassed`] just before the deadline passes: the work goes on.
///
/// # Panics
/// If the work panics: the panic is the call's.
pub async fn run_to_completion<T: Send + 'static>(
    deadline: Duration,
    work: impl Future<Output = Result<T, EngineError>> + Send + 'static,
) -> Result<T, CallError> {
    let work = Uninterrupted { work: Some(Box::pin(work.in_current_span())) };
    let ended = tokio::time::timeout(time_to_answer(deadline), work).await;
    Ok(ended.map_err(|_passed| CallError::DeadlinePassed)??)
}

/// Work that goes on in a task of its own when it is dropped before its end.
struct Uninterrupted<F: Future<Output: Send> + Send + 'static> {
    /// `None` once it has ended, or panicked.
    work: Option<Pin<Box<F>>>,
}

impl<F: Future<Output: Send> + Send + 'static> Future for Uninterrupted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // What panics is not polled again, so it is not put back.
        let Some(mut work) = self.work.take() else { return Poll::Pending };
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.work = Some(work);
        }
        polled
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for Uninterrupted<F> {
    fn drop(&mut self) {
        // Without a runtime the process ends, and with it every call.
        if let (Some(work), Ok(runtime)) = (self.work.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}

/// Answers a read within the deadline.
///
/// # Errors
/// [`CallError::ReadTimedOut`] just before it passes: the store is too slow.
pub async fn within_deadline<T>(
    deadline: Duration,
    read: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    let read = tokio::time::timeout(time_to_answer(deadline), read).await;
    read.unwrap_or_else(|_passed| Err(CallError::ReadTimedOut))
}

/// A little before the deadline, so that the answer still reaches the caller.
fn time_to_answer(deadline: Duration) -> Duration {
    deadline - (deadline / 10).min(Duration::from_millis(50))
}

/// The time that is left until an instant.
pub fn remaining(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// The caller's deadline, by the `grpc-timeout` header (up to eight digits and a unit), or the most that a call may
/// take, whichever is sooner.
pub fn time_limit(headers: &HeaderMap, longest: Duration) -> Duration {
    grpc_timeout(headers).map_or(longest, |requested| requested.min(longest))
}

fn grpc_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let amount: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}
