//! A claim as received: nothing about it holds yet.

use crate::domain::day::{Day, NotADay};
use crate::domain::money::Money;

use super::{Claim, Continues, Item, Quantity, UnitPrice};

/// A day as received: three numbers, which may name no day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawDate {
    /// The year.
    pub year: i32,
    /// The month, 1 to 12.
    pub month: i32,
    /// The day of the month.
    pub day: i32,
}

impl From<Day> for RawDate {
    fn from(day: Day) -> Self {
        RawDate { year: day.year(), month: day.month(), day: day.day() }
    }
}

impl TryFrom<RawDate> for Day {
    type Error = NotADay;

    fn try_from(raw: RawDate) -> Result<Day, NotADay> {
        Day::new(raw.year, raw.month, raw.day)
    }
}

/// One line of the bill as received.
#[derive(Clone, PartialEq, Eq)]
pub struct RawItem {
    /// Which drug, service or material.
    pub code: String,
    /// How many units.
    pub quantity: Quantity,
    /// The price of one.
    pub unit_price: UnitPrice,
    /// What the line charges.
    pub amount: Money,
    /// The day on which it was provided, if given.
    pub day: Option<RawDate>,
}

/// A claim as received, not yet validated.
#[derive(Clone, PartialEq, Eq)]
pub struct RawClaim {
    /// The hospital's number of the claim.
    pub claim_id: String,
    /// Who claims.
    pub hospital_id: String,
    /// For whom.
    pub person_id: String,
    /// The kind of visit.
    pub visit: String,
    /// Whether it was an emergency.
    pub emergency: bool,
    /// The day of admission, if given.
    pub admitted: Option<RawDate>,
    /// The day of discharge, if given.
    pub discharged: Option<RawDate>,
    /// The bill.
    pub items: Vec<RawItem>,
    /// The sum of the bill, if given.
    pub total: Option<Money>,
    /// The code of the diagnosis, if given.
    pub diagnosis: Option<String>,
    /// The settlement that it continues, if given.
    pub continues: Option<RawContinues>,
}

/// The settlement that a claim continues, as received.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RawContinues {
    /// `interim` or `transfer`.
    pub kind: String,
    /// The hospital of the continued claim.
    pub hospital_id: String,
    /// The continued claim.
    pub claim_id: String,
}

impl From<&Claim> for RawClaim {
    fn from(claim: &Claim) -> Self {
        RawClaim {
            claim_id: claim.claim_id.as_str().to_owned(),
            hospital_id: claim.hospital_id.as_str().to_owned(),
            person_id: claim.person_id.as_str().to_owned(),
            visit: claim.visit.as_str().to_owned(),
            emergency: claim.emergency,
            admitted: Some(claim.admitted.into()),
            discharged: Some(claim.discharged.into()),
            items: claim.items.iter().map(RawItem::from).collect(),
            total: claim.total,
            diagnosis: claim.diagnosis.as_ref().map(|code| code.as_str().to_owned()),
            continues: claim.continues.as_ref().map(RawContinues::from),
        }
    }
}

impl From<&Continues> for RawContinues {
    fn from(continues: &Continues) -> Self {
        RawContinues {
            kind: continues.kind.as_str().to_owned(),
            hospital_id: continues.hospital_id.as_str().to_owned(),
            claim_id: continues.claim_id.as_str().to_owned(),
        }
    }
}

impl From<&Item> for RawItem {
    fn from(item: &Item) -> Self {
        let Item { code, quantity, unit_price, amount, day } = item;
        RawItem {
            code: code.as_str().to_owned(),
            quantity: *quantity,
            unit_price: *unit_price,
            amount: *amount,
            day: day.map(RawDate::from),
        }
    }
}

crate::domain::ids::silent_debug!(RawItem, RawClaim, RawContinues);
