//! Views of a settlement: the whole, and the summary.

use onestop::domain::claim::{RawClaim, UnitPrice};
use onestop::grpc::to_proto;
use onestop::pb::settlement::settle_stream_response::Answer;
use onestop::pb::settlement::{self as pb, SettlementView};
use prost::Message;
use tonic::Code;

use super::{Server, refusal_details, settle_request};
use crate::support::claims::{claim, item};

async fn settle(server: &Server, bill: &RawClaim, request: &str, view: SettlementView) -> pb::Settlement {
    let request = pb::SettleRequest { view: view.into(), ..settle_request(bill, request) };
    let response = server.settlement_client().settle(request).await.expect("a settlement").into_inner();
    response.settlement.expect("a settlement")
}

async fn settle_in_stream(server: &Server, bill: &RawClaim, request: &str, view: SettlementView) -> pb::Settlement {
    let request = pb::SettleStreamRequest {
        claim: Some(to_proto::claim(bill)),
        request_id: request.to_owned(),
        quote_digest: Vec::new(),
        view: view.into(),
    };
    let answers = server.settlement_client().settle_stream(tokio_stream::iter([request])).await.expect("a stream");
    match answers.into_inner().message().await.expect("an answer").and_then(|response| response.answer) {
        Some(Answer::Settlement(settlement)) => settlement,
        other => panic!("{other:?}"),
    }
}

async fn read(server: &Server, settlement_id: &str, view: SettlementView) -> pb::GetSettlementResponse {
    let settlement_id = settlement_id.to_owned();
    let request = pb::GetSettlementRequest { settlement_id, view: view.into(), ..Default::default() };
    server.settlement_client().get_settlement(request).await.expect("a settlement").into_inner()
}

async fn list(server: &Server, hospital_id: &str, view: SettlementView) -> Vec<pb::ListSettlementsResponse> {
    let hospital_id = hospital_id.to_owned();
    let mut request = pb::ListSettlementsRequest { hospital_id, view: view.into(), ..Default::default() };
    let mut pages = Vec::new();
    loop {
        let page = server.settlement_client().list_settlements(request.clone()).await.expect("a page").into_inner();
        request.page_token = page.next_page_token.clone();
        pages.push(page);
        if request.page_token.is_empty() {
            return pages;
        }
    }
}

#[tokio::test]
async fn a_summary_is_the_settlement_without_its_derivation_and_both_views_are_of_one_stored_settlement() {
    let server = Server::start().await;
    let bills = ["C1", "C2"].map(|id| claim(id, "P1", "50000.00"));
    // Settled in one view, the same request is answered in the other: what is stored does not depend on the view.
    let summary = settle(&server, &bills[0], "R1", SettlementView::Summary).await;
    let whole = settle(&server, &bills[0], "R1", SettlementView::Full).await;
    assert!(whole.derivation.as_ref().is_some_and(|derivation| !derivation.layers.is_empty()));
    assert_eq!(summary, pb::Settlement { derivation: None, ..whole.clone() });
    assert!(whole.encode_to_vec().starts_with(&summary.encode_to_vec()), "the summary is a prefix of the whole");
    assert_eq!(settle(&server, &bills[0], "R1", SettlementView::Unspecified).await, whole);
    let streamed = settle_in_stream(&server, &bills[1], "R2", SettlementView::Full).await;
    let streamed_summary = settle_in_stream(&server, &bills[1], "R2", SettlementView::Summary).await;
    assert_eq!(streamed_summary, pb::Settlement { derivation: None, ..streamed.clone() });
    assert_eq!(streamed_summary.notices.len(), 1, "the second stay overlaps the first");
    for settlement in [&whole, &streamed] {
        let found = read(&server, &settlement.settlement_id, SettlementView::Unspecified).await;
        assert_eq!((found.settlement.as_ref(), found.claim.is_some()), (Some(settlement), true));
        assert_eq!(read(&server, &settlement.settlement_id, SettlementView::Full).await, found);
        let short = read(&server, &settlement.settlement_id, SettlementView::Summary).await;
        let summary = pb::Settlement { derivation: None, ..settlement.clone() };
        assert_eq!(short, pb::GetSettlementResponse { settlement: Some(summary), claim: None, ..found });
    }
}

#[tokio::test]
async fn a_list_is_of_whole_settlements_unless_it_asks_for_summaries() {
    let server = Server::start().await;
    let settled = server.settle_ok(&claim("C1", "P1", "50000.00"), "R1").await;
    let whole = list(&server, "H3", SettlementView::Full).await.remove(0).settlements.remove(0);
    assert_eq!((&whole.split, &whole.derivation), (&settled.split, &settled.derivation));
    let unspecified = list(&server, "H3", SettlementView::Unspecified).await.remove(0).settlements.remove(0);
    assert_eq!(unspecified, whole);
    let summary = list(&server, "H3", SettlementView::Summary).await.remove(0).settlements.remove(0);
    assert_eq!(summary, pb::ListedSettlement { derivation: None, ..whole });
}

#[tokio::test]
async fn a_page_of_long_derivations_ends_after_a_megabyte_and_no_settlement_is_missed() {
    let server = Server::start().await;
    let items: Vec<_> = (1..=4_000)
        .map(|price| {
            let mut item = item("A", "0.00");
            item.unit_price = UnitPrice(price);
            item
        })
        .collect();
    let mut settled = Vec::new();
    for at in 0..14 {
        let bill = RawClaim { items: items.clone(), ..claim(&format!("C{at}"), &format!("P{}", 1 + at % 3), "1.00") };
        settled.push(server.settle_ok(&bill, &format!("R{at}")).await.settlement_id);
    }
    let pages = list(&server, "H3", SettlementView::Full).await;
    assert!(pages.len() > 1 && pages.iter().all(|page| page.encoded_len() < 2 << 20), "{} pages", pages.len());
    let listed: Vec<_> = pages.iter().flat_map(|page| &page.settlements).map(|one| &one.settlement_id).collect();
    assert_eq!(listed, settled.iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn an_unknown_view_is_refused_before_anything_is_committed() {
    let server = Server::start().await;
    let request = pb::SettleRequest { view: 3, ..settle_request(&claim("C1", "P1", "50000.00"), "R1") };
    let status = server.settlement_client().settle(request).await.expect_err("a refusal");
    let details = refusal_details(&status);
    assert_eq!((details.code, details.reason.as_str()), (Code::InvalidArgument, "INVALID_REQUEST"));
    assert_eq!(details.faults[0].0, "view");
    let request = pb::GetOutcomeRequest {
        hospital_id: "H3".into(),
        person_id: "P1".into(),
        request_id: "R1".into(),
        of_readjudicate: false,
    };
    let outcome = server.settlement_client().get_outcome(request).await.expect("an outcome").into_inner().outcome;
    assert!(matches!(outcome.and_then(|one| one.outcome), Some(pb::outcome::Outcome::NotSeen(_))));
}
