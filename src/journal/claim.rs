//! The claim as a message, `onestop.settlement.v1.Claim`: as received, and as it is sent, stored and answered.
//!
//! A request's claim is read from its bytes in place: what is kept of it is copied once. As the encoding of messages wants it,
//! the last one counts of a field that is given twice, and of a field that holds a message their fields together.

use bytes::Bytes;

use super::form::Malformed;
use super::message_reader::{Value, fields};
use super::message_writer::MessageWriter;
use crate::domain::claim::{Claim, Quantity, RawClaim, RawContinues, RawDate, RawItem, UnitPrice};
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
fn kind_word(number: i32) -> String {
    pb::ContinuesKind::try_from(number).map_or_else(|_| number.to_string(), |kind| kind.word().to_owned())
}

/// The number of the items in the message of a claim.
const ITEMS: u32 = 8;

/// How many items the message of a claim holds, as far as it can be read. Empty items take two bytes each in a message, and
/// thirty times that in memory.
pub fn count_items(message: &[u8]) -> usize {
    fields(message).filter(|field| matches!(field, Ok((ITEMS, _)))).count()
}

/// The claim of a message.
///
/// # Errors
/// If the bytes are no message of a claim.
pub fn raw_claim(message: &[u8]) -> Result<RawClaim, Malformed> {
    let mut claim = RawClaim { items: Vec::with_capacity(count_items(message)), ..RawClaim::default() };
    for field in fields(message) {
        let (number, value) = field?;
        match number {
            1 => claim.claim_id = value.text("claim_id")?.to_owned(),
            2 => claim.hospital_id = value.text("hospital_id")?.to_owned(),
            3 => claim.person_id = value.text("person_id")?.to_owned(),
            4 => claim.visit = value.text("visit")?.to_owned(),
            5 => claim.emergency = value.flag("emergency")?,
            6 => add_date(&mut claim.admitted, "admitted", value)?,
            7 => add_date(&mut claim.discharged, "discharged", value)?,
            ITEMS => claim.items.push(item(value.bytes("items")?)?),
            9 => claim.total = Some(Money::from_fen(value.number("total_fen")?)),
            10 => claim.diagnosis = Some(value.text("diagnosis")?.to_owned()),
            11 => add_continues(claim.continues.get_or_insert_default(), value.bytes("continues")?)?,
            _ => {}
        }
    }
    Ok(claim)
}

/// The person of a claim, as far as the message can be read: the same as in [`raw_claim`], where that reads it.
pub fn person_id(message: &[u8]) -> &str {
    let last = fields(message).filter_map(|field| field.ok().filter(|(number, _)| *number == 3)).last();
    last.and_then(|(_, value)| value.text("person_id").ok()).unwrap_or_default()
}

fn item(message: &[u8]) -> Result<RawItem, Malformed> {
    let mut item = RawItem::default();
    for field in fields(message) {
        let (number, value) = field?;
        match number {
            1 => item.code = value.text("items.code")?.into(),
            2 => item.quantity = Quantity(value.number("items.quantity_e4")?),
            3 => item.unit_price = UnitPrice(value.number("items.unit_price_micro_yuan")?),
            4 => item.amount = Money::from_fen(value.number("items.amount_fen")?),
            5 => add_date(&mut item.day, "items.day", value)?,
            _ => {}
        }
    }
    Ok(item)
}

fn add_date(date: &mut Option<RawDate>, name: &'static str, value: Value<'_>) -> Result<(), Malformed> {
    let date = date.get_or_insert_default();
    for field in fields(value.bytes(name)?) {
        let (number, value) = field.map_err(|_| Malformed(name))?;
        match number {
            1 => date.year = value.number(name)? as i32,
            2 => date.month = value.number(name)? as i32,
            3 => date.day = value.number(name)? as i32,
            _ => {}
        }
    }
    Ok(())
}

fn add_continues(continues: &mut RawContinues, message: &[u8]) -> Result<(), Malformed> {
    for field in fields(message) {
        let (number, value) = field?;
        match number {
            1 => continues.kind = kind_word(value.number("continues.kind")? as i32),
            2 => continues.hospital_id = value.text("continues.hospital_id")?.to_owned(),
            3 => continues.claim_id = value.text("continues.claim_id")?.to_owned(),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::pb::settlement as pb;

    fn date() -> impl Strategy<Value = Option<RawDate>> {
        let number = prop_oneof![Just(0), 1..=2_100i32, any::<i32>()];
        prop::option::of((number.clone(), number.clone(), number).prop_map(|(year, month, day)| RawDate {
            year,
            month,
            day,
        }))
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![Just(String::new()), "[a-zA-Z0-9]{1,24}", "[\\PC]{0,60}", Just("药".repeat(50))]
    }

    fn number() -> impl Strategy<Value = i64> {
        prop_oneof![Just(0), -300..300i64, any::<i64>()]
    }

    fn raw_item() -> impl Strategy<Value = RawItem> {
        (text(), [number(), number(), number()], date()).prop_map(|(code, [quantity, unit_price, amount], day)| {
            RawItem {
                code: code.into(),
                quantity: Quantity(quantity),
                unit_price: UnitPrice(unit_price),
                amount: Money::from_fen(amount),
                day,
            }
        })
    }

    fn continues() -> impl Strategy<Value = Option<RawContinues>> {
        let kind = prop_oneof![Just(""), Just("interim"), Just("transfer")].prop_map(str::to_owned);
        let continues = (kind, text(), text());
        prop::option::of(continues.prop_map(|(kind, hospital_id, claim_id)| RawContinues {
            kind,
            hospital_id,
            claim_id,
        }))
    }

    fn a_raw_claim() -> impl Strategy<Value = RawClaim> {
        let ids = [text(), text(), text(), text()];
        let items = prop::collection::vec(raw_item(), 0..6);
        let total = prop::option::of(number().prop_map(Money::from_fen));
        (ids, any::<bool>(), [date(), date()], items, total, prop::option::of(text()), continues()).prop_map(
            |([claim_id, hospital_id, person_id, visit], emergency, days, items, total, diagnosis, continues)| {
                let [admitted, discharged] = days;
                RawClaim {
                    claim_id,
                    hospital_id,
                    person_id,
                    visit,
                    emergency,
                    admitted,
                    discharged,
                    items,
                    total,
                    diagnosis,
                    continues,
                }
            },
        )
    }

    /// What another reader of messages takes these bytes for.
    fn decoded(bytes: &[u8]) -> Option<pb::Claim> {
        pb::Claim::decode(bytes).ok()
    }

    proptest! {
        #[test]
        fn a_claim_is_written_and_read_as_the_library_of_messages_does(claim in a_raw_claim()) {
            let message = message_from_raw(&claim);
            let bytes = message.encode_to_vec();
            prop_assert!(ClaimMessage::from(&claim).bytes()[..] == bytes[..]);
            prop_assert!(raw_claim(&bytes).as_ref() == Ok(&claim));
            prop_assert!(person_id(&bytes) == claim.person_id && count_items(&bytes) == claim.items.len());
        }

        #[test]
        fn damaged_bytes_are_read_as_the_library_reads_them(
            claim in a_raw_claim(), other in a_raw_claim(), changes in prop::collection::vec((any::<u16>(), any::<u8>()), 0..4),
            cut in prop::option::of(any::<u16>()),
        ) {
            let mut bytes = message_from_raw(&claim).encode_to_vec();
            bytes.extend(message_from_raw(&other).encode_to_vec());
            for (at, byte) in changes {
                let at = usize::from(at) % (bytes.len() + 1);
                if let Some(changed) = bytes.get_mut(at) { *changed = byte; }
            }
            if let Some(cut) = cut { bytes.truncate(usize::from(cut) % (bytes.len() + 1)); }
            match (raw_claim(&bytes), decoded(&bytes)) {
                (Ok(claim), Some(message)) => prop_assert!(same_words(&claim, &message)),
                (Err(_), None) => {}
                (read, message) => prop_assert!(false, "{:?} {}", read.err(), message.is_some()),
            }
        }
    }

    /// Whether the claim is that of the message; the number of a kind that is none is kept in its word.
    fn same_words(claim: &RawClaim, message: &pb::Claim) -> bool {
        let of_kind = |kind: i32| claim.continues.as_ref().is_some_and(|continues| continues.kind == kind_word(kind));
        let mut expected = message_from_raw(claim);
        if let (Some(continues), Some(message)) = (&mut expected.continues, &message.continues)
            && of_kind(message.kind)
        {
            continues.kind = message.kind;
        }
        expected == *message
    }
}
