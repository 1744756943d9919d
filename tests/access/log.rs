//! The access log: a line for every read of a person, before it is answered; and an account opens to whom it should.

use onestop::domain::ids::PersonId;
use onestop::grpc::pb::settlement as pb;
use onestop::grpc::pb::settlement::settlement_service_client::SettlementServiceClient;
use onestop::grpc::to_proto;
use onestop::store::JournalStore;
use tonic::{Code, Status};

use super::House;
use crate::support::claims::claim;

fn account(person: &str) -> pb::GetAccountRequest {
    let insurance = "resident".to_owned();
    pb::GetAccountRequest { person_id: person.to_owned(), insurance, year: 2017, on: None }
}

/// A line as the log must have it.
fn line(house: &House, call: &str, caller: &str, person: &str) -> [String; 3] {
    let key = house.engine.store().person_key(&PersonId::from(person));
    [call.to_owned(), caller.to_owned(), key.iter().map(|byte| format!("{byte:02x}")).collect()]
}

fn code<T: std::fmt::Debug>(answer: Result<T, Status>) -> Code {
    answer.err().map_or(Code::Ok, |status| status.code())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_opens_by_a_claim_that_stands_or_a_quote() {
    let house = House::settled().await;
    let mut client = SettlementServiceClient::new(house.channel("hospital").await);
    assert_eq!(code(client.get_account(account("P1")).await), Code::Ok, "its own claim stands");
    assert_eq!(code(client.get_account(account("P2")).await), Code::NotFound, "another's patient");
    assert_eq!(code(client.get_account(account("P9")).await), Code::NotFound, "nobody at all, and no difference");
    let quote = pb::QuoteRequest { claim: Some(to_proto::claim(&claim("Q", "P2", "1.00"))) };
    client.quote(quote).await.expect("a quote");
    assert_eq!(code(client.get_account(account("P2")).await), Code::Ok, "it asked a quote for the person");
    let reversal = pb::ReverseRequest {
        hospital_id: "H3".to_owned(),
        person_id: "P1".to_owned(),
        claim_id: "C-H3".to_owned(),
        request_id: "V".to_owned(),
        reason: "a wrong bill".to_owned(),
        ..Default::default()
    };
    client.reverse(reversal).await.expect("a reversal");
    assert_eq!(code(client.get_account(account("P1")).await), Code::NotFound, "its claim stands no more");
    let mut gateway = SettlementServiceClient::new(house.channel("gateway").await);
    assert_eq!(code(gateway.get_account(account("P4")).await), Code::Ok, "H1 is a hospital of the gateway");
    assert_eq!(code(gateway.get_account(account("P2")).await), Code::Ok, "so is H3, which asked a quote");
    let wanted = [
        line(&house, "GetAccount", "hospital", "P1"),
        line(&house, "Quote", "hospital", "P2"),
        line(&house, "GetAccount", "hospital", "P2"),
        line(&house, "GetAccount", "gateway", "P4"),
        line(&house, "GetAccount", "gateway", "P2"),
    ];
    assert_eq!(house.keys.log(), wanted, "what was refused told nothing, and stands nowhere");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_read_of_a_person_has_its_line() {
    let house = House::settled().await;
    let mut client = SettlementServiceClient::new(house.channel("auditor").await);
    let of_claim = pb::GetSettlementRequest {
        hospital_id: "H2".to_owned(),
        person_id: "P2".to_owned(),
        claim_id: "C-H2".to_owned(),
        ..Default::default()
    };
    client.get_settlement(of_claim).await.expect("a settlement");
    let outcome = pb::GetOutcomeRequest {
        hospital_id: "H3".to_owned(),
        person_id: "P1".to_owned(),
        request_id: "R-H3".to_owned(),
    };
    client.get_outcome(outcome).await.expect("an outcome");
    let of_hospital = pb::ListSettlementsRequest { hospital_id: "H1".to_owned(), ..Default::default() };
    client.list_settlements(of_hospital).await.expect("a list");
    let wanted = [
        line(&house, "GetSettlement", "auditor", "P2"),
        line(&house, "GetOutcome", "auditor", "P1"),
        line(&house, "ListSettlements", "auditor", "P4"),
    ];
    assert_eq!(house.keys.log(), wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moved_log_is_begun_anew() {
    let house = House::settled().await;
    let mut client = SettlementServiceClient::new(house.channel("auditor").await);
    client.get_account(account("P1")).await.expect("an account");
    let (log, moved) = (house.keys.file("access.log"), house.keys.file("access.log.1"));
    std::fs::rename(&log, &moved).expect("moved");
    house.reload_until(async || log.exists()).await;
    client.get_account(account("P2")).await.expect("an account");
    assert_eq!(house.keys.log(), [line(&house, "GetAccount", "auditor", "P2")]);
    assert_eq!(std::fs::read_to_string(moved).expect("the old log").lines().count(), 1);
}

/// A device that is always full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_noted_is_not_told() {
    let keys = crate::support::keys::Keys::made();
    let log = onestop::access::log::AccessLog::open(std::path::Path::new("/dev/full")).expect("a device");
    let door = onestop::server::access_setup::AccessSetup { log, ..keys.door() };
    let house = House::behind(keys, door, Default::default()).await;
    let mut client = SettlementServiceClient::new(house.channel("auditor").await);
    assert_eq!(code(client.get_account(account("P1")).await), Code::Unavailable);
}
