//! Rows derived from the journal: the state of a person, the status of a claim, and the position of a settlement in the
//! list of its hospital.

use crate::domain::account::Account;
use crate::domain::day::Day;
use crate::domain::ids::AccountKey;
use crate::domain::ids::{Digest, EntryId, HospitalId, PersonId};
use crate::domain::journal::{Entry, EntryBody, EntryKindRef, Link, Settlement};
use crate::domain::split::Split;

use super::live_stays::{LiveStay, LiveStays};

/// A person's accounts, and the end of their chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonState {
    /// The number of entries in the chain; 0 if there is none yet. It is the first field, so that a commit compares it
    /// without decoding the rest.
    pub version: u64,
    /// The last entry.
    pub head: Option<EntryId>,
    /// The digest of the last entry as stored.
    pub chained: Digest,
    accounts: Vec<(AccountKey, Account)>,
    hospitals: Vec<HospitalId>,
    stays: LiveStays,
}

/// The parts of a state, as a store keeps them.
pub struct PersonStateParts {
    /// The number of entries in the chain.
    pub version: u64,
    /// The last entry.
    pub head: Option<EntryId>,
    /// The digest of the last entry.
    pub chained: Digest,
    /// The accounts.
    pub accounts: Vec<(AccountKey, Account)>,
    /// The hospitals that ever settled a claim of the person.
    pub hospitals: Vec<HospitalId>,
    /// The settlements in force of visits that count admissions.
    pub stays: LiveStays,
}

impl From<PersonStateParts> for PersonState {
    fn from(parts: PersonStateParts) -> Self {
        let PersonStateParts { version, head, chained, accounts, hospitals, stays } = parts;
        PersonState { version, head, chained, accounts, hospitals, stays }
    }
}

impl PersonState {
    /// The account of a benefit year; an empty one if nothing was settled in it.
    pub fn account(&self, key: &AccountKey) -> Account {
        let known = self.accounts.iter().find(|(known, _)| known == key);
        known.map(|(_, account)| account.clone()).unwrap_or_default()
    }

    /// All accounts.
    pub fn accounts(&self) -> &[(AccountKey, Account)] {
        &self.accounts
    }

    /// The hospitals that ever settled a claim of the person.
    pub(crate) fn hospitals(&self) -> &[HospitalId] {
        &self.hospitals
    }

    /// Whether one of these hospitals ever settled a claim of the person. It decides without a walk along the chain, so
    /// that a hospital cannot tell a person whom it never treated from one who does not exist.
    pub fn has_settlement_of(&self, hospitals: &[HospitalId]) -> bool {
        self.hospitals.iter().any(|known| hospitals.contains(known))
    }

    /// Appends an entry to the chain, with the digest of its record.
    pub fn follow<B: EntryBody>(&mut self, entry: &Entry<B>, chained: Digest) {
        (self.version, self.head, self.chained) = (entry.link.number, Some(entry.id), chained);
        match entry.body.by_kind() {
            EntryKindRef::Settlement(settled) => self.follow_settlement(entry.id, settled),
            EntryKindRef::Reversal(reversed) => self.stays.remove(reversed.settlement),
            EntryKindRef::Revision(revised) => {
                self.stays.set_continued(revised.settlement, continued_of(&revised.split));
            }
            _ => {}
        }
    }

    fn follow_settlement(&mut self, id: EntryId, Settlement { claim, split, .. }: &Settlement) {
        let hospital = self.hospital_number(&claim.hospital_id).unwrap_or_else(|| {
            self.hospitals.push(claim.hospital_id.clone());
            self.hospitals.len() as u32 - 1
        });
        if split.is_stay {
            let (admitted, discharged) = (claim.admitted.number(), claim.discharged.number());
            let stay = LiveStay { settlement: id, hospital, admitted, discharged };
            self.stays.push(stay);
        }
        self.stays.set_continued(id, continued_of(split));
    }

    /// The number of a hospital among those that ever settled a claim of the person, from 0.
    pub(crate) fn hospital_number(&self, hospital_id: &HospitalId) -> Option<u32> {
        self.hospitals.iter().position(|known| known == hospital_id).map(|number| number as u32)
    }

    /// The settlements in force of visits that count admissions, in the order of their commits.
    pub fn stays(&self) -> &LiveStays {
        &self.stays
    }

    /// Replaces an account.
    pub fn put(&mut self, key: AccountKey, account: Account) {
        match self.accounts.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = account,
            None => self.accounts.push((key, account)),
        }
    }

    /// The link of the next entry.
    pub fn next(&self) -> Link {
        Link { number: self.version + 1, previous: self.head, chained: self.chained }
    }
}

/// The settlement that a split continues, if it continues one.
fn continued_of(split: &Split) -> Option<EntryId> {
    split.opening.as_ref().map(|opening| opening.settlement)
}

/// The settlements of a claim. Its first commit binds it to the person for ever.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimRow {
    /// The person for whom it was settled.
    pub person_id: PersonId,
    /// Its settlements, oldest first; only the last may be in force.
    pub settlements: Vec<SettlementStatus>,
}

/// The status of a settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettlementStatus {
    /// The settlement, which is its first revision.
    pub settlement: EntryId,
    /// Its further revisions, oldest first.
    pub revisions: Vec<EntryId>,
    /// Its reversal, if it was reversed.
    pub reversal: Option<EntryId>,
}

crate::domain::ids::silent_debug!(ClaimRow);

impl ClaimRow {
    /// A claim of this person that was never settled.
    pub fn unsettled(person_id: PersonId) -> ClaimRow {
        ClaimRow { person_id, settlements: Vec::new() }
    }

    /// The settlement in force, if there is one.
    pub fn settlement_in_force(&self) -> Option<&SettlementStatus> {
        self.settlements.last().filter(|last| last.reversal.is_none())
    }

    /// The status of this settlement, if it is of this claim.
    pub fn status_of(&self, settlement: EntryId) -> Option<&SettlementStatus> {
        self.settlements.iter().find(|known| known.settlement == settlement)
    }

    /// Whether it is the row that the first settlement writes: before that, the claim was bound to nobody.
    pub fn is_first(&self) -> bool {
        matches!(&self.settlements[..], [only] if only.reversal.is_none() && only.revisions.is_empty())
    }

    /// Appends a settlement.
    pub fn settled(&mut self, settlement: EntryId) {
        self.settlements.push(SettlementStatus { settlement, revisions: Vec::new(), reversal: None });
    }
}

impl SettlementStatus {
    /// The revision that is in force, or was when it was reversed: the settlement itself if it was never revised.
    pub fn latest_revision(&self) -> EntryId {
        self.revisions.last().copied().unwrap_or(self.settlement)
    }
}

/// The entry of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestRow(pub EntryId);

/// A settlement in the list of its hospital.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedRow {
    /// The settlement.
    pub settlement: EntryId,
    /// The day of settlement.
    pub day: Day,
}

/// The person to whom a claim is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimBinding(pub PersonId);

/// The canonical text of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyText(pub String);

/// A position in the order of commits; it never changes. Only the store that gave it can compare it with the end of its journal.
/// Positions need not be consecutive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitPosition(pub u64);

impl CommitPosition {
    /// The position before every entry.
    pub const FIRST: CommitPosition = CommitPosition(0);
}

/// A position in the list of a hospital's settlements: by day of settlement, then by order of commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListPosition {
    /// The day, of China Standard Time.
    pub day: Day,
    /// The number of the settlement in the hospital's day, from 1.
    pub number: u64,
}

impl ListPosition {
    /// The position before every settlement.
    pub const FIRST: ListPosition = ListPosition { day: Day::FIRST, number: 0 };

    /// The position right after this one.
    pub fn next(self) -> ListPosition {
        ListPosition { number: self.number.saturating_add(1), ..self }
    }
}
