//! The claim of a settlement, read from its encoded message.

use super::form::{Malformed, id, present};
use super::message_reader::{Value, fields};
use crate::domain::claim::{Claim, Continues, Item, Quantity, UnitPrice};
use crate::domain::day::Day;
use crate::domain::ids::{ClaimId, Diagnosis, HospitalId, ItemCode, PersonId};
use crate::domain::money::Money;
use crate::pb::settlement as pb;

/// The fields of a `Claim`.
#[derive(Default)]
struct ClaimFields<'a> {
    claim_id: &'a str,
    hospital_id: &'a str,
    person_id: &'a str,
    visit: &'a str,
    emergency: bool,
    admitted: Option<Day>,
    discharged: Option<Day>,
    items: Vec<&'a [u8]>,
    total: Option<Money>,
    diagnosis: Option<&'a str>,
    continues: Option<&'a [u8]>,
}

impl<'a> ClaimFields<'a> {
    fn read(message: &'a [u8]) -> Result<ClaimFields<'a>, Malformed> {
        let mut claim = ClaimFields::default();
        for field in fields(message) {
            let (number, value) = field?;
            match number {
                1 => claim.claim_id = value.text("claim_id")?,
                2 => claim.hospital_id = value.text("hospital_id")?,
                3 => claim.person_id = value.text("person_id")?,
                4 => claim.visit = value.text("visit")?,
                5 => claim.emergency = value.flag("emergency")?,
                6 => claim.admitted = Some(date("admitted", value)?),
                7 => claim.discharged = Some(date("discharged", value)?),
                8 => claim.items.push(value.bytes("items")?),
                9 => claim.total = Some(Money::from_fen(value.number("total")?)),
                10 => claim.diagnosis = Some(value.text("diagnosis")?),
                11 => claim.continues = Some(value.bytes("continues")?),
                _ => {}
            }
        }
        Ok(claim)
    }
}

/// The claim of a message that was stored, and so was valid.
///
/// # Errors
/// If a field holds what no claim has.
pub(super) fn claim(message: &[u8]) -> Result<Claim, Malformed> {
    let claim = ClaimFields::read(message)?;
    let items = claim.items.iter().map(|message| item(message)).collect::<Result<_, _>>()?;
    Ok(Claim { items, ..without_items(claim)? })
}

/// The same without its items, total and continuation, which are not read.
///
/// # Errors
/// If a field that is read holds what no claim has.
pub(super) fn claim_head(message: &[u8]) -> Result<Claim, Malformed> {
    without_items(ClaimFields { total: None, continues: None, ..ClaimFields::read(message)? })
}

fn without_items(claim: ClaimFields<'_>) -> Result<Claim, Malformed> {
    Ok(Claim {
        claim_id: id("claim_id", claim.claim_id, ClaimId::from_stored)?,
        hospital_id: id("hospital_id", claim.hospital_id, HospitalId::from_stored)?,
        person_id: id("person_id", claim.person_id, PersonId::from_stored)?,
        visit: claim.visit.into(),
        emergency: claim.emergency,
        admitted: present("admitted", claim.admitted)?,
        discharged: present("discharged", claim.discharged)?,
        items: Vec::new(),
        total: claim.total,
        diagnosis: claim.diagnosis.map(|code| id("diagnosis", code, Diagnosis::from_stored)).transpose()?,
        continues: claim.continues.map(continues).transpose()?,
    })
}

fn item(message: &[u8]) -> Result<Item, Malformed> {
    let (mut code, mut day, mut figures) = ("", None, [0; 3]);
    for field in fields(message) {
        let (number, value) = field?;
        match number {
            1 => code = value.text("items.code")?,
            2..=4 => figures[number as usize - 2] = value.number("items")?,
            5 => day = Some(date("items.day", value)?),
            _ => {}
        }
    }
    let [quantity, unit_price, amount] = figures;
    Ok(Item {
        code: id("items.code", code, ItemCode::from_stored)?,
        quantity: Quantity(quantity),
        unit_price: UnitPrice(unit_price),
        amount: Money::from_fen(amount),
        day,
    })
}

fn continues(message: &[u8]) -> Result<Continues, Malformed> {
    let (mut kind, mut hospital_id, mut claim_id) = (None, "", "");
    for field in fields(message) {
        let (number, value) = field?;
        match number {
            1 => kind = Some(value.word("continues.kind", pb::ContinuesKind::fixed)?),
            2 => hospital_id = value.text("continues.hospital_id")?,
            3 => claim_id = value.text("continues.claim_id")?,
            _ => {}
        }
    }
    Ok(Continues {
        kind: present("continues.kind", kind)?,
        hospital_id: id("continues.hospital_id", hospital_id, HospitalId::from_stored)?,
        claim_id: id("continues.claim_id", claim_id, ClaimId::from_stored)?,
    })
}

/// The day of a `Date`.
pub(super) fn date(name: &'static str, value: Value<'_>) -> Result<Day, Malformed> {
    let mut parts = [0; 3];
    for field in fields(value.bytes(name)?) {
        if let (number @ 1..=3, value) = field? {
            parts[number as usize - 1] = value.number(name)? as i32;
        }
    }
    let [year, month, day] = parts;
    Day::new(year, month, day).map_err(|_| Malformed(name))
}
