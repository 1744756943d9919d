//! Outcome and fence: what became of a request, and the promise that it never commits.

use crate::domain::ids::{Digest, HospitalId, PersonId, RequestId};
use crate::domain::journal::{Entry, EntryKind, Fenced};
use crate::store::rows::PersonState;
use crate::store::{Commit, LookUp, Store, StoreError};

use super::idempotency::RequestKeys;
use super::{CommitStamp, Engine, EngineError};

/// Which request is asked about.
pub struct RequestName {
    /// Whose request.
    pub hospital_id: HospitalId,
    /// For whom.
    pub person_id: PersonId,
    /// The idempotency key.
    pub request_id: RequestId,
}

/// What became of a request.
#[derive(Debug)]
pub enum Outcome {
    /// It committed this entry.
    Committed(Box<Entry>),
    /// It may never commit.
    Fenced,
    /// It was not seen; it may still come.
    NotSeen,
}

impl<S: Store> Engine<S> {
    /// What became of a request; changes nothing.
    ///
    /// # Errors
    /// If a name is missing or too long, or the store cannot be read.
    pub async fn outcome(&self, name: &RequestName) -> Result<Outcome, EngineError> {
        let seen = self.seen_request(name).await?;
        Ok(self.known(&seen).await?.unwrap_or(Outcome::NotSeen))
    }

    /// Records for ever that a request may not commit, unless it did already.
    ///
    /// # Errors
    /// If a name is missing or too long, or the store cannot be read or written.
    pub async fn fence(&self, name: &RequestName, stamp: CommitStamp) -> Result<Outcome, EngineError> {
        for _ in 0..=self.settings.conflict_retries {
            let seen = self.seen_request(name).await?;
            if let Some(known) = self.known(&seen).await? {
                return Ok(known);
            }
            let commit = fence_commit(name, seen.state, stamp).map_err(EngineError::from_write)?;
            match self.store.commit(commit).await {
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(EngineError::from_write(error)),
                Ok(()) => return Ok(Outcome::Fenced),
            }
        }
        Err(EngineError::Conflict)
    }

    async fn seen_request(&self, name: &RequestName) -> Result<LookUp, EngineError> {
        let names = RequestKeys {
            hospital_id: &name.hospital_id,
            person_id: &name.person_id,
            request_id: Some(&name.request_id),
            claim_id: None,
        };
        names.check(&self.settings.limits, None)?;
        self.seen(&names).await
    }

    async fn known(&self, seen: &LookUp) -> Result<Option<Outcome>, EngineError> {
        let Some(id) = seen.request else { return Ok(None) };
        let entry = self.named_entry(id).await?;
        Ok(Some(match entry.deed {
            EntryKind::Fenced(_) => Outcome::Fenced,
            _ => Outcome::Committed(Box::new(entry)),
        }))
    }
}

fn fence_commit(name: &RequestName, state: PersonState, stamp: CommitStamp) -> Result<Commit, StoreError> {
    let fenced = Fenced { hospital_id: name.hospital_id.clone(), person_id: name.person_id.clone() };
    let content = Digest::of_value("fence/1", &fenced);
    let mut commit = Commit::on(state, (name.request_id.clone(), content), stamp.instant);
    commit.push(stamp.id, EntryKind::Fenced(fenced))?;
    Ok(commit)
}
