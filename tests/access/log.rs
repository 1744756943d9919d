//! The access log, with one line for every read of a person, and who may read an account.

use onestop::domain::ids::PersonId;
use onestop::grpc::to_proto;
use onestop::pb::settlement as pb;
use onestop::pb::settlement::settlement_service_client::SettlementServiceClient;
use onestop::store::JournalStore;
use tonic::{Code, Status};

use super::TestServer;
use crate::support::claims::claim;
use crate::support::ids::id;

fn account(person: &str) -> pb::GetAccountRequest {
    let insurance = "resident".to_owned();
    pb::GetAccountRequest { person_id: person.to_owned(), insurance, year: 2017, on: None }
}

/// The expected line of the log.
fn line(server: &TestServer, call: &str, caller: &str, person: &str) -> [String; 3] {
    let key = server.engine.store().person_key(&id::<PersonId>(person));
    [call.to_owned(), caller.to_owned(), key.iter().map(|byte| format!("{byte:02x}")).collect()]
}

fn code<T: std::fmt::Debug>(answer: Result<T, Status>) -> Code {
    answer.err().map_or(Code::Ok, |status| status.code())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hospital_reads_the_accounts_of_persons_with_its_unreversed_claim_or_recent_quote() {
    let server = TestServer::with_settlements().await;
    let mut client = SettlementServiceClient::new(server.channel("hospital").await);
    assert_eq!(code(client.get_account(account("P1")).await), Code::Ok, "its own claim is not reversed");
    assert_eq!(code(client.get_account(account("P2")).await), Code::NotFound, "a patient of another hospital");
    assert_eq!(code(client.get_account(account("P9")).await), Code::NotFound, "an unknown person gets the same answer");
    let quote = pb::QuoteRequest { claim: Some(to_proto::claim(&claim("Q", "P2", "1.00"))) };
    client.quote(quote).await.expect("a quote");
    assert_eq!(code(client.get_account(account("P2")).await), Code::Ok, "it requested a quote for the person");
    let reversal = pb::ReverseRequest {
        hospital_id: "H3".to_owned(),
        person_id: "P1".to_owned(),
        claim_id: "C-H3".to_owned(),
        request_id: "V".to_owned(),
        reason: "a wrong bill".to_owned(),
        ..Default::default()
    };
    client.reverse(reversal).await.expect("a reversal");
    assert_eq!(code(client.get_account(account("P1")).await), Code::NotFound, "its claim is reversed");
    let mut gateway = SettlementServiceClient::new(server.channel("gateway").await);
    assert_eq!(code(gateway.get_account(account("P4")).await), Code::Ok, "H1 is a hospital of the gateway");
    assert_eq!(code(gateway.get_account(account("P2")).await), Code::Ok, "so is H3, which requested a quote");
    let wanted = [
        line(&server, "GetAccount", "hospital", "P1"),
        line(&server, "Quote", "hospital", "P2"),
        line(&server, "GetAccount", "hospital", "P2"),
        line(&server, "GetAccount", "gateway", "P4"),
        line(&server, "GetAccount", "gateway", "P2"),
    ];
    assert_eq!(server.keys.log(), wanted, "refused reads are not logged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_read_of_a_person_is_logged() {
    let server = TestServer::with_settlements().await;
    let mut client = SettlementServiceClient::new(server.channel("auditor").await);
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
        of_readjudicate: false,
    };
    client.get_outcome(outcome).await.expect("an outcome");
    let of_hospital = pb::ListSettlementsRequest { hospital_id: "H1".to_owned(), ..Default::default() };
    client.list_settlements(of_hospital).await.expect("a list");
    let wanted = [
        line(&server, "GetSettlement", "auditor", "P2"),
        line(&server, "GetOutcome", "auditor", "P1"),
        line(&server, "ListSettlements", "auditor", "P4"),
    ];
    assert_eq!(server.keys.log(), wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_opens_a_new_log_after_the_file_was_moved() {
    let server = TestServer::with_settlements().await;
    let mut client = SettlementServiceClient::new(server.channel("auditor").await);
    client.get_account(account("P1")).await.expect("an account");
    let (log, moved) = (server.keys.file("access.log"), server.keys.file("access.log.1"));
    std::fs::rename(&log, &moved).expect("moved");
    server.reload_until(async || log.exists()).await;
    client.get_account(account("P2")).await.expect("an account");
    assert_eq!(server.keys.log(), [line(&server, "GetAccount", "auditor", "P2")]);
    assert_eq!(std::fs::read_to_string(moved).expect("the old log").lines().count(), 1);
}

/// The log is on a device that is always full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_cannot_be_logged_is_unavailable() {
    let keys = crate::support::keys::Keys::made();
    let log = onestop::access::log::AccessLog::open(std::path::Path::new("/dev/full")).expect("a device");
    let access = onestop::server::access_setup::AccessSetup { log, ..keys.access_setup() };
    let server = TestServer::with_access(keys, access, Default::default()).await;
    let mut client = SettlementServiceClient::new(server.channel("auditor").await);
    assert_eq!(code(client.get_account(account("P1")).await), Code::Unavailable);
}
