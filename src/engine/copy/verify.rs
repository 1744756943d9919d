//! Verification of a copy: every chain of the target is read and recomputed from the target alone, ends where the source's
//! chain ends, and neither store has anything else.

use crate::store::pages::Pages;
use crate::store::rows::PersonState;
use crate::store::{Scope, Store};

use super::super::administration_chain::read_administration;
use super::super::audit::Audit;
use super::super::chain::AuditFinding;
use super::{CopyError, CopyReport, PAGE, Stage, StoreCopy, StoreRole};

impl<S: Store, T: Store> StoreCopy<'_, S, T> {
    /// Verifies the target; returns the number of splits that were recomputed.
    pub(super) async fn verify(&self, report: &CopyReport) -> Result<u64, CopyError> {
        let (audit, mut pages) = (Audit::new(self.target), Pages::new(PAGE));
        let (mut chains, mut entries, mut splits) = (0, 0, 0);
        let read = |after, limit| self.target.states(after, limit);
        while let Some(page) = pages.next_page(read).await.map_err(CopyError::target)? {
            for (key, state) in page {
                let state = state.map_err(|error| CopyError::from_person(StoreRole::Target, key, error))?;
                let chain = audit.verify_person(&state).await;
                let chain = chain.map_err(|finding| CopyError::Entry(StoreRole::Target, finding))?;
                self.compare_state(&state).await?;
                chains += 1;
                entries += state.version;
                splits += chain.splits as u64;
                (self.context.progress)(Stage::Verifying, entries, self.entries);
            }
        }
        let of_target = |finding| CopyError::Entry(StoreRole::Target, finding);
        read_administration(self.target).await.map_err(of_target)?;
        let persons = self.compare_persons().await?;
        let journal = self.target.entry_count().await.map_err(CopyError::target)?;
        let check_count = |what: &str, found: u64, expected: u64| {
            let error = || CopyError::Differs(format!("the target has {found} {what}, the source {expected}"));
            if found == expected { Ok(()) } else { Err(error()) }
        };
        check_count("chains", chains, report.chains)?;
        check_count("entries", journal, self.entries)?;
        check_count("persons", persons, report.persons.total)?;
        Ok(splits)
    }

    /// Checks that the source has the same state of this person: the head, its digest, and the accounts.
    async fn compare_state(&self, state: &PersonState) -> Result<(), CopyError> {
        let error = |message: &str| CopyError::Entry(StoreRole::Target, AuditFinding::about_person(state, message));
        let head = state.head.ok_or_else(|| error("has a state without an entry"))?;
        let entry = self.target.entry(head).await.map_err(CopyError::target)?;
        let entry = entry.ok_or_else(|| error("is missing"))?;
        let scope = Scope::of_person(entry.parties().1);
        let known = self.source.look_up(scope).await.map_err(CopyError::source)?.state;
        if known == *state { Ok(()) } else { Err(error("is not where the source's chain ends")) }
    }
}
