//! A refused request changes nothing: generated sequences, followed by requests that each stage of checks refuses.

use std::cell::RefCell;
use std::collections::BTreeMap;

use onestop::domain::claim::RawClaim;
use onestop::domain::fault::{FaultReason, FieldFault};
use onestop::domain::ids::Digest;
use onestop::engine::Engine;
use onestop::engine::EngineError;
use onestop::engine::fence::RequestName;
use onestop::engine::reverse::ReverseRequest;
use onestop::engine::settle::{PresentedQuote, SettleRequest};
use onestop::grpc::status::Reason;
use onestop::store::memory::MemoryStore;
use proptest::prelude::*;

use super::engine::{engine_for, reverse_request, settle_step};
use super::scenario::{Step, scenarios};
use super::{CASES_WITH_STORE, case_count, check_property};
use crate::support::claims::{day, item, settle};
use crate::support::ids::id;
use crate::support::stamp;

/// The cases of refused requests and the reason of each.
const CASES: &[(&str, Reason)] = &[
    ("fenced", Reason::RequestFenced),
    ("reversed again under a settle's request id", Reason::RequestIdReused),
    ("reused with other content", Reason::RequestIdReused),
    ("reused with a faulty claim", Reason::RequestIdReused),
    ("settled claim", Reason::ClaimSettled),
    ("settled claim quoted", Reason::ClaimSettled),
    ("claim of another person", Reason::ClaimOfAnotherPerson),
    ("reversal of nothing", Reason::NotFound),
    ("reversal for another person", Reason::NotFound),
    ("reversal of what is reversed", Reason::AlreadyReversed),
    ("reversal before later ones", Reason::LaterSettlements),
    ("reversal without a reason", Reason::InvalidRequest),
    ("no items", Reason::InvalidRequest),
    ("discharged before admitted", Reason::InvalidRequest),
    ("another amount", Reason::InvalidRequest),
    ("refunds above charges", Reason::InvalidRequest),
    ("no request id", Reason::InvalidRequest),
    ("unknown hospital", Reason::NotEligible),
    ("hospital not designated", Reason::NotEligible),
    ("unknown person", Reason::NotEligible),
    ("person not enrolled", Reason::NotEligible),
    ("no approval", Reason::NotEligible),
    ("unknown code", Reason::UnknownItem),
    ("no policy", Reason::NoPolicy),
    ("invalid quote", Reason::InvalidQuote),
    ("changed quote", Reason::QuoteChanged),
];

#[test]
fn a_refused_request_changes_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let refused = RefCell::new(BTreeMap::<&str, u64>::new());
    let cases = prop::collection::vec(0..CASES.len(), 1..=12);
    check_property(case_count(CASES_WITH_STORE).max(CASES_WITH_STORE), &(scenarios(), cases), |(scenario, cases)| {
        runtime.block_on(async {
            let (engine, steps) = (engine_for(&scenario).await, scenario.adjudicate_all());
            let number = prepare(&engine, &steps).await;
            for case in cases {
                let (case, reason) = CASES[case];
                let before = engine.store().fingerprint();
                let refusal = send_refused(&engine, &steps, case, number).await.expect_err(case);
                prop_assert_eq!(Reason::from(&refusal), reason, "{}: {}", case, refusal);
                prop_assert_eq!(engine.store().fingerprint(), before, "{}", case);
                *refused.borrow_mut().entry(case).or_default() += 1;
            }
            Ok(())
        })
    });
    let refused = refused.into_inner();
    CASES.iter().for_each(|(case, _)| println!("{:>8}  refused: {case}", refused.get(case).unwrap_or(&0)));
    assert_eq!(refused.len(), CASES.len(), "a case was never run");
}

/// Settles every claim, settles the first under two more claim ids, reverses the last of them, and adds a fence.
/// Returns the next stamp number.
async fn prepare(engine: &Engine<MemoryStore>, steps: &[Step]) -> u64 {
    let mut number = 1;
    for step in steps {
        settle_step(engine, step, number).await;
        number += 1;
    }
    for claim_id in ["X1", "X2"] {
        let raw_claim = RawClaim { claim_id: claim_id.into(), ..steps[0].raw_claim.clone() };
        engine.settle(settle(raw_claim), stamp(number)).await.expect("a settlement");
        number += 1;
    }
    let mut newest = reverse_request(&steps[0], "1");
    newest.reversal.claim_id = "X2".into();
    engine.reverse(newest, stamp(number)).await.expect("the newest settlement can be reversed");
    let (hospital_id, person_id) = (steps[0].claim.hospital_id.clone(), steps[0].claim.person_id.clone());
    let name = RequestName { hospital_id: Some(hospital_id), person_id, request_id: id("fenced") };
    engine.fence(&name, stamp(number + 1)).await.expect("a fence");
    number + 2
}

/// Sends the refused request of a case, made from the first claim.
async fn send_refused(
    engine: &Engine<MemoryStore>,
    steps: &[Step],
    case: &str,
    number: u64,
) -> Result<(), EngineError> {
    let first = &steps[0];
    if case.starts_with("revers") {
        return engine.reverse(refused_reverse(first, case), stamp(number)).await.map(drop);
    }
    if case == "settled claim quoted" {
        return engine.quote(first.raw_claim.clone(), onestop::domain::day::Day::LAST).await.map(drop);
    }
    engine.settle(refused_settle(first, case), stamp(number)).await.map(drop)
}

fn refused_reverse(first: &Step, case: &str) -> ReverseRequest {
    let mut request = reverse_request(first, "refused");
    let claim_id = match case {
        "reversal of nothing" => "never settled",
        "reversal of what is reversed" => "X2",
        _ => first.claim.claim_id.as_str(),
    };
    request.reversal.claim_id = claim_id.into();
    match case {
        "reversal for another person" => request.reversal.person_id = "PX".into(),
        "reversal without a reason" => request.reversal.reason.clear(),
        "reversed again under a settle's request id" => request.request_id = settle(first.raw_claim.clone()).request_id,
        _ => {}
    }
    request
}

fn refused_settle(first: &Step, case: &str) -> SettleRequest {
    let known = settle(first.raw_claim.clone());
    let fresh = settle(RawClaim { claim_id: "fresh".into(), ..first.raw_claim.clone() });
    match case {
        "fenced" => SettleRequest { request_id: "fenced".into(), ..fresh },
        "reused with other content" => SettleRequest { request_id: known.request_id, ..fresh },
        "reused with a faulty claim" => SettleRequest { claim: RawClaim { items: Vec::new(), ..known.claim }, ..known },
        "settled claim" => SettleRequest { request_id: "another".into(), ..known },
        "claim of another person" => {
            SettleRequest { claim: RawClaim { person_id: "PX".into(), ..known.claim }, ..known }
        }
        "changed quote" => SettleRequest { quote: Some(PresentedQuote::Shown(Digest([7; 32]))), ..fresh },
        "invalid quote" => {
            let fault = FieldFault::new("quote_digest", FaultReason::NotAuthentic, "is no quote");
            SettleRequest { quote: Some(PresentedQuote::Invalid(fault)), ..fresh }
        }
        "no request id" => SettleRequest { request_id: "".into(), ..fresh },
        _ => SettleRequest { claim: with_fault(fresh.claim, case), ..fresh },
    }
}

/// The claim with the fault of this case, which a stage after the check of keys refuses.
fn with_fault(claim: RawClaim, case: &str) -> RawClaim {
    let sound = RawClaim { items: vec![item("A", "10.00")], ..claim };
    let one = |code: &str, yuan: &str| vec![item(code, yuan)];
    match case {
        "no items" => RawClaim { items: Vec::new(), ..sound },
        "discharged before admitted" => {
            RawClaim { admitted: day("2017-03-02"), discharged: day("2017-03-01"), ..sound }
        }
        "another amount" => {
            let mut items = one("A", "10.00");
            items[0].amount = "10.02".parse().expect("an amount");
            RawClaim { items, ..sound }
        }
        "refunds above charges" => RawClaim { items: one("A", "-0.01"), ..sound },
        "unknown hospital" => RawClaim { hospital_id: "nowhere".into(), ..sound },
        "hospital not designated" => RawClaim { hospital_id: "HX".into(), ..sound },
        "unknown person" => RawClaim { person_id: "nobody".into(), ..sound },
        "person not enrolled" => RawClaim { person_id: "PE".into(), ..sound },
        "no approval" => {
            let visit = "outpatient_serious".to_owned();
            RawClaim { person_id: "PX".into(), visit, ..sound }
        }
        "unknown code" => RawClaim { items: one("unknown", "10.00"), ..sound },
        "no policy" => RawClaim { admitted: day("2019-03-01"), discharged: day("2019-03-02"), ..sound },
        other => panic!("{other} is no case"),
    }
}
