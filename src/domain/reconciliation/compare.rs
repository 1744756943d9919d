//! Whether a row agrees with the settlement that it names, and if not, why.

use super::{Amounts, BookedClaim, BookedStatus, DifferenceCause, ListedClaim};

/// The largest difference, in fen, that a rounding of each band or layer leaves.
const ROUNDING_FEN: i64 = 5;

/// Whole jiao and whole yuan, in fen: the units to which cash is rounded.
const CASH_UNITS: [i64; 2] = [10, 100];

/// A revision of a settlement, for amounts that a list may still have, or have already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The number of the revision.
    pub revision: u32,
    /// Its amounts.
    pub amounts: Amounts,
}

/// Why a row does not agree with the settlement that it names; `None` if it agrees. `versions` are the other revisions of
/// the settlement.
pub fn compare(here: &BookedClaim, there: &ListedClaim, versions: &[Version]) -> Option<DifferenceCause> {
    if !here.amounts.agree_with(&there.amounts) {
        return Some(cause_of_amounts(here, there, versions));
    }
    if there.day.is_some_and(|day| day != here.day) {
        return Some(DifferenceCause::OtherDay);
    }
    match here.status {
        BookedStatus::ReversedLater(at) => Some(DifferenceCause::ReversedLater(at)),
        _ => None,
    }
}

fn cause_of_amounts(here: &BookedClaim, there: &ListedClaim, versions: &[Version]) -> DifferenceCause {
    if let Some(version) = versions.iter().find(|version| version.amounts.agree_with(&there.amounts)) {
        return match version.revision < here.revision {
            true => DifferenceCause::EarlierRevision(version.revision),
            false => DifferenceCause::LaterRevision(version.revision),
        };
    }
    if here.amounts.pairs(&there.amounts).all(|(here, there)| is_rounding(here.fen(), there.fen())) {
        return DifferenceCause::Rounded;
    }
    if here.amounts.total == there.amounts.total { DifferenceCause::OtherSplit } else { DifferenceCause::OtherBill }
}

/// Whether `there` is `here` after a rounding. Nothing is no rounding of some jiao: a payer may be missing there.
fn is_rounding(here: i64, there: i64) -> bool {
    let distance = here.abs_diff(there);
    let is_cash = |unit: &i64| there != 0 && there % unit == 0 && distance < unit.unsigned_abs();
    distance <= ROUNDING_FEN.unsigned_abs() || CASH_UNITS.iter().any(is_cash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::day::Day;
    use crate::domain::ids::{ClaimId, EntryId};
    use crate::domain::journal::Instant;
    use crate::domain::money::Money;

    fn amounts(total: i64, patient: i64, payers: &[i64]) -> Amounts {
        let payers = payers.iter().copied().map(Money::from_fen).collect();
        Amounts { total: Money::from_fen(total), patient: Some(Money::from_fen(patient)), payers }
    }

    fn claim_id() -> ClaimId {
        ClaimId::parse("C1", 64).expect("an id")
    }

    fn day(day: i32) -> Day {
        Day::new(2017, 6, day).expect("a day")
    }

    fn here(amounts: Amounts) -> BookedClaim {
        BookedClaim {
            settlement: EntryId([1; 16]),
            claim_id: claim_id(),
            day: day(15),
            revision: 2,
            has_other_revisions: true,
            status: BookedStatus::InForce,
            amounts,
            person: [0; 16],
        }
    }

    fn there(amounts: Amounts) -> ListedClaim {
        ListedClaim { row: 2, claim_id: claim_id(), settlement: None, day: Some(day(15)), amounts }
    }

    #[test]
    fn amounts_are_compared_first_then_days_then_reversals() {
        let booked = here(amounts(10_000, 3_000, &[7_000]));
        let cause = |there: &ListedClaim| compare(&booked, there, &[]);
        assert_eq!(cause(&there(amounts(10_000, 3_000, &[7_000]))), None);
        assert_eq!(cause(&there(amounts(10_000, 2_000, &[8_000]))), Some(DifferenceCause::OtherSplit));
        assert_eq!(cause(&there(amounts(11_000, 4_000, &[7_000]))), Some(DifferenceCause::OtherBill));
        let next_day = ListedClaim { day: Some(day(16)), ..there(amounts(10_000, 3_000, &[7_000])) };
        assert_eq!(cause(&next_day), Some(DifferenceCause::OtherDay));
        let reversed = BookedClaim { status: BookedStatus::ReversedLater(Instant(5)), ..booked.clone() };
        let row = there(amounts(10_000, 3_000, &[7_000]));
        assert_eq!(compare(&reversed, &row, &[]), Some(DifferenceCause::ReversedLater(Instant(5))));
    }

    #[test]
    fn what_a_list_does_not_state_is_not_compared() {
        let listed = Amounts { patient: None, payers: Vec::new(), ..amounts(10_000, 0, &[]) };
        assert_eq!(compare(&here(amounts(10_000, 3_000, &[])), &there(listed), &[]), None);
    }

    #[test]
    fn amounts_of_another_revision_are_recognized() {
        let booked = here(amounts(10_000, 3_000, &[7_000]));
        let version = |revision, patient| Version { revision, amounts: amounts(10_000, patient, &[10_000 - patient]) };
        let versions = [version(1, 2_999), version(3, 1_000)];
        let row = |patient: i64| there(amounts(10_000, patient, &[10_000 - patient]));
        assert_eq!(compare(&booked, &row(2_999), &versions), Some(DifferenceCause::EarlierRevision(1)));
        assert_eq!(compare(&booked, &row(1_000), &versions), Some(DifferenceCause::LaterRevision(3)));
        assert_eq!(compare(&booked, &row(2_998), &versions), Some(DifferenceCause::Rounded));
    }

    #[test]
    fn few_fen_and_whole_jiao_or_yuan_are_a_rounding() {
        let rounded =
            [(5, 0), (1_234, 1_235), (1_234, 1_229), (1_234, 1_230), (1_239, 1_230), (1_234, 1_200), (1_260, 1_300)];
        assert!(rounded.into_iter().all(|(here, there)| is_rounding(here, there)));
        let other = [(1_234, 1_240 + 10), (1_234, 1_228), (1_234, 1_100), (1_234, 1_334), (99, 0), (9, 0)];
        for (here, there) in other {
            assert!(!is_rounding(here, there), "{here} {there}");
        }
    }
}
