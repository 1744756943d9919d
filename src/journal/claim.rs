//! The claim as a message, `onestop.settlement.v1.Claim`: as received, and as it is sent, stored and answered.

use bytes::Bytes;

use super::message_writer::MessageWriter;
use crate::domain::claim::{Claim, RawClaim, RawContinues, RawDate, RawItem};
use crate::domain::fixed_words::ContinueKind;
use crate::domain::money::Money;
use crate::pb::Date;
use crate::pb::settlement as pb;

/// A kind that no version of the messages has, for a word that this one does not know: the server names the fault, with all
/// others of the claim.
const UNKNOWN_KIND: i32 = -1;

/// The bytes of a claim without items, and of one of its items, as most have.
const HEAD_BYTES: usize = 160;
const ITEM_BYTES: usize = 36;

/// The message of a claim, encoded: what is digested, and what its settlement keeps.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimMessage(Bytes);

impl ClaimMessage {
    /// The bytes of the message.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }
}

impl From<&RawClaim> for ClaimMessage {
    fn from(claim: &RawClaim) -> ClaimMessage {
        let mut writer = MessageWriter::with_capacity(HEAD_BYTES + ITEM_BYTES * claim.items.len());
        write_claim(&mut writer, claim);
        ClaimMessage(writer.finish())
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

fn write_claim(writer: &mut MessageWriter, claim: &RawClaim) {
    writer.text(1, &claim.claim_id);
    writer.text(2, &claim.hospital_id);
    writer.text(3, &claim.person_id);
    writer.text(4, &claim.visit);
    writer.flag(5, claim.emergency);
    write_date(writer, 6, claim.admitted);
    write_date(writer, 7, claim.discharged);
    claim.items.iter().for_each(|item| writer.message(8, |writer| write_item(writer, item)));
    writer.optional_number(9, claim.total.map(Money::fen));
    claim.diagnosis.iter().for_each(|code| writer.repeated_text(10, code));
    if let Some(continues) = &claim.continues {
        writer.message(11, |writer| {
            writer.number(1, kind_number(&continues.kind));
            writer.text(2, &continues.hospital_id);
            writer.text(3, &continues.claim_id);
        });
    }
}

fn write_item(writer: &mut MessageWriter, item: &RawItem) {
    writer.text(1, &item.code);
    writer.number(2, item.quantity.0);
    writer.number(3, item.unit_price.0);
    writer.number(4, item.amount.fen());
    write_date(writer, 5, item.day);
}

fn write_date(writer: &mut MessageWriter, field: u32, date: Option<RawDate>) {
    let Some(RawDate { year, month, day }) = date else { return };
    writer.message(field, |writer| {
        writer.number(1, year);
        writer.number(2, month);
        writer.number(3, day);
    });
}

/// The message of a day.
pub fn date_message(day: impl Into<RawDate>) -> Date {
    let RawDate { year, month, day } = day.into();
    Date { year, month, day }
}

fn item_message(item: &RawItem) -> pb::Item {
    pb::Item {
        code: item.code.to_string(),
        quantity_e4: item.quantity.0,
        unit_price_micro_yuan: item.unit_price.0,
        amount_fen: item.amount.fen(),
        day: item.day.map(date_message),
    }
}

fn continues_message(continues: &RawContinues) -> pb::Continues {
    pb::Continues {
        kind: kind_number(&continues.kind),
        hospital_id: continues.hospital_id.clone(),
        claim_id: continues.claim_id.clone(),
    }
}

/// The number of a kind.
fn kind_number(word: &str) -> i32 {
    let unknown = if word.is_empty() { pb::ContinuesKind::Unspecified.into() } else { UNKNOWN_KIND };
    ContinueKind::from_word(word).map_or(unknown, |kind| pb::ContinuesKind::from(kind).into())
}

/// The word of a kind; of one that no version of the messages here has, its number.
pub(super) fn kind_word(number: i32) -> String {
    pb::ContinuesKind::try_from(number).map_or_else(|_| number.to_string(), |kind| kind.word().to_owned())
}
