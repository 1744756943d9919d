//! The content of one commit, decided beforehand: consecutive entries of a person's chain, and the rows that change with
//! them.

use crate::domain::account::Account;
use crate::domain::day::Day;
use crate::domain::ids::{AccountKey, ClaimId, Digest, EntryId, HospitalId, PersonId, RequestId};
use crate::domain::journal::{Entry, EntryKind, Instant};

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

impl From<&Entry> for Notice {
    fn from(entry: &Entry) -> Notice {
        let (kind, settlement) = match &entry.deed {
            EntryKind::Settled(_) => ("settled", Some(entry.id)),
            EntryKind::Reversed(reversed) => ("reversed", Some(reversed.settlement)),
            EntryKind::Revised(revised) => ("revised", Some(revised.settlement)),
            EntryKind::Fenced(_) => ("fenced", None),
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
    /// A commit without entries yet, on the person's state as read.
    pub fn on(before: PersonState, request: (RequestId, Digest), committed: Instant) -> Commit {
        Commit {
            hospital_id: HospitalId::default(),
            person_id: PersonId::default(),
            request_id: request.0,
            content: request.1,
            committed,
            expected: before.version,
            entries: Vec::with_capacity(1),
            notices: Vec::with_capacity(1),
            state: before,
            claims: Vec::with_capacity(1),
            listed: None,
        }
    }

    /// Adds the entry of this deed at the end of the chain. Whose request it was is what the first one says.
    ///
    /// # Errors
    /// If the entry cannot be encoded.
    pub fn push(&mut self, id: EntryId, deed: EntryKind) -> Result<Entry, StoreError> {
        let (request_id, content, committed) = (self.request_id.clone(), self.content, self.committed);
        let entry = Entry { id, link: self.state.next(), committed, request_id, content, deed };
        let (record, digest) = codec::encode_entry(&entry)?;
        self.push_record(&entry, record, digest);
        Ok(entry)
    }

    /// The same of an entry that has its record already.
    pub fn push_record(&mut self, entry: &Entry, record: Vec<u8>, digest: Digest) {
        if self.entries.is_empty() {
            let (hospital_id, person_id) = entry.parties();
            (self.hospital_id, self.person_id) = (hospital_id.clone(), person_id.clone());
            self.listed = entry.settled().map(|_| self.committed.china_day());
        }
        self.entries.push((entry.id, record));
        self.notices.push(Notice::from(entry));
        self.state.follow(entry, digest);
    }

    /// Sets what an account becomes.
    pub fn moves(&mut self, key: AccountKey, account: Account) {
        self.state.put(key, account);
    }

    /// Adds what becomes of a claim.
    pub fn claim(&mut self, hospital_id: HospitalId, claim_id: ClaimId, row: ClaimRow) {
        self.claims.push(ClaimWrite { hospital_id, claim_id, row });
    }
}
