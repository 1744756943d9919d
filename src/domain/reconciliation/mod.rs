//! Reconciliation of a hospital's list with the settlements of this service: what is compared, and the differences.
//!
//! *Here* is this service, *there* the hospital. A settlement counts here if it was committed by the cutoff and not
//! reversed by then, with the amounts of the revision that was in force then.

mod compare;
mod sentences;
mod totals;

use super::day::Day;
use super::ids::{ClaimId, EntryId};
use super::journal::Instant;
use super::money::Money;

pub use compare::{Version, compare};
pub use sentences::{Sentences, repair_call};
pub use totals::{Figure, FigureDifference, Totals, total_differences};

/// The amounts that are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// The bill.
    pub total: Money,
    /// The patient's share; none where the list does not state it.
    pub patient: Option<Money>,
    /// The payers that are compared, in the order in which they were named.
    pub payers: Vec<Money>,
}

impl Amounts {
    /// Each pair of amounts that both sides state.
    pub(super) fn pairs<'a>(&'a self, other: &'a Amounts) -> impl Iterator<Item = (Money, Money)> + 'a {
        let patients = self.patient.zip(other.patient);
        let payers = self.payers.iter().copied().zip(other.payers.iter().copied());
        [(self.total, other.total)].into_iter().chain(patients).chain(payers)
    }

    /// Whether no amount that both sides state differs.
    pub fn agree_with(&self, other: &Amounts) -> bool {
        self.pairs(other).all(|(one, other)| one == other)
    }
}

/// A row of a hospital's list.
#[derive(Clone, PartialEq, Eq)]
pub struct ListedClaim {
    /// The hospital's number of the row.
    pub row: u64,
    /// The claim.
    pub claim_id: ClaimId,
    /// The settlement, if the hospital knows its id.
    pub settlement: Option<EntryId>,
    /// The day of settlement, if the list states days.
    pub day: Option<Day>,
    /// The amounts.
    pub amounts: Amounts,
}

/// A settlement of this service at the cutoff.
#[derive(Clone, PartialEq, Eq)]
pub struct BookedClaim {
    /// The settlement.
    pub settlement: EntryId,
    /// Its claim.
    pub claim_id: ClaimId,
    /// The day of settlement.
    pub day: Day,
    /// The number of the revision in force.
    pub revision: u32,
    /// Whether there are other revisions, earlier or later ones.
    pub has_other_revisions: bool,
    /// Whether it is in force at the cutoff.
    pub status: BookedStatus,
    /// The amounts of the revision in force.
    pub amounts: Amounts,
    /// The key of the person, for the access log.
    pub person: [u8; 16],
}

crate::domain::ids::silent_debug!(ListedClaim, BookedClaim);

/// Whether a settlement is in force at the cutoff.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookedStatus {
    /// It is, and was not reversed since.
    InForce,
    /// It is, and was reversed since.
    ReversedLater(Instant),
    /// It was reversed before.
    ReversedEarlier(Instant),
    /// It was committed after the cutoff.
    SettledLater,
}

impl BookedStatus {
    /// Whether the settlement counts at the cutoff.
    pub fn counts(self) -> bool {
        matches!(self, BookedStatus::InForce | BookedStatus::ReversedLater(_))
    }

    /// The instant of the reversal.
    pub fn reversed(self) -> Option<Instant> {
        match self {
            BookedStatus::ReversedLater(at) | BookedStatus::ReversedEarlier(at) => Some(at),
            BookedStatus::InForce | BookedStatus::SettledLater => None,
        }
    }
}

/// The class of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DifferenceClass {
    /// A settlement that the list lacks.
    OnlyHere,
    /// A row without a settlement in force here.
    OnlyThere,
    /// The amounts differ.
    AmountDiffers,
    /// In force at the cutoff and reversed since.
    ReversedAfterCutoff,
    /// A further row of a settlement that the list has already.
    SettledTwiceThere,
    /// The list has it on another day.
    AnotherDay,
    /// The amounts differ by a rounding only.
    RoundingThere,
}

impl DifferenceClass {
    /// Every class.
    pub const ALL: [DifferenceClass; 7] = [
        DifferenceClass::OnlyHere,
        DifferenceClass::OnlyThere,
        DifferenceClass::AmountDiffers,
        DifferenceClass::ReversedAfterCutoff,
        DifferenceClass::SettledTwiceThere,
        DifferenceClass::AnotherDay,
        DifferenceClass::RoundingThere,
    ];
}

/// The cause of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DifferenceCause {
    /// The list has no row of it.
    NotListed,
    /// Neither the settlement nor the claim is known for this hospital.
    NeverSettled,
    /// It was reversed here before the cutoff.
    ReversedEarlier(Instant),
    /// It was settled here after the cutoff.
    SettledLater,
    /// The settlement id is that of another claim of the hospital.
    OtherClaim(ClaimId),
    /// The claim is settled here under another settlement id.
    OtherSettlement(EntryId),
    /// Another bill was settled here.
    OtherBill,
    /// The bill is the same, and the split is another.
    OtherSplit,
    /// The list has the amounts of this revision, which was replaced before the cutoff.
    EarlierRevision(u32),
    /// The list has the amounts of this revision, which was decided after the cutoff.
    LaterRevision(u32),
    /// It was reversed here after the cutoff.
    ReversedLater(Instant),
    /// An earlier row has the settlement already.
    Repeated,
    /// It was settled here on another day, which is compared too.
    OtherDay,
    /// It was settled here on a day that is not compared.
    DayNotCompared,
    /// The list has rounded amounts.
    Rounded,
}

impl DifferenceCause {
    /// The class that it belongs to.
    pub fn class(&self) -> DifferenceClass {
        match self {
            DifferenceCause::NotListed => DifferenceClass::OnlyHere,
            DifferenceCause::NeverSettled
            | DifferenceCause::ReversedEarlier(_)
            | DifferenceCause::SettledLater
            | DifferenceCause::OtherClaim(_)
            | DifferenceCause::OtherSettlement(_) => DifferenceClass::OnlyThere,
            DifferenceCause::OtherBill
            | DifferenceCause::OtherSplit
            | DifferenceCause::EarlierRevision(_)
            | DifferenceCause::LaterRevision(_) => DifferenceClass::AmountDiffers,
            DifferenceCause::ReversedLater(_) => DifferenceClass::ReversedAfterCutoff,
            DifferenceCause::Repeated => DifferenceClass::SettledTwiceThere,
            DifferenceCause::OtherDay | DifferenceCause::DayNotCompared => DifferenceClass::AnotherDay,
            DifferenceCause::Rounded => DifferenceClass::RoundingThere,
        }
    }
}

/// A row or a settlement that has no equal on the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimDifference {
    /// The cause.
    pub cause: DifferenceCause,
    /// The settlement here, if there is one.
    pub here: Option<BookedClaim>,
    /// The row there, if there is one.
    pub there: Option<ListedClaim>,
}
