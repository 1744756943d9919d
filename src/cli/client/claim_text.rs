//! A claim as files contain it, with amounts in decimal yuan as strings. It is read strictly, into the same raw claim
//! that a message gives.

use std::str::FromStr;

use serde::Deserialize;

use crate::domain::claim::{Quantity, RawClaim, RawContinues, RawDate, RawItem, UnitPrice};
use crate::domain::content::RawReversal;
use crate::domain::day::Day;
use crate::domain::decimal::ParseDecimalError;
use crate::domain::fault::{FaultReason, FieldFault, FieldFaults};

/// A claim with its request id.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a claim")]
pub struct ClaimText {
    /// The id that the hospital gives the claim.
    pub claim_id: String,
    /// The idempotency key; a quote needs none.
    #[serde(default)]
    pub request_id: String,
    /// The hospital.
    pub hospital_id: String,
    /// The person.
    pub person_id: String,
    /// The kind of visit.
    pub visit: String,
    /// Whether it was an emergency.
    #[serde(default)]
    pub emergency: bool,
    /// The day of admission.
    pub admitted: DayText,
    /// The day of discharge.
    pub discharged: DayText,
    /// The bill.
    pub items: Vec<ItemText>,
    /// The sum of the bill, at most two decimals.
    #[serde(default)]
    pub total: Option<String>,
    /// The code of the diagnosis.
    #[serde(default)]
    pub diagnosis: Option<String>,
    /// The settlement that it continues.
    #[serde(default)]
    pub continues: Option<ContinuesText>,
}

/// The settlement that a claim continues.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContinuesText {
    /// `interim` or `transfer`.
    pub kind: String,
    /// The hospital of the continued claim.
    pub hospital_id: String,
    /// The continued claim.
    pub claim_id: String,
}

impl ContinuesText {
    fn to_raw(&self) -> RawContinues {
        RawContinues { kind: self.kind.clone(), hospital_id: self.hospital_id.clone(), claim_id: self.claim_id.clone() }
    }
}

/// One line of the bill.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemText {
    /// The code of a drug, service or material.
    pub code: String,
    /// At most four decimals.
    pub quantity: String,
    /// At most six decimals.
    pub unit_price: String,
    /// At most two decimals.
    pub amount: String,
    /// The day on which it was provided.
    #[serde(default)]
    pub day: Option<DayText>,
}

/// A day: a string in JSON, a date in TOML.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum DayText {
    /// `"2017-06-15"`
    Text(String),
    /// `2017-06-15`
    Date(toml::value::Datetime),
}

impl DayText {
    /// The text.
    pub fn text(&self) -> String {
        match self {
            DayText::Text(text) => text.clone(),
            DayText::Date(date) => date.to_string(),
        }
    }
}

/// A reversal with its request id.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReversalText {
    /// The hospital.
    pub hospital_id: String,
    /// The person.
    pub person_id: String,
    /// The claim.
    pub claim_id: String,
    /// The idempotency key.
    pub request_id: String,
    /// The reason.
    pub reason: String,
    /// Whether later settlements are adjudicated again.
    #[serde(default)]
    pub readjudicate: bool,
}

impl ReversalText {
    /// The reversal and its request id.
    pub(crate) fn reversal_and_request_id(&self) -> (RawReversal, String) {
        let reversal = RawReversal {
            hospital_id: self.hospital_id.clone(),
            person_id: self.person_id.clone(),
            claim_id: self.claim_id.clone(),
            reason: self.reason.clone(),
            readjudicate: self.readjudicate,
        };
        (reversal, self.request_id.clone())
    }
}

impl ClaimText {
    /// The claim and its request id.
    ///
    /// # Errors
    /// Every field that cannot be parsed.
    pub fn claim_and_request_id(&self) -> Result<(RawClaim, String), FieldFaults> {
        let mut faults = FieldFaults::default();
        let claim = RawClaim {
            claim_id: self.claim_id.clone(),
            hospital_id: self.hospital_id.clone(),
            person_id: self.person_id.clone(),
            visit: self.visit.clone(),
            emergency: self.emergency,
            admitted: day(&mut faults, "claim.admitted", &self.admitted),
            discharged: day(&mut faults, "claim.discharged", &self.discharged),
            items: self.items.iter().enumerate().map(|(at, text)| item(&mut faults, at, text)).collect(),
            total: self.total.as_ref().and_then(|total| figure(&mut faults, "claim.total".to_owned(), total)),
            diagnosis: self.diagnosis.clone(),
            continues: self.continues.as_ref().map(ContinuesText::to_raw),
        };
        faults.into_result((claim, self.request_id.clone()))
    }
}

fn day(faults: &mut FieldFaults, field: &str, text: &DayText) -> Option<RawDate> {
    let day = text.text().parse::<Day>();
    day.map(RawDate::from).map_err(|no| faults.push(FieldFault::new(field, FaultReason::NotADay, no.to_string()))).ok()
}

fn item(faults: &mut FieldFaults, at: usize, text: &ItemText) -> RawItem {
    let field = |name: &str| format!("claim.items[{at}].{name}");
    RawItem {
        code: text.code.as_str().into(),
        quantity: figure(faults, field("quantity"), &text.quantity).unwrap_or(Quantity(0)),
        unit_price: figure(faults, field("unit_price"), &text.unit_price).unwrap_or(UnitPrice(0)),
        amount: figure(faults, field("amount"), &text.amount).unwrap_or_default(),
        day: text.day.as_ref().and_then(|text| day(faults, &field("day"), text)),
    }
}

fn figure<T: FromStr<Err = ParseDecimalError>>(faults: &mut FieldFaults, field: String, text: &str) -> Option<T> {
    let fault = |error: ParseDecimalError| {
        let reason = match error {
            ParseDecimalError::TooManyDecimals(_) => FaultReason::TooManyDecimals,
            ParseDecimalError::TooLarge => FaultReason::TooLarge,
            ParseDecimalError::NotANumber => FaultReason::Unreadable,
        };
        faults.push(FieldFault::new(field, reason, error.to_string()));
    };
    text.parse().map_err(fault).ok()
}
