//! Lists of settlements: of a person's benefit year, and of a hospital's days.
//!
//! Both orders stand while claims arrive. A person's settlements are listed newest first, along the chain: what is
//! settled meanwhile lies before the first page. A hospital's are listed by day of settlement and order of commit:
//! what is settled meanwhile comes at the end.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::day::Day;
use crate::domain::fault::FaultReason;
use crate::domain::ids::{EntryId, HospitalId, PersonId};
use crate::domain::journal::{Entry, EntryKind, Revision, Settlement};
use crate::store::rows::{ListPosition, PersonState};
use crate::store::{Scope, Store};

use super::{Engine, EngineError, PAUSE};

/// The most entries of a chain that one page walks; a page may be shorter than asked for, and not the last.
const WALK: usize = 5_000;

/// A settlement in a list.
#[derive(Debug)]
pub struct Listed {
    /// The settlement, as it was first decided.
    pub settlement: Entry<Settlement>,
    /// The revision in force, where it is not the first.
    pub revision: Option<Entry<Revision>>,
    /// Its reversal, if it was reversed.
    pub reversal: Option<EntryId>,
}

impl Listed {
    /// The insurance of the account that it moves: a retroactive run may change it.
    fn insurance(&self) -> &Arc<str> {
        let split = self.revision.as_ref().map_or(&self.settlement.body.split, |revision| &revision.body.split);
        &split.circumstances.account.insurance
    }
}

/// Whether a page has room for more settlements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageRoom {
    /// It has.
    Left,
    /// It is full.
    Full,
}

/// Which settlements of a person.
pub struct PersonFilter {
    /// Whose.
    pub person_id: PersonId,
    /// Of which insurance; of any if none is named.
    pub insurance: Option<Arc<str>>,
    /// The benefit year.
    pub year: i32,
    /// The hospitals whose settlements are listed.
    pub hospitals: HospitalScope,
}

/// The hospitals whose settlements a caller may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HospitalScope {
    /// Every hospital.
    All,
    /// These hospitals.
    Only(Vec<HospitalId>),
}

impl HospitalScope {
    /// Whether what belongs to a hospital, or to the administration, is in scope.
    pub(super) fn includes<'a>(&self, hospital_id: impl Into<Option<&'a HospitalId>>) -> bool {
        match self {
            HospitalScope::All => true,
            HospitalScope::Only(hospitals) => hospital_id.into().is_some_and(|id| hospitals.contains(id)),
        }
    }

    /// Whether a person with this state may have a settlement that is in scope.
    fn has_any_settlement_of(&self, state: &PersonState) -> bool {
        match self {
            HospitalScope::All => true,
            HospitalScope::Only(hospitals) => state.has_settlement_of(hospitals),
        }
    }
}

/// Which settlements of a hospital.
pub struct HospitalFilter {
    /// Whose.
    pub hospital_id: HospitalId,
    /// The first day of settlement.
    pub from: Day,
    /// The first day no longer listed.
    pub until: Day,
}

impl<S: Store> Engine<S> {
    /// A page of a person's settlements of a benefit year, newest first; from where the page before ended. Each is handed
    /// to `add`, which says whether there is room for another; the result is where the next page begins.
    ///
    /// The list of a person whom no hospital in scope ever treated is empty, after one look-up and without a walk: it
    /// equals that of an unknown person. Otherwise a page walks at most `WALK` entries of the chain, whoever made
    /// them, and holds only settlements in scope; so it may be shorter than `limit` and not the last.
    ///
    /// # Errors
    /// If the page begins at an entry that is not of this person, or the store cannot be read.
    pub async fn list_of_person(
        &self,
        which: &PersonFilter,
        from: Option<EntryId>,
        limit: usize,
        mut add: impl FnMut(Listed) -> PageRoom + Send,
    ) -> Result<Option<EntryId>, EngineError> {
        let mut next = self.chain_from(&which.person_id, &which.hospitals, from).await?;
        let (mut walked, mut listed, mut room) = (0, 0, PageRoom::Left);
        while let Some(id) = next.filter(|_| room == PageRoom::Left && listed < limit && walked < WALK) {
            walked += 1;
            self.yield_now_and_then(walked).await;
            let entry = self.required_entry(id).await?;
            next = entry.link.previous;
            if let Ok(settlement) = Entry::<Settlement>::try_from(entry)
                && is_listed(&settlement, which)
            {
                let found = self.listed(settlement).await?;
                if which.insurance.as_ref().is_none_or(|insurance| insurance == found.insurance()) {
                    listed += 1;
                    room = add(found);
                }
            }
        }
        Ok(next)
    }

    /// A page of a hospital's settlements of some days, by day and order of commit, after a position. Each is handed to
    /// `add`, which says whether there is room for another; the result is the position after which the next page begins.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn list_of_hospital(
        &self,
        which: &HospitalFilter,
        after: Option<ListPosition>,
        limit: usize,
        mut add: impl FnMut(Listed) -> PageRoom + Send,
    ) -> Result<Option<ListPosition>, EngineError> {
        let first = ListPosition { day: which.from, number: 0 };
        let from = after.map_or(first, ListPosition::next).max(first);
        let places = self
            .store
            .hospital_settlements(&which.hospital_id, from, which.until, limit)
            .await
            .map_err(EngineError::from_read_error)?;
        let next = places.last().filter(|_| places.len() == limit).map(|(place, _)| *place);
        for (number, (place, id)) in places.into_iter().enumerate() {
            self.yield_now_and_then(number).await;
            if add(self.listed(self.required_entry(id).await?.try_into()?).await?) == PageRoom::Full {
                return Ok(Some(place));
            }
        }
        Ok(next)
    }

    /// Whether one of these hospitals has a settlement of this person that stands.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn has_live_claim(&self, person_id: &PersonId, hospitals: &[HospitalId]) -> Result<bool, EngineError> {
        let scope = HospitalScope::Only(hospitals.to_vec());
        let mut next = self.chain_from(person_id, &scope, None).await?;
        let (mut reversed, mut walked) = (HashSet::new(), 0);
        while let Some(id) = next {
            walked += 1;
            self.yield_now_and_then(walked).await;
            let entry = self.required_entry(id).await?;
            next = entry.link.previous;
            match &entry.body {
                EntryKind::Reversal(reversal) => drop(reversed.insert(reversal.settlement)),
                EntryKind::Settlement(settled)
                    if hospitals.contains(&settled.claim.hospital_id) && !reversed.contains(&id) =>
                {
                    return Ok(true);
                }
                _ => {}
            }
        }
        Ok(false)
    }

    /// Where the walk along a person's chain begins: at this entry, or at the end of the chain; nowhere if the chain
    /// has no settlement in scope.
    async fn chain_from(
        &self,
        person_id: &PersonId,
        hospitals: &HospitalScope,
        from: Option<EntryId>,
    ) -> Result<Option<EntryId>, EngineError> {
        if let Some(id) = from {
            let entry = self.store.entry(id).await.map_err(EngineError::from_read_error)?;
            let own = entry.is_some_and(|entry| entry.parties().1 == person_id);
            return if own { Ok(from) } else { Err(foreign_page_error()) };
        }
        let state = self.store.look_up(Scope::of_person(person_id)).await.map_err(EngineError::from_read_error)?.state;
        Ok(state.head.filter(|_| hospitals.has_any_settlement_of(&state)))
    }

    async fn listed(&self, settlement: Entry<Settlement>) -> Result<Listed, EngineError> {
        let standing = self.status_of_settlement(&settlement).await?;
        let revision = match standing.revisions.last() {
            Some(id) => Some(self.required_entry(*id).await?.try_into()?),
            None => None,
        };
        Ok(Listed { settlement, revision, reversal: standing.reversal })
    }

    /// Lets others go on, now and then.
    async fn yield_now_and_then(&self, done: usize) {
        if (done + 1).is_multiple_of(PAUSE) {
            tokio::task::yield_now().await;
        }
    }
}

fn is_listed(settlement: &Entry<Settlement>, which: &PersonFilter) -> bool {
    let account = &settlement.body.split.circumstances.account;
    let hospital_id = &settlement.body.claim.hospital_id;
    which.hospitals.includes(hospital_id) && account.year == which.year
}

fn foreign_page_error() -> EngineError {
    EngineError::invalid("page_token", FaultReason::Unreadable, "is not of this list")
}
