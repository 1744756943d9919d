//! The impact of another book: committed history is decided again under it, person by person in the order of commits, from
//! the facts in force; and what each payer and each person would pay more or less is added up. Nothing is written.
//!
//! With the columns of the store (`columns`), threads read parts of the persons from files. Without them one task reads chains from the
//! log, and threads decode, decide and add up: then in memory are the sums, and a limited number of chains that were read and are
//! not decided yet.

mod columns;
mod compared;
mod error;
mod from_columns;
mod group;
mod live;
mod person;
mod sums;

use std::collections::HashSet;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use super::audit::kept_policy;
use crate::domain::ids::{Digest, EntryId};
use crate::journal::recorded::previous_entry;
use crate::policy::Book;
use crate::store::pages::Pages;
use crate::store::{JournalStore, Store, StoreError};

pub use columns::{CHUNK_ROWS, ImpactColumns};
pub use compared::{PersonChange, PersonImpact, UndecidedReason};
pub use error::ImpactError;
pub use group::{Change, ImpactGroup};
use live::live_settlements;
use person::decide_person;
pub use sums::{Crossing, Impact, PersonChanges};

/// The directory of the columns in that of what reports read.
pub const DIRECTORY: &str = "impact";

/// Persons whose states are read at once.
const PERSONS_PER_PAGE: usize = 1_000;

/// The chains that are read at once, so that a call to a store on a network waits for no other.
const CHAINS_AT_ONCE: usize = 64;

/// The chains that a thread takes at once.
const BATCH: usize = 32;

/// The batches that wait for a thread.
const BATCHES_WAITING: usize = 8;

/// Which settlements are compared. The others of a person are decided again as well, because these may rest on them.
#[derive(Clone, Debug, Default)]
pub struct ImpactQuestion {
    /// The benefit years in which they were settled; all if empty.
    pub years: Vec<i32>,
    /// Prefixes of the regions in which the persons were insured; all if empty.
    pub regions: Vec<String>,
}

/// Receives what a book changes for a person, in no certain order and from several threads.
pub type PersonSink = Arc<dyn Fn(PersonImpact) + Send + Sync>;

/// The entries of a chain as stored, the newest first.
type StoredChain = Vec<(EntryId, Vec<u8>)>;

/// What the threads share.
struct Deciding {
    book: Arc<Book>,
    question: ImpactQuestion,
    /// The policies by which bills are not distributed again: their classes mean what they mean in the book.
    keep_bills: HashSet<Digest>,
    persons: Option<PersonSink>,
    chains: Mutex<mpsc::Receiver<Vec<StoredChain>>>,
}

/// The impact of a book on what a store holds, read from its log.
///
/// # Errors
/// If the store cannot be read, or an entry is damaged.
pub async fn impact<S: Store>(
    store: &S,
    book: Arc<Book>,
    question: ImpactQuestion,
    persons: Option<PersonSink>,
) -> Result<Impact, StoreError> {
    let (sender, chains) = mpsc::channel(BATCHES_WAITING);
    let keep_bills = policies_with_classes_of(&book, store).await?;
    let deciding = Arc::new(Deciding { book, question, keep_bills, persons, chains: Mutex::new(chains) });
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads: Vec<_> = (0..threads).map(|_| spawn(Arc::clone(&deciding))).collect();
    let read = read_chains(store, sender).await;
    let mut sum = Impact::default();
    for thread in threads {
        let decided = thread.join().map_err(|_panic| StoreError::Damaged("a thread ended early".to_owned()))?;
        sum.merge(decided?);
    }
    read.map(|()| sum)
}

/// The policies that a store keeps whose classes mean what they mean in a book.
async fn policies_with_classes_of<S: Store>(book: &Book, store: &S) -> Result<HashSet<Digest>, StoreError> {
    let mut found = HashSet::new();
    let classes = book.vocabulary().meanings().classes;
    for digest in store.policy_digests().await? {
        let kept = kept_policy(store, digest).await?;
        if kept.is_some_and(|kept| kept.rule.words.classes == classes) {
            found.insert(digest);
        }
    }
    Ok(found)
}

fn spawn(deciding: Arc<Deciding>) -> JoinHandle<Result<Impact, StoreError>> {
    std::thread::spawn(move || deciding.decide_chains())
}

impl Deciding {
    /// Decides batches until no further one comes. After a damaged entry the rest is taken and left.
    fn decide_chains(&self) -> Result<Impact, StoreError> {
        let (mut sum, mut damage) = (Impact::default(), None);
        while let Some(batch) = self.next_batch() {
            for chain in batch {
                if damage.is_none() {
                    damage = self.decide(&chain, &mut sum).err();
                }
            }
        }
        damage.map_or(Ok(sum), Err)
    }

    fn next_batch(&self) -> Option<Vec<StoredChain>> {
        self.chains.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
    }

    fn decide(&self, chain: &StoredChain, sum: &mut Impact) -> Result<(), StoreError> {
        sum.entries += chain.len() as u64;
        let live = live_settlements(chain, &|policy| self.keep_bills.contains(policy))?;
        let change = decide_person(&live, &self.book, &self.question, sum);
        if let (Some(sink), Some(change), Some(one)) = (&self.persons, change, live.first()) {
            sink(PersonImpact { person_id: one.claim.person_id.clone(), change });
        }
        Ok(())
    }
}

async fn read_chains<S: JournalStore>(store: &S, sender: mpsc::Sender<Vec<StoredChain>>) -> Result<(), StoreError> {
    let mut pages = Pages::new(PERSONS_PER_PAGE);
    while let Some(page) = pages.next_page(|after, limit| store.states(after, limit)).await? {
        let heads = page.into_iter().map(|(_, state)| async move { read_chain(store, state?.head).await });
        let mut chains = stream::iter(heads).buffered(CHAINS_AT_ONCE).chunks(BATCH);
        while let Some(batch) = chains.next().await {
            let batch = batch.into_iter().collect::<Result<Vec<_>, _>>()?;
            // The threads take batches until this end is dropped.
            sender.send(batch).await.map_err(|_| StoreError::Damaged("a thread ended early".to_owned()))?;
        }
    }
    Ok(())
}

async fn read_chain<S: JournalStore>(store: &S, head: Option<EntryId>) -> Result<StoredChain, StoreError> {
    let (mut chain, mut next) = (Vec::new(), head);
    while let Some(id) = next {
        let record = store.record(id).await?;
        let record = record.ok_or_else(|| StoreError::Damaged(format!("entry {id} is missing")))?;
        next = previous_entry(&record)?;
        chain.push((id, record));
    }
    Ok(chain)
}
