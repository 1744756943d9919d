//! What can be read back: settlements, accounts, policies; and what the server says of itself.

use onestop::domain::claim::RawClaim;
use onestop::domain::ids::Digest;
use onestop::grpc::pb::policy::{GetPolicyRequest, GetPolicyResponse};
use onestop::grpc::pb::settlement::{self as pb, GetAccountRequest, GetSettlementRequest};
use onestop::grpc::to_proto;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::{Server, refused, told};
use crate::support::claims::{claim, day};

const SERVICES: [&str; 3] = [
    "onestop.policy.v1.PolicyService",
    "onestop.reference.v1.ReferenceService",
    "onestop.settlement.v1.SettlementService",
];

fn bill() -> RawClaim {
    claim("C1", "P1", "50000.00")
}

fn by_id(id: &str) -> GetSettlementRequest {
    GetSettlementRequest { settlement_id: id.to_owned(), ..GetSettlementRequest::default() }
}

fn by_claim(hospital: &str, person: &str, claim: &str) -> GetSettlementRequest {
    let [hospital_id, person_id, claim_id] = [hospital, person, claim].map(str::to_owned);
    GetSettlementRequest { hospital_id, person_id, claim_id, ..GetSettlementRequest::default() }
}

async fn read(server: &Server, request: GetSettlementRequest) -> Result<pb::GetSettlementResponse, Status> {
    Ok(server.settlements().get_settlement(request).await?.into_inner())
}

#[tokio::test]
async fn a_settlement_is_read_by_its_id_and_by_its_claim_with_its_reversal() {
    let server = Server::start().await;
    let first = server.settled(&bill(), "R1").await;
    let standing = pb::GetSettlementResponse {
        settlement: Some(first.clone()),
        claim: Some(to_proto::claim(&bill())),
        ..pb::GetSettlementResponse::default()
    };
    for request in [by_id(&first.settlement_id), by_claim("H3", "P1", "C1")] {
        assert_eq!(read(&server, request).await.expect("a settlement"), standing);
    }
    let reversal = server.reverse(&bill(), "R2").await.expect("a reversal").reversal;
    let reversed = pb::GetSettlementResponse { reversal, ..standing };
    for request in [by_id(&first.settlement_id), by_claim("H3", "P1", "C1")] {
        assert_eq!(read(&server, request).await.expect("a settlement"), reversed);
    }
    let second = server.settled(&bill(), "R3").await;
    let newest = read(&server, by_claim("H3", "P1", "C1")).await.expect("a settlement");
    assert_eq!((newest.settlement, newest.reversal), (Some(second), None));
    assert_eq!(read(&server, by_id(&first.settlement_id)).await.expect("a settlement"), reversed);
}

#[tokio::test]
async fn what_is_no_settlement_or_another_persons_is_not_found() {
    let server = Server::start().await;
    server.settled(&bill(), "R1").await;
    let reversal = server.reverse(&bill(), "R2").await.expect("a reversal").reversal.expect("a reversal");
    let requests = [
        by_id(&reversal.reversal_id),
        by_id("00000000-0000-0000-0000-000000000000"),
        by_id("no id"),
        by_claim("H3", "P2", "C1"),
        by_claim("H2", "P1", "C1"),
        by_claim("H3", "P1", "C2"),
    ];
    for request in requests {
        assert_eq!(refused(read(&server, request).await), (Code::NotFound, "NOT_FOUND".to_owned()));
    }
    let told = told(&read(&server, by_claim("H3", "", "")).await.expect_err("a refusal"));
    let named: Vec<_> = told.faults.iter().map(|(field, reason, _)| (field.as_str(), reason.as_str())).collect();
    assert_eq!(named, [("claim_id", "MISSING"), ("person_id", "MISSING")]);
}

async fn account(server: &Server, person: &str, year: i32) -> Result<pb::GetAccountResponse, Status> {
    let (person_id, insurance) = (person.to_owned(), "resident".to_owned());
    let request = GetAccountRequest { person_id, insurance, year, on: None };
    Ok(server.settlements().get_account(request).await?.into_inner())
}

fn rooms(account: &pb::GetAccountResponse) -> Vec<(&str, Option<i64>, i64, Option<i64>)> {
    account.rooms.iter().map(|room| (room.account.as_str(), room.annual_fen, room.used_fen, room.room_fen)).collect()
}

#[tokio::test]
async fn an_account_shows_what_was_used_and_the_room_under_each_cap() {
    let server = Server::start().await;
    let empty = account(&server, "P1", 2017).await.expect("an account");
    assert_eq!((empty.version, empty.admissions, empty.layers.len(), empty.caps.len()), (0, 0, 0, 0));
    server.settled(&bill(), "R1").await;
    let used = account(&server, "P1", 2017).await.expect("an account");
    // (50,000 - 1,000) x 55% = 26,950; of the 23,050 left, (23,050 - 12,000) x 50% = 5,525.
    let layers: Vec<_> = used.layers.iter().map(|l| (l.layer_id.as_str(), l.base_fen, l.paid_fen)).collect();
    assert_eq!(layers, [("basic_inpatient", 5_000_000, 2_695_000), ("critical_illness", 2_305_000, 552_500)]);
    assert_eq!(
        rooms(&used)[..2],
        [
            ("basic_fund", Some(15_000_000), 2_695_000, Some(12_305_000)),
            ("critical_illness", Some(30_000_000), 552_500, Some(29_447_500)),
        ]
    );
    assert_eq!((used.version, used.admissions, used.policy_id.as_str()), (1, 1, "shandong-2017"));
    server.reverse(&bill(), "R2").await.expect("a reversal");
    let restored = account(&server, "P1", 2017).await.expect("an account");
    assert_eq!((rooms(&restored), restored.admissions), (rooms(&empty), 0));
    assert_eq!(account(&server, "P1", 2018).await.expect("an account").version, 0, "another year is another account");
}

#[tokio::test]
async fn the_room_is_that_of_the_categories_held_and_a_lifted_cap_has_none() {
    let server = Server::start().await;
    let poor = account(&server, "P2", 2017).await.expect("an account");
    assert!(rooms(&poor).contains(&("critical_illness", Some(50_000_000), 0, Some(50_000_000))));
    let lifted = account(&server, "P2", 2019).await.expect("an account");
    assert!(rooms(&lifted).contains(&("critical_illness", None, 0, None)));
    let before = account(&server, "P2", 2016).await.expect("an account");
    assert_eq!((before.rooms.len(), before.policy_id.as_str()), (0, ""), "no policy is in force");
}

#[tokio::test]
async fn an_account_of_nobody_is_not_found_and_a_year_or_day_that_is_none_is_refused() {
    let server = Server::start().await;
    assert_eq!(refused(account(&server, "P9", 2017).await), (Code::NotFound, "NOT_FOUND".to_owned()));
    let year = told(&account(&server, "P1", 0).await.expect_err("a refusal"));
    assert_eq!((year.faults[0].0.as_str(), year.faults[0].1.as_str()), ("year", "NOT_A_DAY"));
    let on = Some(pb::Date { year: 2017, month: 2, day: 31 });
    let request = GetAccountRequest { person_id: "P1".to_owned(), insurance: "resident".to_owned(), year: 2017, on };
    let day = told(&server.settlements().get_account(request).await.expect_err("a refusal"));
    assert_eq!((day.faults[0].0.as_str(), day.faults[0].1.as_str()), ("on", "NOT_A_DAY"));
}

async fn policy(server: &Server, id: &str, digest: Vec<u8>) -> Result<GetPolicyResponse, Status> {
    let request = GetPolicyRequest { policy_id: id.to_owned(), policy_digest: digest };
    Ok(server.policies().get_policy(request).await?.into_inner())
}

#[tokio::test]
async fn the_policy_of_a_settlement_is_read_by_id_and_digest_and_the_digest_is_of_its_text() {
    let server = Server::start().await;
    let split = server.settled(&bill(), "R1").await.split.expect("a split");
    let judged = split.judged.expect("its circumstances");
    let by_digest = policy(&server, "", judged.policy_digest.clone()).await.expect("the policy");
    assert_eq!(by_digest, policy(&server, &judged.policy_id, Vec::new()).await.expect("the policy"));
    assert_eq!(by_digest.policy_id, judged.policy_id);
    assert_eq!(by_digest.policy_digest, Digest::of(by_digest.canonical_json.as_bytes()).0);
    assert_eq!(by_digest.policy_digest, judged.policy_digest);
    let json: serde_json::Value = serde_json::from_str(&by_digest.canonical_json).expect("JSON");
    assert_eq!(json["id"], "shandong-2017");
}

#[tokio::test]
async fn a_policy_that_was_never_in_use_is_not_found() {
    let server = Server::start().await;
    for (id, digest) in [("", vec![]), ("beijing-2017", vec![]), ("", vec![7; 32]), ("", vec![7; 31])] {
        assert_eq!(refused(policy(&server, id, digest).await), (Code::NotFound, "NOT_FOUND".to_owned()));
    }
}

#[tokio::test]
async fn the_server_and_each_service_is_serving() {
    let server = Server::start().await;
    let mut client = HealthClient::new(server.channel.clone());
    for service in SERVICES.into_iter().chain([""]) {
        let request = HealthCheckRequest { service: service.to_owned() };
        let status = client.check(request).await.expect("its health").into_inner().status();
        assert_eq!(status, ServingStatus::Serving, "{service}");
    }
}

macro_rules! listed {
    ($version:ident, $server:expr) => {{
        use reflection::server_reflection_request::MessageRequest;
        use reflection::server_reflection_response::MessageResponse;
        use tonic_reflection::pb::$version as reflection;
        let list = MessageRequest::ListServices(String::new());
        let request = reflection::ServerReflectionRequest { host: String::new(), message_request: Some(list) };
        let mut client = reflection::server_reflection_client::ServerReflectionClient::new($server.channel.clone());
        let answers = client.server_reflection_info(tokio_stream::iter([request])).await.expect("an answer");
        let answer = answers.into_inner().message().await.expect("an answer").expect("an answer");
        match answer.message_response.expect("an answer") {
            MessageResponse::ListServicesResponse(list) => {
                list.service.into_iter().map(|service| service.name).collect()
            }
            other => panic!("{other:?}"),
        }
    }};
}

#[tokio::test]
async fn reflection_lists_the_services_in_both_versions() {
    let server = Server::start().await;
    let listed: [Vec<String>; 2] = [listed!(v1, server), listed!(v1alpha, server)];
    for listed in listed {
        assert!(SERVICES.iter().all(|service| listed.iter().any(|name| name == service)), "{listed:?}");
    }
}

#[tokio::test]
async fn the_room_on_a_day_is_that_of_the_policy_of_that_day() {
    let server = Server::start().await;
    server.settled(&RawClaim { admitted: day("2017-12-20"), discharged: day("2017-12-31"), ..bill() }, "R1").await;
    let on = Some(pb::Date { year: 2018, month: 1, day: 1 });
    let request = GetAccountRequest { person_id: "P1".to_owned(), insurance: "resident".to_owned(), year: 2017, on };
    let account = server.settlements().get_account(request).await.expect("an account").into_inner();
    assert_eq!(account.policy_id, "shandong-2018");
    assert!(rooms(&account).contains(&("critical_illness", Some(40_000_000), 552_500, Some(39_447_500))));
}
