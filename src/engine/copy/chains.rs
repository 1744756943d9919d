//! StoreCopy of chains: many persons concurrently, so that commits share syncs, and the commits of one person in order.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::domain::ids::EntryId;
use crate::domain::journal::Entry;
use crate::store::pages::Pages;
use crate::store::rows::PersonState;
use crate::store::{Commit, Scope, Store, StoreError};

use super::super::chain::{self, AuditFinding};
use super::commits::commits;
use super::{CopyCount, CopyError, PAGE, Stage, StoreCopy, StoreRole};

/// The maximum number of entries that are read but not written yet; a longer chain is copied alone.
const PENDING_ENTRIES: u64 = 2_048;

/// The chains that were copied.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chains {
    pub chains: u64,
    pub entries: CopyCount,
    pub settlements: u64,
}

impl<S: Store, T: Store> StoreCopy<'_, S, T> {
    /// Checks that the head of every chain of the target is the source's, and so everything that it is chained to.
    pub(super) async fn compare_heads(&self) -> Result<(), CopyError> {
        let mut pages = Pages::new(PAGE);
        let read = |after, limit| self.target.states(after, limit);
        while let Some(page) = pages.next_page(read).await.map_err(CopyError::target)? {
            for (key, state) in page {
                let state = state.map_err(|error| CopyError::from_person(StoreRole::Target, key, error))?;
                let no_head = || {
                    CopyError::Entry(
                        StoreRole::Target,
                        AuditFinding::about_person(&state, "has a state without an entry"),
                    )
                };
                let head = state.head.ok_or_else(no_head)?;
                let record = self.target.record(head).await.map_err(CopyError::target)?;
                if record.is_none() || self.source.record(head).await.map_err(CopyError::source)? != record {
                    return Err(CopyError::foreign_entry(head, "is not in the source"));
                }
            }
        }
        Ok(())
    }

    /// Copies what the target lacks of every chain.
    pub(super) async fn copy_chains(&self) -> Result<Chains, CopyError> {
        let entries = self.copy_administration().await?;
        let done = Chains { entries, ..Chains::default() };
        let (mut done, mut copies, mut pending) = (done, FuturesUnordered::new(), 0);
        let (mut pages, read) = (Pages::new(PAGE), |after, limit| self.source.states(after, limit));
        while let Some(page) = pages.next_page(read).await.map_err(CopyError::source)? {
            for (key, state) in page {
                let state = state.map_err(|error| CopyError::from_person(StoreRole::Source, key, error))?;
                pending += state.version;
                while pending > PENDING_ENTRIES
                    && let Some(chain) = copies.next().await
                {
                    pending -= self.add_chain(&mut done, chain?);
                }
                copies.push(self.copy_chain(state));
            }
        }
        while let Some(chain) = copies.next().await {
            self.add_chain(&mut done, chain?);
        }
        if done.entries.total == self.entries {
            Ok(done)
        } else {
            Err(entries_outside_chains(self.entries, done.entries.total))
        }
    }

    /// Adds a copied chain to the total; returns the number of its entries.
    fn add_chain(&self, done: &mut Chains, chain: Chains) -> u64 {
        done.chains += chain.chains;
        done.entries.total += chain.entries.total;
        done.entries.written += chain.entries.written;
        done.settlements += chain.settlements;
        (self.context.progress)(Stage::Chains, done.entries.total, self.entries);
        chain.entries.total
    }

    /// Copies what the target lacks of one chain.
    async fn copy_chain(&self, state: PersonState) -> Result<Chains, CopyError> {
        let of_source = |finding| CopyError::Entry(StoreRole::Source, finding);
        let chain = chain::read_chain(self.source, &state).await.map_err(of_source)?;
        let first =
            chain.first().ok_or_else(|| of_source(AuditFinding::about_person(&state, "its chain has no entry")))?;
        let in_target = self.target_state(&first.entry).await?;
        let commits = commits(&chain, &state).map_err(of_source)?;
        let known = known_commits(&commits, &in_target)?;
        let written = self.write_commits(commits.into_iter().skip(known)).await?;
        let settlements = chain.iter().filter(|stored| stored.entry.as_settlement().is_some()).count() as u64;
        Ok(Chains { chains: 1, entries: CopyCount { total: state.version, written }, settlements })
    }

    /// The target's state of the person of this entry.
    async fn target_state(&self, entry: &Entry) -> Result<PersonState, CopyError> {
        let scope = Scope::of_person(entry.parties().1);
        Ok(self.target.look_up(scope).await.map_err(CopyError::target)?.state)
    }

    /// Writes commits; returns the number of entries.
    async fn write_commits(&self, commits: impl Iterator<Item = Commit>) -> Result<u64, CopyError> {
        let mut written = 0;
        for commit in commits {
            let (entries, first) = (commit.entries.len() as u64, commit.entries.first().map(|(id, _)| *id));
            self.target.commit(commit).await.map_err(|error| commit_error(first, error))?;
            written += entries;
        }
        Ok(written)
    }
}

/// The number of commits that the target has: those that end in its state.
fn known_commits(commits: &[Commit], in_target: &PersonState) -> Result<usize, CopyError> {
    let known = commits.iter().take_while(|commit| commit.expected < in_target.version).count();
    let ends = commits[..known].last().map_or(in_target.version == 0, |last| last.state == *in_target);
    let foreign = || {
        CopyError::ForeignContent(
            AuditFinding::about_person(in_target, "ends a chain that is not in the source").to_string(),
        )
    };
    if ends { Ok(known) } else { Err(foreign()) }
}

fn commit_error(entry: Option<EntryId>, error: StoreError) -> CopyError {
    match (entry, error) {
        (Some(entry), StoreError::Conflict) => {
            CopyError::foreign_entry(entry, "conflicts with the claim or the person in the target")
        }
        (_, error) => CopyError::target(error),
    }
}

fn entries_outside_chains(journal: u64, chains: u64) -> CopyError {
    CopyError::Differs(format!("the source's journal has {journal} entries, but its chains have {chains}"))
}
