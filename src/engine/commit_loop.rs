//! The one loop of everything that commits: look up, decide, commit; if another commit for the person came first,
//! again.
//!
//! Days of settlement follow the order of commits. If the clock jumped back to an earlier day, a commit is dated to the
//! beginning of the newest commit's day.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use tracing::{Instrument, debug_span};

use crate::domain::day::Day;
use crate::domain::journal::Instant;
use crate::store::{Commit, LookUp, Scope, Store};

use super::error::CommitError;
use super::{CommitStamp, Engine, EngineError};

impl<S: Store> Engine<S> {
    /// Looks up and attempts to commit, until an attempt meets no other commit for the person; a bounded number of
    /// times.
    ///
    /// # Errors
    /// The error of the attempt that ends the loop; [`EngineError::Conflict`] if every attempt met another commit.
    pub(super) async fn commit_with_retries<T, A>(
        &self,
        scope: Scope<'_>,
        mut stamp: CommitStamp,
        attempt: impl Fn(LookUp, CommitStamp) -> A,
    ) -> Result<T, EngineError>
    where
        A: Future<Output = Result<T, CommitError>>,
    {
        for _ in 0..=self.settings.conflict_retries {
            let seen = self.store.look_up(scope).instrument(debug_span!("look_up")).await;
            let seen = seen.map_err(EngineError::from_read_error)?;
            match attempt(seen, stamp).await {
                Err(CommitError::Conflict) => {
                    self.conflicts.fetch_add(1, Ordering::Relaxed);
                }
                Err(CommitError::EarlierDay(newest)) => {
                    self.log_earlier_day(stamp.instant.china_day(), newest);
                    stamp.instant = Instant(newest.start_in_china_micros());
                }
                Err(CommitError::Failed(error)) => return Err(error),
                Ok(done) => return Ok(done),
            }
        }
        Err(EngineError::Conflict)
    }

    /// Commits what an attempt decided.
    ///
    /// # Errors
    /// Why it was not committed.
    pub(super) async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let longest = longest_field(&commit);
        let committed = self.store.commit(commit).instrument(debug_span!("commit")).await;
        committed.map_err(|error| CommitError::from_commit_error(error, longest))
    }

    /// Logs, once for a pair of days, that the clock is on a day before that of the newest commit.
    fn log_earlier_day(&self, clock: Day, newest: Day) {
        let mut logged = self.logged_clock.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.replace((clock, newest)) != Some((clock, newest)) {
            tracing::warn!(%clock, %newest, "the clock is on a day before the newest commit's: commits are dated {newest}");
        }
    }
}

/// The field of the request that most bytes of a commit come from: the items of the claim that it settles, or what it decides
/// again.
fn longest_field(commit: &Commit) -> &'static str {
    match (commit.listed, &commit.hospital_id) {
        (Some(_), _) => "claim.items",
        (None, Some(_)) => "readjudicate",
        (None, None) => "benefit_year",
    }
}
