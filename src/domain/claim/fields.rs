//! The fields of a claim, in one place: as received, and validated; and which of them differ between two that were received.

use smol_str::SmolStr;

use crate::domain::day::{Day, NotADay};
use crate::domain::fixed_words::ContinueKind;
use crate::domain::ids::{ClaimId, Diagnosis, HospitalId, ItemCode, PersonId};
use crate::domain::money::Money;
use crate::domain::words::Visit;

use super::{Quantity, UnitPrice};

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
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RawItem {
    /// Which drug, service or material.
    pub code: SmolStr,
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
#[derive(Clone, Default, PartialEq, Eq)]
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
            code: code.as_str().into(),
            quantity: *quantity,
            unit_price: *unit_price,
            amount: *amount,
            day: day.map(RawDate::from),
        }
    }
}

/// A claim that is sound by itself (stage 2 of the refusals).
#[derive(Clone, PartialEq, Eq)]
pub struct Claim {
    /// The hospital's number of the claim.
    pub claim_id: ClaimId,
    /// Who claims.
    pub hospital_id: HospitalId,
    /// For whom.
    pub person_id: PersonId,
    /// The kind of visit.
    pub visit: Visit,
    /// Whether it was an emergency.
    pub emergency: bool,
    /// The day of admission.
    pub admitted: Day,
    /// The day of discharge.
    pub discharged: Day,
    /// The bill; not empty.
    pub items: Vec<Item>,
    /// The sum of the bill, if the hospital stated it.
    pub total: Option<Money>,
    /// The code of the diagnosis (诊断编码), if the hospital stated it.
    pub diagnosis: Option<Diagnosis>,
    /// The earlier settlement of the same stay or episode that it continues, if it continues one.
    pub continues: Option<Continues>,
}

/// The settlement that a claim continues, by its claim.
#[derive(Clone, PartialEq, Eq)]
pub struct Continues {
    /// How.
    pub kind: ContinueKind,
    /// The hospital of the continued claim.
    pub hospital_id: HospitalId,
    /// The continued claim.
    pub claim_id: ClaimId,
}

/// One line of the bill (费用明细).
#[derive(Clone, PartialEq, Eq)]
pub struct Item {
    /// Which drug, service or material.
    pub code: ItemCode,
    /// How many units.
    pub quantity: Quantity,
    /// The price of one.
    pub unit_price: UnitPrice,
    /// What the line charges.
    pub amount: Money,
    /// The day on which it was provided, if the hospital stated it; within the stay.
    pub day: Option<Day>,
}

impl RawClaim {
    /// The fields that another claim has with another value. Of bills with another number of lines the lines are not compared.
    pub fn differing_fields(&self, other: &RawClaim) -> Vec<String> {
        let mut differing = differing_names(&[
            ("claim_id", self.claim_id != other.claim_id),
            ("hospital_id", self.hospital_id != other.hospital_id),
            ("person_id", self.person_id != other.person_id),
            ("visit", self.visit != other.visit),
            ("emergency", self.emergency != other.emergency),
            ("admitted", self.admitted != other.admitted),
            ("discharged", self.discharged != other.discharged),
            ("items", self.items.len() != other.items.len()),
        ]);
        if self.items.len() == other.items.len() {
            for (at, (item, other)) in self.items.iter().zip(&other.items).enumerate() {
                let names = item.differing_fields(other).into_iter();
                differing.extend(names.map(|name| format!("items[{at}].{name}")));
            }
        }
        differing.extend(differing_names(&[
            ("total", self.total != other.total),
            ("diagnosis", self.diagnosis != other.diagnosis),
            ("continues", self.continues.is_some() != other.continues.is_some()),
        ]));
        if let (Some(continues), Some(other)) = (&self.continues, &other.continues) {
            let names = continues.differing_fields(other).into_iter();
            differing.extend(names.map(|name| format!("continues.{name}")));
        }
        differing
    }
}

impl RawItem {
    fn differing_fields(&self, other: &RawItem) -> Vec<String> {
        differing_names(&[
            ("code", self.code != other.code),
            ("quantity", self.quantity != other.quantity),
            ("unit_price", self.unit_price != other.unit_price),
            ("amount", self.amount != other.amount),
            ("day", self.day != other.day),
        ])
    }
}

impl RawContinues {
    fn differing_fields(&self, other: &RawContinues) -> Vec<String> {
        differing_names(&[
            ("kind", self.kind != other.kind),
            ("hospital_id", self.hospital_id != other.hospital_id),
            ("claim_id", self.claim_id != other.claim_id),
        ])
    }
}

fn differing_names(fields: &[(&str, bool)]) -> Vec<String> {
    fields.iter().filter(|(_, differs)| *differs).map(|(name, _)| (*name).to_owned()).collect()
}

crate::domain::ids::silent_debug!(RawItem, RawClaim, RawContinues, Item, Claim, Continues);
