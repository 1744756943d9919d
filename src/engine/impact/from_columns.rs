//! The impact of a book from the columns of a store: threads take parts of the persons, read their rows, decide and add up. Of
//! persons whose bills are to be distributed again, which needs the items, the chains are read from the log.
//!
//! In memory are the sums, and of each thread the rows of one part of the persons: some 250 bytes for each of a
//! [`PARTS`]th of the settlements.

use std::collections::{BTreeSet, HashSet};
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use super::columns::{Blocks, ImpactColumns, PARTS, PersonRows};
use super::compared::{PersonChange, PersonImpact};
use super::error::ImpactError;
use super::live::{live_settlements, without_newer};
use super::person::decide_person;
use super::sums::Impact;
use super::{ImpactQuestion, PersonSink, policies_with_classes_of, read_chain};
use crate::domain::ids::Digest;
use crate::policy::Book;
use crate::store::keys::StoreKey;
use crate::store::{Store, StoreError};

/// How often damaged files are made again.
const ROUNDS: usize = 3;

/// The persons whose records are read at once for their ids.
const RECORDS: usize = 1_000;

/// What the threads share.
struct Deciding {
    book: Arc<Book>,
    question: ImpactQuestion,
    keep_bills: HashSet<Digest>,
    names_persons: bool,
    blocks: Blocks,
    parts: Vec<usize>,
    next: AtomicUsize,
    stop: Arc<AtomicBool>,
}

/// What a thread did with a part of the persons.
enum PartDone {
    /// It is decided, but for the persons whose chains are to be read; with the changes of the others, if they are to be named.
    Decided { changes: Vec<(StoreKey, PersonChange)>, from_log: Vec<PersonOfLog> },
    /// A file is damaged, and nothing of the part was added.
    Damaged { part: usize, file: usize },
}

/// A person whose chain is to be read, up to the entries that the columns have.
struct PersonOfLog {
    key: StoreKey,
    entries: usize,
}

/// Ends the threads when whoever waits for them does so no longer.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<S: Store> ImpactColumns<'_, S> {
    /// The impact of a book on what the columns cover, decided on so many threads.
    ///
    /// # Errors
    /// If the store cannot be read, or a file cannot be read or made again.
    pub async fn impact(
        &mut self,
        book: &Arc<Book>,
        question: &ImpactQuestion,
        persons: Option<PersonSink>,
        threads: NonZero<usize>,
    ) -> Result<Impact, ImpactError> {
        let keep_bills = policies_with_classes_of(book, self.store()).await?;
        let mut sum = Impact { entries: self.person_entries(), ..Impact::default() };
        let mut parts: Vec<usize> = (0..PARTS).collect();
        for _ in 0..ROUNDS {
            let deciding = Deciding {
                book: Arc::clone(book),
                question: question.clone(),
                keep_bills: keep_bills.clone(),
                names_persons: persons.is_some(),
                blocks: self.blocks().await?,
                parts,
                next: AtomicUsize::new(0),
                stop: Arc::default(),
            };
            let damaged = decide_parts(self.store(), deciding, persons.as_ref(), threads, &mut sum).await?;
            if damaged.is_empty() {
                return Ok(sum);
            }
            for file in damaged.iter().map(|(_, file)| *file).collect::<BTreeSet<usize>>() {
                self.rebuild(file).await?;
            }
            parts = damaged.into_iter().map(|(part, _)| part).collect();
        }
        Err(StoreError::Damaged("files of the columns are damaged as soon as they are written".to_owned()).into())
    }
}

/// Decides parts, and returns those of which a file is damaged, with its number.
async fn decide_parts<S: Store>(
    store: &S,
    deciding: Deciding,
    persons: Option<&PersonSink>,
    threads: NonZero<usize>,
    sum: &mut Impact,
) -> Result<Vec<(usize, usize)>, ImpactError> {
    if persons.is_some() {
        // A walk that begins now leaves out nobody of the columns.
        store.person_records(None, 1).await?;
    }
    let _stop = StopOnDrop(Arc::clone(&deciding.stop));
    let (sender, mut done) = mpsc::channel(threads.get());
    let deciding = Arc::new(deciding);
    let threads: Vec<_> = (0..threads.get()).map(|_| spawn(Arc::clone(&deciding), sender.clone())).collect();
    drop(sender);
    let mut damaged = Vec::new();
    while let Some(done) = done.recv().await {
        match done {
            PartDone::Damaged { part, file } => damaged.push((part, file)),
            PartDone::Decided { changes, from_log } => {
                for person in from_log {
                    deciding.decide_from_log(store, person, persons, sum).await?;
                }
                if let Some(sink) = persons {
                    name(store, changes, sink).await?;
                }
            }
        }
    }
    for thread in threads {
        let ended = thread.join().map_err(|_panic| StoreError::Damaged("a thread ended early".to_owned()))?;
        sum.merge(ended?);
    }
    Ok(damaged)
}

fn spawn(deciding: Arc<Deciding>, done: mpsc::Sender<PartDone>) -> JoinHandle<Result<Impact, ImpactError>> {
    std::thread::spawn(move || {
        let decided = deciding.decide_parts(&done);
        if decided.is_err() {
            deciding.stop.store(true, Ordering::Relaxed);
        }
        decided
    })
}

impl Deciding {
    /// Takes part after part until there is none, or nobody waits any more.
    fn decide_parts(&self, done: &mpsc::Sender<PartDone>) -> Result<Impact, ImpactError> {
        let mut sum = Impact::default();
        while let Some(part) = self.parts.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let decided = match self.blocks.read(*part)? {
                Err(file) => PartDone::Damaged { part: *part, file },
                Ok(rows) => {
                    let (mut changes, mut from_log) = (Vec::new(), Vec::new());
                    for person in rows.persons() {
                        if self.stop.load(Ordering::Relaxed) {
                            return Ok(sum);
                        }
                        self.decide(person, &mut sum, (&mut changes, &mut from_log))?;
                    }
                    PartDone::Decided { changes, from_log }
                }
            };
            if done.blocking_send(decided).is_err() {
                return Ok(sum);
            }
        }
        Ok(sum)
    }

    fn decide(
        &self,
        person: PersonRows<'_>,
        sum: &mut Impact,
        (changes, from_log): (&mut Vec<(StoreKey, PersonChange)>, &mut Vec<PersonOfLog>),
    ) -> Result<(), StoreError> {
        match person.live(|policy| self.keep_bills.contains(policy))? {
            None => from_log.push(PersonOfLog { key: person.key(), entries: person.entries() }),
            Some(live) => {
                let change = decide_person(&live, &self.book, &self.question, sum).filter(|_| self.names_persons);
                changes.extend(change.map(|change| (person.key(), change)));
            }
        }
        Ok(())
    }

    /// Decides a person whose bills are to be distributed again.
    async fn decide_from_log<S: Store>(
        &self,
        store: &S,
        PersonOfLog { key, entries }: PersonOfLog,
        persons: Option<&PersonSink>,
        sum: &mut Impact,
    ) -> Result<(), StoreError> {
        let state = store.states(before(key), 1).await?.into_iter().next().filter(|(found, _)| *found == key);
        let (_, state) = state.ok_or_else(|| StoreError::Damaged("a person of the journal has no state".to_owned()))?;
        let chain = without_newer(read_chain(store, state?.head).await?, entries)?;
        let live = live_settlements(&chain, &|policy| self.keep_bills.contains(policy))?;
        let change = decide_person(&live, &self.book, &self.question, sum);
        if let (Some(sink), Some(change), Some(one)) = (persons, change, live.first()) {
            sink(PersonImpact { person_id: one.claim.person_id.clone(), change });
        }
        Ok(())
    }
}

/// The key before a key; none before the first.
fn before(key: StoreKey) -> Option<StoreKey> {
    u128::from_be_bytes(key).checked_sub(1).map(u128::to_be_bytes)
}

/// Gives the persons their ids, from their records, which are in the order of keys as they are.
async fn name<S: Store>(
    store: &S,
    changes: Vec<(StoreKey, PersonChange)>,
    sink: &PersonSink,
) -> Result<(), StoreError> {
    let mut changes = changes.into_iter().peekable();
    while let Some((first, _)) = changes.peek() {
        let (first, mut found) = (*first, false);
        for (key, record) in store.person_records(before(first), RECORDS).await? {
            found |= key == first;
            if let Some((_, change)) = changes.next_if(|(known, _)| *known == key) {
                sink(PersonImpact { person_id: record?.id().clone(), change });
            }
        }
        if !found {
            return Err(StoreError::Damaged("a person of the journal has no reference record".to_owned()));
        }
    }
    Ok(())
}
