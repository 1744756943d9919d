//! The journal of a store: entries, commits, and the rows derived from them.

use std::future::Future;

use super::administration::{AdministrationCommit, AdministrationState};
use super::commit::Commit;
use super::entry_page::EntryPage;
use super::error::StoreError;
use super::keys::{DerivedKey, StoreKey};
use super::rows::{ClaimRow, CommitPosition, ListPosition, PersonState};
use crate::domain::day::Day;
use crate::domain::ids::{ClaimId, EntryId, HospitalId, PersonId, RequestId};
use crate::domain::journal::Entry;
use crate::domain::month::ClosedMonths;
use crate::reference::person::PersonRecord;

/// A person's key with the value under it, or why that value cannot be decoded.
pub type Keyed<T> = (StoreKey, Result<T, StoreError>);

/// A person's state by key.
pub type KeyedState = Keyed<PersonState>;

/// Which rows are looked up.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The person whose state and reference record are looked up.
    pub person_id: &'a PersonId,
    /// The request, by hospital (`None` for the administration) and idempotency key, if it is looked up.
    pub request: Option<(Option<&'a HospitalId>, &'a RequestId)>,
    /// The claim, by hospital and claim id, if it is looked up.
    pub claim: Option<(&'a HospitalId, &'a ClaimId)>,
    /// Whether the closed months are looked up.
    pub closed_months: bool,
}

impl<'a> Scope<'a> {
    /// A person alone.
    pub fn of_person(person_id: &'a PersonId) -> Scope<'a> {
        Scope { person_id, request: None, claim: None, closed_months: false }
    }

    /// The same with a claim of this hospital.
    #[must_use]
    pub fn with_claim(self, hospital_id: &'a HospitalId, claim_id: &'a ClaimId) -> Scope<'a> {
        Scope { claim: Some((hospital_id, claim_id)), ..self }
    }

    /// The same with the closed months.
    #[must_use]
    pub fn with_closed_months(self) -> Scope<'a> {
        Scope { closed_months: true, ..self }
    }

    /// The same with a request of this hospital; `None` for one of the administration.
    #[must_use]
    pub fn with_request(self, hospital_id: impl Into<Option<&'a HospitalId>>, request_id: &'a RequestId) -> Scope<'a> {
        Scope { request: Some((hospital_id.into(), request_id)), ..self }
    }
}

/// The rows of a look-up, all read at one moment.
#[derive(Clone, Default)]
pub struct LookUp {
    /// The person's reference record.
    pub person: Option<PersonRecord>,
    /// The person's accounts and the end of their chain.
    pub state: PersonState,
    /// The entry that used the request id.
    pub request: Option<EntryId>,
    /// The row of the claim id.
    pub claim: Option<ClaimRow>,
    /// The months that are closed; none if they are not looked up.
    pub closed_months: ClosedMonths,
}

/// The entry that used a request id, and the row of a claim.
pub type RequestAndClaim = (Option<EntryId>, Option<ClaimRow>);

/// The rows of a person that the entries of their chain give.
#[derive(Default)]
pub struct RowsOfPerson {
    /// The person's accounts and the end of their chain.
    pub state: PersonState,
    /// For each scope the entry that used its request id, and the row of its claim.
    pub rows: Vec<Result<RequestAndClaim, StoreError>>,
}

async fn rows_by_look_ups<S: JournalStore + ?Sized>(
    store: &S,
    scopes: &[Scope<'_>],
) -> Result<RowsOfPerson, StoreError> {
    let mut found = RowsOfPerson::default();
    for scope in scopes {
        let LookUp { state, request, claim, .. } = store.look_up(*scope).await?;
        found.state = state;
        found.rows.push(Ok((request, claim)));
    }
    Ok(found)
}

/// The journal: entries in one chain per person, and the rows derived from them.
pub trait JournalStore: Send + Sync + 'static {
    /// The key under which this store keeps a person: a keyed hash that reveals no id without the secret.
    fn person_key(&self, person_id: &PersonId) -> StoreKey;

    /// A key for this purpose, derived from the secret of this store: the same on every instance over it.
    fn derived_key(&self, purpose: &'static str) -> DerivedKey;

    /// The state of a person, a request and a claim, all read at one durable moment.
    fn look_up(&self, scope: Scope<'_>) -> impl Future<Output = Result<LookUp, StoreError>> + Send;

    /// The rows of persons that have chains; each person has the scopes of their entries, at least one, and fails alone.
    fn rows_of_persons(
        &self,
        persons: &[Vec<Scope<'_>>],
    ) -> impl Future<Output = Vec<Result<RowsOfPerson, StoreError>>> + Send {
        async move {
            let mut rows = Vec::with_capacity(persons.len());
            for scopes in persons {
                rows.push(rows_by_look_ups(self, scopes).await);
            }
            rows
        }
    }

    /// An entry of the journal.
    fn entry(&self, id: EntryId) -> impl Future<Output = Result<Option<Entry>, StoreError>> + Send;

    /// The record of an entry: the bytes as committed. [`crate::journal::decode_entry`] decodes them, and the next entry of the
    /// chain carries their digest.
    fn record(&self, id: EntryId) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send;

    /// The records of these entries, in their order; each fails alone.
    fn records(&self, ids: &[EntryId]) -> impl Future<Output = Vec<Result<Option<Vec<u8>>, StoreError>>> + Send {
        async move {
            let mut records = Vec::with_capacity(ids.len());
            for id in ids {
                records.push(self.record(*id).await);
            }
            records
        }
    }

    /// The number of entries in the journal.
    fn entry_count(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Up to `limit` entries after a position, in the order of commits; fewer if their records are long
    /// ([`PAGE_BYTES`](super::entry_page::PAGE_BYTES)) or they lie far apart, but at least one unless the page is the end.
    fn entries_after(
        &self,
        after: CommitPosition,
        limit: usize,
    ) -> impl Future<Output = Result<EntryPage, StoreError>> + Send;

    /// The id of the entry at a position; none if this journal has no entry there, as a store that was restored to an earlier
    /// moment may not.
    fn entry_at(&self, position: CommitPosition) -> impl Future<Output = Result<Option<EntryId>, StoreError>> + Send;

    /// Up to `limit` states of persons with a key after `after`, in the order of keys. A damaged state fails alone.
    fn states(
        &self,
        after: Option<StoreKey>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<KeyedState>, StoreError>> + Send;

    /// Up to `limit` settlements of a hospital, from a position on and before a day, in the order of positions. The
    /// order is stable: later settlements are appended.
    fn hospital_settlements(
        &self,
        hospital_id: &HospitalId,
        from: ListPosition,
        before: Day,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(ListPosition, EntryId)>, StoreError>> + Send;

    /// Appends settlements to the list of a hospital's day, in their order; durable when it returns. A commit appends
    /// its own settlement: this is for settlements that were committed in another store.
    fn append_settlements(
        &self,
        hospital_id: &HospitalId,
        day: Day,
        settlements: Vec<EntryId>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The end of the chain of the administration.
    fn administration(&self) -> impl Future<Output = Result<AdministrationState, StoreError>> + Send;

    /// Writes all of a commit of the administration, with its effect, or nothing, as [`JournalStore::commit`] does.
    fn commit_administration(
        &self,
        commit: AdministrationCommit,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Closes the months that the chain of the administration has as closed again wherever a part of the store lost it; a store
    /// with one part never does. Nothing is entered in the chain.
    fn restore_closed_months(
        &self,
        _state: &AdministrationState,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        async { Ok(()) }
    }

    /// Writes all of a commit or nothing; durable when it returns.
    ///
    /// Once called it runs to completion, even if the caller stops waiting.
    fn commit(&self, commit: Commit) -> impl Future<Output = Result<(), StoreError>> + Send;
}
