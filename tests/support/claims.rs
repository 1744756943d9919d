//! Claims for tests.

use onestop::domain::claim::{Quantity, RawClaim, RawDate, RawItem, UnitPrice};
use onestop::domain::money::Money;
use onestop::engine::settle::SettleRequest;

/// A claim with one item of code A, discharged on 2017-06-15 from H3.
pub fn claim(claim_id: &str, person_id: &str, yuan: &str) -> RawClaim {
    RawClaim {
        claim_id: claim_id.into(),
        hospital_id: "H3".into(),
        person_id: person_id.into(),
        visit: "inpatient".to_owned(),
        emergency: false,
        admitted: day("2017-06-08"),
        discharged: day("2017-06-15"),
        items: vec![item("A", yuan)],
        total: None,
        diagnosis: None,
        continues: None,
    }
}

/// One unit of this code at this price.
pub fn item(code: &str, yuan: &str) -> RawItem {
    let amount: Money = yuan.parse().expect("an amount");
    let unit_price = UnitPrice(amount.fen().abs() * 10_000);
    let quantity = Quantity(10_000 * if amount < Money::ZERO { -1 } else { 1 });
    RawItem { code: code.into(), quantity, unit_price, amount, day: None }
}

/// A raw day, as a message carries it.
pub fn day(text: &str) -> Option<RawDate> {
    let day: onestop::domain::day::Day = text.parse().expect("a day");
    Some(day.into())
}

/// A request to settle this claim, under `r-` and its claim id.
pub fn settle(claim: RawClaim) -> SettleRequest {
    let request_id = format!("r-{}", claim.claim_id.as_str());
    SettleRequest { claim, request_id, quote: None, today: onestop::domain::day::Day::LAST }
}
