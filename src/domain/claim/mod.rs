//! A claim (结算请求): first as received, then validated.
//!
//! [`RawClaim`] is whatever arrived, so that even a faulty retry can be compared with what was
//! settled before. [`Claim`] exists only where every rule of stage 2 holds; later code checks none of
//! them again.

mod items;
mod limits;
mod quantity;
mod raw;
mod refunds;
mod validate;

use super::day::Day;
use super::fixed_words::ContinueKind;
use super::ids::{ClaimId, Diagnosis, HospitalId, ItemCode, PersonId};
use super::money::Money;
use super::words::Visit;

pub use limits::ClaimLimits;
pub use quantity::{Quantity, UnitPrice};
pub use raw::{RawClaim, RawContinues, RawDate, RawItem};
pub use validate::InvalidRequest;
pub(crate) use validate::valid_text;

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

impl Claim {
    /// The ids.
    pub fn keys(&self) -> ClaimKeys {
        ClaimKeys {
            hospital_id: self.hospital_id.clone(),
            person_id: self.person_id.clone(),
            claim_id: self.claim_id.clone(),
        }
    }
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

/// The ids of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimKeys {
    /// Who claims.
    pub hospital_id: HospitalId,
    /// For whom.
    pub person_id: PersonId,
    /// The hospital's number of the claim.
    pub claim_id: ClaimId,
}

super::ids::silent_debug!(Item, Claim, Continues);
