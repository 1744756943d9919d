//! What is logged: every call with every outcome of it, and whether its answer has a line in the access log, is recorded
//! by what the call commits, or discloses nothing about a person.

use std::collections::BTreeSet;

use onestop::access::AccessError;
use onestop::access::call::CALLS;
use onestop::access::log::AccessLog;
use onestop::access::sealed_token::{TokenContext, TokenKey};
use onestop::domain::claim::{RawClaim, RawItem};
use onestop::domain::content::{RawCorrection, RawReversal};
use onestop::domain::ids::PersonId;
use onestop::engine::EngineError;
use onestop::engine::correct::CorrectRequest;
use onestop::engine::fence::RequestName;
use onestop::engine::retroactive::ReadjudicateRequest;
use onestop::engine::reverse::ReverseRequest;
use onestop::engine::settle::SettleRequest;
use onestop::grpc::error::CallError;
use onestop::grpc::status::Reason;
use onestop::grpc::{commit_stamp, to_proto};
use onestop::journal::content::settle_content;
use onestop::pb::Date;
use onestop::pb::operations::operations_service_client::OperationsServiceClient;
use onestop::pb::policy::policy_service_client::PolicyServiceClient;
use onestop::pb::reference::reference_service_client::ReferenceServiceClient;
use onestop::pb::settlement::settle_stream_response::Answer;
use onestop::pb::settlement::settlement_service_client::SettlementServiceClient;
use onestop::pb::{operations, policy, reference, settlement as pb};
use onestop::reference::table::ReferenceTable;
use onestop::server::access_setup::AccessSetup;
use onestop::store::JournalStore;
use tonic::Status;

use super::TestServer;
use super::reconciliation::reconcile;
use crate::service::refusal_details;
use crate::support::claims::{claim, day, item};
use crate::support::ids::id;
use crate::support::keys::Keys;
use crate::support::row;

/// What records an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Recorded {
    /// A line in the access log about this person.
    Line(&'static str),
    /// A line in the access log about everyone.
    Everyone,
    /// The entry, or the event in the log of imports, that the call commits or once committed.
    Commit,
    /// Nothing: it discloses nothing about a person.
    Nothing,
}

use Recorded::{Commit, Everyone, Line, Nothing};

/// Call, outcome, role of the caller, answer (OK or the reason of the refusal), and what records it. The hospital is H3,
/// which has settled C-H3 of P1; P2 is a patient of another hospital, P-NONE does not exist.
const TABLE: &[(&str, &str, &str, &str, Recorded)] = &[
    ("Quote", "a split", "hospital", "OK", Line("P1")),
    ("Quote", "a split of a patient of another hospital", "hospital", "OK", Line("P2")),
    ("Quote", "unknown person", "hospital", "NOT_ELIGIBLE", Line("P-NONE")),
    ("Quote", "without approval", "hospital", "NOT_ELIGIBLE", Line("P1")),
    ("Quote", "unknown code", "hospital", "UNKNOWN_ITEM", Line("P1")),
    ("Quote", "refund of another day", "hospital", "INVALID_REQUEST", Line("P1")),
    ("Quote", "without policy", "hospital", "NO_POLICY", Line("P1")),
    ("Quote", "settled claim", "hospital", "CLAIM_SETTLED", Line("P1")),
    ("Quote", "claim of another person", "hospital", "CLAIM_OF_ANOTHER_PERSON", Line("P2")),
    ("Quote", "faulty claim", "hospital", "INVALID_REQUEST", Nothing),
    ("Quote", "invalid person id", "hospital", "INVALID_REQUEST", Nothing),
    ("Quote", "another hospital", "hospital", "NOT_PERMITTED", Nothing),
    ("Settle", "new settlement", "hospital", "OK", Commit),
    ("Settle", "replay", "hospital", "OK", Line("P1")),
    ("Settle", "reused request id", "hospital", "REQUEST_ID_REUSED", Line("P1")),
    ("Settle", "fenced request", "hospital", "REQUEST_FENCED", Line("P1")),
    ("Settle", "unknown person", "hospital", "NOT_ELIGIBLE", Line("P-NONE")),
    ("Settle", "without approval", "hospital", "NOT_ELIGIBLE", Line("P1")),
    ("Settle", "unknown code", "hospital", "UNKNOWN_ITEM", Line("P1")),
    ("Settle", "refund of another day", "hospital", "INVALID_REQUEST", Line("P1")),
    ("Settle", "without policy", "hospital", "NO_POLICY", Line("P1")),
    ("Settle", "settled claim", "hospital", "CLAIM_SETTLED", Line("P1")),
    ("Settle", "claim of another person", "hospital", "CLAIM_OF_ANOTHER_PERSON", Line("P2")),
    ("Settle", "made-up quote", "hospital", "INVALID_QUOTE", Nothing),
    ("Settle", "outdated quote", "hospital", "QUOTE_CHANGED", Line("P1")),
    ("Settle", "faulty claim", "hospital", "INVALID_REQUEST", Nothing),
    ("Settle", "invalid person id", "hospital", "INVALID_REQUEST", Nothing),
    ("Settle", "another hospital", "hospital", "NOT_PERMITTED", Nothing),
    ("SettleStream", "new settlement", "hospital", "OK", Commit),
    ("SettleStream", "replay", "hospital", "OK", Line("P1")),
    ("SettleStream", "reused request id", "hospital", "REQUEST_ID_REUSED", Line("P1")),
    ("SettleStream", "fenced request", "hospital", "REQUEST_FENCED", Line("P1")),
    ("SettleStream", "unknown person", "hospital", "NOT_ELIGIBLE", Line("P-NONE")),
    ("SettleStream", "without approval", "hospital", "NOT_ELIGIBLE", Line("P1")),
    ("SettleStream", "unknown code", "hospital", "UNKNOWN_ITEM", Line("P1")),
    ("SettleStream", "refund of another day", "hospital", "INVALID_REQUEST", Line("P1")),
    ("SettleStream", "without policy", "hospital", "NO_POLICY", Line("P1")),
    ("SettleStream", "settled claim", "hospital", "CLAIM_SETTLED", Line("P1")),
    ("SettleStream", "claim of another person", "hospital", "CLAIM_OF_ANOTHER_PERSON", Line("P2")),
    ("SettleStream", "made-up quote", "hospital", "INVALID_QUOTE", Nothing),
    ("SettleStream", "outdated quote", "hospital", "QUOTE_CHANGED", Line("P1")),
    ("SettleStream", "faulty claim", "hospital", "INVALID_REQUEST", Nothing),
    ("SettleStream", "invalid person id", "hospital", "INVALID_REQUEST", Nothing),
    ("SettleStream", "another hospital", "hospital", "NOT_PERMITTED", Nothing),
    ("Reverse", "new reversal", "hospital", "OK", Commit),
    ("Reverse", "replay", "hospital", "OK", Line("P1")),
    ("Reverse", "dry run", "hospital", "OK", Line("P1")),
    ("Reverse", "dry run with later settlements", "hospital", "LATER_SETTLEMENTS", Line("P1")),
    ("Reverse", "later settlements", "hospital", "LATER_SETTLEMENTS", Line("P1")),
    ("Reverse", "reversed before", "hospital", "ALREADY_REVERSED", Line("P1")),
    ("Reverse", "unknown claim", "hospital", "NOT_FOUND", Line("P1")),
    ("Reverse", "reused request id", "hospital", "REQUEST_ID_REUSED", Line("P1")),
    ("Reverse", "fenced request", "hospital", "REQUEST_FENCED", Line("P1")),
    ("Reverse", "faulty request", "hospital", "INVALID_REQUEST", Nothing),
    ("Reverse", "another hospital", "hospital", "NOT_FOUND", Nothing),
    ("Correct", "new correction", "hospital", "OK", Commit),
    ("Correct", "replay", "hospital", "OK", Line("P1")),
    ("Correct", "dry run", "hospital", "OK", Line("P1")),
    ("Correct", "reversed before", "hospital", "ALREADY_REVERSED", Line("P1")),
    ("Correct", "unknown claim", "hospital", "NOT_FOUND", Line("P1")),
    ("Correct", "reused request id", "hospital", "REQUEST_ID_REUSED", Line("P1")),
    ("Correct", "fenced request", "hospital", "REQUEST_FENCED", Line("P1")),
    ("Correct", "without approval", "hospital", "NOT_ELIGIBLE", Line("P1")),
    ("Correct", "unknown code", "hospital", "UNKNOWN_ITEM", Line("P1")),
    ("Correct", "without policy", "hospital", "NO_POLICY", Line("P1")),
    ("Correct", "faulty claim", "hospital", "INVALID_REQUEST", Nothing),
    ("Correct", "another hospital", "hospital", "NOT_PERMITTED", Nothing),
    ("Readjudicate", "new run", "operator", "OK", Commit),
    ("Readjudicate", "run that changes nothing", "operator", "OK", Line("P1")),
    ("Readjudicate", "dry run", "operator", "OK", Line("P1")),
    ("Readjudicate", "replay", "operator", "OK", Line("P1")),
    ("Readjudicate", "reused request id", "operator", "REQUEST_ID_REUSED", Line("P1")),
    ("Readjudicate", "fenced request", "operator", "REQUEST_FENCED", Line("P1")),
    ("Readjudicate", "not enrolled any more", "operator", "CANNOT_DECIDE_AGAIN", Line("P1")),
    ("Readjudicate", "of an unknown person", "operator", "NOT_FOUND", Line("P-NONE")),
    ("Readjudicate", "faulty request", "operator", "INVALID_REQUEST", Nothing),
    ("Readjudicate", "new run", "hospital", "NOT_PERMITTED", Nothing),
    ("Fence", "of the administration", "operator", "OK", Commit),
    ("Fence", "new fence", "hospital", "OK", Commit),
    ("Fence", "fenced before", "hospital", "OK", Commit),
    ("Fence", "committed request", "hospital", "OK", Line("P1")),
    ("Fence", "reversal", "hospital", "OK", Line("P1")),
    ("Fence", "faulty request", "hospital", "INVALID_REQUEST", Nothing),
    ("Fence", "another hospital", "hospital", "NOT_PERMITTED", Nothing),
    ("GetOutcome", "of the administration", "operator", "OK", Line("P1")),
    ("GetOutcome", "of the administration", "hospital", "NOT_FOUND", Nothing),
    ("GetOutcome", "committed request", "hospital", "OK", Line("P1")),
    ("GetOutcome", "reversal", "hospital", "OK", Line("P1")),
    ("GetOutcome", "fenced before", "hospital", "OK", Line("P1")),
    ("GetOutcome", "not seen", "auditor", "OK", Line("P1")),
    ("GetOutcome", "faulty request", "hospital", "INVALID_REQUEST", Nothing),
    ("GetOutcome", "another hospital", "hospital", "NOT_FOUND", Nothing),
    ("GetSettlement", "by id", "hospital", "OK", Line("P1")),
    ("GetSettlement", "by claim", "auditor", "OK", Line("P1")),
    ("GetSettlement", "unknown claim", "hospital", "NOT_FOUND", Line("P1")),
    ("GetSettlement", "unknown id", "hospital", "NOT_FOUND", Nothing),
    ("GetSettlement", "another hospital", "hospital", "NOT_FOUND", Nothing),
    ("GetSettlement", "faulty request", "hospital", "INVALID_REQUEST", Nothing),
    ("ListSettlements", "of a patient", "hospital", "OK", Line("P1")),
    ("ListSettlements", "of a patient of another hospital", "hospital", "OK", Line("P2")),
    ("ListSettlements", "of an unknown person", "hospital", "OK", Line("P-NONE")),
    ("ListSettlements", "of the hospital", "hospital", "OK", Line("P1")),
    ("ListSettlements", "of days without settlements", "hospital", "OK", Nothing),
    ("ListSettlements", "faulty request", "hospital", "INVALID_REQUEST", Nothing),
    ("ListSettlements", "another hospital", "hospital", "NOT_FOUND", Nothing),
    ("ListEntries", "of the hospital", "hospital", "OK", Line("P1")),
    ("ListEntries", "faulty request", "hospital", "INVALID_REQUEST", Nothing),
    ("WatchEntries", "of the hospital", "hospital", "OK", Line("P1")),
    ("WatchEntries", "faulty request", "hospital", "INVALID_REQUEST", Nothing),
    ("Report", "of hospitals", "hospital", "OK", Nothing),
    ("Report", "of persons", "auditor", "OK", Line("P1")),
    ("Report", "of persons", "hospital", "NOT_PERMITTED", Nothing),
    ("Report", "faulty request", "hospital", "INVALID_REQUEST", Nothing),
    // Nobody was settled as ordinary: `reports::served` has those who were.
    ("ReportPoverty", "of nobody", "auditor", "OK", Nothing),
    ("ReportPoverty", "faulty request", "auditor", "INVALID_REQUEST", Nothing),
    ("GetAccount", "of a patient", "hospital", "OK", Line("P1")),
    ("GetAccount", "of a patient of another hospital", "hospital", "NOT_FOUND", Nothing),
    ("GetAccount", "of an unknown person", "hospital", "NOT_FOUND", Nothing),
    ("GetAccount", "of an unknown person", "auditor", "NOT_FOUND", Line("P-NONE")),
    ("GetAccount", "faulty request", "auditor", "INVALID_REQUEST", Nothing),
    // Sums name nobody.
    ("ReconcileTotals", "sums", "hospital", "OK", Nothing),
    ("ReconcileTotals", "faulty request", "hospital", "INVALID_REQUEST", Nothing),
    ("ReconcileTotals", "another hospital", "hospital", "NOT_FOUND", Nothing),
    ("ReconcileList", "a settlement that the list lacks", "hospital", "OK", Line("P1")),
    ("ReconcileList", "a settlement that the list lacks", "auditor", "OK", Line("P1")),
    ("ReconcileList", "of days without settlements", "hospital", "OK", Nothing),
    ("ReconcileList", "faulty request", "hospital", "INVALID_REQUEST", Nothing),
    ("ReconcileList", "another hospital", "hospital", "NOT_FOUND", Nothing),
    ("ImportReference", "rows", "registrar", "OK", Commit),
    ("ImportReference", "faulty rows", "registrar", "INVALID_REQUEST", Nothing),
    ("ListImports", "imports", "registrar", "OK", Nothing),
    ("GetReference", "rows of a person", "registrar", "OK", Line("P1")),
    ("GetReference", "no rows of a person", "registrar", "OK", Line("P-NONE")),
    ("GetReference", "rows of a person", "hospital", "NOT_PERMITTED", Nothing),
    ("GetReference", "hospitals", "hospital", "OK", Nothing),
    ("GetPolicy", "a policy", "hospital", "OK", Nothing),
    ("ListPolicies", "policies", "hospital", "OK", Nothing),
    ("GetVocabulary", "words", "hospital", "OK", Nothing),
    ("FindDroppedWords", "no word is dropped", "operator", "OK", Nothing),
    ("ActivatePolicies", "no files", "operator", "POLICIES_REFUSED", Nothing),
    ("AssessImpact", "of nobody", "auditor", "OK", Nothing),
    ("AssessImpact", "of persons", "auditor", "OK", Everyone),
    ("AssessImpact", "no files", "auditor", "INVALID_REQUEST", Nothing),
    ("AssessImpact", "a faulty file", "auditor", "POLICIES_REFUSED", Nothing),
    ("ListEntries", "of the administration", "operator", "OK", Nothing),
    ("CloseMonth", "a month that is not over", "operator", "MONTH_NOT_CLOSABLE", Nothing),
    // A backup that is sent has a line with `*` in place of a person: `backup::refused` has it.
    ("Backup", "a store in memory", "backup", "BACKUP_UNAVAILABLE", Nothing),
    ("Drain", "drained", "operator", "OK", Nothing),
];

/// The calls that can answer with this reason after they looked at what is known about a person, or would have.
fn calls_that_answer(reason: Reason) -> &'static [&'static str] {
    match reason {
        Reason::NotEligible | Reason::UnknownItem | Reason::NoPolicy => &["Quote", "Settle", "SettleStream", "Correct"],
        Reason::ClaimSettled | Reason::ClaimOfAnotherPerson => &["Quote", "Settle", "SettleStream"],
        Reason::RequestFenced | Reason::RequestIdReused => {
            &["Settle", "SettleStream", "Reverse", "Correct", "Readjudicate"]
        }
        Reason::CannotDecideAgain => &["Readjudicate"],
        Reason::InvalidQuote | Reason::QuoteChanged => &["Settle", "SettleStream"],
        Reason::LaterSettlements => &["Reverse"],
        Reason::AlreadyReversed => &["Reverse", "Correct"],
        Reason::NotFound => &[
            "Reverse",
            "Correct",
            "Readjudicate",
            "GetOutcome",
            "GetSettlement",
            "ListSettlements",
            "GetAccount",
            "ReconcileTotals",
            "ReconcileList",
        ],
        Reason::InvalidRequest => &[
            "Quote",
            "Settle",
            "SettleStream",
            "Reverse",
            "Correct",
            "Readjudicate",
            "Fence",
            "GetOutcome",
            "GetSettlement",
            "ListSettlements",
            "ListEntries",
            "WatchEntries",
            "Report",
            "ReportPoverty",
            "GetAccount",
            "ReconcileTotals",
            "ReconcileList",
            "ImportReference",
            "AssessImpact",
        ],
        Reason::NotPermitted => {
            &["Quote", "Settle", "SettleStream", "Correct", "Readjudicate", "Fence", "Report", "GetReference"]
        }
        Reason::PoliciesRefused => &["ActivatePolicies", "AssessImpact"],
        Reason::BackupUnavailable => &["Backup"],
        Reason::MonthNotClosable => &["CloseMonth"],
        // Other commits for the person: `a_conflict_discloses_that_others_commit` has it.
        Reason::Conflict => &[],
        // They say nothing about a person: made before one is looked at, or about the service alone.
        Reason::CallerUnknown
        | Reason::CallerLimit
        | Reason::Overloaded
        | Reason::DiskFull
        | Reason::MessageTooLarge
        | Reason::RequestTimedOut
        | Reason::HeadersTooLarge
        | Reason::UndecodableMessage
        | Reason::UnsupportedCompression
        | Reason::UnknownCall
        | Reason::Stopping
        | Reason::ImportRunning
        | Reason::ImportStopped
        | Reason::BackupNotContinued
        | Reason::FeedNotContinued
        | Reason::StoreUnavailable
        | Reason::OutcomeUnknown
        | Reason::DeadlinePassed
        | Reason::Panicked
        | Reason::Invariant => &[],
    }
}

#[test]
fn every_call_has_its_outcomes_in_the_table() {
    let in_table: BTreeSet<(&str, &str)> = TABLE.iter().map(|(call, _, _, answer, _)| (*call, *answer)).collect();
    let answered = |call: &onestop::access::Call| in_table.iter().any(|(known, _)| *known == call.name());
    let without: Vec<_> = CALLS.iter().filter(|call| !answered(call)).map(onestop::access::Call::name).collect();
    assert!(without.is_empty(), "no row: {without:?}");
    let possible = Reason::ALL.iter().flat_map(|reason| calls_that_answer(*reason).iter().map(|call| (*call, *reason)));
    let missing: Vec<_> = possible.filter(|(call, reason)| !in_table.contains(&(call, reason.as_str()))).collect();
    assert!(missing.is_empty(), "no row: {missing:?}");
}

#[test]
fn a_conflict_discloses_that_others_commit() {
    assert!(CallError::from(EngineError::Conflict).discloses());
    assert!(!CallError::from(EngineError::StoreUnavailable).discloses());
}

/// What was committed before each call.
async fn prepare(server: &TestServer, call: &str, outcome: &str) {
    let stamp = |person: &str| commit_stamp::for_person(person);
    match (call, outcome) {
        (_, "later settlements" | "dry run with later settlements" | "outdated quote") => {
            let request = SettleRequest {
                claim: claim("C-LATER", "P1", "5000.00"),
                request_id: "R-LATER".into(),
                quote: None,
                today: onestop::domain::day::Day::LAST,
            };
            server.engine.settle(request, stamp("P1")).await.expect("a settlement");
        }
        (_, "refund of another day") => {
            let first = ["A", "", "", "甲类", "A", "", "", "2017-06-14"];
            let second = ["A", "", "2017-06-14", "甲类", "A", "", "", ""];
            let rows = [first, second].map(|cells| row(ReferenceTable::Catalogue, &cells));
            server.engine.import(rows.to_vec()).await.expect("two rows");
        }
        ("Readjudicate", "not enrolled any more") => {
            let cells = ["P1", "2014-01-01", "resident", "370100", "2014-01-01"];
            server.engine.import(vec![row(ReferenceTable::Enrolments, &cells)]).await.expect("a row");
        }
        ("Readjudicate", "new run" | "dry run" | "replay" | "reused request id") => {
            let cells = ["P1", "registered_poor", "2017-01-01", ""];
            server.engine.import(vec![row(ReferenceTable::Categories, &cells)]).await.expect("a row");
            if outcome.starts_with("re") {
                server.engine.readjudicate_year(run_request(), stamp("P1")).await.expect("a run");
            }
        }
        (_, "fenced request" | "fenced before") => {
            let hospital_id = Some(id("H3")).filter(|_| call != "Readjudicate");
            let name = RequestName { hospital_id, person_id: id("P1"), request_id: id("R-FENCED") };
            server.engine.fence(&name, stamp("P1")).await.expect("a fence");
        }
        ("Correct", "replay") => {
            let request = CorrectRequest {
                correction: correction("replay"),
                request_id: "K-H3".into(),
                dry_run: false,
                today: commit_stamp::today(),
            };
            server.engine.correct(request, stamp("P1")).await.expect("a correction");
        }
        ("Reverse", "replay" | "reversed before") | ("Correct", "reversed before") | (_, "reversal") => {
            let request = ReverseRequest { reversal: reversal(), request_id: "V-H3".into(), dry_run: false };
            server.engine.reverse(request, stamp("P1")).await.expect("a reversal");
        }
        _ => {}
    }
}

fn run_request() -> ReadjudicateRequest {
    let (person_id, request_id) = ("P1".to_owned(), "V-RUN".to_owned());
    ReadjudicateRequest { person_id, benefit_year: 2017, request_id, dry_run: false }
}

fn reversal() -> RawReversal {
    RawReversal {
        hospital_id: "H3".into(),
        person_id: "P1".into(),
        claim_id: "C-H3".into(),
        reason: "a wrong bill".to_owned(),
        readjudicate: false,
    }
}

/// The correction of the settled claim C-H3, changed as a call that sends a claim changes a new one.
fn correction(outcome: &str) -> RawCorrection {
    let (claim, _) = sent_claim(if ["replay", "reused request id"].contains(&outcome) { "" } else { outcome });
    let claim_id = if outcome == "unknown claim" { "C-NONE" } else { "C-H3" }.to_owned();
    RawCorrection { claim: RawClaim { claim_id, ..claim }, reason: "a wrong bill".to_owned() }
}

async fn correct(server: &TestServer, role: &str, outcome: &str) -> Answered {
    let mut client = SettlementServiceClient::new(server.channel(role).await);
    let request_id = match outcome {
        "replay" => "K-H3",
        "reused request id" => "R-H3",
        "fenced request" => "R-FENCED",
        _ => "K-NEW",
    };
    let RawCorrection { claim, reason } = correction(outcome);
    let claim = Some(to_proto::claim(&claim));
    let request =
        pb::CorrectRequest { claim, request_id: request_id.to_owned(), reason, dry_run: outcome == "dry run" };
    answered(client.correct(request).await)
}

/// The claim and the request id of a call that sends a claim.
fn sent_claim(outcome: &str) -> (RawClaim, &'static str) {
    let new = |person| claim("C-NEW", person, "100.00");
    match outcome {
        "replay" => (claim("C-H3", "P1", "100.00"), "R-H3"),
        "reused request id" => (claim("C-H3", "P1", "100.01"), "R-H3"),
        "fenced request" => (new("P1"), "R-FENCED"),
        "a split of a patient of another hospital" => (new("P2"), "R-NEW"),
        "unknown person" => (new("P-NONE"), "R-NEW"),
        "without approval" => (RawClaim { visit: "outpatient_chronic".to_owned(), ..new("P1") }, "R-NEW"),
        "unknown code" => (RawClaim { items: vec![item("NONE", "1.00")], ..new("P1") }, "R-NEW"),
        "refund of another day" => {
            // The catalogue has another row from the fourteenth on.
            let of = |yuan: &str, date: &str| RawItem { day: day(date), ..item("A", yuan) };
            let items = vec![of("1.00", "2017-06-10"), of("-1.00", "2017-06-14")];
            (RawClaim { items, ..new("P1") }, "R-NEW")
        }
        "without policy" => {
            (RawClaim { admitted: day("2016-06-08"), discharged: day("2016-06-15"), ..new("P1") }, "R-NEW")
        }
        "settled claim" => (claim("C-H3", "P1", "100.00"), "R-NEW"),
        "claim of another person" => (claim("C-H3", "P2", "100.00"), "R-NEW"),
        "faulty claim" => (RawClaim { items: Vec::new(), ..new("P1") }, "R-NEW"),
        "invalid person id" => (new(""), "R-NEW"),
        "another hospital" => (RawClaim { hospital_id: "H2".into(), ..new("P1") }, "R-NEW"),
        _ => (new("P1"), "R-NEW"),
    }
}

/// The quote that a settle presents: made up, or of the split that the claim had before other claims.
fn presented(server: &TestServer, outcome: &str, claim: &RawClaim) -> Vec<u8> {
    if outcome == "made-up quote" {
        return vec![7; 32];
    }
    let key = TokenKey::new(server.engine.store().derived_key("onestop quote tokens, version 1").0);
    let context = TokenContext { caller: "hospital", call: "Quote", subject: settle_content(claim) };
    let token = key.seal(context, &[1; 32], commit_stamp::now().instant).expect("a token");
    if outcome == "outdated quote" { token } else { Vec::new() }
}

type Answered = Result<(), Status>;

fn answered<T>(answer: Result<T, Status>) -> Answered {
    answer.map(drop)
}

/// Makes a call that sends a claim.
async fn send_claim(server: &TestServer, role: &str, call: &str, outcome: &str) -> Answered {
    let mut client = SettlementServiceClient::new(server.channel(role).await);
    let (claim, request_id) = sent_claim(outcome);
    let quote_digest = presented(server, outcome, &claim);
    let (claim, request_id) = (Some(to_proto::claim(&claim)), request_id.to_owned());
    match call {
        "Quote" => answered(client.quote(pb::QuoteRequest { claim }).await),
        "Settle" => answered(client.settle(pb::SettleRequest { claim, request_id, quote_digest, view: 0 }).await),
        _ => {
            let request = pb::SettleStreamRequest { claim, request_id, quote_digest, view: 0 };
            let mut answers = client.settle_stream(tokio_stream::iter([request])).await?.into_inner();
            match answers.message().await?.expect("an answer").answer {
                Some(Answer::Settlement(_)) => Ok(()),
                refusal => Err(onestop::cli::error::client::status_from_answer(refusal)),
            }
        }
    }
}

/// Makes a call about a request or a settlement.
async fn ask_settlements(server: &TestServer, role: &str, call: &str, outcome: &str) -> Answered {
    let mut client = SettlementServiceClient::new(server.channel(role).await);
    let hospital_id = match outcome {
        "another hospital" => "H2",
        "of the administration" => "",
        _ => "H3",
    }
    .to_owned();
    let request_id = match outcome {
        "replay" | "reused request id" if call == "Readjudicate" => "V-RUN",
        "committed request" | "reused request id" => "R-H3",
        "reversal" => "V-H3",
        "replay" if call == "Reverse" => "V-H3",
        "fenced before" | "fenced request" => "R-FENCED",
        "faulty request" => "",
        _ => "R-NEW",
    };
    let (person_id, request_id) = ("P1".to_owned(), request_id.to_owned());
    let of_readjudicate = hospital_id.is_empty();
    match call {
        "Reverse" => {
            let request = pb::ReverseRequest {
                hospital_id,
                person_id,
                claim_id: if outcome == "unknown claim" { "C-NONE" } else { "C-H3" }.to_owned(),
                request_id,
                reason: "a wrong bill".to_owned(),
                readjudicate: false,
                dry_run: outcome.starts_with("dry run"),
            };
            answered(client.reverse(request).await)
        }
        "Readjudicate" => {
            let request = pb::ReadjudicateRequest {
                person_id: person(outcome).to_owned(),
                benefit_year: if outcome == "reused request id" { 2018 } else { 2017 },
                request_id,
                dry_run: outcome == "dry run",
            };
            answered(client.readjudicate(request).await)
        }
        "Fence" => {
            answered(client.fence(pb::FenceRequest { hospital_id, person_id, request_id, of_readjudicate }).await)
        }
        "GetOutcome" => answered(
            client.get_outcome(pb::GetOutcomeRequest { hospital_id, person_id, request_id, of_readjudicate }).await,
        ),
        "GetSettlement" => answered(client.get_settlement(settlement_request(server, outcome).await).await),
        "ListSettlements" => answered(client.list_settlements(list_request(outcome)).await),
        "ListEntries" => {
            let cursor = if outcome == "faulty request" { "a made-up cursor" } else { "" }.to_owned();
            answered(client.list_entries(pb::ListEntriesRequest { page_size: 0, cursor }).await)
        }
        "WatchEntries" => {
            let cursor = if outcome == "faulty request" { "a made-up cursor" } else { "" }.to_owned();
            let mut entries = client.watch_entries(pb::WatchEntriesRequest { cursor }).await?.into_inner();
            answered(entries.message().await)
        }
        "Report" => {
            let by = if outcome == "of persons" { "person" } else { "hospital" };
            let by = vec![if outcome == "faulty request" { "shade" } else { by }.to_owned()];
            let only = vec![pb::ReportCondition { dimension: "hospital".to_owned(), values: vec!["H3".to_owned()] }];
            let request =
                pb::ReportRequest { by, only, day_of: pb::ReportDay::Settlement.into(), ..Default::default() };
            let mut parts = client.report(request).await?.into_inner();
            answered(parts.message().await)
        }
        "ReportPoverty" => {
            let [from, until] = [2017, 2018].map(|year| Some(Date { year, month: 1, day: 1 }));
            let until = until.filter(|_| outcome != "faulty request");
            let categories = vec!["registered_poor".to_owned()];
            let request =
                pb::ReportPovertyRequest { from, until, categories, names_persons: true, ..Default::default() };
            answered(client.report_poverty(request).await)
        }
        _ => {
            let person_id = person(outcome).to_owned();
            let request = pb::GetAccountRequest { person_id, insurance: "resident".to_owned(), year: 2017, on: None };
            answered(client.get_account(request).await)
        }
    }
}

/// The person that an outcome is about.
fn person(outcome: &str) -> &'static str {
    match outcome {
        "of a patient of another hospital" => "P2",
        "of an unknown person" | "no rows of a person" => "P-NONE",
        "faulty request" => "",
        _ => "P1",
    }
}

async fn settlement_request(server: &TestServer, outcome: &str) -> pb::GetSettlementRequest {
    let id_of = async |hospital: &str, person: &str| {
        let claim_id = id(format!("C-{hospital}"));
        let keys = onestop::domain::claim::ClaimKeys { hospital_id: id(hospital), person_id: id(person), claim_id };
        server.engine.settlement_of_claim(&keys).await.expect("a settlement").settlement.id.to_string()
    };
    let by_id = |settlement_id| pb::GetSettlementRequest { settlement_id, ..Default::default() };
    match outcome {
        "by id" => by_id(id_of("H3", "P1").await),
        "another hospital" => by_id(id_of("H2", "P2").await),
        "unknown id" => by_id("00000000-0000-0000-0000-000000000000".to_owned()),
        _ => pb::GetSettlementRequest {
            hospital_id: "H3".to_owned(),
            person_id: person(outcome).to_owned(),
            claim_id: if outcome == "unknown claim" { "C-NONE" } else { "C-H3" }.to_owned(),
            ..Default::default()
        },
    }
}

fn list_request(outcome: &str) -> pb::ListSettlementsRequest {
    let of_hospital = |hospital: &str| pb::ListSettlementsRequest {
        hospital_id: hospital.to_owned(),
        ..pb::ListSettlementsRequest::default()
    };
    match outcome {
        "of the hospital" => of_hospital("H3"),
        "another hospital" => of_hospital("H2"),
        "of days without settlements" => pb::ListSettlementsRequest {
            settled_from: Some(to_proto::date(onestop::domain::day::Day::LAST)),
            ..of_hospital("H3")
        },
        _ => pb::ListSettlementsRequest {
            person_id: person(outcome).to_owned(),
            benefit_year: 2017,
            ..Default::default()
        },
    }
}

async fn ask_reference(server: &TestServer, role: &str, call: &str, outcome: &str) -> Answered {
    let mut client = ReferenceServiceClient::new(server.channel(role).await);
    match call {
        "ImportReference" => {
            let from = if outcome == "faulty rows" { "never" } else { "2016-01-01" };
            let cells = ["P1", "registered_poor", from, ""].map(str::to_owned).to_vec();
            let message = reference::ImportReferenceRequest {
                table: reference::Table::Categories.into(),
                columns: ["person_id", "category", "from", "until"].map(str::to_owned).to_vec(),
                rows: vec![reference::Row { cells }],
                commit: true,
                ..Default::default()
            };
            answered(client.import_reference(tokio_stream::iter([message])).await)
        }
        "ListImports" => answered(client.list_imports(reference::ListImportsRequest::default()).await),
        _ => {
            let about_person = outcome != "hospitals";
            let table = if about_person { reference::Table::Categories } else { reference::Table::Hospitals };
            let request = reference::GetReferenceRequest {
                table: table.into(),
                on: Some(Date { year: 2017, month: 6, day: 1 }),
                person_id: if about_person { person(outcome) } else { "" }.to_owned(),
                ..Default::default()
            };
            answered(client.get_reference(request).await)
        }
    }
}

async fn ask(server: &TestServer, role: &str, call: &str, outcome: &str) -> Answered {
    let policies = async || PolicyServiceClient::new(server.channel(role).await);
    match call {
        "Quote" | "Settle" | "SettleStream" => send_claim(server, role, call, outcome).await,
        "Correct" => correct(server, role, outcome).await,
        "ReconcileTotals" | "ReconcileList" => {
            let hospital = match outcome {
                "another hospital" => "H2",
                "faulty request" => "",
                _ => "H3",
            };
            let of_first_day = outcome != "of days without settlements";
            reconcile(server.channel(role).await, call, hospital, of_first_day).await
        }
        "ImportReference" | "ListImports" | "GetReference" => ask_reference(server, role, call, outcome).await,
        "GetPolicy" => {
            let request = policy::GetPolicyRequest { policy_id: "shandong-2017".to_owned(), ..Default::default() };
            answered(policies().await.get_policy(request).await)
        }
        "GetVocabulary" => answered(policies().await.get_vocabulary(policy::GetVocabularyRequest::default()).await),
        "FindDroppedWords" => {
            let words = vec![policy::NamedWord { section: "tag".to_owned(), ..Default::default() }];
            answered(policies().await.find_dropped_words(policy::FindDroppedWordsRequest { words }).await)
        }
        "AssessImpact" => {
            let faulty = || vec![policy::PolicyFile { name: "faulty.toml".to_owned(), text: "?".to_owned() }];
            let files = match outcome {
                "no files" => Vec::new(),
                "a faulty file" => faulty(),
                _ => crate::impact::changed_policy_files(),
            };
            let names_persons = outcome == "of persons";
            let request = policy::AssessImpactRequest { files, names_persons, ..Default::default() };
            answered(policies().await.assess_impact(request).await)
        }
        "ListPolicies" => answered(policies().await.list_policies(policy::ListPoliciesRequest::default()).await),
        "ActivatePolicies" => {
            answered(policies().await.activate_policies(policy::ActivatePoliciesRequest::default()).await)
        }
        "Backup" => {
            let mut client = OperationsServiceClient::new(server.channel(role).await);
            answered(client.backup(operations::BackupRequest::default()).await)
        }
        "CloseMonth" => {
            let mut client = OperationsServiceClient::new(server.channel(role).await);
            let month = Some(Date { year: 9_999, month: 12, day: 0 });
            answered(client.close_month(operations::CloseMonthRequest { month }).await)
        }
        "Drain" => {
            let mut client = OperationsServiceClient::new(server.channel(role).await);
            answered(client.drain(operations::DrainRequest {}).await)
        }
        _ => ask_settlements(server, role, call, outcome).await,
    }
}

/// The lines of the log: call, caller, answer and person.
fn lines(server: &TestServer) -> Vec<[String; 4]> {
    let text = std::fs::read_to_string(server.keys.file("access.log")).expect("the log");
    let line = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        ["call", "caller", "answer", "person"].map(|key| line[key].as_str().expect("a text").to_owned())
    };
    text.lines().map(line).collect()
}

fn word(answer: &Answered) -> String {
    answer.as_ref().map_or_else(|status| refusal_details(status).reason, |()| "OK".to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_outcome_of_every_call_is_recorded_as_in_the_table() {
    let mut wrong = Vec::new();
    for (call, outcome, role, answer, recorded) in TABLE {
        let server = TestServer::with_settlements().await;
        prepare(&server, call, outcome).await;
        let answered = word(&ask(&server, role, call, outcome).await);
        let expected = match recorded {
            Line(person) => {
                let key = server.engine.store().person_key(&id::<PersonId>(*person));
                let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
                vec![[(*call).to_owned(), (*role).to_owned(), (*answer).to_owned(), key]]
            }
            Everyone => vec![[*call, *role, *answer, "*"].map(str::to_owned)],
            Commit | Nothing => Vec::new(),
        };
        let logged = lines(&server);
        if answered != *answer || logged != expected {
            wrong.push(format!("{call}, {outcome}, by {role}: {answered} {logged:?}, not {answer} {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The log is on a device that is always full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_cannot_be_recorded_is_not_sent() {
    let unrecorded = Status::from(CallError::from(AccessError::LogUnavailable));
    let mut wrong = Vec::new();
    for (call, outcome, role, answer, recorded) in TABLE {
        let keys = Keys::made();
        let log = AccessLog::open(std::path::Path::new("/dev/full")).expect("a device");
        let access = AccessSetup { log, ..keys.access_setup() };
        let server = TestServer::with_access(keys, access, Default::default()).await;
        server.settle_first_claims().await;
        prepare(&server, call, outcome).await;
        let result = ask(&server, role, call, outcome).await;
        let expected = if matches!(recorded, Line(_) | Everyone) { "STORE_UNAVAILABLE" } else { answer };
        // The reason and nothing else: no fault, no split, no id.
        let says_more = result.as_ref().err().is_some_and(|status| status.details() != unrecorded.details());
        if word(&result) != expected || (expected == "STORE_UNAVAILABLE" && says_more) {
            wrong.push(format!("{call}, {outcome}, by {role}: {result:?}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
