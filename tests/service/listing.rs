//! Lists of settlements, read page by page while other claims are settled.

use onestop::domain::claim::RawClaim;
use onestop::grpc::{commit_stamp, to_proto};
use onestop::pb::Date;
use onestop::pb::settlement::{ListSettlementsRequest, ListSettlementsResponse, ListedSettlement};
use tonic::{Code, Status};

use super::{Server, code_and_reason, refusal_details, reverse_request};
use crate::support::claims::{claim, day};

fn person_list_request(person: &str, benefit_year: i32) -> ListSettlementsRequest {
    ListSettlementsRequest { person_id: person.to_owned(), benefit_year, ..ListSettlementsRequest::default() }
}

fn hospital_list_request(hospital: &str) -> ListSettlementsRequest {
    ListSettlementsRequest { hospital_id: hospital.to_owned(), ..ListSettlementsRequest::default() }
}

async fn list_page(server: &Server, request: &ListSettlementsRequest) -> Result<ListSettlementsResponse, Status> {
    Ok(server.settlement_client().list_settlements(request.clone()).await?.into_inner())
}

/// Reads all pages of this size, and settles another claim of P1 at H3 between two pages.
async fn list_all_pages(server: &Server, mut request: ListSettlementsRequest, size: i32) -> Vec<ListedSettlement> {
    let mut all = Vec::new();
    request.page_size = size;
    loop {
        let page = list_page(server, &request).await.expect("a list_page");
        assert!(page.settlements.len() <= size as usize);
        all.extend(page.settlements);
        if page.next_page_token.is_empty() {
            return all;
        }
        request.page_token = page.next_page_token;
        let id = format!("between-{}", all.len());
        server.settle(&claim(&id, "P1", "1.00"), &id).await.expect("a settlement");
    }
}

fn settlement_ids(settlements: &[ListedSettlement]) -> Vec<&str> {
    settlements.iter().map(|one| one.settlement_id.as_str()).collect()
}

/// Settles this many claims of P1, every second one at H2, and returns each with its settlement id.
async fn settle_claims(server: &Server, count: usize) -> Vec<(RawClaim, String)> {
    let mut settled = Vec::new();
    for at in 0..count {
        let hospital = ["H3", "H2"][at % 2];
        let bill = RawClaim { hospital_id: hospital.into(), ..claim(&format!("C{at}"), "P1", "50000.00") };
        let settlement = server.settle_ok(&bill, &format!("R{at}")).await;
        settled.push((bill, settlement.settlement_id));
    }
    settled
}

#[tokio::test]
async fn a_person_year_is_listed_newest_first_and_unaffected_by_concurrent_settlements() {
    let server = Server::start().await;
    let settled = settle_claims(&server, 7).await;
    let next_year = RawClaim { admitted: day("2018-06-08"), discharged: day("2018-06-15"), ..claim("N", "P1", "1.00") };
    server.settle_ok(&next_year, "N").await;
    let newest_first: Vec<_> = settled.iter().rev().map(|(_, id)| id.as_str()).collect();
    for size in [1, 3, 7, 1_000] {
        let listed = list_all_pages(&server, person_list_request("P1", 2017), size).await;
        let first = listed.iter().filter(|one| one.claim_id.starts_with('C')).cloned().collect::<Vec<_>>();
        assert_eq!(settlement_ids(&first), newest_first, "pages of {size}");
    }
    assert_eq!(list_all_pages(&server, person_list_request("P1", 2018), 10).await.len(), 1);
    assert_eq!(list_all_pages(&server, person_list_request("P2", 2017), 10).await, []);
    let other = ListSettlementsRequest { insurance: "employee".to_owned(), ..person_list_request("P1", 2017) };
    assert_eq!(list_all_pages(&server, other, 10).await, []);
}

#[tokio::test]
async fn a_hospital_is_listed_in_commit_order_and_includes_settlements_made_between_pages() {
    let server = Server::start().await;
    let settled = settle_claims(&server, 7).await;
    for size in [1, 2, 1_000] {
        let listed = list_all_pages(&server, hospital_list_request("H2"), size).await;
        let expected: Vec<_> = settled.iter().skip(1).step_by(2).map(|(_, id)| id.as_str()).collect();
        assert_eq!(settlement_ids(&listed), expected, "pages of {size}");
    }
    let listed = list_all_pages(&server, hospital_list_request("H3"), 2).await;
    let expected: Vec<_> = settled.iter().step_by(2).map(|(_, id)| id.as_str()).collect();
    assert_eq!(settlement_ids(&listed)[..4], expected);
    assert!(listed.len() > 4, "it includes the settlements made between the pages");
    let today = commit_stamp::now().instant.china_day();
    assert!(listed.iter().all(|one| one.settled_on == Some(to_proto::date(today))));
}

#[tokio::test]
async fn the_range_of_days_includes_its_start_and_excludes_its_end() {
    let server = Server::start().await;
    settle_claims(&server, 2).await;
    let today = server.settle_ok(&claim("T", "P2", "1.00"), "T").await.commit_time.expect("an instant");
    let today = onestop::domain::journal::Instant(today.seconds * 1_000_000).china_day();
    let (first, last) = (day("2017-06-15").map(to_proto::date), day("9999-12-31").map(to_proto::date));
    let list_of_days = |settled_from, settled_until| ListSettlementsRequest {
        settled_from,
        settled_until,
        ..hospital_list_request("H3")
    };
    let today = Some(to_proto::date(today));
    assert_eq!(list_page(&server, &list_of_days(today, last)).await.expect("a list_page").settlements.len(), 2);
    assert_eq!(list_page(&server, &list_of_days(first, None)).await.expect("a list_page").settlements.len(), 2);
    assert_eq!(list_page(&server, &list_of_days(first, today)).await.expect("a list_page").settlements.len(), 0);
    assert_eq!(list_page(&server, &list_of_days(last, today)).await.expect("a list_page").settlements.len(), 0);
}

#[tokio::test]
async fn a_summary_shows_the_current_sums_revision_and_reversal() {
    let server = Server::start().await;
    let settled = settle_claims(&server, 3).await;
    let request = onestop::pb::settlement::ReverseRequest { readjudicate: true, ..reverse_request(&settled[0].0, "V") };
    let reversal = server.settlement_client().reverse(request).await.expect("a reversal").into_inner().reversal;
    let listed = list_all_pages(&server, person_list_request("P1", 2017), 10).await;
    let revisions: Vec<_> = listed.iter().map(|one| (one.revision, one.reversal_id.as_str())).collect();
    let reversal_id = reversal.expect("a reversal").reversal_id;
    assert_eq!(revisions, [(2, ""), (2, ""), (1, reversal_id.as_str())]);
    for one in &listed {
        let split = one.split.as_ref().expect("a split");
        let paid: i64 = split.payers.iter().map(|share| share.amount_fen).sum();
        assert_eq!((paid + split.patient_fen, split.total_fen), (5_000_000, 5_000_000));
        assert_eq!((&*one.insurance, one.benefit_year, &*one.policy_id), ("resident", 2017, "shandong-2017"));
    }
    // The claim at H2 (secondary) is now the first of the year, so a person without settlements pays the same there.
    let first_of_year = RawClaim { hospital_id: "H2".into(), ..claim("F", "P4", "50000.00") };
    let split = server.quote(&first_of_year).await.expect("a quote").split.expect("a split");
    assert_eq!(listed[1].split.as_ref(), Some(&split));
}

#[tokio::test]
async fn an_invalid_list_request_is_refused_with_the_fields_at_fault() {
    let server = Server::start().await;
    settle_claims(&server, 3).await;
    let token = |request: ListSettlementsRequest| {
        let server = &server;
        async move {
            list_page(server, &ListSettlementsRequest { page_size: 1, ..request })
                .await
                .expect("a list_page")
                .next_page_token
        }
    };
    let (token_of_p1, token_of_h3) =
        (token(person_list_request("P1", 2017)).await, token(hospital_list_request("H3")).await);
    let with_token =
        |page_token: &str, request| ListSettlementsRequest { page_token: page_token.to_owned(), ..request };
    let cases = [
        (ListSettlementsRequest::default(), vec!["person_id", "benefit_year"]),
        (person_list_request("P1", 0), vec!["benefit_year"]),
        (person_list_request(&"P".repeat(65), 2017), vec!["person_id"]),
        (
            ListSettlementsRequest { person_id: "P1".into(), benefit_year: 2017, ..hospital_list_request("H3") },
            vec!["person_id", "benefit_year"],
        ),
        (
            ListSettlementsRequest {
                settled_from: Some(to_proto::date(onestop::domain::day::Day::FIRST)),
                ..person_list_request("P1", 2017)
            },
            vec!["settled_from"],
        ),
        (
            ListSettlementsRequest {
                settled_until: Some(Date { year: 2017, month: 2, day: 29 }),
                ..hospital_list_request("H3")
            },
            vec!["settled_until"],
        ),
        (ListSettlementsRequest { page_size: -1, ..hospital_list_request("H3") }, vec!["page_size"]),
        (with_token("no token", hospital_list_request("H3")), vec!["page_token"]),
        (with_token(&token_of_p1, hospital_list_request("H3")), vec!["page_token"]),
        (with_token(&token_of_h3, hospital_list_request("H2")), vec!["page_token"]),
        (with_token(&token_of_p1, person_list_request("P2", 2017)), vec!["page_token"]),
        (with_token(&token_of_p1, person_list_request("P1", 2018)), vec!["page_token"]),
        (with_token(&token_of_p1[..token_of_p1.len() - 2], person_list_request("P1", 2017)), vec!["page_token"]),
        (with_token("é", person_list_request("P1", 2017)), vec!["page_token"]),
    ];
    for (request, fields) in cases {
        let status = list_page(&server, &request).await.expect_err("a refusal");
        assert_eq!(
            (status.code(), refusal_details(&status).reason.as_str()),
            (Code::InvalidArgument, "INVALID_REQUEST")
        );
        let reported: Vec<_> = refusal_details(&status).faults.into_iter().map(|(field, ..)| field).collect();
        assert_eq!(reported, fields, "{status:?}");
    }
    let beside = ListSettlementsRequest { person_id: "P1".into(), ..hospital_list_request("H3") };
    let status = list_page(&server, &beside).await.expect_err("a refusal");
    assert_eq!(refusal_details(&status).faults[0].1, "MUST_BE_EMPTY");
    assert_eq!(
        code_and_reason(list_page(&server, &with_token("00", hospital_list_request("H3"))).await).0,
        Code::InvalidArgument
    );
}
