//! The claim as a message, `onestop.settlement.v1.Claim`: as received, and as it is sent, stored and answered.

use bytes::Bytes;
use prost::Message;

use crate::domain::claim::{Claim, Quantity, RawClaim, RawContinues, RawDate, RawItem, UnitPrice};
use crate::domain::fixed_words::ContinueKind;
use crate::domain::money::Money;
use crate::pb::Date;
use crate::pb::settlement as pb;

/// A kind that no version of the messages has, for a word that this one does not know: the server names the fault, with all
/// others of the claim.
const UNKNOWN_KIND: i32 = -1;

/// The message of a claim, encoded: what is digested, and what its settlement keeps.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimMessage(Bytes);

impl ClaimMessage {
    /// The bytes of the message.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }
}

impl From<&pb::Claim> for ClaimMessage {
    fn from(message: &pb::Claim) -> ClaimMessage {
        ClaimMessage(message.encode_to_vec().into())
    }
}

impl From<&RawClaim> for ClaimMessage {
    fn from(claim: &RawClaim) -> ClaimMessage {
        ClaimMessage::from(&message_from_raw(claim))
    }
}

impl From<&Claim> for ClaimMessage {
    fn from(claim: &Claim) -> ClaimMessage {
        ClaimMessage::from(&RawClaim::from(claim))
    }
}

crate::domain::ids::silent_debug!(ClaimMessage);

/// The message of a claim as received.
pub fn message_from_raw(claim: &RawClaim) -> pb::Claim {
    pb::Claim {
        claim_id: claim.claim_id.clone(),
        hospital_id: claim.hospital_id.clone(),
        person_id: claim.person_id.clone(),
        visit: claim.visit.clone(),
        emergency: claim.emergency,
        admitted: claim.admitted.map(date_message),
        discharged: claim.discharged.map(date_message),
        items: claim.items.iter().map(item_message).collect(),
        total_fen: claim.total.map(Money::fen),
        diagnosis: claim.diagnosis.clone(),
        continues: claim.continues.as_ref().map(continues_message),
    }
}

/// A claim as received.
pub fn raw_from_message(claim: pb::Claim) -> RawClaim {
    RawClaim {
        claim_id: claim.claim_id,
        hospital_id: claim.hospital_id,
        person_id: claim.person_id,
        visit: claim.visit,
        emergency: claim.emergency,
        admitted: claim.admitted.map(raw_date),
        discharged: claim.discharged.map(raw_date),
        items: claim.items.into_iter().map(raw_item).collect(),
        total: claim.total_fen.map(Money::from_fen),
        diagnosis: claim.diagnosis,
        continues: claim.continues.map(raw_continues),
    }
}

/// The message of a day.
pub fn date_message(day: impl Into<RawDate>) -> Date {
    let RawDate { year, month, day } = day.into();
    Date { year, month, day }
}

/// A day as received.
pub fn raw_date(day: Date) -> RawDate {
    RawDate { year: day.year, month: day.month, day: day.day }
}

fn item_message(item: &RawItem) -> pb::Item {
    pb::Item {
        code: item.code.clone(),
        quantity_e4: item.quantity.0,
        unit_price_micro_yuan: item.unit_price.0,
        amount_fen: item.amount.fen(),
        day: item.day.map(date_message),
    }
}

fn raw_item(item: pb::Item) -> RawItem {
    RawItem {
        code: item.code,
        quantity: Quantity(item.quantity_e4),
        unit_price: UnitPrice(item.unit_price_micro_yuan),
        amount: Money::from_fen(item.amount_fen),
        day: item.day.map(raw_date),
    }
}

fn continues_message(continues: &RawContinues) -> pb::Continues {
    let kind = ContinueKind::from_word(&continues.kind).map(|kind| pb::ContinuesKind::from(kind).into());
    let unknown = if continues.kind.is_empty() { pb::ContinuesKind::Unspecified.into() } else { UNKNOWN_KIND };
    pb::Continues {
        kind: kind.unwrap_or(unknown),
        hospital_id: continues.hospital_id.clone(),
        claim_id: continues.claim_id.clone(),
    }
}

fn raw_continues(continues: pb::Continues) -> RawContinues {
    let pb::Continues { kind, hospital_id, claim_id } = continues;
    let known = pb::ContinuesKind::try_from(kind).map(|kind| kind.word().to_owned());
    RawContinues { kind: known.unwrap_or_else(|_| kind.to_string()), hospital_id, claim_id }
}
