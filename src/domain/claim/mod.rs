//! A claim (结算请求): first as received, then validated.
//!
//! [`RawClaim`] is whatever arrived, so that even a faulty retry can be compared with what was
//! settled before. [`Claim`] exists only where every rule of stage 2 holds; later code checks none of
//! them again.

mod fields;
mod items;
mod limits;
mod quantity;
mod refunds;
mod validate;

use super::ids::{ClaimId, HospitalId, PersonId};

pub use fields::{Claim, Continues, Item, RawClaim, RawContinues, RawDate, RawItem};
pub use limits::ClaimLimits;
pub use quantity::{Quantity, UnitPrice};
pub use validate::InvalidRequest;
pub(crate) use validate::valid_text;

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
