//! The two status tables of `semantics.md`, section 2: a test provokes each row and checks the status.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use onestop::access::Callers;
use onestop::access::log::AccessLog;
use onestop::config::ServerLimits;
use onestop::domain::claim::{Quantity, RawClaim};
use onestop::grpc::authorize::Authorizer;
use onestop::grpc::authorize_layer::AuthorizeLayer;
use onestop::grpc::disclosures::Disclosures;
use onestop::grpc::reporter::StoreReporter;
use onestop::grpc::settlement::SettlementHandler;
use onestop::grpc::status::Reason;
use onestop::grpc::stream::Streams;
use onestop::pb::encoded::settlement_service_server::SettlementServiceServer;
use onestop::pb::operations::operations_service_client::OperationsServiceClient;
use onestop::pb::policy::policy_service_client::PolicyServiceClient;
use onestop::pb::policy::{ActivatePoliciesRequest, ListPoliciesRequest};
use onestop::pb::settlement::settlement_service_client::SettlementServiceClient;
use onestop::reference::table::ReferenceTable;
use onestop::store::StoreError;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tower_layer::Layer;

use crate::fuzzing::wire;

use super::faulty_store::{StoreMode, WriteEvent};
use super::{Server, bill, refusal_details, settle_request, with_timeout};
use crate::access::TestServer;
use crate::support::call_limits;
use crate::support::claims::{claim, day, item};
use crate::support::keys::Keys;
use crate::support::row;

/// One test for each row: its name, the reason, the code and word in the table, the fields at fault with their reasons,
/// and the function that provokes the refusal.
macro_rules! rows {
    ($($name:ident: $reason:ident, $code:ident $word:literal, [$($fault:expr),*] => $provoke:ident;)*) => {
        $(#[tokio::test]
        async fn $name() {
            let faults: &[(&str, &str)] = &[$($fault),*];
            assert_refusal(Reason::$reason, Code::$code, $word, faults, &$provoke(Server::start().await).await);
        })*

        const ROWS: &[Reason] = &[$(Reason::$reason),*];
    };
}

rows! {
    a_fenced_request_may_not_commit: RequestFenced, FailedPrecondition "REQUEST_FENCED", [] => settle_fenced_request;
    a_request_id_cannot_carry_other_content: RequestIdReused, AlreadyExists "REQUEST_ID_REUSED",
        [("claim.items[0].unit_price", "DIFFERS"), ("claim.items[0].amount", "DIFFERS")] => reuse_request_id;
    a_settled_claim_is_not_settled_again: ClaimSettled, AlreadyExists "CLAIM_SETTLED", [] => settle_claim_twice;
    a_claim_belongs_to_one_person: ClaimOfAnotherPerson, AlreadyExists "CLAIM_OF_ANOTHER_PERSON", [] => settle_claim_of_another_person;
    a_claim_must_be_sound: InvalidRequest, InvalidArgument "INVALID_REQUEST",
        [("claim.discharged", "DISCHARGED_BEFORE_ADMITTED"), ("claim.items[0].amount", "UNLIKE_SIGN")] => settle_unsound_claim;
    a_message_must_hold_a_claim: InvalidRequest, InvalidArgument "INVALID_REQUEST",
        [("claim", "MISSING")] => settle_without_claim;
    a_bill_whose_commit_the_store_cannot_take_is_refused_for_good: InvalidRequest, InvalidArgument "INVALID_REQUEST",
        [("claim.items", "TOO_MANY")] => settle_too_long_commit;
    a_reversal_whose_commit_the_store_cannot_take_is_refused_for_good: InvalidRequest, InvalidArgument "INVALID_REQUEST",
        [("readjudicate", "TOO_MANY")] => reverse_with_too_long_commit;
    hospital_and_person_must_qualify: NotEligible, FailedPrecondition "NOT_ELIGIBLE",
        [("claim.hospital_id", "UNKNOWN_HOSPITAL"), ("claim.person_id", "UNKNOWN_PERSON")] => settle_ineligible_claim;
    the_catalogue_must_hold_every_code: UnknownItem, InvalidArgument "UNKNOWN_ITEM",
        [("claim.items[1].code", "NOT_IN_CATALOGUE"), ("claim.items[2].code", "NOT_IN_CATALOGUE")] => settle_unknown_items;
    a_policy_must_be_in_force: NoPolicy, FailedPrecondition "NO_POLICY",
        [("claim.discharged", "NO_POLICY_IN_FORCE")] => settle_without_policy;
    a_quote_must_have_been_given: InvalidQuote, InvalidArgument "INVALID_QUOTE",
        [("quote_digest", "NOT_AUTHENTIC")] => settle_with_made_up_quote;
    the_split_must_match_the_quote: QuoteChanged, FailedPrecondition "QUOTE_CHANGED", [] => settle_outdated_quote;
    reversing_an_unknown_claim_is_not_found: NotFound, NotFound "NOT_FOUND", [] => reverse_unknown_claim;
    reading_an_unknown_settlement_is_not_found: NotFound, NotFound "NOT_FOUND", [] => read_unknown_settlement;
    a_reversed_claim_is_not_reversed_again: AlreadyReversed, FailedPrecondition "ALREADY_REVERSED", [] => reverse_twice;
    later_settlements_must_be_reversed_first: LaterSettlements, FailedPrecondition "LATER_SETTLEMENTS", [] => reverse_before_later_settlement;
    repeated_commit_conflicts_are_a_conflict: Conflict, Aborted "CONFLICT", [] => settle_on_conflicting_store;
    a_write_of_unknown_outcome_is_unavailable: OutcomeUnknown, Unavailable "OUTCOME_UNKNOWN", [] => settle_with_unknown_outcome;
    a_deadline_that_passes_leaves_the_outcome_unknown: DeadlinePassed, DeadlineExceeded "OUTCOME_UNKNOWN",
        [] => settle_past_deadline;
    a_store_that_cannot_be_read_is_unavailable: StoreUnavailable, Unavailable "STORE_UNAVAILABLE", [] => settle_on_unreadable_store;
    a_store_that_refuses_writes_is_unavailable: StoreUnavailable, Unavailable "STORE_UNAVAILABLE", [] => settle_on_unwritable_store;
    an_unknown_certificate_is_unauthenticated: CallerUnknown, Unauthenticated "CALLER_UNKNOWN", [] => call_with_unknown_certificate;
    a_call_outside_the_role_is_denied: NotPermitted, PermissionDenied "NOT_PERMITTED", [] => call_outside_role;
    calls_above_the_rate_of_the_caller_are_refused: CallerLimit, ResourceExhausted "CALLER_LIMIT", [] => call_above_rate;
    calls_above_the_in_flight_limit_are_shed: Overloaded, ResourceExhausted "OVERLOADED", [] => settle_above_in_flight_limit;
    commits_beyond_the_reserve_of_the_disk_are_refused: DiskFull, ResourceExhausted "DISK_FULL", [] => settle_on_full_disk;
    an_activation_without_policy_files_is_refused: PoliciesRefused, FailedPrecondition "POLICIES_REFUSED",
        [("policies:1", "UNREADABLE")] => activate_no_files;
    a_run_that_cannot_decide_a_settlement_again_is_refused: CannotDecideAgain, FailedPrecondition "CANNOT_DECIDE_AGAIN",
        [("settlements[ID].claim.person_id", "NOT_ENROLLED")] => run_for_a_person_who_is_no_longer_enrolled;
    a_month_that_is_not_over_is_not_closed: MonthNotClosable, FailedPrecondition "MONTH_NOT_CLOSABLE",
        [("month", "MONTH_NOT_OVER")] => close_a_month_that_is_not_over;
    a_second_concurrent_import_is_aborted: ImportRunning, Aborted "IMPORT_RUNNING", [] => import_twice_at_once;
    an_import_interrupted_by_shutdown_is_unavailable: ImportStopped, Unavailable "IMPORT_STOPPED",
        [] => shut_down_during_import;
    an_import_that_stands_still_ends: RequestTimedOut, DeadlineExceeded "REQUEST_TIMED_OUT", [] => import_nothing;
    a_message_above_the_limit_is_out_of_range: MessageTooLarge, OutOfRange "MESSAGE_TOO_LARGE", [] => settle_too_large_message;
    headers_above_the_limit_are_out_of_range: HeadersTooLarge, OutOfRange "HEADERS_TOO_LARGE", [] => settle_with_large_headers;
    bytes_that_are_no_message_are_invalid: UndecodableMessage, InvalidArgument "UNDECODABLE_MESSAGE",
        [] => settle_undecodable_message;
    a_message_compressed_in_another_way_than_gzip_is_unimplemented: UnsupportedCompression, Unimplemented "UNSUPPORTED_COMPRESSION",
        [] => settle_deflated_message;
    an_unknown_method_is_unimplemented: UnknownCall, Unimplemented "UNKNOWN_CALL", [] => call_unknown_method;
    an_unknown_service_is_unimplemented: UnknownCall, Unimplemented "UNKNOWN_CALL", [] => call_unknown_service;
    a_stream_of_a_server_that_stops_is_unavailable: Stopping, Unavailable "SERVER_STOPPING", [] => stream_during_shutdown;
    a_store_that_is_not_in_a_directory_is_not_backed_up: BackupUnavailable, FailedPrecondition "BACKUP_UNAVAILABLE",
        [] => back_up_memory;
    a_backup_of_another_store_is_not_continued: BackupNotContinued, FailedPrecondition "BACKUP_NOT_CONTINUED",
        [] => back_up_another_store;
    a_cursor_of_an_entry_that_the_journal_does_not_hold_is_refused: FeedNotContinued, FailedPrecondition "FEED_NOT_CONTINUED",
        [] => list_entries_after_one_of_another_journal;
    a_damaged_record_is_an_invariant_failure: Invariant, Internal "INVARIANT", [] => settle_on_damaged_store;
    a_panic_is_answered: Panicked, Internal "PANICKED", [] => settle_on_panicking_store;
}

#[test]
fn every_reason_has_a_test() {
    let rows: HashSet<_> = ROWS.iter().collect();
    let missing: Vec<_> = Reason::ALL.iter().filter(|reason| !rows.contains(reason)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn assert_refusal(reason: Reason, code: Code, word: &str, faults: &[(&str, &str)], status: &Status) {
    let details = refusal_details(status);
    assert_eq!((details.code, details.reason.as_str(), reason.as_str()), (code, word, word), "{status:?}");
    let fields: Vec<_> = details.faults.iter().map(|(field, ..)| without_settlement_id(field)).collect();
    let reasons = details.faults.iter().map(|(_, reason, _)| reason.as_str());
    let reported: Vec<_> = fields.iter().map(String::as_str).zip(reasons).collect();
    assert_eq!(reported, faults);
    let preconditions = status.get_error_details().precondition_failure().is_some();
    assert_eq!(preconditions, code == Code::FailedPrecondition && !faults.is_empty());
    assert!(status.message().starts_with(word), "{}", status.message());
    // The Chinese text names every field at fault too.
    let chinese = status.get_error_details().localized_message().map(|text| text.message.clone()).unwrap_or_default();
    assert!(details.faults.iter().all(|(field, ..)| chinese.contains(field.as_str())), "{chinese}");
    let retry = status.get_error_details().retry_info().is_some();
    assert_eq!(
        retry,
        matches!(reason, Reason::Overloaded | Reason::CallerLimit),
        "only a shed call carries a retry delay"
    );
}

/// The path of a field, with `ID` in place of a settlement's id.
fn without_settlement_id(field: &str) -> String {
    let id = field.strip_prefix("settlements[").and_then(|rest| rest.split(']').next());
    id.filter(|id| uuid::Uuid::parse_str(id).is_ok()).map_or_else(|| field.to_owned(), |id| field.replacen(id, "ID", 1))
}

async fn run_for_a_person_who_is_no_longer_enrolled(server: Server) -> Status {
    server.settle_ok(&claim("C1", "P1", "50000.00"), "S1").await;
    let ended = row(ReferenceTable::Enrolments, &["P1", "2014-01-01", "resident", "370100", "2016-01-01"]);
    server.engine.import(vec![ended]).await.expect("a sound row");
    let (person_id, request_id) = ("P1".to_owned(), "V1".to_owned());
    let request =
        onestop::pb::settlement::ReadjudicateRequest { person_id, benefit_year: 2017, request_id, dry_run: false };
    server.settlement_client().readjudicate(request).await.expect_err("a refusal")
}

/// Settles this claim, which must be refused and leave the store unchanged.
async fn refuse_without_change(server: &Server, bill: &RawClaim, request: &str) -> Status {
    let before = server.engine.store().fingerprint();
    let status = server.settle(bill, request).await.expect_err("a refusal");
    assert_eq!(server.engine.store().fingerprint(), before, "a refusal changes no byte of the store");
    status
}

async fn settle_fenced_request(server: Server) -> Status {
    server.fence(&bill(), "R1").await.expect("an outcome");
    refuse_without_change(&server, &bill(), "R1").await
}

async fn reuse_request_id(server: Server) -> Status {
    server.settle_ok(&bill(), "R1").await;
    refuse_without_change(&server, &claim("C1", "P1", "5000.01"), "R1").await
}

async fn settle_claim_twice(server: Server) -> Status {
    let settlement = server.settle_ok(&bill(), "R1").await;
    let status = refuse_without_change(&server, &bill(), "R2").await;
    let info = status.get_error_details().error_info().expect("an ErrorInfo").metadata.clone();
    assert_eq!(info.get("settlement_id"), Some(&settlement.settlement_id));
    status
}

async fn settle_claim_of_another_person(server: Server) -> Status {
    server.settle_ok(&bill(), "R1").await;
    server.reverse(&bill(), "R2").await.expect("a reversal");
    refuse_without_change(&server, &claim("C1", "P2", "5000.00"), "R3").await
}

async fn settle_unsound_claim(server: Server) -> Status {
    let mut bill = RawClaim { discharged: day("2017-06-07"), ..bill() };
    bill.items[0].quantity = Quantity(-10_000);
    refuse_without_change(&server, &bill, "R1").await
}

async fn settle_without_claim(server: Server) -> Status {
    let request = onestop::pb::settlement::SettleRequest { request_id: "R1".to_owned(), ..Default::default() };
    server.settlement_client().settle(request).await.expect_err("a refusal")
}

async fn settle_ineligible_claim(server: Server) -> Status {
    let bill = RawClaim { hospital_id: "H9".into(), person_id: "P9".into(), ..bill() };
    refuse_without_change(&server, &bill, "R1").await
}

async fn settle_unknown_items(server: Server) -> Status {
    let items = vec![item("A", "1.00"), item("NONE", "1.00"), item("NEITHER", "1.00")];
    refuse_without_change(&server, &RawClaim { items, ..bill() }, "R1").await
}

async fn settle_without_policy(server: Server) -> Status {
    let bill = RawClaim { admitted: day("2016-06-08"), discharged: day("2016-06-15"), ..bill() };
    refuse_without_change(&server, &bill, "R1").await
}

async fn settle_with_made_up_quote(server: Server) -> Status {
    let mut request = settle_request(&bill(), "R1");
    request.quote_digest = vec![1; 32];
    server.settlement_client().settle(request).await.expect_err("a refusal")
}

async fn settle_outdated_quote(server: Server) -> Status {
    let quote_digest = server.quote(&bill()).await.expect("a quote").quote_digest;
    server.settle_ok(&claim("C2", "P1", "5000.00"), "R2").await;
    let mut request = settle_request(&bill(), "R1");
    request.quote_digest = quote_digest;
    server.settlement_client().settle(request).await.expect_err("a refusal")
}

async fn reverse_unknown_claim(server: Server) -> Status {
    server.reverse(&bill(), "R1").await.expect_err("a refusal")
}

async fn read_unknown_settlement(server: Server) -> Status {
    let settlement_id = "00000000-0000-0000-0000-000000000000".to_owned();
    let request = onestop::pb::settlement::GetSettlementRequest { settlement_id, ..Default::default() };
    server.settlement_client().get_settlement(request).await.expect_err("a refusal")
}

async fn reverse_twice(server: Server) -> Status {
    server.settle_ok(&bill(), "R1").await;
    server.reverse(&bill(), "R2").await.expect("a reversal");
    server.reverse(&bill(), "R3").await.expect_err("a refusal")
}

async fn reverse_before_later_settlement(server: Server) -> Status {
    server.settle_ok(&bill(), "R1").await;
    server.settle_ok(&claim("C2", "P1", "5000.00"), "R2").await;
    server.reverse(&bill(), "R3").await.expect_err("a refusal")
}

async fn settle_in_mode(server: Server, mode: StoreMode) -> Status {
    server.store.set_mode(mode);
    refuse_without_change(&server, &bill(), "R1").await
}

fn store_error_text() -> String {
    "the disk of cabinet 7".to_owned()
}

async fn settle_on_conflicting_store(server: Server) -> Status {
    settle_in_mode(server, StoreMode::FailWrites(StoreError::Conflict)).await
}

async fn activate_no_files(server: Server) -> Status {
    let request = onestop::pb::policy::ActivatePoliciesRequest::default();
    server.policy_client().activate_policies(request).await.expect_err("a refusal")
}

async fn close_a_month_that_is_not_over(server: Server) -> Status {
    let month = Some(onestop::pb::Date { year: 9_999, month: 12, day: 0 });
    let request = onestop::pb::operations::CloseMonthRequest { month };
    server.operations_client().close_month(request).await.expect_err("a refusal")
}

/// A message that imports an enrolment of P1 and commits.
fn enrolment_import() -> onestop::pb::reference::ImportReferenceRequest {
    use onestop::pb::reference::{ImportReferenceRequest, Row, Table};
    let cells = ["P1", "2014-01-01", "resident", "370100", ""].map(str::to_owned).to_vec();
    ImportReferenceRequest {
        table: Table::Enrolments.into(),
        columns: onestop::grpc::imports::column_names(onestop::reference::table::ReferenceTable::Enrolments),
        rows: vec![Row { cells }],
        commit: true,
        ..ImportReferenceRequest::default()
    }
}

async fn import_twice_at_once(server: Server) -> Status {
    server.store.set_mode(StoreMode::HoldWrites);
    let message = enrolment_import();
    let (mut one, mut other) = (server.reference_client(), server.reference_client());
    let (first, second) = (tokio_stream::iter([message.clone()]), tokio_stream::iter([message]));
    let first = tokio::spawn(async move { one.import_reference(first).await });
    assert_eq!(server.store.next_write_event().await, WriteEvent::Started);
    let status = other.import_reference(second).await.expect_err("a refusal");
    server.store.release_write();
    server.store.release_write();
    first.await.expect("no panic").expect("an import");
    status
}

async fn import_nothing(_: Server) -> Status {
    let limits = ServerLimits { import_idle_seconds: 1, ..ServerLimits::default() };
    let server = Server::start_with_limits(limits).await;
    let (_open, nothing) = tokio::sync::mpsc::channel(1);
    let nothing = tokio_stream::wrappers::ReceiverStream::new(nothing);
    server.reference_client().import_reference(nothing).await.expect_err("a refusal")
}

/// The server stops while an import holds a write; an open stream ends first.
async fn shut_down_during_import(_: Server) -> Status {
    let (server, stop) = Server::start_with_shutdown().await;
    let (_open, no_requests) = tokio::sync::mpsc::channel(1);
    let no_requests = tokio_stream::wrappers::ReceiverStream::new(no_requests);
    let mut stream = server.settlement_client().settle_stream(no_requests).await.expect("a stream").into_inner();
    server.store.set_mode(StoreMode::HoldWrites);
    let (mut client, message) = (server.reference_client(), enrolment_import());
    let import = tokio::spawn(async move { client.import_reference(tokio_stream::iter([message])).await });
    assert_eq!(server.store.next_write_event().await, WriteEvent::Started);
    stop.send(()).expect("a running server");
    let ended = stream.message().await.expect_err("the stream ends when the server stops");
    assert_eq!(ended.code(), Code::Unavailable);
    server.store.release_write();
    import.await.expect("no panic").expect_err("a refusal")
}

async fn settle_with_unknown_outcome(server: Server) -> Status {
    settle_in_mode(server, StoreMode::FailWrites(StoreError::Unknown(store_error_text()))).await
}

async fn settle_on_unreadable_store(server: Server) -> Status {
    settle_in_mode(server, StoreMode::FailReads(StoreError::Unavailable(store_error_text()))).await
}

async fn settle_on_unwritable_store(server: Server) -> Status {
    settle_in_mode(server, StoreMode::FailWrites(StoreError::Unavailable(store_error_text()))).await
}

async fn settle_too_long_commit(server: Server) -> Status {
    let status = settle_in_mode(server, StoreMode::FailWrites(commit_too_long())).await;
    let sentence = "claim.items would need a commit of 9000000 bytes; the store takes 8000000 at most (TOO_MANY)";
    assert_eq!(status.message(), format!("INVALID_REQUEST: {sentence}"));
    status
}

async fn reverse_with_too_long_commit(server: Server) -> Status {
    server.settle_ok(&bill(), "R1").await;
    server.store.set_mode(StoreMode::FailWrites(commit_too_long()));
    server.reverse(&bill(), "R2").await.expect_err("a refusal")
}

fn commit_too_long() -> StoreError {
    StoreError::CommitTooLong { bytes: 9_000_000, limit: 8_000_000 }
}

async fn settle_on_damaged_store(server: Server) -> Status {
    let status = settle_in_mode(server, StoreMode::FailReads(StoreError::Damaged(store_error_text()))).await;
    assert_eq!(
        status.message(),
        "INVARIANT: a check failed inside; nothing was committed",
        "the cause is written to the log and not sent to the caller"
    );
    status
}

async fn settle_on_panicking_store(server: Server) -> Status {
    settle_in_mode(server, StoreMode::PanicOnWrite).await
}

async fn settle_too_large_message(server: Server) -> Status {
    let items = vec![item(&"A".repeat(1 << 16), "1.00"); 65];
    refuse_without_change(&server, &RawClaim { items, ..bill() }, "R1").await
}

async fn settle_with_large_headers(server: Server) -> Status {
    let mut request = tonic::Request::new(settle_request(&bill(), "R1"));
    request.metadata_mut().insert("note", "x".repeat(20 << 10).parse().expect("a header"));
    server.settlement_client().settle(request).await.expect_err("a refusal")
}

/// Sends these bytes in place of a message.
async fn call_with_bytes(server: &Server, path: &'static str, message: Vec<u8>) -> Status {
    let mut grpc = Grpc::new(server.channel.clone());
    grpc.ready().await.expect("a connection");
    let path = PathAndQuery::from_static(path);
    grpc.unary(tonic::Request::new(message), path, wire::Bytes).await.expect_err("a refusal")
}

const SETTLE: &str = "/onestop.settlement.v1.SettlementService/Settle";

async fn settle_undecodable_message(server: Server) -> Status {
    call_with_bytes(&server, SETTLE, vec![0xff; 9]).await
}

async fn settle_deflated_message(server: Server) -> Status {
    let mut request = tonic::Request::new(settle_request(&bill(), "R1"));
    request.metadata_mut().insert("grpc-encoding", "deflate".parse().expect("a header"));
    server.settlement_client().settle(request).await.expect_err("a refusal")
}

async fn call_unknown_method(server: Server) -> Status {
    call_with_bytes(&server, "/onestop.settlement.v1.SettlementService/Steal", Vec::new()).await
}

async fn call_unknown_service(server: Server) -> Status {
    call_with_bytes(&server, "/another.Service/Call", Vec::new()).await
}

async fn stream_during_shutdown(_: Server) -> Status {
    let (server, stop) = Server::start_with_shutdown().await;
    let (_open, no_requests) = tokio::sync::mpsc::channel(1);
    let no_requests = tokio_stream::wrappers::ReceiverStream::new(no_requests);
    let mut stream = server.settlement_client().settle_stream(no_requests).await.expect("a stream").into_inner();
    stop.send(()).expect("a running server");
    stream.message().await.expect_err("the stream ends when the server stops")
}

/// Lists policies twice, then activates policies, as the auditor of a server with this edit of its callers file;
/// returns the last status of the lists and the refusal of the activation.
async fn call_twice_as_auditor(edit_callers: impl Fn(String) -> String) -> (Status, Status) {
    let keys = Keys::made();
    keys.put_callers(&edit_callers(keys.callers()));
    let server = TestServer::start(keys, ServerLimits::default()).await;
    let channel = server.channel("auditor").await;
    let mut policies = PolicyServiceClient::new(channel.clone());
    let mut last = Status::ok("");
    for _ in 0..2 {
        last = policies.list_policies(ListPoliciesRequest::default()).await.err().unwrap_or(last);
    }
    let activate = policies.activate_policies(ActivatePoliciesRequest::default()).await;
    (last, activate.expect_err("a refusal"))
}

async fn call_with_unknown_certificate(_: Server) -> Status {
    call_twice_as_auditor(|callers| callers.replace("onestop:auditor", "onestop:other")).await.0
}

async fn call_outside_role(_: Server) -> Status {
    call_twice_as_auditor(|callers| callers).await.1
}

async fn call_above_rate(_: Server) -> Status {
    call_twice_as_auditor(|callers| callers.replace("\"auditor\"\n\n", "\"auditor\"\nrate = 1\n\n")).await.0
}

async fn settle_on_full_disk(_: Server) -> Status {
    let directory = tempfile::tempdir_in("/dev/shm").expect("a directory in memory");
    crate::disk::refusal_of_a_settlement(directory.path()).await
}

async fn back_up_memory(server: Server) -> Status {
    let request = onestop::pb::operations::BackupRequest::default();
    OperationsServiceClient::new(server.channel.clone()).backup(request).await.expect_err("a refusal")
}

/// The journals of two stores in memory have the same positions, and other entries there.
async fn list_entries_after_one_of_another_journal(server: Server) -> Status {
    server.settle_ok(&bill(), "R1").await;
    let request = onestop::pb::settlement::ListEntriesRequest::default();
    let cursor = server.settlement_client().list_entries(request).await.expect("entries").into_inner().next_cursor;
    let other = Server::start().await;
    other.settle_ok(&bill(), "R1").await;
    let request = onestop::pb::settlement::ListEntriesRequest { cursor, page_size: 0 };
    other.settlement_client().list_entries(request).await.expect_err("a refusal")
}

async fn back_up_another_store(_: Server) -> Status {
    let place = tempfile::tempdir().expect("a directory");
    let serve = crate::support::program::Serve::start(&place.path().join("store"), &[]);
    let after = onestop::pb::operations::BackupEnd { store_identity: vec![1; 16], lsn: 4_096, chain: 0, entries: 0 };
    let request = onestop::pb::operations::BackupRequest { after: Some(after), follow: false };
    serve.client().await.backup(request).await.expect_err("a refusal")
}

async fn settle_above_in_flight_limit(_: Server) -> Status {
    let server = Server::start_with_limits(ServerLimits { in_flight: 1, ..ServerLimits::default() }).await;
    server.store.set_mode(StoreMode::HoldWrites);
    let (mut client, request) = (server.settlement_client(), settle_request(&bill(), "R1"));
    let held = tokio::spawn(async move { client.settle(request).await });
    assert_eq!(server.store.next_write_event().await, WriteEvent::Started);
    let status = server.settle(&claim("C2", "P1", "1.00"), "R2").await.expect_err("a refusal");
    server.store.release_write();
    assert!(held.await.expect("no panic").is_ok());
    server.store.set_mode(StoreMode::Healthy);
    server.settle_ok(&claim("C2", "P1", "1.00"), "R2").await;
    status
}

/// The client calls the service without a socket, for a client on a channel also watches the deadline and might be
/// the first to see it pass.
async fn settle_past_deadline(server: Server) -> Status {
    server.store.set_mode(StoreMode::HoldWrites);
    let rules = Arc::new(Authorizer::new(Callers::open(), call_limits(1), Arc::default()));
    let shutdown = tokio::sync::watch::channel(false).1;
    let streams = Streams {
        window: 1,
        shutdown,
        authorizer: Arc::clone(&rules),
        max_duration: Duration::from_secs(60),
        idle: Duration::from_secs(300),
    };
    let disclosures = Arc::new(Disclosures::new(AccessLog::Disabled));
    let (engine, shutdown) = (server.engine.clone(), streams.shutdown.clone());
    let reporter = Arc::new(StoreReporter::new(engine.clone(), Arc::clone(&disclosures), None, shutdown));
    let service = SettlementServiceServer::new(SettlementHandler::new(engine, disclosures, streams, reporter));
    let mut client = SettlementServiceClient::new(AuthorizeLayer(rules).layer(service));
    let request = with_timeout(Duration::from_millis(1), settle_request(&bill(), "R1"));
    client.settle(request).await.expect_err("a refusal")
}
