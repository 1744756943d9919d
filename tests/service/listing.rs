//! Lists of settlements, page by page, while others are settled.

use onestop::domain::claim::RawClaim;
use onestop::grpc::pb::settlement::{ListSettlementsRequest, ListSettlementsResponse, SettlementSummary};
use onestop::grpc::{commit_stamp, to_proto};
use tonic::{Code, Status};

use super::{Server, refused, reverse, told};
use crate::support::claims::{claim, day};

fn of_person(person: &str, benefit_year: i32) -> ListSettlementsRequest {
    ListSettlementsRequest { person_id: person.to_owned(), benefit_year, ..ListSettlementsRequest::default() }
}

fn of_hospital(hospital: &str) -> ListSettlementsRequest {
    ListSettlementsRequest { hospital_id: hospital.to_owned(), ..ListSettlementsRequest::default() }
}

async fn page(server: &Server, request: &ListSettlementsRequest) -> Result<ListSettlementsResponse, Status> {
    Ok(server.settlements().list_settlements(request.clone()).await?.into_inner())
}

/// All pages of so many; between two of them another claim of P1 at H3 is settled.
async fn all(server: &Server, mut request: ListSettlementsRequest, size: i32) -> Vec<SettlementSummary> {
    let mut all = Vec::new();
    request.page_size = size;
    loop {
        let page = page(server, &request).await.expect("a page");
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

fn ids(settlements: &[SettlementSummary]) -> Vec<&str> {
    settlements.iter().map(|one| one.settlement_id.as_str()).collect()
}

/// Settles these of P1; every second at H2.
async fn settled(server: &Server, count: usize) -> Vec<(RawClaim, String)> {
    let mut settled = Vec::new();
    for at in 0..count {
        let hospital = ["H3", "H2"][at % 2];
        let bill = RawClaim { hospital_id: hospital.into(), ..claim(&format!("C{at}"), "P1", "50000.00") };
        let settlement = server.settled(&bill, &format!("R{at}")).await;
        settled.push((bill, settlement.settlement_id));
    }
    settled
}

#[tokio::test]
async fn a_persons_year_is_listed_newest_first_and_stands_while_others_are_settled() {
    let server = Server::start().await;
    let settled = settled(&server, 7).await;
    let next_year = RawClaim { admitted: day("2018-06-08"), discharged: day("2018-06-15"), ..claim("N", "P1", "1.00") };
    server.settled(&next_year, "N").await;
    let newest_first: Vec<_> = settled.iter().rev().map(|(_, id)| id.as_str()).collect();
    for size in [1, 3, 7, 1_000] {
        let listed = all(&server, of_person("P1", 2017), size).await;
        let first = listed.iter().filter(|one| one.claim_id.starts_with('C')).cloned().collect::<Vec<_>>();
        assert_eq!(ids(&first), newest_first, "pages of {size}");
    }
    assert_eq!(all(&server, of_person("P1", 2018), 10).await.len(), 1);
    assert_eq!(all(&server, of_person("P2", 2017), 10).await, []);
    let other = ListSettlementsRequest { insurance: "employee".to_owned(), ..of_person("P1", 2017) };
    assert_eq!(all(&server, other, 10).await, []);
}

#[tokio::test]
async fn a_hospitals_days_are_listed_in_the_order_of_commits_and_end_with_what_came_meanwhile() {
    let server = Server::start().await;
    let settled = settled(&server, 7).await;
    for size in [1, 2, 1_000] {
        let listed = all(&server, of_hospital("H2"), size).await;
        let wanted: Vec<_> = settled.iter().skip(1).step_by(2).map(|(_, id)| id.as_str()).collect();
        assert_eq!(ids(&listed), wanted, "pages of {size}");
    }
    let listed = all(&server, of_hospital("H3"), 2).await;
    let wanted: Vec<_> = settled.iter().step_by(2).map(|(_, id)| id.as_str()).collect();
    assert_eq!(ids(&listed)[..4], wanted);
    assert!(listed.len() > 4, "and those between the pages");
    let today = commit_stamp::now().instant.china_day();
    assert!(listed.iter().all(|one| one.settled_on == Some(to_proto::date(today))));
}

#[tokio::test]
async fn days_are_half_open() {
    let server = Server::start().await;
    settled(&server, 2).await;
    let today = server.settled(&claim("T", "P2", "1.00"), "T").await.committed_at.expect("an instant");
    let today = onestop::domain::journal::Instant(today.seconds * 1_000_000).china_day();
    let (first, last) = (day("2017-06-15").map(to_proto::date), day("9999-12-31").map(to_proto::date));
    let of_days =
        |settled_from, settled_until| ListSettlementsRequest { settled_from, settled_until, ..of_hospital("H3") };
    let today = Some(to_proto::date(today));
    assert_eq!(page(&server, &of_days(today, last)).await.expect("a page").settlements.len(), 2);
    assert_eq!(page(&server, &of_days(first, None)).await.expect("a page").settlements.len(), 2);
    assert_eq!(page(&server, &of_days(first, today)).await.expect("a page").settlements.len(), 0);
    assert_eq!(page(&server, &of_days(last, today)).await.expect("a page").settlements.len(), 0);
}

#[tokio::test]
async fn a_line_has_the_sums_in_force_and_what_became_of_it() {
    let server = Server::start().await;
    let settled = settled(&server, 3).await;
    let asked = onestop::grpc::pb::settlement::ReverseRequest { readjudicate: true, ..reverse(&settled[0].0, "V") };
    let reversal = server.settlements().reverse(asked).await.expect("a reversal").into_inner().reversal;
    let listed = all(&server, of_person("P1", 2017), 10).await;
    let told: Vec<_> = listed.iter().map(|one| (one.revision, one.reversal_id.as_str())).collect();
    let reversal_id = reversal.expect("a reversal").reversal_id;
    assert_eq!(told, [(2, ""), (2, ""), (1, reversal_id.as_str())]);
    for one in &listed {
        let paid: i64 = one.payers.iter().map(|share| share.amount_fen).sum();
        assert_eq!((paid + one.patient_fen, one.total_fen), (5_000_000, 5_000_000));
        assert_eq!((&*one.insurance, one.benefit_year, &*one.policy_id), ("resident", 2017, "shandong-2017"));
    }
    // At H2 (secondary) as the first bill of the year: what a fresh person pays there.
    let fresh = RawClaim { hospital_id: "H2".into(), ..claim("F", "P4", "50000.00") };
    let split = server.quote(&fresh).await.expect("a quote").split.expect("a split");
    assert_eq!((listed[1].patient_fen, &listed[1].payers), (split.patient_fen, &split.payers));
}

#[tokio::test]
async fn what_is_no_request_for_a_list_is_refused_by_field() {
    let server = Server::start().await;
    settled(&server, 3).await;
    let token = |request: ListSettlementsRequest| {
        let server = &server;
        async move {
            page(server, &ListSettlementsRequest { page_size: 1, ..request }).await.expect("a page").next_page_token
        }
    };
    let (of_p1, of_h3) = (token(of_person("P1", 2017)).await, token(of_hospital("H3")).await);
    let with = |page_token: &str, request| ListSettlementsRequest { page_token: page_token.to_owned(), ..request };
    let cases = [
        (ListSettlementsRequest::default(), vec!["person_id", "benefit_year"]),
        (of_person("P1", 0), vec!["benefit_year"]),
        (of_person(&"P".repeat(65), 2017), vec!["person_id"]),
        (
            ListSettlementsRequest { person_id: "P1".into(), benefit_year: 2017, ..of_hospital("H3") },
            vec!["person_id", "benefit_year"],
        ),
        (
            ListSettlementsRequest {
                settled_from: Some(to_proto::date(onestop::domain::day::Day::FIRST)),
                ..of_person("P1", 2017)
            },
            vec!["settled_from"],
        ),
        (
            ListSettlementsRequest {
                settled_until: Some(onestop::grpc::pb::settlement::Date { year: 2017, month: 2, day: 29 }),
                ..of_hospital("H3")
            },
            vec!["settled_until"],
        ),
        (ListSettlementsRequest { page_size: -1, ..of_hospital("H3") }, vec!["page_size"]),
        (with("no token", of_hospital("H3")), vec!["page_token"]),
        (with(&of_p1, of_hospital("H3")), vec!["page_token"]),
        (with(&of_h3, of_hospital("H2")), vec!["page_token"]),
        (with(&of_p1, of_person("P2", 2017)), vec!["page_token"]),
        (with(&of_p1, of_person("P1", 2018)), vec!["page_token"]),
        (with(&of_p1[..of_p1.len() - 2], of_person("P1", 2017)), vec!["page_token"]),
        (with("é", of_person("P1", 2017)), vec!["page_token"]),
    ];
    for (request, fields) in cases {
        let status = page(&server, &request).await.expect_err("a refusal");
        assert_eq!((status.code(), told(&status).reason.as_str()), (Code::InvalidArgument, "INVALID_REQUEST"));
        let named: Vec<_> = told(&status).faults.into_iter().map(|(field, ..)| field).collect();
        assert_eq!(named, fields, "{status:?}");
    }
    assert_eq!(refused(page(&server, &with("00", of_hospital("H3"))).await).0, Code::InvalidArgument);
}
