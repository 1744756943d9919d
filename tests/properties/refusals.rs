//! A refused request changes nothing: after a generated beginning, a request that each stage refuses.

use std::cell::RefCell;
use std::collections::BTreeMap;

use onestop::domain::claim::RawClaim;
use onestop::engine::Engine;
use onestop::engine::EngineError;
use onestop::engine::fence::RequestName;
use onestop::engine::reverse::ReverseRequest;
use onestop::engine::settle::SettleRequest;
use onestop::grpc::status::Reason;
use onestop::store::memory::MemoryStore;
use proptest::prelude::*;

use super::engine::{engine, reversal, settled};
use super::play::{Step, scenarios};
use super::{SLOW, cases, holds};
use crate::support::claims::{day, item, settle};
use crate::support::stamp;

/// Each way to be refused, and what it is refused for.
const WAYS: &[(&str, Reason)] = &[
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
    ("changed quote", Reason::QuoteChanged),
];

#[test]
fn a_refused_request_changes_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let refused = RefCell::new(BTreeMap::<&str, u64>::new());
    let ways = prop::collection::vec(0..WAYS.len(), 1..=12);
    holds(cases(SLOW).max(SLOW), &(scenarios(), ways), |(scenario, ways)| {
        runtime.block_on(async {
            let (engine, steps) = (engine(&scenario).await, scenario.play());
            let number = begin(&engine, &steps).await;
            for way in ways {
                let (way, reason) = WAYS[way];
                let before = engine.store().fingerprint();
                let refusal = ask(&engine, &steps, way, number).await.expect_err(way);
                prop_assert_eq!(Reason::from(&refusal), reason, "{}: {}", way, refusal);
                prop_assert_eq!(engine.store().fingerprint(), before, "{}", way);
                *refused.borrow_mut().entry(way).or_default() += 1;
            }
            Ok(())
        })
    });
    let refused = refused.into_inner();
    WAYS.iter().for_each(|(way, _)| println!("{:>8}  refused: {way}", refused.get(way).unwrap_or(&0)));
    assert_eq!(refused.len(), WAYS.len(), "a way was never taken");
}

/// Settles every claim, then one more twice over, of which the later is reversed; and leaves a fence.
async fn begin(engine: &Engine<MemoryStore>, steps: &[Step]) -> u64 {
    let mut number = 1;
    for step in steps {
        settled(engine, step, number).await;
        number += 1;
    }
    for claim_id in ["X1", "X2"] {
        let told = RawClaim { claim_id: claim_id.into(), ..steps[0].told.clone() };
        engine.settle(settle(told), stamp(number)).await.expect("a settlement");
        number += 1;
    }
    let mut newest = reversal(&steps[0], "1");
    newest.told.claim_id = "X2".into();
    engine.reverse(newest, stamp(number)).await.expect("the newest can be reversed");
    let (hospital_id, person_id) = (steps[0].claim.hospital_id.clone(), steps[0].claim.person_id.clone());
    let name = RequestName { hospital_id, person_id, request_id: "fenced".into() };
    engine.fence(&name, stamp(number + 1)).await.expect("a fence");
    number + 2
}

/// The first claim's request, altered.
async fn ask(engine: &Engine<MemoryStore>, steps: &[Step], way: &str, number: u64) -> Result<(), EngineError> {
    let first = &steps[0];
    if way.starts_with("revers") {
        return engine.reverse(a_reversal(first, way), stamp(number)).await.map(drop);
    }
    if way == "settled claim quoted" {
        return engine.quote(first.told.clone()).await.map(drop);
    }
    engine.settle(a_settle(first, way), stamp(number)).await.map(drop)
}

fn a_reversal(first: &Step, way: &str) -> ReverseRequest {
    let mut request = reversal(first, "refused");
    let claim_id = match way {
        "reversal of nothing" => "never settled",
        "reversal of what is reversed" => "X2",
        _ => first.claim.claim_id.as_str(),
    };
    request.told.claim_id = claim_id.into();
    match way {
        "reversal for another person" => request.told.person_id = "PX".into(),
        "reversal without a reason" => request.told.reason.clear(),
        "reversed again under a settle's request id" => request.request_id = settle(first.told.clone()).request_id,
        _ => {}
    }
    request
}

fn a_settle(first: &Step, way: &str) -> SettleRequest {
    let known = settle(first.told.clone());
    let fresh = settle(RawClaim { claim_id: "fresh".into(), ..first.told.clone() });
    match way {
        "fenced" => SettleRequest { request_id: "fenced".into(), ..fresh },
        "reused with other content" => SettleRequest { request_id: known.request_id, ..fresh },
        "reused with a faulty claim" => SettleRequest { claim: RawClaim { items: Vec::new(), ..known.claim }, ..known },
        "settled claim" => SettleRequest { request_id: "another".into(), ..known },
        "claim of another person" => {
            SettleRequest { claim: RawClaim { person_id: "PX".into(), ..known.claim }, ..known }
        }
        "changed quote" => SettleRequest { quote: Some(vec![7; 32]), ..fresh },
        "no request id" => SettleRequest { request_id: "".into(), ..fresh },
        _ => SettleRequest { claim: altered(fresh.claim, way), ..fresh },
    }
}

/// A claim that one of the stages after the keys refuses.
fn altered(claim: RawClaim, way: &str) -> RawClaim {
    let sound = RawClaim { items: vec![item("A", "10.00")], ..claim };
    let one = |code: &str, yuan: &str| vec![item(code, yuan)];
    match way {
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
            let visit = Some(onestop::domain::vocabulary::Visit::OutpatientSerious);
            RawClaim { person_id: "PX".into(), visit, ..sound }
        }
        "unknown code" => RawClaim { items: one("unknown", "10.00"), ..sound },
        "no policy" => RawClaim { admitted: day("2019-03-01"), discharged: day("2019-03-02"), ..sound },
        other => panic!("{other} alters nothing"),
    }
}
