//! Persons' chains, many at once so that they share syncs; the commits of one person come in their order.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::domain::ids::EntryId;
use crate::domain::journal::Entry;
use crate::store::pages::Pages;
use crate::store::rows::PersonState;
use crate::store::{Commit, Scope, Store, StoreError};

use super::super::chain::{self, AuditFinding};
use super::commits::commits;
use super::{Copying, Count, NotCopied, PAGE, Side, Stage};

/// The most entries of chains that are read and not yet written; a longer chain goes alone.
const ENTRIES_AT_ONCE: u64 = 2_048;

/// The chains of the source.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chains {
    pub chains: u64,
    pub entries: Count,
    pub settlements: u64,
}

impl<S: Store, T: Store> Copying<'_, S, T> {
    /// Of every chain of the target the last entry is the source's, and so is all that it was chained to.
    pub(super) async fn compare_heads(&self) -> Result<(), NotCopied> {
        let mut pages = Pages::new(PAGE);
        let read = |after, limit| self.target.states(after, limit);
        while let Some(page) = pages.next_page(read).await.map_err(NotCopied::target)? {
            for (key, state) in page {
                let state = state.map_err(|error| NotCopied::of_person(Side::Target, key, error))?;
                let head = state.head.unwrap_or(EntryId([0; 16]));
                let there = self.target.record(head).await.map_err(NotCopied::target)?;
                if there.is_none() || self.source.record(head).await.map_err(NotCopied::source)? != there {
                    return Err(NotCopied::foreign_entry(head, "is not the source's"));
                }
            }
        }
        Ok(())
    }

    /// Copies of every chain what the target lacks.
    pub(super) async fn chains(&self) -> Result<Chains, NotCopied> {
        let (mut done, mut going, mut ahead) = (Chains::default(), FuturesUnordered::new(), 0);
        let (mut pages, read) = (Pages::new(PAGE), |after, limit| self.source.states(after, limit));
        while let Some(page) = pages.next_page(read).await.map_err(NotCopied::source)? {
            for (key, state) in page {
                let state = state.map_err(|error| NotCopied::of_person(Side::Source, key, error))?;
                ahead += state.version;
                while ahead > ENTRIES_AT_ONCE
                    && let Some(chain) = going.next().await
                {
                    ahead -= self.took(&mut done, chain?);
                }
                going.push(self.chain(state));
            }
        }
        while let Some(chain) = going.next().await {
            self.took(&mut done, chain?);
        }
        if done.entries.all == self.entries { Ok(done) } else { Err(outside_chains(self.entries, done.entries.all)) }
    }

    /// Adds a chain to those that are done; gives its entries.
    fn took(&self, done: &mut Chains, chain: Chains) -> u64 {
        done.chains += chain.chains;
        done.entries.all += chain.entries.all;
        done.entries.written += chain.entries.written;
        done.settlements += chain.settlements;
        (self.outside.progress)(Stage::Chains, done.entries.all, self.entries);
        chain.entries.all
    }

    /// Copies of one chain what the target lacks.
    async fn chain(&self, state: PersonState) -> Result<Chains, NotCopied> {
        let of_source = |difference| NotCopied::Entry(Side::Source, difference);
        let chain = chain::walked(self.source, &state).await.map_err(of_source)?;
        let first = chain.first().ok_or_else(|| of_source(AuditFinding::at_head(&state, "its chain has no entry")))?;
        let there = self.state_there(&first.entry).await?;
        let commits = commits(&chain, &state).map_err(of_source)?;
        let known = known(&commits, &there)?;
        let written = self.commit(commits.into_iter().skip(known)).await?;
        let settlements = chain.iter().filter(|stored| stored.entry.settled().is_some()).count() as u64;
        Ok(Chains { chains: 1, entries: Count { all: state.version, written }, settlements })
    }

    /// What the target has of the person of this entry.
    async fn state_there(&self, entry: &Entry) -> Result<PersonState, NotCopied> {
        let scope = Scope::of_person(entry.parties().1);
        Ok(self.target.look_up(scope).await.map_err(NotCopied::target)?.state)
    }

    /// Gives how many entries were written.
    async fn commit(&self, commits: impl Iterator<Item = Commit>) -> Result<u64, NotCopied> {
        let mut written = 0;
        for commit in commits {
            let (entries, first) = (commit.entries.len() as u64, commit.entries.first().map(|(id, _)| *id));
            self.target.commit(commit).await.map_err(|error| refused(first, error))?;
            written += entries;
        }
        Ok(written)
    }
}

/// How many of the commits the target has: those that end in the state there.
fn known(commits: &[Commit], there: &PersonState) -> Result<usize, NotCopied> {
    let known = commits.iter().take_while(|commit| commit.expected < there.version).count();
    let ends = commits[..known].last().map_or(there.version == 0, |last| last.state == *there);
    let other = || NotCopied::Foreign(AuditFinding::at_head(there, "ends a chain that the source has not").to_string());
    if ends { Ok(known) } else { Err(other()) }
}

fn refused(entry: Option<EntryId>, error: StoreError) -> NotCopied {
    match (entry, error) {
        (Some(entry), StoreError::Conflict) => {
            NotCopied::foreign_entry(entry, "finds its claim or its person otherwise there")
        }
        (_, error) => NotCopied::target(error),
    }
}

fn outside_chains(journal: u64, chains: u64) -> NotCopied {
    NotCopied::Differs(format!("the source's journal has {journal} entries, its chains {chains}"))
}
