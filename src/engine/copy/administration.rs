//! The copy of the chain of the administration.

use crate::store::Store;
use crate::store::administration::{AdministrationCommit, AdministrationState};

use super::super::administration_chain::read_administration;
use super::{CopyCount, CopyError, StoreCopy, StoreRole};

impl<S: Store, T: Store> StoreCopy<'_, S, T> {
    /// Copies what the target lacks of the chain.
    pub(super) async fn copy_administration(&self) -> Result<CopyCount, CopyError> {
        let of = |role| move |finding| CopyError::Entry(role, finding);
        let chain = read_administration(self.source).await.map_err(of(StoreRole::Source))?;
        let known = read_administration(self.target).await.map_err(of(StoreRole::Target))?;
        let differing = known.iter().zip(chain.iter().map(Some).chain(std::iter::repeat(None)));
        for (known, source) in differing {
            if source.is_none_or(|source| source.digest != known.digest) {
                return Err(CopyError::foreign_entry(known.entry.id, "is not in the source"));
            }
        }
        let mut state = AdministrationState::default();
        for (at, one) in chain.iter().enumerate() {
            let commit = AdministrationCommit::new(state, &one.entry);
            state = commit.state.clone();
            if state.chained != one.digest {
                return Err(CopyError::foreign_entry(one.entry.id, "cannot be written as it was committed"));
            }
            if at >= known.len() {
                self.target.commit_administration(commit.copied()).await.map_err(CopyError::target)?;
            }
        }
        Ok(CopyCount { total: chain.len() as u64, written: (chain.len() - known.len()) as u64 })
    }
}
