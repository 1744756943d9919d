//! Lists by person as a hospital sees them: its own settlements only, and nothing that tells whether others exist.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use onestop::domain::ids::EntryId;
use onestop::engine::settle::SettleRequest;
use onestop::pb::settlement as pb;
use onestop::pb::settlement::settlement_service_client::SettlementServiceClient;
use tonic::Status;
use tonic::transport::Channel;

use super::TestServer;
use crate::service::refusal_details;
use crate::support::claims::claim;
use crate::support::stamp;

/// Claims of P1, alternating between H2 and H3, and as many of P2 at H2 only. Returns the ids at H3, newest first, and
/// all others.
async fn settle_claims(server: &TestServer) -> (Vec<EntryId>, Vec<EntryId>) {
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for number in 100..112u64 {
        let (hospital, person) = [("H2", "P1"), ("H3", "P1"), ("H2", "P2")][number as usize % 3];
        let mut claim = claim(&format!("C{number}"), person, "100.00");
        claim.hospital_id = hospital.into();
        let request = SettleRequest {
            claim,
            request_id: format!("R{number}"),
            quote: None,
            today: onestop::domain::day::Day::LAST,
        };
        // The last byte of an id holds the shard.
        let stamp = stamp(number << 8).for_person(person);
        server.engine.settle(request, stamp).await.expect("a settlement");
        (if hospital == "H3" { &mut own } else { &mut others }).insert(0, stamp.id);
    }
    (own, others)
}

fn request(person: &str, page_token: &str) -> pb::ListSettlementsRequest {
    let (person_id, page_token) = (person.to_owned(), page_token.to_owned());
    pb::ListSettlementsRequest { person_id, page_token, benefit_year: 2017, page_size: 1, ..Default::default() }
}

async fn list(
    client: &mut SettlementServiceClient<Channel>,
    request: pb::ListSettlementsRequest,
) -> Result<pb::ListSettlementsResponse, Status> {
    Ok(client.list_settlements(request).await?.into_inner())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_of_a_person_hold_the_hospitals_own_settlements_only() {
    let server = TestServer::start(crate::support::keys::Keys::made(), Default::default()).await;
    let (own, others) = settle_claims(&server).await;
    let mut client = SettlementServiceClient::new(server.channel("hospital").await);
    let (mut listed, mut token) = (Vec::new(), String::new());
    loop {
        let page = list(&mut client, request("P1", &token)).await.expect("a page");
        assert!(page.settlements.iter().all(|one| one.hospital_id == "H3"));
        listed.extend(page.settlements.into_iter().map(|one| one.settlement_id));
        if page.next_page_token.is_empty() {
            break;
        }
        token = page.next_page_token;
        let bytes = URL_SAFE_NO_PAD.decode(&token).expect("a token");
        for EntryId(id) in own.iter().chain(&others) {
            assert!(!bytes.windows(id.len()).any(|window| window == id));
            assert!(!token.contains(&EntryId(*id).to_string()));
        }
    }
    assert_eq!(listed, own.iter().map(EntryId::to_string).collect::<Vec<_>>(), "each of its own, newest first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_whom_a_hospital_never_treated_looks_like_an_unknown_one() {
    let server = TestServer::start(crate::support::keys::Keys::made(), Default::default()).await;
    settle_claims(&server).await;
    let mut client = SettlementServiceClient::new(server.channel("hospital").await);
    let stranger = list(&mut client, request("P2", "")).await;
    let unknown = list(&mut client, request("P-NONE", "")).await;
    assert_eq!(stranger.expect("a page"), pb::ListSettlementsResponse::default(), "no settlement, and no token");
    assert_eq!(unknown.expect("a page"), pb::ListSettlementsResponse::default());
    let account = |person: &str| pb::GetAccountRequest {
        person_id: person.to_owned(),
        insurance: "resident".to_owned(),
        year: 2017,
        on: None,
    };
    let [stranger, unknown] = [account("P2"), account("P-NONE")];
    let stranger = client.get_account(stranger).await.expect_err("a refusal");
    let unknown = client.get_account(unknown).await.expect_err("a refusal");
    assert_eq!((stranger.code(), stranger.message()), (unknown.code(), unknown.message()));
    assert_eq!(stranger.details(), unknown.details());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_token_opens_for_its_own_caller_only() {
    let server = TestServer::start(crate::support::keys::Keys::made(), Default::default()).await;
    settle_claims(&server).await;
    let mut client = SettlementServiceClient::new(server.channel("hospital").await);
    let token = list(&mut client, request("P1", "")).await.expect("a page").next_page_token;
    assert!(list(&mut client, request("P1", &token)).await.is_ok());
    for other in ["gateway", "auditor"] {
        let mut other = SettlementServiceClient::new(server.channel(other).await);
        let details = refusal_details(&list(&mut other, request("P1", &token)).await.expect_err("a refusal"));
        assert_eq!((details.reason.as_str(), details.faults[0].0.as_str()), ("INVALID_REQUEST", "page_token"));
    }
}
