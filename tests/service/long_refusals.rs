//! Refusals with many faults: a status is sent in a header, which most clients limit to 16 KiB, and the caller must
//! still receive the reason.

use onestop::domain::claim::RawClaim;
use onestop::pb::settlement as pb;
use onestop::reference::table::ReferenceTable;
use tonic::Code;

use super::{Server, code_and_reason, refusal_details, settle_request, status_detail};
use crate::support::claims::{claim, item};
use crate::support::row;

/// A server with this many further catalogue codes, and a claim with one item of each.
async fn server_with_catalogue_codes(codes: usize) -> (Server, RawClaim) {
    let server = Server::start().await;
    let names: Vec<_> = (0..codes).map(|at| format!("CODE-{at:04}")).collect();
    let rows = names.iter().map(|code| row(ReferenceTable::Catalogue, &[code, "", "", "药品", "A", "", "", ""]));
    server.engine.import(rows.collect()).await.expect("sound rows");
    let items = names.iter().map(|code| item(code, "10.00")).collect();
    (server, RawClaim { items, ..claim("C1", "P1", "1.00") })
}

#[tokio::test]
async fn a_claim_with_a_fault_in_every_item_is_refused_as_invalid() {
    let server = Server::start().await;
    let mut items = vec![item("A", "10.00"); 5_000];
    items.iter_mut().for_each(|item| item.amount = "11.00".parse().expect("an amount"));
    let bill = RawClaim { items, ..claim("C1", "P1", "1.00") };
    let status = server.settle(&bill, "R1").await.expect_err("a refusal");
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let details = refusal_details(&status);
    assert_eq!(details.reason, "INVALID_REQUEST");
    assert_eq!(details.faults[0].0, "claim.items[0].amount");
}

#[tokio::test]
async fn a_claim_with_a_thousand_unknown_codes_is_refused_as_unknown_item() {
    let server = Server::start().await;
    let items = (0..1_000).map(|at| item(&format!("NONE-{at}"), "10.00")).collect();
    let bill = RawClaim { items, ..claim("C1", "P1", "1.00") };
    assert_eq!(code_and_reason(server.quote(&bill).await), (Code::InvalidArgument, "UNKNOWN_ITEM".to_owned()));
}

#[tokio::test]
async fn a_long_claim_with_an_outdated_quote_is_refused_with_the_current_quote() {
    let (server, bill) = server_with_catalogue_codes(500).await;
    let mut request = settle_request(&bill, "R1");
    request.quote_digest = server.quote(&bill).await.expect("a quote").quote_digest;
    server.settle_ok(&claim("C2", "P1", "5000.00"), "R2").await;
    let status = server.settlement_client().settle(request.clone()).await.expect_err("a refusal");
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    let changed: pb::QuoteChanged = status_detail(&status, "QuoteChanged");
    request.quote_digest = changed.quote_digest;
    assert!(server.settlement_client().settle(request).await.is_ok());
}

#[tokio::test]
async fn four_hundred_later_settlements_fit_into_the_refusal() {
    let server = Server::start().await;
    let bills: Vec<_> = (0..400).map(|at| claim(&format!("C{at}"), "P1", "1.00")).collect();
    for bill in &bills {
        server.settle_ok(bill, &format!("R-{}", bill.claim_id.as_str())).await;
    }
    let status = server.reverse(&bills[0], "R1").await.expect_err("a refusal");
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    let later: pb::LaterSettlements = status_detail(&status, "LaterSettlements");
    let newest = server.settle(&bills[399], "R-C399").await.expect("a replay").settlement.expect("a settlement");
    assert_eq!(later.own_settlement_ids.first(), Some(&newest.settlement_id));
}
