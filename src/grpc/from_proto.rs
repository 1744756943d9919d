//! From messages to what the engine takes. Nothing is judged here: a claim is handed on as told.

use crate::domain::claim::{Item, Quantity, RawClaim, RawDate, UnitPrice};
use crate::domain::money::Money;
use crate::domain::vocabulary::Visit;
use crate::engine::settle::SettleRequest;

use super::error::CallError;
use super::pb::settlement as pb;

/// A claim as told.
///
/// # Errors
/// If the message holds none.
pub fn claim(claim: Option<pb::Claim>) -> Result<RawClaim, CallError> {
    let claim = claim.ok_or_else(|| CallError::missing_field("claim"))?;
    Ok(RawClaim {
        visit: visit(claim.visit()),
        claim_id: claim.claim_id.into(),
        hospital_id: claim.hospital_id.into(),
        person_id: claim.person_id.into(),
        emergency: claim.emergency,
        admitted: claim.admitted.map(day),
        discharged: claim.discharged.map(day),
        items: claim.items.into_iter().map(item).collect(),
    })
}

/// A request to settle, as told.
///
/// # Errors
/// If the message holds no claim.
pub fn settle(claim: Option<pb::Claim>, request_id: String, quote: Vec<u8>) -> Result<SettleRequest, CallError> {
    let quote = (!quote.is_empty()).then_some(quote);
    Ok(SettleRequest { claim: self::claim(claim)?, request_id: request_id.into(), quote })
}

/// A day as told.
pub fn day(day: pb::Date) -> RawDate {
    RawDate { year: day.year, month: day.month, day: day.day }
}

fn visit(visit: pb::Visit) -> Option<Visit> {
    match visit {
        pb::Visit::Unspecified => None,
        pb::Visit::Inpatient => Some(Visit::Inpatient),
        pb::Visit::OutpatientSerious => Some(Visit::OutpatientSerious),
        pb::Visit::OutpatientChronic => Some(Visit::OutpatientChronic),
        pb::Visit::Maternity => Some(Visit::Maternity),
    }
}

fn item(item: pb::Item) -> Item {
    Item {
        code: item.code.into(),
        quantity: Quantity(item.quantity_e4),
        unit_price: UnitPrice(item.unit_price_micro_yuan),
        amount: Money::from_fen(item.amount_fen),
    }
}
