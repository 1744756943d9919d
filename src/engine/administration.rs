//! The journal of the administration: which book of policies is in use, which imports ended, and which months are closed; each
//! once, in one chain, in one commit with what it makes apply.

use crate::domain::ids::Digest;
use crate::domain::journal::{AdministrationAct, AdministrationEntry, Instant, PolicyActivation};
use crate::store::administration::{AdministrationCommit, AdministrationState};
use crate::store::coordination::Coordination;
use crate::store::shard::Shard;
use crate::store::{Store, StoreError};

use super::{CommitStamp, Engine, EngineError};

/// A clock that gives a further stamp at each call.
pub type StampSource<'a> = &'a (dyn Fn() -> CommitStamp + Sync);

/// What comes of an act for which an entry was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Recorded {
    /// This entry was committed.
    Entry(AdministrationEntry),
    /// What the act does applies already.
    Already(AdministrationState),
}

impl<S: Store> Engine<S> {
    /// Records the book that a server starts with, unless it was recorded last or all instances are to apply another.
    pub(super) async fn record_own_book(&self, stamps: StampSource<'_>) -> Result<(), EngineError> {
        let (book, announced) =
            (self.book().digest(), self.store.coordination().shared_versions().borrow().announced_book);
        if announced.is_none_or(|announced| announced == book) {
            self.record_activation(book, String::new(), stamps).await?;
        }
        Ok(())
    }

    /// Records that a book is in use from now on, unless it was recorded last.
    pub(super) async fn record_activation(
        &self,
        book: Digest,
        activated_by: String,
        stamps: StampSource<'_>,
    ) -> Result<(), EngineError> {
        let activation = AdministrationAct::PolicyActivation(PolicyActivation { activated_by, book });
        let act = |state: &AdministrationState, _: Instant| Ok((state.book != Some(book)).then(|| activation.clone()));
        self.record(act, stamps).await.map(drop)
    }

    /// Appends the entry of an act to the chain, unless there is nothing to do after what the chain says; if another instance
    /// appended one meanwhile, again.
    ///
    /// # Errors
    /// The refusal of the act; if the store cannot be read or written; [`EngineError::Conflict`] if others came first at every
    /// attempt.
    pub(super) async fn record(
        &self,
        act: impl Fn(&AdministrationState, Instant) -> Result<Option<AdministrationAct>, EngineError>,
        stamps: StampSource<'_>,
    ) -> Result<Recorded, EngineError> {
        let mut earliest = Instant(i64::MIN);
        for _ in 0..=self.settings.conflict_retries {
            let state = self.store.administration().await.map_err(EngineError::from_read_error)?;
            let CommitStamp { id, instant } = stamps();
            let Some(act) = act(&state, instant)? else { return Ok(Recorded::Already(state)) };
            let (id, committed) = (Shard::ADMINISTRATION.set_in(id), instant.max(earliest));
            let entry = AdministrationEntry { id, link: state.next(), committed, act };
            match self.store.commit_administration(AdministrationCommit::new(state, &entry)).await {
                Ok(()) => return Ok(Recorded::Entry(entry)),
                Err(StoreError::Conflict) => {}
                Err(StoreError::EarlierDay { newest }) => earliest = Instant(newest.start_in_china_micros()),
                Err(error) => return Err(EngineError::from_write_error(error)),
            }
        }
        Err(EngineError::Conflict)
    }
}
