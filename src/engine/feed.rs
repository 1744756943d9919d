//! The feed: entries of the journal in the order of commits, with the amounts by which each moves the payers.
//!
//! An entry is in the feed once it is durable, and never before one that was in it earlier: whoever goes on after an entry
//! misses nothing and sees nothing twice. A reader names the entry by position and id, so that nothing is skipped in a store
//! that was restored to an earlier moment and has gone on otherwise.

use std::sync::Arc;

use crate::domain::ids::EntryId;
use crate::domain::journal::{Differences, Entry, EntryKind};
use crate::domain::money::Money;
use crate::domain::split::Split;
use crate::journal::{CommittedEntry, decode_committed};
use crate::store::entry_page::StoredEntry;
use crate::store::rows::CommitPosition;
use crate::store::{Store, StoreError};

use super::list::HospitalScope;
use super::{Engine, EngineError, PAUSE};

/// The entries that a caller may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedScope {
    /// Those of these hospitals.
    pub hospitals: HospitalScope,
    /// Whether those of the administration.
    pub administration: bool,
}

/// An entry in the feed.
#[derive(Debug)]
pub struct FeedEntry {
    /// Its position.
    pub position: CommitPosition,
    /// The entry.
    pub entry: CommittedEntry,
    /// What it makes each payer and the patient pay more; less where negative, as for a reversal.
    pub amounts: Differences,
}

impl FeedEntry {
    /// What a reader that has seen it goes on after.
    pub fn seen(&self) -> SeenEntry {
        SeenEntry { position: self.position, id: self.entry.id() }
    }
}

/// An entry that a reader of the feed has seen, by which the journal that it read is known again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenEntry {
    /// Its position.
    pub position: CommitPosition,
    /// Its id.
    pub id: EntryId,
}

/// A part of the feed.
#[derive(Debug)]
pub struct FeedPage {
    /// The entries in scope.
    pub entries: Vec<FeedEntry>,
    /// The last entry that was read, in scope or not; none if there was none.
    pub last: Option<SeenEntry>,
    /// Whether there was no further entry.
    pub is_end: bool,
}

impl<S: Store> Engine<S> {
    /// The position after which a reader goes on that has seen this entry, or none.
    ///
    /// # Errors
    /// [`EngineError::FeedNotContinued`] if the journal does not hold the entry: a store that was restored to an earlier moment has
    /// another one at its position, or none. Or the store cannot be read.
    pub async fn resume_feed(&self, seen: Option<SeenEntry>) -> Result<CommitPosition, EngineError> {
        let Some(SeenEntry { position, id }) = seen else { return Ok(CommitPosition::FIRST) };
        let found = self.store.entry_at(position).await.map_err(EngineError::from_read_error)?;
        if found == Some(id) { Ok(position) } else { Err(EngineError::FeedNotContinued) }
    }

    /// The next entries after a position; of up to `limit` entries, those in scope.
    ///
    /// # Errors
    /// [`EngineError::FeedNotContinued`] if the position is behind the end of the journal; or the store cannot be read.
    pub async fn feed(&self, after: CommitPosition, limit: usize, scope: &FeedScope) -> Result<FeedPage, EngineError> {
        let found = self.store.entries_after(after, limit).await.map_err(EngineError::from_read_error)?;
        let last = found.entries.last().map(|stored| SeenEntry { position: stored.position, id: stored.id });
        let mut page = FeedPage { entries: Vec::new(), last, is_end: found.is_end };
        for (read, stored) in found.entries.into_iter().enumerate() {
            if (read + 1).is_multiple_of(PAUSE) {
                tokio::task::yield_now().await;
            }
            let (position, entry) = decoded(stored).map_err(EngineError::from_read_error)?;
            let (is_in_scope, amounts) = match &entry {
                CommittedEntry::Administration(_) => (scope.administration, Differences::default()),
                CommittedEntry::Person(entry) if scope.hospitals.includes(entry.parties().0) => {
                    (true, self.amounts(entry).await?)
                }
                CommittedEntry::Person(_) => (false, Differences::default()),
            };
            if is_in_scope {
                page.entries.push(FeedEntry { position, entry, amounts });
            }
        }
        Ok(page)
    }

    async fn amounts(&self, entry: &Entry) -> Result<Differences, EngineError> {
        Ok(match &entry.body {
            EntryKind::Settlement(settled) => amounts_of_split(&settled.split, |amount| amount),
            EntryKind::Revision(revised) => revised.differences.clone(),
            EntryKind::Fence(_) => Differences::default(),
            EntryKind::Reversal(reversed) => {
                // Nothing revises a settlement after its reversal.
                let split = self.newest_split(reversed.settlement).await?;
                amounts_of_split(&split, |amount| -amount)
            }
        })
    }
}

fn decoded(StoredEntry { position, id, record }: StoredEntry) -> Result<(CommitPosition, CommittedEntry), StoreError> {
    let (entry, _) = decode_committed(&record?)?;
    if entry.id() == id {
        Ok((position, entry))
    } else {
        Err(StoreError::Damaged(format!("entry {id} is another one")))
    }
}

fn amounts_of_split(split: &Split, sign: impl Fn(Money) -> Money) -> Differences {
    let payers = split.payers().into_iter().filter(|(_, amount)| *amount != Money::ZERO);
    Differences {
        payers: payers.map(|(payer, amount): (Arc<str>, Money)| (payer, sign(amount))).collect(),
        patient: sign(split.patient),
    }
}
