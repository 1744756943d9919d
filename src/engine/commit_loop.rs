//! The one loop of everything that commits: look up, decide, commit; if another commit for the person came first,
//! again.

use crate::store::{LookUp, Scope, Store};

use super::error::CommitError;
use super::{Engine, EngineError};

impl<S: Store> Engine<S> {
    /// Looks up and attempts to commit, until an attempt meets no other commit for the person; a bounded number of
    /// times.
    ///
    /// # Errors
    /// The error of the attempt that ends the loop; [`EngineError::Conflict`] if every attempt met another commit.
    pub(super) async fn commit_with_retries<T, A>(
        &self,
        scope: Scope<'_>,
        attempt: impl Fn(LookUp) -> A,
    ) -> Result<T, EngineError>
    where
        A: Future<Output = Result<T, CommitError>>,
    {
        for _ in 0..=self.settings.conflict_retries {
            let seen = self.store.look_up(scope).await.map_err(EngineError::from_read)?;
            match attempt(seen).await {
                Err(CommitError::Conflict) => {}
                Err(CommitError::Failed(error)) => return Err(error),
                Ok(done) => return Ok(done),
            }
        }
        Err(EngineError::Conflict)
    }
}
