//! The retroactive run over gRPC: rows that were entered late or put right, refusals, retries, outcomes and fences.

use std::collections::BTreeSet;

use onestop::domain::claim::RawClaim;
use onestop::engine::audit::Audit;
use onestop::engine::retroactive::ReadjudicateRequest;
use onestop::pb::settlement as pb;
use onestop::pb::settlement::outcome::Outcome;
use onestop::policy::{Book, shipped, shipped_vocabulary};
use onestop::reference::table::ReferenceTable;
use onestop::store::memory::MemoryStore;
use onestop::store::{JournalStore, Scope, StoreError};
use tonic::{Code, Status};

use super::faulty_store::StoreMode;
use super::{Server, code_and_reason, refusal_details};
use crate::support::claims::{claim, day, settle};
use crate::support::ids::id;
use crate::support::{engine, row, stamp};

/// A stay of March for 10,000.00 yuan at the tertiary hospital H3.
fn march() -> RawClaim {
    RawClaim { admitted: day("2017-03-01"), discharged: day("2017-03-10"), ..claim("C1", "P1", "10000.00") }
}

/// A stay of June for 50,000.00 yuan at the secondary hospital H2.
fn june() -> RawClaim {
    RawClaim { hospital_id: "H2".into(), ..claim("C2", "P1", "50000.00") }
}

fn request(request_id: &str) -> pb::ReadjudicateRequest {
    let (person_id, request_id) = ("P1".to_owned(), request_id.to_owned());
    pb::ReadjudicateRequest { person_id, benefit_year: 2017, request_id, dry_run: false }
}

async fn readjudicate(server: &Server, request: pb::ReadjudicateRequest) -> Result<pb::ReadjudicateResponse, Status> {
    Ok(server.settlement_client().readjudicate(request).await?.into_inner())
}

async fn run(server: &Server, request_id: &str) -> pb::ReadjudicateResponse {
    readjudicate(server, request(request_id)).await.expect("a run")
}

async fn import(server: &Server, table: ReferenceTable, cells: &[&str]) {
    server.engine.import(vec![row(table, cells)]).await.expect("a sound row");
}

/// Registers P1 as poor from 1 March 2017.
async fn register(server: &Server) {
    import(server, ReferenceTable::Categories, &["P1", "registered_poor", "2017-03-01", ""]).await;
}

async fn view(server: &Server, settlement: &pb::Settlement) -> pb::GetSettlementResponse {
    let settlement_id = settlement.settlement_id.clone();
    let request = pb::GetSettlementRequest { settlement_id, ..pb::GetSettlementRequest::default() };
    server.settlement_client().get_settlement(request).await.expect("a settlement").into_inner()
}

/// The split in force of a settlement, with its derivation.
async fn newest(server: &Server, settlement: &pb::Settlement) -> (pb::Split, pb::Derivation) {
    let view = view(server, settlement).await;
    let first = view.settlement.expect("a settlement");
    match view.revisions.into_iter().last() {
        Some(revision) => (revision.split.expect("a split"), revision.derivation.expect("a derivation")),
        None => (first.split.expect("a split"), first.derivation.expect("a derivation")),
    }
}

/// The splits of these claims, settled in order on an empty store with the tables of this server.
async fn afresh(claims: &[RawClaim], rows: &[(ReferenceTable, &[&str])]) -> Vec<pb::Split> {
    let server = Server::start().await;
    for (table, cells) in rows {
        import(&server, *table, cells).await;
    }
    let mut splits = Vec::new();
    for (number, claim) in claims.iter().enumerate() {
        splits.push(server.settle_ok(claim, &format!("S{number}")).await.split.expect("a split"));
    }
    splits
}

async fn verify(server: &Server) {
    let store = server.engine.store();
    let state = store.look_up(Scope::of_person(&id("P1"))).await.expect("a look-up").state;
    Audit::new(store).verify_person(&state).await.expect("a sound chain");
}

#[tokio::test]
async fn a_category_that_was_entered_late_changes_the_earlier_stay_and_what_rests_on_it() {
    let server = Server::start().await;
    let settled = [server.settle_ok(&march(), "S1").await, server.settle_ok(&june(), "S2").await];
    register(&server).await;
    let before = server.engine.store().fingerprint();
    let dry = readjudicate(&server, pb::ReadjudicateRequest { dry_run: true, ..request("V") }).await.expect("a run");
    assert_eq!(server.engine.store().fingerprint(), before, "a dry run changes nothing");
    assert!(dry.dry_run && dry.revised.iter().all(|revised| revised.revision_id.is_empty()));
    let done = run(&server, "V").await;
    assert_eq!((done.decided, done.revised.len(), done.replay, done.dry_run), (2, 2, false, false));
    for ((dry, done), settlement) in dry.revised.iter().zip(&done.revised).zip(&settled) {
        assert_eq!((&dry.differences, &dry.payers, dry.revision), (&done.differences, &done.payers, done.revision));
        let ids = (&settlement.settlement_id, &settlement.hospital_id);
        assert_eq!((&done.settlement_id, &done.hospital_id, done.revision), (ids.0, ids.1, 2));
        let differences = done.differences.clone().expect("differences");
        assert_eq!(differences.payers.iter().map(|share| share.amount_fen).sum::<i64>(), -differences.patient_fen);
        assert!(differences.patient_fen < 0, "the poor pay less");
    }
    let poor: &[&str] = &["P1", "registered_poor", "2017-03-01", ""];
    let expected = afresh(&[march(), june()], &[(ReferenceTable::Categories, poor)]).await;
    for (settlement, expected) in settled.iter().zip(expected) {
        let (split, derivation) = newest(&server, settlement).await;
        assert_eq!(split, expected);
        assert_eq!(derivation.circumstances.expect("circumstances").categories, ["registered_poor"]);
        let cause = view(&server, settlement).await.revisions[0].cause.clone();
        assert_eq!(cause, Some(pb::revision::Cause::RunId(done.revised[0].revision_id.clone())));
    }
    verify(&server).await;
    // The same again, under another request: nothing differs, and nothing is committed.
    let after = server.engine.store().fingerprint();
    let second = run(&server, "V2").await;
    assert_eq!((second.decided, second.revised.len(), second.replay), (2, 0, false));
    assert_eq!(server.engine.store().fingerprint(), after);
}

#[tokio::test]
async fn a_level_that_was_put_right_changes_the_stays_of_that_hospital() {
    let server = Server::start().await;
    let settled = server.settle_ok(&march(), "S1").await;
    let right: &[&str] = &["H3", "", "省立医院", "secondary", "370100", "", ""];
    import(&server, ReferenceTable::Hospitals, right).await;
    assert_eq!(run(&server, "V").await.revised.len(), 1);
    let expected = afresh(&[march()], &[(ReferenceTable::Hospitals, right)]).await;
    assert_eq!(newest(&server, &settled).await.0, expected[0]);
    verify(&server).await;
}

#[tokio::test]
async fn a_catalogue_row_that_was_put_right_gives_a_revision_with_its_own_bill() {
    let server = Server::start().await;
    let settled = server.settle_ok(&march(), "S1").await;
    import(&server, ReferenceTable::Catalogue, &["A", "", "", "甲类", "B", "0.2", "", ""]).await;
    assert_eq!(run(&server, "V").await.revised.len(), 1);
    let (split, derivation) = newest(&server, &settled).await;
    assert_eq!(derivation.codes[0].class, "B");
    assert_eq!(split.pools.iter().map(|pool| pool.amount_fen).sum::<i64>(), 1_000_000);
    verify(&server).await;
    // What is reversed and decided again afterwards rests on the facts of the run.
    let later = server.settle_ok(&june(), "S2").await;
    let reversal = pb::ReverseRequest { readjudicate: true, ..super::reverse_request(&march(), "R") };
    server.settlement_client().reverse(reversal).await.expect("a reversal");
    assert_eq!(newest(&server, &later).await.1.circumstances.expect("circumstances").admissions_before, 0);
    verify(&server).await;
}

#[tokio::test]
async fn a_reversal_after_a_run_decides_the_later_ones_from_the_facts_of_the_run() {
    let server = Server::start().await;
    server.settle_ok(&march(), "S1").await;
    let later = server.settle_ok(&june(), "S2").await;
    register(&server).await;
    run(&server, "V").await;
    // The tables change once more; a reversal does not look them up.
    import(&server, ReferenceTable::Categories, &["P1", "registered_poor", "2017-03-01", "2017-03-01"]).await;
    let reversal = pb::ReverseRequest { readjudicate: true, ..super::reverse_request(&march(), "R") };
    server.settlement_client().reverse(reversal).await.expect("a reversal");
    let (split, derivation) = newest(&server, &later).await;
    assert_eq!(derivation.circumstances.expect("circumstances").categories, ["registered_poor"]);
    let poor: &[&str] = &["P1", "registered_poor", "2017-03-01", ""];
    assert_eq!(split, afresh(&[june()], &[(ReferenceTable::Categories, poor)]).await[0]);
    verify(&server).await;
    // A run looks them up: the person is an ordinary one again.
    assert_eq!(run(&server, "V2").await.revised[0].revision, 4);
    assert_eq!(newest(&server, &later).await.0, afresh(&[june()], &[]).await[0]);
    verify(&server).await;
}

#[tokio::test]
async fn a_settlement_that_could_not_be_settled_today_is_named_and_nothing_changes() {
    let server = Server::start().await;
    let treated = RawClaim { visit: "outpatient_serious".into(), ..claim("C7", "P4", "3000.00") };
    server.settle_ok(&RawClaim { person_id: "P4".into(), ..march() }, "S1").await;
    let settled = server.settle_ok(&treated, "S2").await;
    import(&server, ReferenceTable::Categories, &["P4", "registered_poor", "2017-03-01", ""]).await;
    let withdrawn: &[&str] = &["P4", "outpatient_serious", "2016-01-01", "2016-01-01"];
    import(&server, ReferenceTable::Approvals, withdrawn).await;
    let before = server.engine.store().fingerprint();
    let request = pb::ReadjudicateRequest { person_id: "P4".to_owned(), ..request("V") };
    let status = readjudicate(&server, request.clone()).await.expect_err("a refusal");
    assert_eq!(server.engine.store().fingerprint(), before);
    let details = refusal_details(&status);
    assert_eq!((details.code, details.reason.as_str()), (Code::FailedPrecondition, "CANNOT_DECIDE_AGAIN"));
    let [(field, reason, _)] = &details.faults[..] else { panic!("one fault: {details:?}") };
    assert_eq!(field, &format!("settlements[{}].claim.visit", settled.settlement_id));
    assert_eq!(reason, "NOT_APPROVED");
    // With the approval back, the same request is done.
    import(&server, ReferenceTable::Approvals, &["P4", "outpatient_serious", "2016-01-01", ""]).await;
    assert!(!readjudicate(&server, request).await.expect("a run").revised.is_empty());
}

#[tokio::test]
async fn a_person_who_is_no_longer_insured_and_a_day_without_a_policy_are_named() {
    let server = Server::start().await;
    server.settle_ok(&march(), "S1").await;
    for (region, reason) in [("370100", "NOT_ENROLLED"), ("110101", "NO_POLICY_IN_FORCE")] {
        let until = if region == "370100" { "2016-01-01" } else { "" };
        import(&server, ReferenceTable::Enrolments, &["P1", "2014-01-01", "resident", region, until]).await;
        let details = refusal_details(&readjudicate(&server, request("V")).await.expect_err("a refusal"));
        assert_eq!((details.reason.as_str(), details.faults[0].1.as_str()), ("CANNOT_DECIDE_AGAIN", reason));
    }
}

#[tokio::test]
async fn an_insurance_that_was_put_right_moves_the_settlement_to_the_other_account() {
    let server = Server::start().await;
    let stay = RawClaim { admitted: day("2025-03-01"), discharged: day("2025-03-10"), ..march() };
    let settled = server.settle_ok(&stay, "S1").await;
    let right: &[&str] = &["P1", "2014-01-01", "employee", "370100", ""];
    import(&server, ReferenceTable::Enrolments, right).await;
    let of_2025 = pb::ReadjudicateRequest { benefit_year: 2025, ..request("V") };
    assert_eq!(readjudicate(&server, of_2025).await.expect("a run").revised.len(), 1);
    assert_eq!(newest(&server, &settled).await.0, afresh(&[stay], &[(ReferenceTable::Enrolments, right)]).await[0]);
    for (insurance, admissions) in [("resident", 0), ("employee", 1)] {
        let (person_id, insurance) = ("P1".to_owned(), insurance.to_owned());
        let request = pb::GetAccountRequest { person_id, insurance, year: 2025, on: None };
        let account = server.settlement_client().get_account(request).await.expect("an account").into_inner();
        assert_eq!(account.admissions, admissions);
    }
    for (insurance, listed) in [("resident", 0), ("employee", 1), ("", 1)] {
        let (person_id, insurance) = ("P1".to_owned(), insurance.to_owned());
        let request = pb::ListSettlementsRequest { person_id, insurance, benefit_year: 2025, ..Default::default() };
        let page = server.settlement_client().list_settlements(request).await.expect("a page").into_inner();
        assert_eq!(page.settlements.len(), listed);
    }
    verify(&server).await;
    // Back into an account that exists and holds nothing: it is continued.
    import(&server, ReferenceTable::Enrolments, &["P1", "2014-01-01", "resident", "370100", ""]).await;
    let back = pb::ReadjudicateRequest { benefit_year: 2025, ..request("W") };
    assert_eq!(readjudicate(&server, back).await.expect("a run").revised.len(), 1);
    assert_eq!(Some(newest(&server, &settled).await.0), settled.split);
    verify(&server).await;
}

#[tokio::test]
async fn a_stay_over_new_year_is_decided_again_with_the_part_that_it_continues_and_other_facts_stay() {
    let server = Server::start().await;
    let first =
        RawClaim { admitted: day("2017-12-20"), discharged: day("2017-12-31"), ..claim("C1", "P1", "20000.00") };
    let continues = onestop::domain::claim::RawContinues {
        kind: "interim".to_owned(),
        hospital_id: "H3".to_owned(),
        claim_id: "C1".to_owned(),
    };
    let second = RawClaim {
        admitted: day("2018-01-01"),
        discharged: day("2018-01-09"),
        continues: Some(continues),
        ..claim("C2", "P1", "30000.00")
    };
    server.settle_ok(&first, "S1").await;
    let part = server.settle_ok(&second, "S2").await;
    import(&server, ReferenceTable::Hospitals, &["H3", "", "省立医院", "primary", "370100", "", ""]).await;
    let done = run(&server, "V").await;
    assert_eq!((done.decided, done.revised.len()), (2, 2));
    let (_, derivation) = newest(&server, &part).await;
    assert_eq!(derivation.circumstances.expect("circumstances").hospital_level, "tertiary", "the year was not named");
    verify(&server).await;
    let next = readjudicate(&server, pb::ReadjudicateRequest { benefit_year: 2018, ..request("W") }).await;
    assert_eq!(next.expect("a run").revised.len(), 1);
    let (_, derivation) = newest(&server, &part).await;
    assert_eq!(derivation.circumstances.expect("circumstances").hospital_level, "primary");
    verify(&server).await;
}

#[tokio::test]
async fn the_same_request_is_answered_again_and_another_content_is_refused() {
    let server = Server::start().await;
    server.settle_ok(&march(), "V").await;
    register(&server).await;
    let done = run(&server, "V").await;
    import(&server, ReferenceTable::Categories, &["P1", "registered_poor", "2017-03-01", "2017-03-01"]).await;
    assert_eq!(run(&server, "V").await, pb::ReadjudicateResponse { replay: true, ..done.clone() });
    let other = pb::ReadjudicateRequest { benefit_year: 2018, ..request("V") };
    let status = readjudicate(&server, other).await.expect_err("a refusal");
    let details = refusal_details(&status);
    assert_eq!((details.reason.as_str(), details.faults[0].0.as_str()), ("REQUEST_ID_REUSED", "benefit_year"));
    // The scope of the request is not that of the hospital, whose settlement has the same request id.
    let of_run = pb::GetOutcomeRequest {
        person_id: "P1".to_owned(),
        request_id: "V".to_owned(),
        of_readjudicate: true,
        ..Default::default()
    };
    let of_both = pb::GetOutcomeRequest { hospital_id: "H3".to_owned(), ..of_run.clone() };
    let refused = server.settlement_client().get_outcome(of_both).await.expect_err("a refusal");
    let (field, reason, _) = refusal_details(&refused).faults.remove(0);
    assert_eq!((field.as_str(), reason.as_str()), ("hospital_id", "MUST_BE_EMPTY"));
    let outcome = server.settlement_client().get_outcome(of_run).await.expect("an outcome").into_inner().outcome;
    let Some(Outcome::Readjudicated(found)) = outcome.and_then(|outcome| outcome.outcome) else { panic!("a run") };
    assert_eq!(found, pb::ReadjudicateResponse { replay: true, ..done });
    assert!(matches!(server.outcome(&march(), "V").await, Outcome::Committed(_)));
}

#[tokio::test]
async fn a_fenced_run_never_commits() {
    let server = Server::start().await;
    server.settle_ok(&march(), "S1").await;
    register(&server).await;
    let fence = pb::FenceRequest {
        person_id: "P1".to_owned(),
        request_id: "V".to_owned(),
        of_readjudicate: true,
        ..Default::default()
    };
    let fenced = server.settlement_client().fence(fence).await.expect("an outcome").into_inner().outcome;
    assert!(matches!(fenced.and_then(|outcome| outcome.outcome), Some(Outcome::Fenced(_))));
    assert_eq!(code_and_reason(readjudicate(&server, request("V")).await).1, "REQUEST_FENCED");
    assert_eq!(run(&server, "V2").await.revised.len(), 1);
    verify(&server).await;
}

#[tokio::test]
async fn an_unknown_person_is_not_found_and_a_year_without_settlements_changes_nothing() {
    let server = Server::start().await;
    let unknown = pb::ReadjudicateRequest { person_id: "NOBODY".to_owned(), ..request("V") };
    assert_eq!(code_and_reason(readjudicate(&server, unknown).await).1, "NOT_FOUND");
    let faulty = pb::ReadjudicateRequest { person_id: String::new(), ..request("") };
    assert_eq!(refusal_details(&readjudicate(&server, faulty).await.expect_err("a refusal")).faults.len(), 2);
    assert_eq!(run(&server, "V").await, pb::ReadjudicateResponse::default());
}

#[tokio::test]
async fn after_a_store_failure_all_or_none_of_the_settlements_are_revised() {
    for failure in [
        StoreMode::FailWrites(StoreError::Conflict),
        StoreMode::FailWrites(StoreError::Unavailable("down".to_owned())),
        StoreMode::WriteThenFail(StoreError::Unknown("late".to_owned())),
    ] {
        let server = Server::start().await;
        let settled = [server.settle_ok(&march(), "S1").await, server.settle_ok(&june(), "S2").await];
        register(&server).await;
        server.store.set_mode(failure.clone());
        readjudicate(&server, request("V")).await.expect_err("a failure");
        server.store.set_mode(StoreMode::Healthy);
        let written = matches!(failure, StoreMode::WriteThenFail(_));
        for settlement in &settled {
            assert_eq!(view(&server, settlement).await.revisions.len(), usize::from(written));
        }
        let again = run(&server, "V").await;
        assert_eq!((again.replay, again.revised.len()), (written, 2));
    }
}

/// The shipped book with lower rates.
fn another_book() -> Book {
    let lower = |(name, text): &(&'static str, &str)| (*name, text.replace("rate = \"85%\"", "rate = \"80%\""));
    let files: Vec<_> = shipped::FILES.iter().chain([&shipped_vocabulary::VOCABULARY]).map(lower).collect();
    Book::from_texts(files.iter().map(|(name, text)| (*name, text.as_str()))).expect("a sound book")
}

/// Another book is put in force at each of the moments at which a run lets other calls go on.
#[tokio::test]
async fn the_revisions_of_a_run_name_the_book_that_decided_them_whatever_is_put_in_force_meanwhile() {
    let mut named = BTreeSet::new();
    for pauses in 0..4 {
        let engine = engine(MemoryStore::default()).await;
        for number in 1..=40 {
            let request = settle(claim(&format!("C{number}"), "P1", "1000.00"));
            engine.settle(request, stamp(number)).await.expect("a settlement");
        }
        let poor = row(ReferenceTable::Categories, &["P1", "registered_poor", "2017-01-01", ""]);
        engine.import(vec![poor]).await.expect("a sound row");
        let books = [(*engine.book()).clone(), another_book()];
        let other = books[1].clone();
        let activated = async {
            for _ in 0..pauses {
                tokio::task::yield_now().await;
            }
            engine.activate(other, "an operator", &|| stamp(900)).await
        };
        let (person_id, request_id) = ("P1".to_owned(), "run".to_owned());
        let request = ReadjudicateRequest { person_id, benefit_year: 2017, request_id, dry_run: false };
        let (run, activated) = tokio::join!(engine.readjudicate_year(request, stamp(800)), activated);
        activated.expect("another book");
        let revisions = run.expect("a run").revisions;
        assert_eq!(revisions.len(), 40);
        for revision in revisions {
            let book = books.iter().find(|book| book.digest() == revision.body.book).expect("one of both");
            let policy = book.get("shandong-2017").expect("the policy").reference.digest;
            assert_eq!(revision.body.split.circumstances.policy.digest, policy, "after {pauses} pauses");
            named.insert(revision.body.book.0);
        }
    }
    assert_eq!(named.len(), 2, "the other book came before the decision and after it");
}
