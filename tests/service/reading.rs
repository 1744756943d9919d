//! Read calls: settlements, accounts, policies, health and reflection.

use onestop::domain::claim::RawClaim;
use onestop::domain::ids::Digest;
use onestop::grpc::to_proto;
use onestop::pb::Date;
use onestop::pb::policy::{GetPolicyRequest, GetPolicyResponse};
use onestop::pb::settlement::{self as pb, GetAccountRequest, GetSettlementRequest};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::{Server, code_and_reason, refusal_details};
use crate::support::claims::{claim, day};

const SERVICES: [&str; 3] = [
    "onestop.policy.v1.PolicyService",
    "onestop.reference.v1.ReferenceService",
    "onestop.settlement.v1.SettlementService",
];

/// Claim C1 of person P1 at hospital H3: one item for 50,000 yuan.
fn bill() -> RawClaim {
    claim("C1", "P1", "50000.00")
}

fn request_by_id(id: &str) -> GetSettlementRequest {
    GetSettlementRequest { settlement_id: id.to_owned(), ..GetSettlementRequest::default() }
}

fn request_by_claim(hospital: &str, person: &str, claim: &str) -> GetSettlementRequest {
    let [hospital_id, person_id, claim_id] = [hospital, person, claim].map(str::to_owned);
    GetSettlementRequest { hospital_id, person_id, claim_id, ..GetSettlementRequest::default() }
}

/// The fields at fault of a refusal, each with its reason.
fn faults(status: &Status) -> Vec<(String, String)> {
    refusal_details(status).faults.into_iter().map(|(field, reason, _)| (field, reason)).collect()
}

async fn get_settlement(server: &Server, request: GetSettlementRequest) -> Result<pb::GetSettlementResponse, Status> {
    Ok(server.settlement_client().get_settlement(request).await?.into_inner())
}

#[tokio::test]
async fn a_settlement_is_read_by_id_and_by_claim_together_with_its_reversal() {
    let server = Server::start().await;
    let first = server.settle_ok(&bill(), "R1").await;
    let unreversed = pb::GetSettlementResponse {
        settlement: Some(first.clone()),
        claim: Some(to_proto::claim(&bill())),
        ..pb::GetSettlementResponse::default()
    };
    for request in [request_by_id(&first.settlement_id), request_by_claim("H3", "P1", "C1")] {
        assert_eq!(get_settlement(&server, request).await.expect("a settlement"), unreversed);
    }
    let reversal = server.reverse(&bill(), "R2").await.expect("a reversal").reversal;
    let reversed = pb::GetSettlementResponse { reversal, ..unreversed };
    for request in [request_by_id(&first.settlement_id), request_by_claim("H3", "P1", "C1")] {
        assert_eq!(get_settlement(&server, request).await.expect("a settlement"), reversed);
    }
    let second = server.settle_ok(&bill(), "R3").await;
    let newest = get_settlement(&server, request_by_claim("H3", "P1", "C1")).await.expect("a settlement");
    assert_eq!((newest.settlement, newest.reversal), (Some(second), None));
    assert_eq!(get_settlement(&server, request_by_id(&first.settlement_id)).await.expect("a settlement"), reversed);
}

#[tokio::test]
async fn a_settlement_is_read_by_its_id_or_by_its_claim_and_not_by_both() {
    let server = Server::start().await;
    let settlement_id = server.settle_ok(&bill(), "R1").await.settlement_id;
    let must_be_empty = |fields: &[&str]| -> Vec<_> {
        fields.iter().map(|field| ((*field).to_owned(), "MUST_BE_EMPTY".to_owned())).collect()
    };
    for (hospital, person, claim, fields) in [
        ("H3", "P1", "C1", &["hospital_id", "person_id", "claim_id"][..]),
        ("H3", "P1", "C2", &["hospital_id", "person_id", "claim_id"]),
        ("", "P2", "", &["person_id"]),
    ] {
        let request =
            GetSettlementRequest { settlement_id: settlement_id.clone(), ..request_by_claim(hospital, person, claim) };
        let status = get_settlement(&server, request).await.expect_err("a refusal");
        assert_eq!(code_and_reason::<()>(Err(status.clone())), (Code::InvalidArgument, "INVALID_REQUEST".to_owned()));
        assert_eq!(faults(&status), must_be_empty(fields));
    }
}

#[tokio::test]
async fn an_id_that_names_no_settlement_of_the_person_is_not_found() {
    let server = Server::start().await;
    server.settle_ok(&bill(), "R1").await;
    let reversal = server.reverse(&bill(), "R2").await.expect("a reversal").reversal.expect("a reversal");
    let requests = [
        request_by_id(&reversal.reversal_id),
        request_by_id("00000000-0000-0000-0000-000000000000"),
        request_by_id("no id"),
        request_by_claim("H3", "P2", "C1"),
        request_by_claim("H2", "P1", "C1"),
        request_by_claim("H3", "P1", "C2"),
    ];
    for request in requests {
        assert_eq!(code_and_reason(get_settlement(&server, request).await), (Code::NotFound, "NOT_FOUND".to_owned()));
    }
    let details =
        refusal_details(&get_settlement(&server, request_by_claim("H3", "", "")).await.expect_err("a refusal"));
    let faults: Vec<_> = details.faults.iter().map(|(field, reason, _)| (field.as_str(), reason.as_str())).collect();
    assert_eq!(faults, [("claim_id", "MISSING"), ("person_id", "MISSING")]);
}

async fn get_account(server: &Server, person: &str, year: i32) -> Result<pb::GetAccountResponse, Status> {
    let (person_id, insurance) = (person.to_owned(), "resident".to_owned());
    let request = GetAccountRequest { person_id, insurance, year, on: None };
    Ok(server.settlement_client().get_account(request).await?.into_inner())
}

/// Each cap as account name, annual limit, amount used and room left, in fen.
fn rooms(account: &pb::GetAccountResponse) -> Vec<(&str, Option<i64>, i64, Option<i64>)> {
    account.rooms.iter().map(|room| (room.account.as_str(), room.annual_fen, room.used_fen, room.room_fen)).collect()
}

#[tokio::test]
async fn an_account_shows_the_sums_used_and_the_room_under_each_cap() {
    let server = Server::start().await;
    let empty = get_account(&server, "P1", 2017).await.expect("an account");
    assert_eq!((empty.version, empty.admissions, empty.layers.len(), empty.caps.len()), (0, 0, 0, 0));
    server.settle_ok(&bill(), "R1").await;
    let used = get_account(&server, "P1", 2017).await.expect("an account");
    // (50,000 - 1,000) x 55% = 26,950; of the 23,050 left, (23,050 - 12,000) x 50% = 5,525.
    let layers: Vec<_> = used.layers.iter().map(|l| (l.layer_id.as_str(), l.paid_fen)).collect();
    assert_eq!(layers, [("basic_inpatient", 2_695_000), ("critical_illness", 552_500)]);
    let ledgers: Vec<_> =
        used.ledgers.iter().map(|l| (l.ledger.as_str(), l.base_fen, l.deductible_taken_fen)).collect();
    assert_eq!(ledgers, [("basic_inpatient", 5_000_000, 100_000), ("critical_illness", 2_305_000, 1_200_000)]);
    assert_eq!(
        rooms(&used)[..2],
        [
            ("basic_fund", Some(15_000_000), 2_695_000, Some(12_305_000)),
            ("critical_illness", Some(30_000_000), 552_500, Some(29_447_500)),
        ]
    );
    assert_eq!((used.version, used.admissions, used.policy_id.as_str()), (1, 1, "shandong-2017"));
    server.reverse(&bill(), "R2").await.expect("a reversal");
    let restored = get_account(&server, "P1", 2017).await.expect("an account");
    assert_eq!((rooms(&restored), restored.admissions), (rooms(&empty), 0));
    assert_eq!(
        get_account(&server, "P1", 2018).await.expect("an account").version,
        0,
        "another year is another account"
    );
}

#[tokio::test]
async fn the_room_follows_the_categories_of_the_person_and_an_unlimited_cap_has_none() {
    let server = Server::start().await;
    let registered_poor = get_account(&server, "P2", 2017).await.expect("an account");
    assert!(rooms(&registered_poor).contains(&("critical_illness", Some(50_000_000), 0, Some(50_000_000))));
    let unlimited = get_account(&server, "P2", 2019).await.expect("an account");
    assert!(rooms(&unlimited).contains(&("critical_illness", None, 0, None)));
    let year_without_policy = get_account(&server, "P2", 2016).await.expect("an account");
    assert_eq!(
        (year_without_policy.rooms.len(), year_without_policy.policy_id.as_str()),
        (0, ""),
        "no policy is in force"
    );
}

#[tokio::test]
async fn an_account_of_an_unknown_person_is_not_found_and_an_invalid_year_or_day_is_refused() {
    let server = Server::start().await;
    assert_eq!(code_and_reason(get_account(&server, "P9", 2017).await), (Code::NotFound, "NOT_FOUND".to_owned()));
    let year = refusal_details(&get_account(&server, "P1", 0).await.expect_err("a refusal"));
    assert_eq!((year.faults[0].0.as_str(), year.faults[0].1.as_str()), ("year", "NOT_A_DAY"));
    let on = Some(Date { year: 2017, month: 2, day: 31 });
    let request = GetAccountRequest { person_id: "P1".to_owned(), insurance: "resident".to_owned(), year: 2017, on };
    let day = refusal_details(&server.settlement_client().get_account(request).await.expect_err("a refusal"));
    assert_eq!((day.faults[0].0.as_str(), day.faults[0].1.as_str()), ("on", "NOT_A_DAY"));
    let on = Some(Date { year: 2017, month: 2, day: 28 });
    let request = GetAccountRequest { person_id: "P1".to_owned(), insurance: "resident".to_owned(), year: 0, on };
    let year = refusal_details(&server.settlement_client().get_account(request).await.expect_err("a refusal"));
    assert_eq!((year.faults[0].0.as_str(), year.faults[0].1.as_str()), ("year", "NOT_A_DAY"));
}

async fn get_policy(server: &Server, id: &str, digest: Vec<u8>) -> Result<GetPolicyResponse, Status> {
    let request = GetPolicyRequest { policy_id: id.to_owned(), policy_digest: digest };
    Ok(server.policy_client().get_policy(request).await?.into_inner())
}

#[tokio::test]
async fn the_policy_of_a_settlement_is_read_by_id_and_digest_and_its_digest_covers_its_text() {
    let server = Server::start().await;
    let derivation = server.settle_ok(&bill(), "R1").await.derivation.expect("a derivation");
    let judged = derivation.circumstances.expect("the circumstances");
    let by_digest = get_policy(&server, "", judged.policy_digest.clone()).await.expect("the policy");
    assert_eq!(by_digest, get_policy(&server, &judged.policy_id, Vec::new()).await.expect("the policy"));
    assert_eq!(by_digest.policy_id, judged.policy_id);
    assert_eq!(by_digest.policy_digest, Digest::blake3(by_digest.canonical_json.as_bytes()).0);
    assert_eq!(by_digest.policy_digest, judged.policy_digest);
    let json: serde_json::Value = serde_json::from_str(&by_digest.canonical_json).expect("JSON");
    assert_eq!(json["id"], "shandong-2017");
}

#[tokio::test]
async fn a_policy_is_read_by_its_id_or_by_its_digest_and_not_by_both() {
    let server = Server::start().await;
    let digest = get_policy(&server, "shandong-2017", Vec::new()).await.expect("the policy").policy_digest;
    for id in ["shandong-2017", "shandong-2018"] {
        let status = get_policy(&server, id, digest.clone()).await.expect_err("a refusal");
        assert_eq!(code_and_reason::<()>(Err(status.clone())), (Code::InvalidArgument, "INVALID_REQUEST".to_owned()));
        assert_eq!(faults(&status), [("policy_id".to_owned(), "MUST_BE_EMPTY".to_owned())]);
    }
}

#[tokio::test]
async fn a_policy_that_was_never_active_is_not_found() {
    let server = Server::start().await;
    for (id, digest) in [("", vec![]), ("beijing-2017", vec![]), ("", vec![7; 32]), ("", vec![7; 31])] {
        assert_eq!(code_and_reason(get_policy(&server, id, digest).await), (Code::NotFound, "NOT_FOUND".to_owned()));
    }
}

#[tokio::test]
async fn the_server_and_each_service_report_serving() {
    let server = Server::start().await;
    let mut client = HealthClient::new(server.channel.clone());
    for service in SERVICES.into_iter().chain([""]) {
        let request = HealthCheckRequest { service: service.to_owned() };
        let status = client.check(request).await.expect("a health status").into_inner().status();
        assert_eq!(status, ServingStatus::Serving, "{service}");
    }
}

macro_rules! listed_services {
    ($version:ident, $server:expr) => {{
        use reflection::server_reflection_request::MessageRequest;
        use reflection::server_reflection_response::MessageResponse;
        use tonic_reflection::pb::$version as reflection;
        let list = MessageRequest::ListServices(String::new());
        let request = reflection::ServerReflectionRequest { host: String::new(), message_request: Some(list) };
        let mut client = reflection::server_reflection_client::ServerReflectionClient::new($server.channel.clone());
        let responses = client.server_reflection_info(tokio_stream::iter([request])).await.expect("a response");
        let response = responses.into_inner().message().await.expect("a response").expect("a response");
        match response.message_response.expect("a response") {
            MessageResponse::ListServicesResponse(list) => {
                list.service.into_iter().map(|service| service.name).collect()
            }
            other => panic!("{other:?}"),
        }
    }};
}

#[tokio::test]
async fn reflection_lists_the_services_in_both_protocol_versions() {
    let server = Server::start().await;
    let lists: [Vec<String>; 2] = [listed_services!(v1, server), listed_services!(v1alpha, server)];
    for listed in lists {
        assert!(SERVICES.iter().all(|service| listed.iter().any(|name| name == service)), "{listed:?}");
    }
}

#[tokio::test]
async fn the_room_on_a_day_follows_the_policy_of_that_day() {
    let server = Server::start().await;
    server.settle_ok(&RawClaim { admitted: day("2017-12-20"), discharged: day("2017-12-31"), ..bill() }, "R1").await;
    let on = Some(Date { year: 2018, month: 1, day: 1 });
    let request = GetAccountRequest { person_id: "P1".to_owned(), insurance: "resident".to_owned(), year: 2017, on };
    let account = server.settlement_client().get_account(request).await.expect("an account").into_inner();
    assert_eq!(account.policy_id, "shandong-2018");
    assert!(rooms(&account).contains(&("critical_illness", Some(40_000_000), 552_500, Some(39_447_500))));
}
