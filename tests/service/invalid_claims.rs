//! Invalid claims and the whole refusal message of each, which names the field, the fault and the stable reason.

use onestop::domain::claim::{Quantity, RawClaim, RawDate, RawItem, UnitPrice};
use onestop::domain::money::Money;
use onestop::pb::settlement::outcome::Outcome;
use tonic::Code::{FailedPrecondition, InvalidArgument};

use super::{Server, refusal_details};
use crate::support::claims::{claim, day, item};
use crate::support::row;
use onestop::reference::table::ReferenceTable;

/// The fault, the code, the message, and the function that puts the fault into a claim.
type InvalidClaim = (&'static str, tonic::Code, &'static str, fn(&mut RawClaim));

/// An item with these raw figures: ten-thousandths of a unit, millionths of a yuan, fen.
fn raw_item(code: &str, quantity: i64, price: i64, fen: i64) -> RawItem {
    let (quantity, unit_price) = (Quantity(quantity), UnitPrice(price));
    RawItem { code: code.into(), quantity, unit_price, amount: Money::from_fen(fen), day: None }
}

const INVALID_CLAIMS: &[InvalidClaim] = &[
    ("no items", InvalidArgument, "INVALID_REQUEST: claim.items holds no item (MISSING)", |claim| claim.items.clear()),
    (
        "amount and quantity of unlike sign",
        InvalidArgument,
        "INVALID_REQUEST: claim.items[1].amount has another sign than the quantity (UNLIKE_SIGN)",
        |claim| claim.items.push(raw_item("A", -10_000, 1_000_000, 100)),
    ),
    (
        "an amount two fen off",
        InvalidArgument,
        "INVALID_REQUEST: claim.items[1].amount is 63.56, but quantity x unit_price is 63.54 (AMOUNT_MISMATCH)",
        |claim| claim.items.push(raw_item("A", 20_000, 31_770_000, 6_356)),
    ),
    (
        "refunds that exceed the charges",
        InvalidArgument,
        "INVALID_REQUEST: claim.items[1].code the refunds of this code at 50 exceed its charges by 50.00 \
         (REFUNDS_EXCEED_CHARGES)",
        |claim| claim.items.extend([item("BED", "50.00"), item("BED", "-50.00"), item("BED", "-50.00")]),
    ),
    (
        "a refund at a price at which nothing was charged",
        InvalidArgument,
        "INVALID_REQUEST: claim.items[2].code the refunds of this code at 7000 exceed its charges by 7000.00 \
         (REFUNDS_EXCEED_CHARGES)",
        |claim| claim.items.extend([item("BED", "9000.00"), item("BED", "-7000.00")]),
    ),
    (
        "forty units refunded of which none was charged at that price",
        InvalidArgument,
        "INVALID_REQUEST: claim.items[2].code the refunds of this code at 10 exceed its charges by 400.00 \
         (REFUNDS_EXCEED_CHARGES)",
        |claim| claim.items.extend([item("BED", "5000.00"), raw_item("BED", -400_000, 10_000_000, -40_000)]),
    ),
    (
        "more units refunded than charged, for the same amount",
        InvalidArgument,
        "INVALID_REQUEST: claim.items[1].code the refunds of this code at 0.01 exceed its charges in quantity \
         (REFUNDS_EXCEED_CHARGES)",
        |claim| claim.items.extend([raw_item("BED", 5_000, 10_000, 1), raw_item("BED", -9_000, 10_000, -1)]),
    ),
    (
        "an amount for no units",
        InvalidArgument,
        "INVALID_REQUEST: claim.items[1].amount is not zero, but the quantity is (AMOUNT_MISMATCH)",
        |claim| claim.items.push(raw_item("A", 0, 1_000_000, 1)),
    ),
    (
        "a stay since the year 217",
        InvalidArgument,
        "INVALID_REQUEST: claim.admitted lies 657444 days before the day of discharge; the limit is 1100 \
         (STAY_TOO_LONG)",
        |claim| claim.admitted = Some(RawDate { year: 217, month: 6, day: 8 }),
    ),
    (
        "a stay of 1,101 days",
        InvalidArgument,
        "INVALID_REQUEST: claim.admitted lies 1101 days before the day of discharge; the limit is 1100 \
         (STAY_TOO_LONG)",
        |claim| claim.admitted = day("2014-06-10"),
    ),
    (
        "ids with white space at an end or a control character",
        InvalidArgument,
        "INVALID_REQUEST: claim.claim_id has white space at an end (WHITE_SPACE); \
         claim.items[0].code has a control character (CONTROL_CHARACTER)",
        |claim| {
            claim.claim_id = "ZY20170615 ".to_owned();
            claim.items[0].code = "A\u{1b}[2J".into();
        },
    ),
    (
        "a total that is not the sum",
        InvalidArgument,
        "INVALID_REQUEST: claim.total is 1.01, but the items add up to 1.00 (TOTAL_MISMATCH)",
        |claim| claim.total = Some(Money::from_fen(101)),
    ),
    (
        "a total that is not the sum, and an unknown visit",
        InvalidArgument,
        "INVALID_REQUEST: claim.visit is not one of the known visits (UNKNOWN_WORD); \
         claim.total is 1.01, but the items add up to 1.00 (TOTAL_MISMATCH)",
        |claim| {
            claim.visit = "nonsense".to_owned();
            claim.total = Some(Money::from_fen(101));
        },
    ),
    (
        "a total that is not the sum, refunds of what was not charged, and a line of a day outside the stay",
        InvalidArgument,
        "INVALID_REQUEST: claim.items[0].day lies outside the days of admission and discharge (OUTSIDE_STAY); \
         claim.items[1].code the refunds of this code at 50 exceed its charges by 50.00 (REFUNDS_EXCEED_CHARGES); \
         claim.total is 1.00, but the items add up to -49.00 (TOTAL_MISMATCH)",
        |claim| {
            claim.items[0].day = day("2017-06-07");
            claim.items.push(item("BED", "-50.00"));
            claim.total = Some(Money::from_fen(100));
        },
    ),
    (
        "refunds of a charge whose amount is wrong",
        InvalidArgument,
        "INVALID_REQUEST: claim.items[1].amount is 0.10, but quantity x unit_price is 50.00 (AMOUNT_MISMATCH)",
        |claim| claim.items.extend([raw_item("BED", 10_000, 50_000_000, 10), item("BED", "-50.00")]),
    ),
    (
        "lines of days outside the stay",
        InvalidArgument,
        "INVALID_REQUEST: claim.items[0].day lies outside the days of admission and discharge (OUTSIDE_STAY); \
         claim.items[1].day lies outside the days of admission and discharge (OUTSIDE_STAY)",
        |claim| {
            claim.items.push(RawItem { day: day("2017-06-16"), ..item("A", "1.00") });
            claim.items[0].day = day("2017-06-07");
        },
    ),
    (
        "a line of a day that is none",
        InvalidArgument,
        "INVALID_REQUEST: claim.items[0].day is not a day of the calendar; days are written like 2017-06-15 (NOT_A_DAY)",
        |claim| claim.items[0].day = Some(RawDate { year: 2017, month: 2, day: 29 }),
    ),
    ("an empty diagnosis", InvalidArgument, "INVALID_REQUEST: claim.diagnosis is missing (MISSING)", |claim| {
        claim.diagnosis = Some(String::new())
    }),
    (
        "a code that the catalogue lacks on the day of its line",
        InvalidArgument,
        "UNKNOWN_ITEM: claim.items[1].code is not in the catalogue of the hospital's region on the day of the line \
         (NOT_IN_CATALOGUE)",
        |claim| claim.items.push(RawItem { day: day("2017-06-08"), ..item("NEW", "1.00") }),
    ),
    (
        "a refund of a day on which less was charged",
        InvalidArgument,
        "INVALID_REQUEST: claim.items[2].code is refunded at this price beyond what was charged under the same row of the \
         catalogue (REFUNDS_EXCEED_CHARGES)",
        |claim| {
            let on = |day_text, yuan| RawItem { day: day(day_text), ..item("TWO", yuan) };
            claim.items.extend([on("2017-06-10", "50.00"), on("2017-06-09", "-50.00")]);
        },
    ),
    (
        "unknown codes, and a refund of a day on which less was charged",
        InvalidArgument,
        "UNKNOWN_ITEM: claim.items[1].code is not in the catalogue of the hospital's region on the day of the line \
         (NOT_IN_CATALOGUE); claim.items[3].code is not in the catalogue of the hospital's region on the day of \
         discharge (NOT_IN_CATALOGUE); claim.items[4].code is refunded at this price beyond what was charged under the \
         same row of the catalogue (REFUNDS_EXCEED_CHARGES)",
        |claim| {
            let on = |code, day_text, yuan| RawItem { day: day(day_text), ..item(code, yuan) };
            claim.items.extend([on("NEW", "2017-06-08", "1.00"), on("TWO", "2017-06-10", "50.00")]);
            claim.items.extend([item("NONE", "1.00"), on("TWO", "2017-06-09", "-50.00")]);
        },
    ),
    (
        "a refund whose charge is of a day on which the catalogue lacks the code",
        InvalidArgument,
        "UNKNOWN_ITEM: claim.items[1].code is not in the catalogue of the hospital's region on the day of the line \
         (NOT_IN_CATALOGUE); claim.items[2].code is refunded at this price beyond what was charged under the same row \
         of the catalogue (REFUNDS_EXCEED_CHARGES)",
        |claim| {
            let on = |day_text, yuan| RawItem { day: day(day_text), ..item("NEW", yuan) };
            claim.items.extend([on("2017-06-08", "5.00"), on("2017-06-09", "-5.00")]);
        },
    ),
    (
        "too many items",
        InvalidArgument,
        "INVALID_REQUEST: claim.items holds 5001 items; at most 5000 are taken (TOO_MANY)",
        |claim| claim.items = vec![item("A", "1.00"); 5_001],
    ),
    (
        "ids that are too long",
        InvalidArgument,
        "INVALID_REQUEST: claim.claim_id has 65 bytes; the limit is 64 (TOO_LONG); \
         claim.items[0].code has 66 bytes; the limit is 64 (TOO_LONG)",
        |claim| {
            claim.claim_id = "x".repeat(65);
            claim.items[0].code = "药".repeat(22).into();
        },
    ),
    ("a visit that is not specified", InvalidArgument, "INVALID_REQUEST: claim.visit is missing (MISSING)", |claim| {
        claim.visit = String::new()
    }),
    (
        "a visit that the vocabulary does not hold",
        InvalidArgument,
        "INVALID_REQUEST: claim.visit is not one of the known visits (UNKNOWN_WORD)",
        |claim| claim.visit = "spa".to_owned(),
    ),
    (
        "a day that is none",
        InvalidArgument,
        "INVALID_REQUEST: claim.admitted is not a day of the calendar; days are written like 2017-06-15 (NOT_A_DAY)",
        |claim| claim.admitted = Some(RawDate { year: 2017, month: 2, day: 31 }),
    ),
    (
        "no days",
        InvalidArgument,
        "INVALID_REQUEST: claim.admitted is missing (MISSING); claim.discharged is missing (MISSING)",
        |claim| (claim.admitted, claim.discharged) = (None, None),
    ),
    (
        "discharged before admitted",
        InvalidArgument,
        "INVALID_REQUEST: claim.discharged lies before the day of admission (DISCHARGED_BEFORE_ADMITTED)",
        |claim| claim.discharged = day("2017-06-07"),
    ),
    (
        "a negative price and an amount beyond the limit",
        InvalidArgument,
        "INVALID_REQUEST: claim.items[1].unit_price is negative (NEGATIVE); \
         claim.items[2].amount lies beyond 1000000000.00 yuan (TOO_LARGE)",
        |claim| {
            claim
                .items
                .extend([raw_item("A", 10_000, -1, 0), raw_item("A", 20_000, 500_000_000_000_000, 100_000_000_001)])
        },
    ),
    (
        "figures whose product is past every limit",
        InvalidArgument,
        "INVALID_REQUEST: claim.items[1].amount quantity x unit_price is too large (TOO_LARGE)",
        |claim| claim.items.push(raw_item("A", i64::MAX, 1_000_000_000_000_000, 1)),
    ),
    (
        "an unknown code",
        InvalidArgument,
        "UNKNOWN_ITEM: claim.items[1].code is not in the catalogue of the hospital's region on the day of discharge \
         (NOT_IN_CATALOGUE)",
        |claim| claim.items.push(item("NONE", "1.00")),
    ),
    (
        "a person who is not enrolled, at a hospital that is not designated",
        FailedPrecondition,
        "NOT_ELIGIBLE: claim.hospital_id names a hospital that is not designated on the day of discharge \
         (NOT_DESIGNATED); claim.person_id names a person not enrolled on the day of discharge (NOT_ENROLLED)",
        |claim| {
            claim.hospital_id = "H4".into();
            claim.person_id = "P5".into();
        },
    ),
    (
        "an unknown person at an unknown hospital",
        FailedPrecondition,
        "NOT_ELIGIBLE: claim.hospital_id names no hospital that is known on the day of discharge (UNKNOWN_HOSPITAL); \
         claim.person_id names no known person (UNKNOWN_PERSON)",
        |claim| {
            claim.hospital_id = "H9".into();
            claim.person_id = "P9".into();
        },
    ),
    (
        "an outpatient visit without its approval",
        FailedPrecondition,
        "NOT_ELIGIBLE: claim.visit needs an approval that the person does not hold that day (NOT_APPROVED)",
        |claim| claim.visit = "outpatient_serious".to_owned(),
    ),
    (
        "a year without a policy",
        FailedPrecondition,
        "NO_POLICY: claim.discharged is 2016-06-15 (admitted 2016-06-08), and no policy of resident insurance for the \
         insured region 370100 is in force on the day by which it goes (NO_POLICY_IN_FORCE)",
        |claim| (claim.admitted, claim.discharged) = (day("2016-06-08"), day("2016-06-15")),
    ),
];

/// A server that also knows P5, enrolled in 2018 only, and H4, designated until the day of the claims.
async fn start_server() -> Server {
    let server = Server::start().await;
    let rows: [(ReferenceTable, &[&str]); 6] = [
        (ReferenceTable::Enrolments, &["P5", "2018-01-01", "resident", "370100", ""]),
        (ReferenceTable::Hospitals, &["H4", "", "旧医院", "tertiary", "370100", "", ""]),
        (ReferenceTable::Catalogue, &["NEW", "", "2017-06-09", "新药", "A", "", "", ""]),
        (ReferenceTable::Catalogue, &["TWO", "", "", "改价", "A", "", "", "2017-06-10"]),
        (ReferenceTable::Catalogue, &["TWO", "", "2017-06-10", "改价", "C", "", "", ""]),
        (ReferenceTable::Designations, &["H4", "2010-01-01", "2017-06-15"]),
    ];
    for (table, cells) in rows {
        server.engine.import(vec![row(table, cells)]).await.expect("a sound row");
    }
    server
}

#[tokio::test]
async fn every_invalid_claim_is_refused_with_its_exact_message_and_details() {
    let server = start_server().await;
    let before = server.engine.store().fingerprint();
    for (fault, code, message, insert_fault) in INVALID_CLAIMS {
        let mut invalid = claim("C1", "P1", "1.00");
        insert_fault(&mut invalid);
        let status = server.settle(&invalid, "R1").await.expect_err(fault);
        assert_eq!((status.code(), status.message()), (*code, *message), "{fault}");
        let quoted = server.quote(&invalid).await.expect_err(fault);
        assert_eq!(
            (quoted.code(), quoted.message()),
            (*code, *message),
            "{fault}: quote and settle return the same message"
        );
        let details = refusal_details(&status);
        let faults: Vec<_> =
            details.faults.iter().map(|(field, reason, text)| format!("{field} {text} ({reason})")).collect();
        assert_eq!(
            format!("{}: {}", details.reason, faults.join("; ")),
            *message,
            "{fault}: details and message agree"
        );
    }
    assert_eq!(server.engine.store().fingerprint(), before, "the store is unchanged");
}

#[tokio::test]
async fn a_corrected_claim_is_settled_under_the_same_request_id() {
    let server = start_server().await;
    for (at, (fault, _, _, insert_fault)) in INVALID_CLAIMS.iter().enumerate() {
        let (valid, request) = (claim(&format!("C{at}"), "P1", "1.00"), format!("R{at}"));
        let mut invalid = valid.clone();
        insert_fault(&mut invalid);
        server.settle(&invalid, &request).await.expect_err(fault);
        assert!(matches!(server.outcome(&valid, &request).await, Outcome::NotSeen(_)), "{fault}");
        server.settle_ok(&valid, &request).await;
    }
}

#[tokio::test]
async fn a_claim_at_every_limit_is_settled() {
    let server = Server::start().await;
    let mut items = vec![item("A", "1.00"); 4_998];
    items.push(raw_item("A", 20_000, 31_770_000, 6_355));
    items.push(raw_item("A", -49_980_000, 1_000_000, -499_800));
    let claim = RawClaim { claim_id: "x".repeat(64), items, ..claim("C1", "P1", "1.00") };
    assert_eq!(server.settle_ok(&claim, &"r".repeat(64)).await.split.expect("a split").total_fen, 6_355);
}
