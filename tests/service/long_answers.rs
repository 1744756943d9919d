//! Answers with much to tell: a status travels in a header, and headers have their limits (16 KiB at
//! most clients); whoever is refused must still be told why.

use onestop::domain::claim::RawClaim;
use onestop::grpc::pb::settlement as pb;
use onestop::reference::table::ReferenceTable;
use tonic::Code;

use super::{Server, detail, refused, settle, told};
use crate::support::claims::{claim, item};
use crate::support::row;

/// A server whose catalogue holds so many codes.
async fn with_codes(codes: usize) -> (Server, RawClaim) {
    let server = Server::start().await;
    let names: Vec<_> = (0..codes).map(|at| format!("CODE-{at:04}")).collect();
    let rows = names.iter().map(|code| row(ReferenceTable::Catalogue, &[code, "", "", "药品", "A", "", "", ""]));
    server.engine.import(rows.collect()).await.expect("sound rows");
    let items = names.iter().map(|code| item(code, "10.00")).collect();
    (server, RawClaim { items, ..claim("C1", "P1", "1.00") })
}

#[tokio::test]
async fn a_bill_with_every_line_at_fault_is_told_so() {
    let server = Server::start().await;
    let mut items = vec![item("A", "10.00"); 5_000];
    items.iter_mut().for_each(|item| item.amount = "11.00".parse().expect("an amount"));
    let bill = RawClaim { items, ..claim("C1", "P1", "1.00") };
    let status = server.settle(&bill, "R1").await.expect_err("a refusal");
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let told = told(&status);
    assert_eq!(told.reason, "INVALID_REQUEST");
    assert_eq!(told.faults[0].0, "claim.items[0].amount");
}

#[tokio::test]
async fn a_bill_of_unknown_codes_is_told_so() {
    let server = Server::start().await;
    let items = (0..1_000).map(|at| item(&format!("NONE-{at}"), "10.00")).collect();
    let bill = RawClaim { items, ..claim("C1", "P1", "1.00") };
    assert_eq!(refused(server.quote(&bill).await), (Code::InvalidArgument, "UNKNOWN_ITEM".to_owned()));
}

#[tokio::test]
async fn a_long_bill_whose_quote_changed_is_told_the_digest_that_holds() {
    let (server, bill) = with_codes(500).await;
    let mut request = settle(&bill, "R1");
    request.quote_digest = server.quote(&bill).await.expect("a quote").quote_digest;
    server.settled(&claim("C2", "P1", "5000.00"), "R2").await;
    let status = server.settlements().settle(request).await.expect_err("a refusal");
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    let changed: pb::QuoteChanged = detail(&status, "QuoteChanged");
    assert_eq!(changed.quote_digest, server.quote(&bill).await.expect("a quote").quote_digest);
}

#[tokio::test]
async fn a_year_of_later_settlements_is_told() {
    let server = Server::start().await;
    let bills: Vec<_> = (0..400).map(|at| claim(&format!("C{at}"), "P1", "1.00")).collect();
    for bill in &bills {
        server.settled(bill, &format!("R-{}", bill.claim_id.as_str())).await;
    }
    let status = server.reverse(&bills[0], "R1").await.expect_err("a refusal");
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    let later: pb::LaterSettlements = detail(&status, "LaterSettlements");
    let newest = server.settle(&bills[399], "R-C399").await.expect("a replay").settlement.expect("a settlement");
    assert_eq!(later.own_settlement_ids.first(), Some(&newest.settlement_id));
}
