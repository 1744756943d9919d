//! Entries of closed years leave a Redis for the copy that was made of it, its archive from then on.
//!
//! Only once the whole copy is verified, and the Redis has noted which archive it wants; then record by record, each only
//! if it is byte for byte the archive's. What names an entry stays: states, requests, claims, lists, the feed; and so does
//! a fence, which is of no year.

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::domain::ids::{EntryId, PersonId};
use crate::domain::journal::Entry;
use crate::store::archived::{Archived, Fate, Identity, Moved};
use crate::store::embedded::EmbeddedStore;
use crate::store::keys::StoreKey;
use crate::store::pages::Pages;
use crate::store::redis::RedisStore;
use crate::store::rows::PersonState;
use crate::store::{JournalStore, KeyedState, Store, StoreError};

use super::super::chain::{self, AuditFinding, Stored};
use super::super::import::Told;
use super::{Copied, Copying, NotCopied, PAGE, Side, Stage};

/// Persons whose entries leave at the same time, so that they share syncs.
const PERSONS_AT_ONCE: usize = 32;

/// Entries that leave in one step.
const ENTRIES_AT_ONCE: usize = 16;

/// What left the Redis, or would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Entries.
    pub entries: u64,
    /// The bytes of their records; their keys come on top.
    pub bytes: u64,
}

impl Left {
    fn add(&mut self, other: Left) {
        self.entries += other.entries;
        self.bytes += other.bytes;
    }

    fn add_record(&mut self, record: &[u8]) {
        self.add(Left { entries: 1, bytes: record.len() as u64 });
    }
}

impl Copying<'_, Archived<RedisStore>, EmbeddedStore> {
    /// Copies as [`Copying::run`] does; then the entries of benefit years before this one leave the source.
    ///
    /// # Errors
    /// What stood in the way; the same again goes on from there. A record that is another than the archive's stays.
    pub async fn run_and_move(&self, told: Told, before: i32) -> Result<(Copied, Left), NotCopied> {
        let copied = self.run(told).await?;
        let archive = Identity::of(self.target).await.map_err(NotCopied::target)?;
        self.source.live().note_moved(Moved { before, archive }).await.map_err(NotCopied::source)?;
        let (mut left, mut walked) = (Left::default(), 0);
        let (mut pages, read) = (Pages::new(PAGE), |after, limit| self.target.states(after, limit));
        while let Some(page) = pages.next_page(read).await.map_err(NotCopied::target)? {
            let going = stream::iter(page).map(|person| self.leave(person, before));
            let mut going = going.buffer_unordered(PERSONS_AT_ONCE);
            while let Some((version, of_person)) = going.try_next().await? {
                walked += version;
                left.add(of_person);
                (self.outside.progress)(Stage::Moving, walked, self.entries);
            }
        }
        Ok((copied, left))
    }

    /// The entries of one person leave; gives the length of the chain too.
    async fn leave(&self, (key, state): KeyedState, before: i32) -> Result<(u64, Left), NotCopied> {
        let (mut left, state) = (Left::default(), readable(Side::Target, key, state)?);
        let chain = walked(Side::Target, self.target, &state).await?;
        let person_id = chain.first().map(|first| first.entry.parties().1.clone()).unwrap_or_default();
        let closed = chain.into_iter().filter(|stored| is_of_years(before, &stored.entry));
        let closed: Vec<_> = closed.map(|stored| (stored.entry.id, stored.record)).collect();
        for some in closed.chunks(ENTRIES_AT_ONCE) {
            left.add(self.leave_some(&person_id, some).await?);
        }
        Ok((state.version, left))
    }

    async fn leave_some(&self, person_id: &PersonId, some: &[(EntryId, Vec<u8>)]) -> Result<Left, NotCopied> {
        let mut left = Left::default();
        let fates = self.source.live().leave(person_id, some).await.map_err(NotCopied::source)?;
        for ((id, record), fate) in some.iter().zip(fates) {
            match fate {
                Fate::Moved => left.add_record(record),
                Fate::MovedBefore => {}
                Fate::Differs => {
                    let told = "is not the record that the copy has, and stays as it is";
                    return Err(NotCopied::Entry(Side::Source, AuditFinding::at(*id, told)));
                }
            }
        }
        Ok(left)
    }
}

/// What would leave this store: the entries of benefit years before this one that are still in it.
///
/// # Errors
/// If the store cannot be read, or a chain does not hold.
pub async fn would_leave(source: &Archived<RedisStore>, before: i32) -> Result<Left, NotCopied> {
    let (mut pages, mut left) = (Pages::new(PAGE), Left::default());
    let read = |after, limit| source.states(after, limit);
    while let Some(page) = pages.next_page(read).await.map_err(NotCopied::source)? {
        for (key, state) in page {
            left.add(weight(source, before, &readable(Side::Source, key, state)?).await?);
        }
    }
    Ok(left)
}

/// What of one person would leave.
async fn weight(source: &Archived<RedisStore>, before: i32, state: &PersonState) -> Result<Left, NotCopied> {
    let mut left = Left::default();
    let chain = walked(Side::Source, source, state).await?;
    for stored in chain.iter().filter(|stored| is_of_years(before, &stored.entry)) {
        match source.live().record(stored.entry.id).await {
            Err(StoreError::Archived(_)) => {}
            there => there.map_err(NotCopied::source)?.iter().for_each(|record| left.add_record(record)),
        }
    }
    Ok(left)
}

fn readable(side: Side, key: StoreKey, state: Result<PersonState, StoreError>) -> Result<PersonState, NotCopied> {
    state.map_err(|error| NotCopied::of_person(side, key, error))
}

async fn walked<S: Store>(side: Side, store: &S, state: &PersonState) -> Result<Vec<Stored>, NotCopied> {
    chain::walked(store, state).await.map_err(|difference| NotCopied::Entry(side, difference))
}

fn is_of_years(before: i32, entry: &Entry) -> bool {
    entry.account().is_some_and(|account| account.year < before)
}
