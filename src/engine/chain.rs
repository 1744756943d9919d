//! Reading of a whole chain: every record is checked against the digest that the next entry carries, and the last one
//! against the person's state.

use crate::domain::adjudicate::AdjudicationError;
use crate::domain::ids::{Digest, EntryId};
use crate::domain::invariants::InvariantViolation;
use crate::domain::journal::Entry;
use crate::domain::sums::OutOfRange;
use crate::journal::decode_entry;
use crate::journal::recorded::previous_entry;
use crate::store::rows::PersonState;
use crate::store::{JournalStore, StoreError};

/// Why an entry, or a row derived from it, is not what the chain gives.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ChainFault {
    /// The store cannot read what the entry rests on.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A split breaks an invariant.
    #[error(transparent)]
    Invariant(#[from] InvariantViolation),
    /// An accumulator leaves its range.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// Its policy cannot be applied to it.
    #[error(transparent)]
    Adjudication(#[from] AdjudicationError),
    /// The policy that it names is not in the store, or is another one.
    #[error("policy {0} is not kept")]
    PolicyMissing(Digest),
    /// A revision of something that is no settlement.
    #[error("revises something that is not a settlement")]
    RevisesNoSettlement,
    /// A revision of a split that no earlier entry decided.
    #[error("replaces what was not decided before")]
    ReplacesUndecided,
    /// A revision with wrong differences.
    #[error("records other differences than there are")]
    WrongDifferences,
    /// A reversal or a revision in another month than the closings before it say.
    #[error("is booked in another month than the closed months say")]
    WrongBookingMonth,
    /// A split that cannot be recomputed.
    #[error("its split differs from what claim, facts and policy give")]
    WrongSplit,
    /// The row of its person is of another chain.
    #[error("the row of its person belongs to another chain")]
    PersonRow,
    /// The row of its request names another entry.
    #[error("the row of its request id is missing or names another entry")]
    RequestRow,
    /// The row of its claim does not name it.
    #[error("the row of its claim does not list it")]
    ClaimRow,
    /// The row of a list of a hospital does not name it.
    #[error("the row of its hospital's list names another settlement, hospital or day")]
    ListRow,
    /// A reversal that its revisions do not follow.
    #[error("it is a reversal, but its revisions do not follow it")]
    RevisionsMissing,
    /// A reversal of what no earlier entry settled.
    #[error("reverses what was not settled before")]
    ReversesUnsettled,
    /// A retroactive run whose revisions do not follow it, or do not fit it.
    #[error("begins a retroactive run, but the revisions of the run do not follow")]
    RunIncomplete,
    /// A revision that says that it belongs to a retroactive run, and does not.
    #[error("belongs to no retroactive run before it")]
    OutsideRun,
    /// A revision from other facts than were in force, though nothing was looked up for it.
    #[error("records other facts than were in force")]
    WrongFacts,
    /// A split that continues what no earlier entry decided.
    #[error("continues what was not decided before")]
    ContinuesUndecided,
    /// A reversal takes out a split that no earlier entry decided.
    #[error("takes out what was not decided before")]
    TakesOutUndecided,
    /// An entry about a claim that no earlier entry settled.
    #[error("its claim was not settled before")]
    ClaimUnsettled,
}

/// A finding of an audit: an entry and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", finding_subject(*entry))]
pub struct AuditFinding {
    /// The entry; `None` for a chain without entries.
    pub entry: Option<EntryId>,
    /// What is wrong, after the word "entry".
    pub message: String,
}

/// An entry with its record.
#[derive(Debug)]
pub struct StoredEntry {
    /// The entry.
    pub entry: Entry,
    /// Its bytes as committed.
    pub record: Vec<u8>,
    /// Their digest.
    pub digest: Digest,
}

impl From<StoreError> for AuditFinding {
    fn from(error: StoreError) -> Self {
        AuditFinding { entry: None, message: error.to_string() }
    }
}

impl AuditFinding {
    /// A finding at this entry.
    pub fn about_entry(entry: EntryId, message: impl ToString) -> AuditFinding {
        AuditFinding { entry: Some(entry), message: message.to_string() }
    }

    /// A finding at the head of the chain.
    pub fn about_person(state: &PersonState, message: impl ToString) -> AuditFinding {
        AuditFinding { entry: state.head, message: message.to_string() }
    }
}

fn finding_subject(entry: Option<EntryId>) -> String {
    entry.map_or_else(|| "a chain without entries".to_owned(), |id| format!("entry {id}"))
}

/// Reads the entries of a chain, oldest first, and checks every link.
///
/// # Errors
/// The last entry that is damaged, missing, or not the one that the next entry is chained to.
pub async fn read_chain<S: JournalStore>(store: &S, state: &PersonState) -> Result<Vec<StoredEntry>, AuditFinding> {
    let mut chain = ReadChain::new(state);
    while let Some(id) = chain.next {
        chain.take(id, store.record(id).await);
    }
    chain.verified()
}

/// Reads the records of several chains at once: of all of them the next entry before those that were read. They are not
/// verified yet.
pub(super) async fn read_chains<S: JournalStore>(store: &S, states: &[PersonState]) -> Vec<ReadChain> {
    let mut chains: Vec<_> = states.iter().map(ReadChain::new).collect();
    loop {
        let (mut ids, mut open) = (Vec::new(), Vec::new());
        for chain in &mut chains {
            if let Some(id) = chain.next {
                ids.push(id);
                open.push(chain);
            }
        }
        if ids.is_empty() {
            return chains;
        }
        let records = store.records(&ids).await;
        open.into_iter().zip(ids).zip(records).for_each(|((chain, id), record)| chain.take(id, record));
    }
}

/// What was read of an entry.
type ReadRecord = Result<Option<Vec<u8>>, StoreError>;

/// A chain as it was read from its end.
pub(super) struct ReadChain {
    /// The digest of the last entry, and the number of entries.
    end: (Digest, u64),
    /// What was read of each entry, the last one first.
    records: Vec<(EntryId, ReadRecord)>,
    /// The entry to read next.
    next: Option<EntryId>,
}

impl ReadChain {
    fn new(state: &PersonState) -> ReadChain {
        ReadChain { end: (state.chained, state.version), records: Vec::new(), next: state.head }
    }

    /// Takes what was read of the next entry. What it names as the entry before is verified later: at most one entry more
    /// than the chain has is read.
    fn take(&mut self, id: EntryId, record: Result<Option<Vec<u8>>, StoreError>) {
        let has_more = (self.records.len() as u64) < self.end.1;
        let previous = |record: &Vec<u8>| previous_entry(record).ok().flatten();
        self.next = record.as_ref().ok().and_then(Option::as_ref).filter(|_| has_more).and_then(previous);
        self.records.push((id, record));
    }

    /// The entries, oldest first, each checked against the one after it.
    ///
    /// # Errors
    /// The last one that is damaged, missing, or not the one that the next entry is chained to.
    pub fn verified(self) -> Result<Vec<StoredEntry>, AuditFinding> {
        let ((mut chained, mut number), mut chain) = (self.end, Vec::with_capacity(self.records.len()));
        for (id, record) in self.records {
            let stored = verified_entry(id, record, (chained, number))?;
            (chained, number) = (stored.entry.link.chained, number - 1);
            chain.push(stored);
        }
        if number != 0 || chained != Digest::default() {
            let entry = chain.last().map(|stored| stored.entry.id);
            let message = "is not the start of the chain, but nothing precedes it".to_owned();
            return Err(AuditFinding { entry, message });
        }
        chain.reverse();
        Ok(chain)
    }
}

/// An entry that must have this digest and this number.
fn verified_entry(
    id: EntryId,
    record: Result<Option<Vec<u8>>, StoreError>,
    (chained, number): (Digest, u64),
) -> Result<StoredEntry, AuditFinding> {
    let found = |message: &str| AuditFinding::about_entry(id, message);
    let record = record.map_err(|error| AuditFinding::about_entry(id, error))?;
    let record = record.ok_or_else(|| found("is missing"))?;
    let (entry, digest) =
        decode_entry(&record).map_err(|error| AuditFinding::about_entry(id, StoreError::from(error)))?;
    if digest != chained {
        return Err(found("is not the record that the next entry is chained to"));
    }
    if entry.id != id || entry.link.number != number || number == 0 {
        return Err(found("is at another position of the chain"));
    }
    Ok(StoredEntry { entry, record, digest })
}
