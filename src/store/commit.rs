//! The content of one commit, decided beforehand: consecutive entries of a person's chain, and the rows that change with
//! them.

use bytes::Bytes;

use crate::domain::account::Account;
use crate::domain::day::Day;
use crate::domain::ids::{AccountKey, ClaimId, Digest, EntryId, HospitalId, PersonId, RequestId};
use crate::domain::journal::{Entry, EntryBody, EntryKindRef, Instant, Settlement};
use crate::domain::month::ClosedMonths;
use crate::journal::{ClaimMessage, EncodedSettlement, encode_entry, encode_settlement};

use super::rows::{ClaimRow, PersonState};

/// Everything that one commit writes; it leaves nothing for the store to decide.
pub struct Commit {
    /// The hospital of the request; `None` for one of the administration.
    pub hospital_id: Option<HospitalId>,
    /// The person of the request.
    pub person_id: PersonId,
    /// The idempotency key of the request.
    pub request_id: RequestId,
    /// The digest of the request's content.
    pub content: Digest,
    /// The time of the commit.
    pub committed: Instant,
    /// Where it comes from.
    pub origin: CommitOrigin,
    /// The person's version that was read.
    pub expected: u64,
    /// The entry of the request: the first one, or the settlement of a correction.
    pub request_entry: EntryId,
    /// The records of the entries, in the order of the chain.
    pub entries: Vec<(EntryId, Vec<u8>)>,
    /// The notice of each entry for the change feed.
    pub notices: Vec<Notice>,
    /// The person's state after these entries.
    pub state: PersonState,
    /// The rows of claims after these entries.
    pub claims: Vec<ClaimWrite>,
    /// The months that were closed when the booking months of the entries were decided; `None` if none depends on them.
    pub closed_months: Option<ClosedMonths>,
    /// The day of the hospital's list to which the entry of the request is appended, if it is a settlement.
    pub listed: Option<Day>,
}

/// The notice of an entry in the change feed; a reader fetches the settlement itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The kind of entry: `settled`, `reversed`, `revised`, `fenced`, `activated`, `imported` or `closed`.
    pub kind: &'static str,
    /// The settlement concerned; `None` for a fence and for the administration.
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

/// Where a commit comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitOrigin {
    /// A call: the store refuses it if a later day was committed to, see [`EarlierDay`](super::StoreError::EarlierDay).
    Live,
    /// Another store, in the order of persons.
    Copied,
}

/// The row of a claim to write.
pub struct ClaimWrite {
    /// The hospital of the claim.
    pub hospital_id: HospitalId,
    /// The claim.
    pub claim_id: ClaimId,
    /// The new row.
    pub row: ClaimRow,
}

impl Commit {
    /// A commit of this entry, which extends the chain of the person's state as read.
    pub fn new<B: EntryBody>(before: PersonState, first: &Entry<B>) -> Commit {
        let (record, digest) = encode_entry(first);
        Commit::from_record(before, first, record, digest)
    }

    /// A commit of an entry that is encoded already.
    pub fn from_record<B: EntryBody>(before: PersonState, first: &Entry<B>, record: Vec<u8>, digest: Digest) -> Commit {
        let (hospital_id, person_id) = (first.request_hospital(), first.parties().1);
        let is_settlement = matches!(first.body.by_kind(), EntryKindRef::Settlement(_));
        let mut commit = Commit {
            hospital_id: hospital_id.cloned(),
            person_id: person_id.clone(),
            request_id: first.request_id.clone(),
            content: first.content,
            committed: first.committed,
            origin: CommitOrigin::Live,
            expected: before.version,
            request_entry: first.id,
            entries: Vec::with_capacity(1),
            notices: Vec::with_capacity(1),
            state: before,
            claims: Vec::with_capacity(1),
            closed_months: None,
            listed: is_settlement.then(|| first.committed.china_day()),
        };
        commit.append_record(first, record, digest);
        commit
    }

    /// Appends a further entry of the same request to the chain.
    pub fn append<B: EntryBody>(&mut self, id: EntryId, body: B) -> Entry<B> {
        let entry = self.next_entry(id, body);
        let (record, digest) = encode_entry(&entry);
        self.append_record(&entry, record, digest);
        entry
    }

    /// Appends the settlement of a correction, which becomes the entry of the request; returns it with its answer, the bytes in
    /// its record.
    pub fn append_correction(&mut self, id: EntryId, body: Settlement) -> (Entry<Settlement>, Bytes) {
        self.set_correction(id);
        let entry = self.next_entry(id, body);
        let EncodedSettlement { record, digest, answer } =
            encode_settlement(&entry, &ClaimMessage::from(&entry.body.claim));
        self.append_record(&entry, record, digest);
        (entry, answer)
    }

    fn next_entry<B>(&self, id: EntryId, body: B) -> Entry<B> {
        let (request_id, content, committed) = (self.request_id.clone(), self.content, self.committed);
        Entry { id, link: self.state.next(), committed, request_id, content, body }
    }

    /// Makes a settlement that is appended after a reversal the entry of the request.
    pub fn set_correction(&mut self, id: EntryId) {
        self.request_entry = id;
        self.listed = Some(self.committed.china_day());
    }

    /// Appends an entry that is encoded already.
    pub fn append_record<B: EntryBody>(&mut self, entry: &Entry<B>, record: Vec<u8>, digest: Digest) {
        self.entries.push((entry.id, record));
        self.notices.push(Notice::from(entry));
        self.state.follow(entry, digest);
    }

    /// Replaces an account.
    pub fn set_account(&mut self, key: AccountKey, account: Account) {
        self.state.put(key, account);
    }

    /// Sets the new row of a claim; it replaces one that was set before.
    pub fn set_claim(&mut self, hospital_id: HospitalId, claim_id: ClaimId, row: ClaimRow) {
        let known = self.claims.iter_mut().find(|known| known.hospital_id == hospital_id && known.claim_id == claim_id);
        match known {
            Some(known) => known.row = row,
            None => self.claims.push(ClaimWrite { hospital_id, claim_id, row }),
        }
    }
}
