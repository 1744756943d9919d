//! Outcome and fence: what became of a request, and the promise that it never commits.

use crate::domain::ids::{HospitalId, PersonId, RequestId};
use crate::domain::journal::{Entry, EntryKind, Fence, Reversal};
use crate::journal::content::fence_content;
use crate::store::rows::PersonState;
use crate::store::{Commit, LookUp, Scope, Store};

use super::retroactive::ReadjudicateOutcome;
use super::settle::AnsweredSettlement;
use super::{CommitStamp, Engine, EngineError};

/// Which request is asked about.
pub struct RequestName {
    /// The hospital of the request; `None` for one of the administration, such as a retroactive run.
    pub hospital_id: Option<HospitalId>,
    /// For whom.
    pub person_id: PersonId,
    /// The idempotency key.
    pub request_id: RequestId,
}

/// What became of a request.
#[derive(Debug)]
pub enum Outcome {
    /// It settled a claim.
    Settled(Box<AnsweredSettlement>),
    /// It reversed a settlement.
    Reversed(Box<Entry<Reversal>>),
    /// It made a retroactive run.
    Readjudicated(Box<ReadjudicateOutcome>),
    /// It may never commit.
    Fenced,
    /// It was not seen; it may still arrive.
    NotSeen,
}

impl<S: Store> Engine<S> {
    /// What became of a request; changes nothing.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn outcome(&self, name: &RequestName) -> Result<Outcome, EngineError> {
        let seen = self.store.look_up(name.scope()).await.map_err(EngineError::from_read_error)?;
        Ok(self.known_outcome(&seen).await?.unwrap_or(Outcome::NotSeen))
    }

    /// Records for ever that a request may not commit, unless it did already.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub async fn fence(&self, name: &RequestName, stamp: CommitStamp) -> Result<Outcome, EngineError> {
        let fence = |seen: LookUp, stamp| async move {
            if let Some(known) = self.known_outcome(&seen).await? {
                return Ok(known);
            }
            let commit = fence_commit(name, seen.state, stamp);
            self.commit(commit).await?;
            Ok(Outcome::Fenced)
        };
        self.commit_with_retries(name.scope(), stamp, fence).await
    }

    async fn known_outcome(&self, seen: &LookUp) -> Result<Option<Outcome>, EngineError> {
        let Some(id) = seen.request else { return Ok(None) };
        let (entry, answer) = self.answered_entry(id).await?;
        Ok(Some(match entry.body {
            EntryKind::Fence(_) => Outcome::Fenced,
            EntryKind::Reversal(_) => Outcome::Reversed(Box::new(entry.try_into()?)),
            EntryKind::Revision(_) => Outcome::Readjudicated(Box::new(self.replayed_run(entry.try_into()?).await?)),
            EntryKind::Settlement(_) => {
                Outcome::Settled(Box::new(AnsweredSettlement { entry: entry.try_into()?, answer }))
            }
        }))
    }
}

impl RequestName {
    fn scope(&self) -> Scope<'_> {
        Scope::of_person(&self.person_id).with_request(self.hospital_id.as_ref(), &self.request_id)
    }
}

fn fence_commit(name: &RequestName, state: PersonState, stamp: CommitStamp) -> Commit {
    let fence = Fence { hospital_id: name.hospital_id.clone(), person_id: name.person_id.clone() };
    let entry = Entry {
        id: stamp.id,
        link: state.next(),
        committed: stamp.instant,
        request_id: name.request_id.clone(),
        content: fence_content(&fence),
        body: fence,
    };
    Commit::new(state, &entry)
}
