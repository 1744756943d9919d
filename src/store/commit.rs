//! The content of one commit, decided beforehand: consecutive entries of a person's chain, and the rows that change with
//! them.

use crate::domain::account::Account;
use crate::domain::day::Day;
use crate::domain::ids::{AccountKey, ClaimId, Digest, EntryId, HospitalId, PersonId, RequestId};
use crate::domain::journal::{Entry, EntryBody, EntryKindRef, Instant};

use super::codec;
use super::error::StoreError;
use super::rows::{ClaimRow, PersonState};

/// Everything that one commit writes; it leaves nothing for the store to decide.
pub struct Commit {
    /// Whose request it was.
    pub hospital_id: HospitalId,
    /// For whom.
    pub person_id: PersonId,
    /// Under which idempotency key.
    pub request_id: RequestId,
    /// The digest of the request's content.
    pub content: Digest,
    /// When.
    pub committed: Instant,
    /// The person's version that was read.
    pub expected: u64,
    /// The entries as stored, in the order of the chain; the request made the first.
    pub entries: Vec<(EntryId, Vec<u8>)>,
    /// What a change feed says of each of them.
    pub notices: Vec<Notice>,
    /// The person's state after them.
    pub state: PersonState,
    /// The rows of claims after them.
    pub claims: Vec<ClaimWrite>,
    /// The day of which the first entry is a settlement of the hospital, if it is one.
    pub listed: Option<Day>,
}

/// What a change feed says of an entry; whoever reads it asks for the settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What was done: `settled`, `reversed`, `revised` or `fenced`.
    pub kind: &'static str,
    /// The settlement that it is about; a fenced request has none.
    pub settlement: Option<EntryId>,
}

impl<B: EntryBody> From<&Entry<B>> for Notice {
    fn from(entry: &Entry<B>) -> Notice {
        let (kind, settlement) = match entry.body.by_kind() {
            EntryKindRef::Settlement(_) => ("settled", Some(entry.id)),
            EntryKindRef::Reversal(reversal) => ("reversed", Some(reversal.settlement)),
            EntryKindRef::Revision(revision) => ("revised", Some(revision.settlement)),
            EntryKindRef::Fence(_) => ("fenced", None),
        };
        Notice { kind, settlement }
    }
}

/// A claim's row to be written.
pub struct ClaimWrite {
    /// Whose claim.
    pub hospital_id: HospitalId,
    /// Which.
    pub claim_id: ClaimId,
    /// What becomes of it.
    pub row: ClaimRow,
}

impl Commit {
    /// A commit of this entry on the person's state as read, at whose end the entry stands.
    ///
    /// # Errors
    /// If the entry cannot be encoded.
    pub fn new<B: EntryBody>(before: PersonState, first: &Entry<B>) -> Result<Commit, StoreError> {
        let (record, digest) = codec::encode_entry(first)?;
        Ok(Commit::from_record(before, first, record, digest))
    }

    /// The same of an entry that has its record already.
    pub fn from_record<B: EntryBody>(before: PersonState, first: &Entry<B>, record: Vec<u8>, digest: Digest) -> Commit {
        let (hospital_id, person_id) = first.parties();
        let is_settlement = matches!(first.body.by_kind(), EntryKindRef::Settlement(_));
        let mut commit = Commit {
            hospital_id: hospital_id.clone(),
            person_id: person_id.clone(),
            request_id: first.request_id.clone(),
            content: first.content,
            committed: first.committed,
            expected: before.version,
            entries: Vec::with_capacity(1),
            notices: Vec::with_capacity(1),
            state: before,
            claims: Vec::with_capacity(1),
            listed: is_settlement.then(|| first.committed.china_day()),
        };
        commit.append_record(first, record, digest);
        commit
    }

    /// Adds a further entry of the same request at the end of the chain.
    ///
    /// # Errors
    /// If the entry cannot be encoded.
    pub fn append<B: EntryBody>(&mut self, id: EntryId, body: B) -> Result<Entry<B>, StoreError> {
        let (request_id, content, committed) = (self.request_id.clone(), self.content, self.committed);
        let entry = Entry { id, link: self.state.next(), committed, request_id, content, body };
        let (record, digest) = codec::encode_entry(&entry)?;
        self.append_record(&entry, record, digest);
        Ok(entry)
    }

    /// The same of an entry that has its record already.
    pub fn append_record<B: EntryBody>(&mut self, entry: &Entry<B>, record: Vec<u8>, digest: Digest) {
        self.entries.push((entry.id, record));
        self.notices.push(Notice::from(entry));
        self.state.follow(entry, digest);
    }

    /// Sets what an account becomes.
    pub fn set_account(&mut self, key: AccountKey, account: Account) {
        self.state.put(key, account);
    }

    /// Adds what becomes of a claim.
    pub fn set_claim(&mut self, hospital_id: HospitalId, claim_id: ClaimId, row: ClaimRow) {
        self.claims.push(ClaimWrite { hospital_id, claim_id, row });
    }
}
