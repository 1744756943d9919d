//! Reconciliation over gRPC.

use onestop::grpc::{commit_stamp, to_proto};
use onestop::pb::settlement as pb;
use onestop::pb::settlement::reconciliation_service_client::ReconciliationServiceClient;
use tonic::{Code, Status};

use super::{PAYERS, day};
use crate::service::{Server, refusal_details};
use crate::support::claims::claim;

/// Settles five claims of P1 at H3 today; gives each as a row of a list.
async fn settled_rows(server: &Server) -> Vec<pb::ListedClaim> {
    let mut rows = Vec::new();
    for number in 1..=5 {
        let settled = server.settle_ok(&claim(&format!("C{number}"), "P1", "50000.00"), &format!("R{number}")).await;
        let split = settled.split.expect("a split");
        let compared = |share: &pb::PayerShare| PAYERS.contains(&share.payer.as_str());
        rows.push(pb::ListedClaim {
            row: number + 1,
            claim_id: settled.claim_id,
            settlement_id: settled.settlement_id,
            settled_on: None,
            total_fen: split.total_fen,
            patient_fen: split.patient_fen,
            payers: split.payers.into_iter().filter(compared).collect(),
        });
    }
    rows
}

/// All of H3 until tomorrow.
fn span() -> pb::ReconciledSpan {
    let today = commit_stamp::today();
    pb::ReconciledSpan {
        hospital_id: "H3".to_owned(),
        settled_from: Some(to_proto::date(today)),
        settled_until: today.next().map(to_proto::date),
        cutoff_time: None,
        payers: PAYERS.map(str::to_owned).to_vec(),
    }
}

fn client(server: &Server) -> ReconciliationServiceClient<tonic::transport::Channel> {
    ReconciliationServiceClient::new(server.channel.clone())
}

fn first(cursor: &str) -> pb::ReconcileListRequest {
    pb::ReconcileListRequest {
        span: Some(span()),
        columns: Some(pb::ReconciledColumns { settled_on: false, patient: true }),
        cursor: cursor.to_owned(),
        ..pb::ReconcileListRequest::default()
    }
}

/// The messages of a list, two rows in each.
fn messages(rows: &[pb::ListedClaim], cursor: &str) -> Vec<pb::ReconcileListRequest> {
    let parts = rows.chunks(2).map(|rows| pb::ReconcileListRequest { rows: rows.to_vec(), ..Default::default() });
    let last = pb::ReconcileListRequest { last: true, ..Default::default() };
    [first(cursor)].into_iter().chain(parts).chain([last]).collect()
}

/// Sends messages; gives the differences, the cursor after each response, and the summary.
async fn compare(
    server: &Server,
    messages: Vec<pb::ReconcileListRequest>,
) -> Result<(Vec<pb::ClaimDifference>, Vec<String>, pb::ReconciliationSummary), Status> {
    let mut responses = client(server).reconcile_list(tokio_stream::iter(messages)).await?.into_inner();
    let (mut found, mut cursors) = (Vec::new(), Vec::new());
    while let Some(response) = responses.message().await? {
        assert!(response.progress.is_some() || response.summary.is_some());
        found.extend(response.differences);
        cursors.extend(Some(response.cursor).filter(|cursor| !cursor.is_empty()));
        if let Some(summary) = response.summary {
            assert!(responses.message().await?.is_none(), "the summary is the last response");
            return Ok((found, cursors, summary));
        }
    }
    panic!("no summary")
}

#[tokio::test]
async fn a_list_that_agrees_is_equal_and_one_that_differs_is_explained_in_both_languages() {
    let server = Server::start().await;
    let mut rows = settled_rows(&server).await;
    let (found, _, summary) = compare(&server, messages(&rows, "")).await.expect("a summary");
    assert_eq!((found.len(), summary.equal, summary.rows, summary.settlements, summary.agreeing), (0, true, 5, 5, 5));
    assert_eq!(summary.here.map(|here| here.total_fen), Some(25_000_000));
    rows[1].total_fen += 1_000;
    let gone = rows.remove(3);
    let (found, _, summary) = compare(&server, messages(&rows, "")).await.expect("a summary");
    let mut classes: Vec<_> = found.iter().map(|one| (one.claim_id.as_str(), one.class(), &*one.repair_call)).collect();
    classes.sort_by_key(|(claim_id, ..)| *claim_id);
    use pb::DifferenceClass::{AmountDiffers, OnlyHere};
    assert_eq!(classes, [("C2", AmountDiffers, "Correct"), ("C4", OnlyHere, "GetSettlement")]);
    assert!(!summary.equal && summary.agreeing == 3);
    let missing = found.iter().find(|one| one.there.is_none()).expect("a settlement without a row");
    assert_eq!(missing.here.as_ref().map(|here| &here.settlement_id), Some(&gone.settlement_id));
    let differing = found.iter().find_map(|one| one.there.as_ref()).expect("a row");
    assert_eq!(differing.row, 3);
    assert!(found.iter().all(|one| one.message.is_ascii() && !one.message_zh.is_ascii()), "{found:?}");
}

#[tokio::test]
async fn after_a_break_the_differences_after_the_cursor_are_answered() {
    let server = Server::start().await;
    settled_rows(&server).await;
    let row = |number: u64| pb::ListedClaim { claim_id: format!("N{number}"), total_fen: 100, ..Default::default() };
    let rows: Vec<_> = (0..450).map(row).collect();
    let (all, cursors, whole) = compare(&server, messages(&rows, "")).await.expect("a summary");
    assert_eq!((all.len(), cursors.len()), (455, 3));
    let (rest, _, summary) = compare(&server, messages(&rows, &cursors[0])).await.expect("a summary");
    assert_eq!(rest, all[200..]);
    let counts = |summary: &pb::ReconciliationSummary| summary.differences.clone();
    assert_eq!(counts(&summary), counts(&whole), "the summary is of the whole list");
    let refused = compare(&server, messages(&rows, "AAAA")).await.expect_err("a refusal");
    assert_eq!(refusal_details(&refused).faults[0].0, "cursor");
}

#[tokio::test]
async fn bad_rows_are_refused_with_row_field_and_reason() {
    let server = Server::start().await;
    let mut rows = settled_rows(&server).await;
    rows[1].claim_id = " C2".to_owned();
    rows[1].total_fen = -1;
    rows[2].settlement_id = "x".to_owned();
    rows[2].payers.push(pb::PayerShare { payer: "nobody".to_owned(), amount_fen: 1 });
    rows[4].settled_on = Some(to_proto::date(day("2017-07-03")));
    let faults = |status: Status| {
        let details = refusal_details(&status);
        assert_eq!((details.code, &*details.reason), (Code::InvalidArgument, "INVALID_REQUEST"));
        details.faults.into_iter().map(|(field, reason, _)| format!("{field} {reason}")).collect::<Vec<_>>()
    };
    let one_message = vec![pb::ReconcileListRequest { rows, last: true, ..first("") }];
    let refused = faults(compare(&server, one_message).await.expect_err("a refusal"));
    let payer = refused.iter().find(|fault| fault.contains("payers[")).expect("the payer").clone();
    assert_eq!(
        refused,
        [
            "rows[1].claim_id WHITE_SPACE",
            "rows[1].total_fen NEGATIVE",
            "rows[2].settlement_id UNREADABLE",
            &payer,
            "rows[4].settled_on MUST_BE_EMPTY",
        ]
    );
    assert!(payer.starts_with("rows[2].payers[") && payer.ends_with("].payer UNREADABLE"), "{payer}");
    let row = |number: u64| pb::ListedClaim { claim_id: format!("N{number}"), total_fen: 100, ..Default::default() };
    let message = |rows: u64| pb::ReconcileListRequest { rows: (0..rows).map(row).collect(), last: true, ..first("") };
    assert_eq!(compare(&server, vec![message(10_000)]).await.expect("a summary").2.rows, 10_000);
    let refused = compare(&server, vec![message(10_001)]).await.expect_err("a refusal");
    assert_eq!(faults(refused), ["rows TOO_MANY"]);
    let mut unfinished = messages(&[], "");
    unfinished.pop();
    assert_eq!(faults(compare(&server, unfinished).await.expect_err("a refusal")), ["last MISSING"]);
    assert_eq!(faults(compare(&server, Vec::new()).await.expect_err("a refusal")), ["span MISSING"]);
}

#[tokio::test]
async fn a_span_is_refused_with_each_fault() {
    let server = Server::start().await;
    let totals = vec![pb::Totals::default()];
    let spans = [
        (pb::ReconciledSpan { settled_until: span().settled_from, ..span() }, "span.settled_until NOT_A_DAY"),
        (
            pb::ReconciledSpan { settled_from: Some(to_proto::date(day("2001-01-01"))), ..span() },
            "span.settled_until TOO_LARGE",
        ),
        (pb::ReconciledSpan { settled_from: None, ..span() }, "span.settled_from MISSING"),
        (pb::ReconciledSpan { hospital_id: String::new(), ..span() }, "span.hospital_id MISSING"),
        (pb::ReconciledSpan { payers: vec!["a_fund".to_owned()], ..span() }, "span.payers[0] UNKNOWN_WORD"),
        (pb::ReconciledSpan { payers: vec!["basic_fund".to_owned(); 2], ..span() }, "span.payers[1] REPEATED"),
        (
            pb::ReconciledSpan { cutoff_time: Some(prost_types::Timestamp { seconds: 1 << 40, nanos: 0 }), ..span() },
            "span.cutoff_time TOO_LARGE",
        ),
    ];
    for (span, wanted) in spans {
        let request = pb::ReconcileTotalsRequest { span: Some(span), totals: totals.clone() };
        let refused = client(&server).reconcile_totals(request).await.expect_err("a refusal");
        let faults: Vec<_> = refusal_details(&refused)
            .faults
            .into_iter()
            .map(|(field, reason, _)| format!("{field} {reason}"))
            .collect();
        assert_eq!(faults, [wanted]);
    }
}

#[tokio::test]
async fn sums_are_compared_by_day_or_as_a_whole_and_each_that_differs_is_named() {
    let server = Server::start().await;
    settled_rows(&server).await;
    let compare = async |totals: Vec<pb::Totals>| {
        let request = pb::ReconcileTotalsRequest { span: Some(span()), totals };
        client(&server).reconcile_totals(request).await.expect("an answer").into_inner()
    };
    let whole = compare(vec![pb::Totals::default()]).await;
    assert!(!whole.equal && whole.differences.iter().all(|one| one.settled_on.is_none() && one.there_fen == 0));
    let own = compare(whole.here.clone()).await;
    assert!(own.equal && own.differences.is_empty() && own.cutoff_time.is_some());
    let mut by_day = pb::Totals { settled_on: span().settled_from, ..whole.here[0].clone() };
    assert!(compare(vec![by_day.clone()]).await.equal);
    by_day.settlements = Some(4);
    by_day.payers[0].amount_fen += 1;
    let differing = compare(vec![by_day.clone()]).await.differences;
    let figures: Vec<_> =
        differing.iter().map(|one| (one.figure(), &*one.payer, one.there_fen - one.here_fen, one.settled_on)).collect();
    let today = span().settled_from;
    use pb::ReconciledFigure::{Payer, Settlements};
    assert_eq!(figures, [(Settlements, "", 0, today), (Payer, "basic_fund", 1, today)]);
    assert_eq!((differing[0].settlements_here, differing[0].settlements_there), (5, 4));
    let repeated = pb::ReconcileTotalsRequest { span: Some(span()), totals: vec![by_day; 2] };
    let refused = client(&server).reconcile_totals(repeated).await.expect_err("a refusal");
    assert_eq!(refusal_details(&refused).faults[0].0, "totals[1].settled_on");
}
