//! The two status tables of `semantics.md`, section 2: each row provoked, and what the caller is told.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use onestop::access::Callers;
use onestop::access::log::AccessLog;
use onestop::domain::claim::{Quantity, RawClaim};
use onestop::grpc::authorize::{self, Authorizer};
use onestop::grpc::pb::policy::policy_service_client::PolicyServiceClient;
use onestop::grpc::pb::policy::{ActivatePoliciesRequest, ListPoliciesRequest};
use onestop::grpc::pb::settlement::settlement_service_client::SettlementServiceClient;
use onestop::grpc::pb::settlement::settlement_service_server::SettlementServiceServer;
use onestop::grpc::reads::Reads;
use onestop::grpc::settlement::Settlements;
use onestop::grpc::status::Reason;
use onestop::grpc::stream::Streams;
use onestop::server::serve::ServerLimits;
use onestop::store::StoreError;
use tokio::sync::Semaphore;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tower_layer::Layer;

use super::trial_store::{Event, Mode};
use super::{Server, settle, told, within};
use crate::access::House;
use crate::support::claims::{claim, day, item};
use crate::support::keys::Keys;

/// A row: the name of its test, its reason, the code and the word of the table, the fields at fault with
/// their reasons, and how it is provoked.
macro_rules! rows {
    ($($name:ident: $reason:ident, $code:ident $word:literal, [$($fault:expr),*] => $provoke:ident;)*) => {
        $(#[tokio::test]
        async fn $name() {
            let faults: &[(&str, &str)] = &[$($fault),*];
            check(Reason::$reason, Code::$code, $word, faults, &$provoke(Server::start().await).await);
        })*

        const ROWS: &[Reason] = &[$(Reason::$reason),*];
    };
}

rows! {
    a_fenced_request_may_not_commit: RequestFenced, FailedPrecondition "REQUEST_FENCED", [] => fenced;
    a_request_id_is_not_for_other_content: RequestIdReused, AlreadyExists "REQUEST_ID_REUSED", [] => reused;
    a_settled_claim_is_not_settled_again: ClaimSettled, AlreadyExists "CLAIM_SETTLED", [] => settled;
    a_claim_belongs_to_one_person: ClaimOfAnotherPerson, AlreadyExists "CLAIM_OF_ANOTHER_PERSON", [] => another;
    a_claim_must_be_sound: InvalidRequest, InvalidArgument "INVALID_REQUEST",
        [("claim.discharged", "DISCHARGED_BEFORE_ADMITTED"), ("claim.items[0].amount", "UNLIKE_SIGN")] => unsound;
    a_message_must_hold_a_claim: InvalidRequest, InvalidArgument "INVALID_REQUEST",
        [("claim", "MISSING")] => empty;
    hospital_and_person_must_qualify: NotEligible, FailedPrecondition "NOT_ELIGIBLE",
        [("claim.hospital_id", "UNKNOWN_HOSPITAL"), ("claim.person_id", "UNKNOWN_PERSON")] => not_eligible;
    the_catalogue_must_hold_every_code: UnknownItem, InvalidArgument "UNKNOWN_ITEM",
        [("claim.items[1].code", "NOT_IN_CATALOGUE"), ("claim.items[2].code", "NOT_IN_CATALOGUE")] => unknown_items;
    a_policy_must_be_in_force: NoPolicy, FailedPrecondition "NO_POLICY",
        [("claim.discharged", "NO_POLICY_IN_FORCE")] => no_policy;
    the_split_must_be_the_one_shown: QuoteChanged, FailedPrecondition "QUOTE_CHANGED", [] => quote_changed;
    what_was_never_settled_is_not_reversed: NotFound, NotFound "NOT_FOUND", [] => never_settled;
    what_was_never_settled_is_not_read: NotFound, NotFound "NOT_FOUND", [] => never_read;
    what_was_reversed_is_not_reversed_again: AlreadyReversed, FailedPrecondition "ALREADY_REVERSED", [] => reversed;
    later_settlements_are_reversed_first: LaterSettlements, FailedPrecondition "LATER_SETTLEMENTS", [] => later;
    an_account_that_keeps_moving_is_a_conflict: Conflict, Aborted "CONFLICT", [] => conflict;
    a_write_of_unknown_outcome_is_unavailable: OutcomeUnknown, Unavailable "OUTCOME_UNKNOWN", [] => unknown;
    a_deadline_that_passes_leaves_the_outcome_unknown: DeadlinePassed, DeadlineExceeded "OUTCOME_UNKNOWN",
        [] => deadline;
    a_store_that_cannot_be_read_is_unavailable: StoreUnavailable, Unavailable "STORE_UNAVAILABLE", [] => unreadable;
    a_store_that_takes_no_writes_is_unavailable: StoreUnavailable, Unavailable "STORE_UNAVAILABLE", [] => unwritable;
    a_certificate_of_nobody_known_may_nothing: CallerUnknown, Unauthenticated "CALLER_UNKNOWN", [] => stranger;
    a_role_may_what_it_may: NotPermitted, PermissionDenied "NOT_PERMITTED", [] => denied;
    a_caller_asks_for_no_more_than_it_may: CallerLimit, ResourceExhausted "CALLER_LIMIT", [] => limited;
    calls_beyond_those_in_flight_are_shed: Overloaded, ResourceExhausted "OVERLOADED", [] => overloaded;
    without_policy_files_there_is_no_other_law: PoliciesRefused, FailedPrecondition "POLICIES_REFUSED",
        [("policies:1", "UNREADABLE")] => no_files;
    of_two_imports_at_once_one_is_told_to_come_again: ImportRunning, Aborted "IMPORT_RUNNING", [] => two_imports;
    an_import_that_a_stopping_server_ends_is_sent_again: ImportStopped, Unavailable "IMPORT_STOPPED",
        [] => stopped_import;
    a_message_above_the_limit_is_out_of_range: MessageTooLarge, OutOfRange "MESSAGE_TOO_LARGE", [] => too_large;
    a_damaged_record_is_an_invariant: Invariant, Internal "INVARIANT", [] => damaged;
    a_panic_is_an_invariant: Invariant, Internal "INVARIANT", [] => panicked;
}

#[test]
fn every_reason_has_a_row() {
    let rows: HashSet<_> = ROWS.iter().collect();
    let without: Vec<_> = Reason::ALL.iter().filter(|reason| !rows.contains(reason)).collect();
    assert!(without.is_empty(), "{without:?}");
}

fn check(reason: Reason, code: Code, word: &str, faults: &[(&str, &str)], status: &Status) {
    let told = told(status);
    assert_eq!((told.code, told.reason.as_str(), reason.as_str()), (code, word, word), "{status:?}");
    let named: Vec<_> = told.faults.iter().map(|(field, reason, _)| (field.as_str(), reason.as_str())).collect();
    assert_eq!(named, faults);
    let preconditions = status.get_error_details().precondition_failure().is_some();
    assert_eq!(preconditions, code == Code::FailedPrecondition && !faults.is_empty());
    assert!(status.message().starts_with(word), "{}", status.message());
    let retry = status.get_error_details().retry_info().is_some();
    assert_eq!(
        retry,
        matches!(reason, Reason::Overloaded | Reason::CallerLimit),
        "who was shed is told when to come again, and nobody else"
    );
}

fn bill() -> RawClaim {
    claim("C1", "P1", "5000.00")
}

/// The refusal of this bill, which changes nothing that is kept.
async fn refusal(server: &Server, bill: &RawClaim, request: &str) -> Status {
    let before = server.engine.store().fingerprint();
    let status = server.settle(bill, request).await.expect_err("a refusal");
    assert_eq!(server.engine.store().fingerprint(), before, "a refusal leaves every byte as it was");
    status
}

async fn fenced(server: Server) -> Status {
    server.fence(&bill(), "R1").await.expect("fenced");
    refusal(&server, &bill(), "R1").await
}

async fn reused(server: Server) -> Status {
    server.settled(&bill(), "R1").await;
    refusal(&server, &claim("C1", "P1", "5000.01"), "R1").await
}

async fn settled(server: Server) -> Status {
    let settlement = server.settled(&bill(), "R1").await;
    let status = refusal(&server, &bill(), "R2").await;
    let info = status.get_error_details().error_info().expect("an ErrorInfo").metadata.clone();
    assert_eq!(info.get("settlement_id"), Some(&settlement.settlement_id));
    status
}

async fn another(server: Server) -> Status {
    server.settled(&bill(), "R1").await;
    server.reverse(&bill(), "R2").await.expect("a reversal");
    refusal(&server, &claim("C1", "P2", "5000.00"), "R3").await
}

async fn unsound(server: Server) -> Status {
    let mut bill = RawClaim { discharged: day("2017-06-07"), ..bill() };
    bill.items[0].quantity = Quantity(-10_000);
    refusal(&server, &bill, "R1").await
}

async fn empty(server: Server) -> Status {
    let request = onestop::grpc::pb::settlement::SettleRequest { request_id: "R1".to_owned(), ..Default::default() };
    server.settlements().settle(request).await.expect_err("a refusal")
}

async fn not_eligible(server: Server) -> Status {
    let bill = RawClaim { hospital_id: "H9".into(), person_id: "P9".into(), ..bill() };
    refusal(&server, &bill, "R1").await
}

async fn unknown_items(server: Server) -> Status {
    let items = vec![item("A", "1.00"), item("NONE", "1.00"), item("NEITHER", "1.00")];
    refusal(&server, &RawClaim { items, ..bill() }, "R1").await
}

async fn no_policy(server: Server) -> Status {
    let bill = RawClaim { admitted: day("2016-06-08"), discharged: day("2016-06-15"), ..bill() };
    refusal(&server, &bill, "R1").await
}

async fn quote_changed(server: Server) -> Status {
    let quote_digest = server.quote(&bill()).await.expect("a quote").quote_digest;
    server.settled(&claim("C2", "P1", "5000.00"), "R2").await;
    let mut request = settle(&bill(), "R1");
    request.quote_digest = quote_digest;
    server.settlements().settle(request).await.expect_err("a refusal")
}

async fn never_settled(server: Server) -> Status {
    server.reverse(&bill(), "R1").await.expect_err("a refusal")
}

async fn never_read(server: Server) -> Status {
    let settlement_id = "00000000-0000-0000-0000-000000000000".to_owned();
    let request = onestop::grpc::pb::settlement::GetSettlementRequest { settlement_id, ..Default::default() };
    server.settlements().get_settlement(request).await.expect_err("a refusal")
}

async fn reversed(server: Server) -> Status {
    server.settled(&bill(), "R1").await;
    server.reverse(&bill(), "R2").await.expect("a reversal");
    server.reverse(&bill(), "R3").await.expect_err("a refusal")
}

async fn later(server: Server) -> Status {
    server.settled(&bill(), "R1").await;
    server.settled(&claim("C2", "P1", "5000.00"), "R2").await;
    server.reverse(&bill(), "R3").await.expect_err("a refusal")
}

async fn with_store(server: Server, mode: Mode) -> Status {
    server.store.set(mode);
    refusal(&server, &bill(), "R1").await
}

fn why() -> String {
    "the disk of cabinet 7".to_owned()
}

async fn conflict(server: Server) -> Status {
    with_store(server, Mode::FailsWrites(StoreError::Conflict)).await
}

async fn no_files(server: Server) -> Status {
    let request = onestop::grpc::pb::policy::ActivatePoliciesRequest::default();
    server.policies().activate_policies(request).await.expect_err("a refusal")
}

async fn two_imports(server: Server) -> Status {
    use onestop::grpc::pb::reference as pb;
    server.store.set(Mode::Holds);
    let cells = ["P1", "2014-01-01", ""].map(str::to_owned).to_vec();
    let rows = vec![pb::Row { cells }];
    let message =
        pb::ImportReferenceRequest { table: pb::Table::Enrolments.into(), rows, commit: true, ..Default::default() };
    let (mut one, mut other) = (server.references(), server.references());
    let (first, second) = (tokio_stream::iter([message.clone()]), tokio_stream::iter([message]));
    let first = tokio::spawn(async move { one.import_reference(first).await });
    assert_eq!(server.store.event().await, Event::Started);
    let status = other.import_reference(second).await.expect_err("a refusal");
    server.store.release();
    server.store.release();
    first.await.expect("no panic").expect("it is taken");
    status
}

/// The server stops after the import has begun and before it writes the first person.
async fn stopped_import(_: Server) -> Status {
    use onestop::grpc::pb::reference as pb;
    let (server, stop) = Server::that_stops().await;
    let (_open, nothing_yet) = tokio::sync::mpsc::channel(1);
    let nothing_yet = tokio_stream::wrappers::ReceiverStream::new(nothing_yet);
    let mut stream = server.settlements().settle_stream(nothing_yet).await.expect("a stream").into_inner();
    server.store.set(Mode::Holds);
    let cells = ["P1", "2014-01-01", ""].map(str::to_owned).to_vec();
    let rows = vec![pb::Row { cells }];
    let message =
        pb::ImportReferenceRequest { table: pb::Table::Enrolments.into(), rows, commit: true, ..Default::default() };
    let mut references = server.references();
    let import = tokio::spawn(async move { references.import_reference(tokio_stream::iter([message])).await });
    assert_eq!(server.store.event().await, Event::Started);
    stop.send(()).expect("the server runs");
    let ended = stream.message().await.expect_err("the stream ends when the server stops");
    assert_eq!(ended.code(), Code::Unavailable);
    server.store.release();
    import.await.expect("no panic").expect_err("a refusal")
}

async fn unknown(server: Server) -> Status {
    with_store(server, Mode::FailsWrites(StoreError::Unknown(why()))).await
}

async fn unreadable(server: Server) -> Status {
    with_store(server, Mode::FailsReads(StoreError::Unavailable(why()))).await
}

async fn unwritable(server: Server) -> Status {
    with_store(server, Mode::FailsWrites(StoreError::Unavailable(why()))).await
}

async fn damaged(server: Server) -> Status {
    let status = with_store(server, Mode::FailsReads(StoreError::Damaged(why()))).await;
    assert_eq!(
        status.message(),
        "INVARIANT: a check failed inside; nothing was committed",
        "what is broken is for the operator"
    );
    status
}

async fn panicked(server: Server) -> Status {
    with_store(server, Mode::Panics).await
}

async fn too_large(server: Server) -> Status {
    let items = vec![item(&"A".repeat(1 << 16), "1.00"); 65];
    refusal(&server, &RawClaim { items, ..bill() }, "R1").await
}

/// A policy list, asked for as the auditor of a house with these callers.
async fn as_auditor(change: impl Fn(String) -> String) -> (Status, Status) {
    let keys = Keys::made();
    keys.put_callers(&change(keys.callers()));
    let house = House::with(keys, ServerLimits::default()).await;
    let channel = house.channel("auditor").await;
    let mut policies = PolicyServiceClient::new(channel.clone());
    let mut last = Status::ok("");
    for _ in 0..2 {
        last = policies.list_policies(ListPoliciesRequest::default()).await.err().unwrap_or(last);
    }
    let activate = policies.activate_policies(ActivatePoliciesRequest::default()).await;
    (last, activate.expect_err("a refusal"))
}

async fn stranger(_: Server) -> Status {
    as_auditor(|callers| callers.replace("onestop:auditor", "onestop:other")).await.0
}

async fn denied(_: Server) -> Status {
    as_auditor(|callers| callers).await.1
}

async fn limited(_: Server) -> Status {
    as_auditor(|callers| callers.replace("\"auditor\"\n\n", "\"auditor\"\nrate = 1\n\n")).await.0
}

async fn overloaded(_: Server) -> Status {
    let server = Server::within(ServerLimits { in_flight: 1, ..ServerLimits::default() }).await;
    server.store.set(Mode::Holds);
    let (mut client, request) = (server.settlements(), settle(&bill(), "R1"));
    let held = tokio::spawn(async move { client.settle(request).await });
    assert_eq!(server.store.event().await, Event::Started);
    let status = server.settle(&claim("C2", "P1", "1.00"), "R2").await.expect_err("a refusal");
    server.store.release();
    assert!(held.await.expect("no panic").is_ok());
    server.store.set(Mode::Works);
    server.settled(&claim("C2", "P1", "1.00"), "R2").await;
    status
}

/// Client and server without a socket between them: a client of a channel watches its deadline too, and
/// might be first to see it pass.
async fn deadline(server: Server) -> Status {
    server.store.set(Mode::Holds);
    let rules = Arc::new(Authorizer {
        callers: ArcSwap::from_pointee(Callers::open()),
        in_flight: Arc::new(Semaphore::new(1)),
        metrics: Arc::default(),
    });
    let stopping = tokio::sync::watch::channel(false).1;
    let streams = Streams { window: 1, stopping, rules: Arc::clone(&rules), most: Duration::from_secs(60) };
    let reads = Arc::new(Reads::new(AccessLog::Disabled));
    let service = SettlementServiceServer::new(Settlements::new(server.engine.clone(), reads, streams));
    let mut client = SettlementServiceClient::new(authorize::AuthorizeLayer(rules).layer(service));
    let request = within(Duration::from_millis(1), settle(&bill(), "R1"));
    client.settle(request).await.expect_err("a refusal")
}
