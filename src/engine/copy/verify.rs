//! The end of a copy: every chain of the target is walked and recomputed from the target alone, ends where the source's
//! ends, and there is nothing else in either.

use crate::domain::ids::EntryId;
use crate::store::pages::Pages;
use crate::store::rows::PersonState;
use crate::store::{Scope, Store};

use super::super::audit::Audit;
use super::super::chain::AuditFinding;
use super::{Copied, Copying, NotCopied, PAGE, Side, Stage};

impl<S: Store, T: Store> Copying<'_, S, T> {
    /// Gives the number of splits that were recomputed.
    pub(super) async fn verify(&self, copied: &Copied) -> Result<u64, NotCopied> {
        let (mut audit, mut pages) = (Audit::of(self.target), Pages::new(PAGE));
        let (mut chains, mut entries, mut splits) = (0, 0, 0);
        let read = |after, limit| self.target.states(after, limit);
        while let Some(page) = pages.next_page(read).await.map_err(NotCopied::target)? {
            for (key, state) in page {
                let state = state.map_err(|error| NotCopied::of_person(Side::Target, key, error))?;
                let chain = audit.chain(&state).await;
                let chain = chain.map_err(|difference| NotCopied::Entry(Side::Target, difference))?;
                self.ends_alike(&state).await?;
                chains += 1;
                entries += state.version;
                splits += chain.splits as u64;
                (self.outside.progress)(Stage::Verifying, entries, self.entries);
            }
        }
        let persons = self.compare_persons().await?;
        let journal = self.target.entry_count().await.map_err(NotCopied::target)?;
        let all = |what: &str, there: u64, wanted: u64| {
            let told = || NotCopied::Differs(format!("the target has {there} {what}, the source {wanted}"));
            if there == wanted { Ok(()) } else { Err(told()) }
        };
        all("chains", chains, copied.chains)?;
        all("entries", journal, self.entries)?;
        all("persons", persons, copied.persons.all)?;
        Ok(splits)
    }

    /// The source's state of this person is the same: the same head under the same digest, and the same accounts.
    async fn ends_alike(&self, state: &PersonState) -> Result<(), NotCopied> {
        let head = state.head.unwrap_or(EntryId([0; 16]));
        let differs = |told: &str| NotCopied::Entry(Side::Target, AuditFinding::at(head, told));
        let entry = self.target.entry(head).await.map_err(NotCopied::target)?;
        let entry = entry.ok_or_else(|| differs("is not there"))?;
        let scope = Scope::of_person(entry.parties().1);
        let known = self.source.look_up(scope).await.map_err(NotCopied::source)?.state;
        if known == *state { Ok(()) } else { Err(differs("is not where the source's chain ends")) }
    }
}
