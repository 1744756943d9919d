//! The result of every call for every role, for its own hospital and for others.

use std::collections::BTreeSet;

use onestop::access::call::CALLS;
use onestop::domain::claim::ClaimKeys;
use onestop::grpc::to_proto;
use onestop::pb;
use onestop::pb::operations::operations_service_client::OperationsServiceClient;
use onestop::pb::policy::policy_service_client::PolicyServiceClient;
use onestop::pb::reference::reference_service_client::ReferenceServiceClient;
use onestop::pb::settlement::settle_stream_response::Answer;
use onestop::pb::settlement::settlement_service_client::SettlementServiceClient;
use prost::Message;
use tonic::Status;
use tonic::transport::Channel;

use super::TestServer;
use super::reconciliation::reconcile;
use crate::service::refusal_details;
use crate::support::claims::claim;
use crate::support::ids::id;

/// The result of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Came {
    /// A response.
    Yes,
    /// PERMISSION_DENIED NOT_PERMITTED.
    Denied,
    /// NOT_FOUND, as if nothing existed.
    Hidden,
    /// A response without content.
    Empty,
}

use Came::{Denied as No, Empty, Hidden, Yes};

const ROLES: [&str; 6] = ["hospital", "gateway", "registrar", "auditor", "backup", "operator"];

/// The results of each role for its own hospital and patient (H3, P1) and for others (H2, P2).
const TABLE: &[(&str, [(Came, Came); 6])] = &[
    //                                 hospital       gateway        registrar      auditor        backup         operator
    ("Quote", [(Yes, No), (Yes, No), (No, No), (No, No), (No, No), (No, No)]),
    ("Settle", [(Yes, No), (Yes, No), (No, No), (No, No), (No, No), (No, No)]),
    ("SettleStream", [(Yes, No), (Yes, No), (No, No), (No, No), (No, No), (No, No)]),
    ("Reverse", [(Yes, Hidden), (Yes, Hidden), (No, No), (No, No), (No, No), (No, No)]),
    ("Correct", [(Yes, No), (Yes, No), (No, No), (No, No), (No, No), (No, No)]),
    ("Readjudicate", [(No, No), (No, No), (No, No), (No, No), (No, No), (Yes, Yes)]),
    ("Fence", [(Yes, No), (Yes, No), (No, No), (No, No), (No, No), (No, No)]),
    ("Fence of the administration", [(No, No), (No, No), (No, No), (No, No), (No, No), (Yes, Yes)]),
    (
        "GetOutcome of the administration",
        [(Hidden, Hidden), (Hidden, Hidden), (No, No), (Yes, Yes), (No, No), (Yes, Yes)],
    ),
    ("GetOutcome", [(Yes, Hidden), (Yes, Hidden), (No, No), (Yes, Yes), (No, No), (Hidden, Hidden)]),
    ("GetSettlement by id", [(Yes, Hidden), (Yes, Hidden), (No, No), (Yes, Yes), (No, No), (No, No)]),
    ("GetSettlement by claim", [(Yes, Hidden), (Yes, Hidden), (No, No), (Yes, Yes), (No, No), (No, No)]),
    ("ListSettlements of a hospital", [(Yes, Hidden), (Yes, Hidden), (No, No), (Yes, Yes), (No, No), (No, No)]),
    ("ListSettlements of a person", [(Yes, Empty), (Yes, Empty), (No, No), (Yes, Yes), (No, No), (No, No)]),
    ("ListEntries", [(Yes, Empty), (Yes, Empty), (No, No), (Yes, Yes), (No, No), (Empty, Empty)]),
    ("WatchEntries", [(Yes, Empty), (Yes, Empty), (No, No), (Yes, Yes), (No, No), (Empty, Empty)]),
    ("Report of hospitals", [(Yes, Empty), (Yes, Empty), (No, No), (Yes, Yes), (No, No), (No, No)]),
    ("Report of persons", [(No, No), (No, No), (No, No), (Yes, Yes), (No, No), (No, No)]),
    ("ReportPoverty", [(No, No), (No, No), (No, No), (Yes, Yes), (No, No), (No, No)]),
    ("GetAccount", [(Yes, Hidden), (Yes, Hidden), (No, No), (Yes, Yes), (No, No), (No, No)]),
    ("ReconcileTotals", [(Yes, Hidden), (Yes, Hidden), (No, No), (Yes, Yes), (No, No), (No, No)]),
    ("ReconcileList", [(Yes, Hidden), (Yes, Hidden), (No, No), (Yes, Yes), (No, No), (No, No)]),
    ("ImportReference", [(No, No), (No, No), (Yes, Yes), (No, No), (No, No), (No, No)]),
    ("ListImports", [(No, No), (No, No), (Yes, Yes), (Yes, Yes), (No, No), (No, No)]),
    ("GetReference of hospitals", [(Yes, Yes), (Yes, Yes), (Yes, Yes), (Yes, Yes), (No, No), (No, No)]),
    ("GetReference of persons", [(No, No), (No, No), (Yes, Yes), (Yes, Yes), (No, No), (No, No)]),
    ("GetPolicy", [(Yes, Yes); 6]),
    ("ListPolicies", [(Yes, Yes); 6]),
    ("GetVocabulary", [(Yes, Yes); 6]),
    ("FindDroppedWords", [(No, No), (No, No), (No, No), (Yes, Yes), (No, No), (Yes, Yes)]),
    ("ActivatePolicies", [(No, No), (No, No), (No, No), (No, No), (No, No), (Yes, Yes)]),
    ("AssessImpact", [(No, No), (No, No), (No, No), (Yes, Yes), (No, No), (No, No)]),
    ("CloseMonth", [(No, No), (No, No), (No, No), (No, No), (No, No), (Yes, Yes)]),
    // The store of this server is in memory: whoever may back it up learns that.
    ("Backup", [(No, No), (No, No), (No, No), (No, No), (Yes, Yes), (No, No)]),
    // Last, because it stops the server.
    ("Drain", [(No, No), (No, No), (No, No), (No, No), (No, No), (Yes, Yes)]),
];

/// The hospital, the person of its settlement, and the prefix of the ids.
struct Side {
    hospital: &'static str,
    person: &'static str,
    mark: String,
}

fn came<T>(answer: Result<T, Status>) -> Came {
    let Err(status) = answer else { return Yes };
    match refusal_details(&status).reason.as_str() {
        "NOT_PERMITTED" => No,
        "NOT_FOUND" => Hidden,
        // The caller was authorized; the policies of a test have no files to reload.
        "POLICIES_REFUSED" => Yes,
        "BACKUP_UNAVAILABLE" | "MONTH_NOT_CLOSABLE" => Yes,
        other => panic!("{other}: {status:?}"),
    }
}

async fn settlements(server: &TestServer, channel: Channel, call: &str, side: &Side) -> Came {
    let mut client = SettlementServiceClient::new(channel);
    let Side { hospital, person, mark } = side;
    let mut bill = claim(&format!("C-{mark}"), person, "1.00");
    bill.hospital_id = (*hospital).into();
    let (claim, request_id) = (Some(to_proto::claim(&bill)), format!("R-{mark}"));
    let (hospital_id, person_id) = ((*hospital).to_owned(), (*person).to_owned());
    let (of, claim_id) = (format!("R-{hospital}"), format!("C-{hospital}"));
    match call {
        "Quote" => came(client.quote(pb::settlement::QuoteRequest { claim }).await),
        "Settle" => {
            let request = pb::settlement::SettleRequest { claim, request_id, ..Default::default() };
            came(client.settle(request).await)
        }
        "SettleStream" => {
            let request = pb::settlement::SettleStreamRequest { claim, request_id, ..Default::default() };
            match client.settle_stream(tokio_stream::iter([request])).await {
                Err(status) => came::<()>(Err(status)),
                Ok(mut answers) => {
                    let answer = answers.get_mut().message().await.expect("an answer").expect("an answer").answer;
                    match answer.expect("an answer") {
                        Answer::Settlement(_) => Yes,
                        Answer::Refusal(status) => came::<()>(Err(onestop::cli::error::client::status_from_answer(
                            Some(Answer::Refusal(status)),
                        ))),
                    }
                }
            }
        }
        "Reverse" => {
            let request = pb::settlement::ReverseRequest {
                hospital_id,
                person_id,
                claim_id,
                request_id,
                reason: "a test".to_owned(),
                readjudicate: true,
                dry_run: true,
            };
            came(client.reverse(request).await)
        }
        "Correct" => {
            bill.claim_id = claim_id;
            let (claim, request_id) = (Some(to_proto::claim(&bill)), format!("K-{mark}"));
            let request =
                pb::settlement::CorrectRequest { claim, request_id, reason: "a test".to_owned(), dry_run: true };
            came(client.correct(request).await)
        }
        "Readjudicate" => {
            let request =
                pb::settlement::ReadjudicateRequest { person_id, benefit_year: 2017, request_id, dry_run: true };
            came(client.readjudicate(request).await)
        }
        "Fence" | "Fence of the administration" => {
            let request_id = format!("F-{mark}");
            let hospital_id = if call == "Fence" { hospital_id } else { String::new() };
            came(
                client
                    .fence(pb::settlement::FenceRequest {
                        hospital_id,
                        person_id,
                        request_id,
                        of_readjudicate: call != "Fence",
                    })
                    .await,
            )
        }
        "GetOutcome of the administration" => {
            let hospital_id = String::new();
            let request =
                pb::settlement::GetOutcomeRequest { hospital_id, person_id, request_id: of, of_readjudicate: true };
            came(client.get_outcome(request).await)
        }
        "GetOutcome" => {
            let request =
                pb::settlement::GetOutcomeRequest { hospital_id, person_id, request_id: of, of_readjudicate: false };
            came(client.get_outcome(request).await)
        }
        "GetSettlement by id" => {
            let number = if *hospital == "H3" { 3 } else { 2 };
            let settlement_id = id_of(server, number).await;
            came(
                client
                    .get_settlement(pb::settlement::GetSettlementRequest { settlement_id, ..Default::default() })
                    .await,
            )
        }
        "GetSettlement by claim" => {
            let request =
                pb::settlement::GetSettlementRequest { hospital_id, person_id, claim_id, ..Default::default() };
            came(client.get_settlement(request).await)
        }
        "ListSettlements of a hospital" => came(
            client.list_settlements(pb::settlement::ListSettlementsRequest { hospital_id, ..Default::default() }).await,
        ),
        "ListSettlements of a person" => {
            let request =
                pb::settlement::ListSettlementsRequest { person_id, benefit_year: 2017, ..Default::default() };
            match client.list_settlements(request).await {
                Ok(page) if page.get_ref().settlements.is_empty() => Empty,
                answer => came(answer),
            }
        }
        "ListEntries" => {
            let page = client.list_entries(pb::settlement::ListEntriesRequest::default()).await;
            match page.map(|page| page.into_inner().entries) {
                Ok(entries) if entries.iter().all(|entry| entry.hospital_id != hospital_id) => Empty,
                answer => came(answer),
            }
        }
        "WatchEntries" => {
            let visible = match client.list_entries(pb::settlement::ListEntriesRequest::default()).await {
                Ok(page) => page.into_inner().entries.len(),
                Err(_) => 0,
            };
            match client.watch_entries(pb::settlement::WatchEntriesRequest::default()).await {
                Err(status) => came::<()>(Err(status)),
                Ok(entries) => {
                    let (mut entries, mut found) = (entries.into_inner(), Empty);
                    for _ in 0..visible {
                        let message = entries.message().await.expect("an entry").expect("an entry");
                        found = if message.entry.expect("an entry").hospital_id == hospital_id { Yes } else { found };
                    }
                    found
                }
            }
        }
        "Report of hospitals" => report_of(client, "hospital", hospital).await,
        "Report of persons" => report_of(client, "person", person).await,
        "ReportPoverty" => {
            let [from, until] = [2017, 2018].map(|year| Some(pb::Date { year, month: 1, day: 1 }));
            let categories = vec!["destitute".to_owned()];
            let request = pb::settlement::ReportPovertyRequest { from, until, categories, ..Default::default() };
            came(client.report_poverty(request).await)
        }
        _ => {
            let insurance = "resident".to_owned();
            let request = pb::settlement::GetAccountRequest { person_id, insurance, year: 2017, on: None };
            came(client.get_account(request).await)
        }
    }
}

/// Whether a report has a row with this value.
async fn report_of(mut client: SettlementServiceClient<Channel>, dimension: &str, value: &str) -> Came {
    let (by, day_of) = (vec![dimension.to_owned()], pb::settlement::ReportDay::Settlement.into());
    let request = pb::settlement::ReportRequest { by, day_of, ..Default::default() };
    let mut parts = match client.report(request).await {
        Ok(parts) => parts.into_inner(),
        refused => return came(refused),
    };
    let mut found = Empty;
    while let Some(part) = parts.message().await.expect("a part") {
        if let Some(pb::settlement::report_response::Part::Rows(rows)) = part.part
            && rows.rows.iter().any(|row| row.key == [value])
        {
            found = Yes;
        }
    }
    found
}

/// The id of the n-th settlement that the server starts with.
async fn id_of(server: &TestServer, number: u64) -> String {
    let (hospital, person) = if number == 3 { ("H3", "P1") } else { ("H2", "P2") };
    let claim_id = id(format!("C-{hospital}"));
    let keys = ClaimKeys { hospital_id: id(hospital), person_id: id(person), claim_id };
    let view = server.engine.settlement_of_claim(&keys).await.expect("a settlement");
    view.settlement.id.to_string()
}

async fn ask(server: &TestServer, channel: Channel, call: &str, side: &Side) -> Came {
    let (mut references, mut policies) =
        (ReferenceServiceClient::new(channel.clone()), PolicyServiceClient::new(channel.clone()));
    let of_table = |table: pb::reference::Table| pb::reference::GetReferenceRequest {
        table: table.into(),
        on: Some(pb::Date { year: 2017, month: 6, day: 1 }),
        ..Default::default()
    };
    match call {
        "ImportReference" => {
            let rows = vec![pb::reference::Row {
                cells: [side.hospital, "", "another name", "tertiary", "370100", "", ""].map(str::to_owned).to_vec(),
            }];
            let table = pb::reference::Table::Hospitals.into();
            let columns = onestop::grpc::imports::column_names(onestop::reference::table::ReferenceTable::Hospitals);
            let message =
                pb::reference::ImportReferenceRequest { table, columns, rows, commit: true, ..Default::default() };
            came(references.import_reference(tokio_stream::iter([message])).await)
        }
        "ReconcileTotals" | "ReconcileList" => came(reconcile(channel, call, side.hospital, true).await),
        "ListImports" => came(references.list_imports(pb::reference::ListImportsRequest::default()).await),
        "GetReference of hospitals" => came(references.get_reference(of_table(pb::reference::Table::Hospitals)).await),
        "GetReference of persons" => {
            let person_id = side.person.to_owned();
            let request =
                pb::reference::GetReferenceRequest { person_id, ..of_table(pb::reference::Table::Categories) };
            came(references.get_reference(request).await)
        }
        "GetPolicy" => {
            let request = pb::policy::GetPolicyRequest { policy_id: "shandong-2017".to_owned(), ..Default::default() };
            came(policies.get_policy(request).await)
        }
        "GetVocabulary" => came(policies.get_vocabulary(pb::policy::GetVocabularyRequest::default()).await),
        "AssessImpact" => {
            let files = crate::impact::changed_policy_files();
            came(policies.assess_impact(pb::policy::AssessImpactRequest { files, ..Default::default() }).await)
        }
        "FindDroppedWords" => came(policies.find_dropped_words(pb::policy::FindDroppedWordsRequest::default()).await),
        "ListPolicies" => came(policies.list_policies(pb::policy::ListPoliciesRequest::default()).await),
        "ActivatePolicies" => {
            let request = pb::policy::ActivatePoliciesRequest { dry_run: true, ..Default::default() };
            came(policies.activate_policies(request).await)
        }
        "CloseMonth" => {
            // A month that is never over, so that the table does not depend on the order of the calls.
            let month = Some(pb::Date { year: 9_999, month: 12, day: 0 });
            came(OperationsServiceClient::new(channel).close_month(pb::operations::CloseMonthRequest { month }).await)
        }
        "Backup" => came(OperationsServiceClient::new(channel).backup(pb::operations::BackupRequest::default()).await),
        "Drain" => came(OperationsServiceClient::new(channel).drain(pb::operations::DrainRequest {}).await),
        _ => settlements(server, channel, call, side).await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_gets_the_result_of_the_table_for_its_own_and_for_others() {
    let server = TestServer::with_settlements().await;
    let (mut answers, mut wrong) = (0, Vec::new());
    for (call, row) in TABLE {
        for (role, (own, other)) in ROLES.iter().zip(row) {
            // The first call stops the server, so there is no second.
            let ends = *call == "Drain" && *own == Yes;
            for (expected, hospital, person) in
                [(own, "H3", "P1"), (other, "H2", "P2")].iter().take(2 - usize::from(ends))
            {
                let side = Side { hospital, person, mark: format!("{role}-{hospital}-{call}") };
                let came = ask(&server, server.channel(role).await, call, &side).await;
                answers += 1;
                if came != **expected {
                    wrong.push(format!("{call} by {role} about {hospital}: {came:?}, not {expected:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(answers, TABLE.len() * ROLES.len() * 2 - 1);
    server.served.await.expect("no panic").expect("the server was drained");
}

/// A new call needs its roles, and its results for others than its own hospital.
#[test]
fn every_method_of_the_proto_files_is_in_both_tables() {
    let files = prost_types::FileDescriptorSet::decode(pb::DESCRIPTORS).expect("the descriptors");
    let mut served = BTreeSet::new();
    for file in files.file.iter().filter(|file| file.package().starts_with("onestop.")) {
        for service in &file.service {
            let path = |method: &str| format!("/{}.{}/{method}", file.package(), service.name());
            served.extend(service.method.iter().map(|method| path(method.name())));
        }
    }
    assert_eq!(served, CALLS.iter().map(|call| call.path.to_owned()).collect());
    let walked: BTreeSet<&str> = TABLE.iter().map(|(call, _)| call.split(' ').next().unwrap_or(call)).collect();
    assert_eq!(walked, CALLS.iter().map(onestop::access::Call::name).collect());
}
