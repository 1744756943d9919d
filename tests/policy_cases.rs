//! Policy tests hold exactly, in this process and through a server.

use std::path::{Path, PathBuf};

use onestop::cli::cases::policy_test::{CaseBackend, Verdict, run_one};
use onestop::policy::shipped;
use onestop::store::redis::address::Address;

use crate::support::redis_server::RedisServer;

fn cases() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let files = std::fs::read_dir(dir).expect("the cases").map(|file| file.expect("a case").path());
    let mut cases: Vec<_> =
        files.filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with("by-")).collect();
    cases.sort();
    cases
}

/// Cases made by a calculator that shares no code with this one and reckons in exact fractions: on policies of
/// their own, generated to reach every feature of the format, and on the shipped book.
fn independent() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/independent_cases");
    let inside = |dir: &Path| std::fs::read_dir(dir).expect("a directory").map(|file| file.expect("a file").path());
    let of = |dir: PathBuf| match dir.join("case.toml") {
        own if own.exists() => vec![own],
        _ => inside(&dir).collect(),
    };
    let mut cases: Vec<_> = inside(&dir).flat_map(of).collect();
    cases.sort();
    cases
}

/// What the others do not reach: re-adjudication, and the claims of three regions.
fn further() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/further_cases");
    let mut cases: Vec<_> =
        std::fs::read_dir(dir).expect("the cases").map(|file| file.expect("a case").path()).collect();
    cases.sort();
    cases
}

async fn all_hold(cases: Vec<PathBuf>, through: &CaseBackend) {
    let book = shipped::book().expect("the shipped book");
    assert!(!cases.is_empty());
    for case in cases {
        let text = std::fs::read_to_string(&case).expect("a case");
        match run_one(&case, &text, &book, through).await {
            Ok((_, Verdict::Passed)) => {}
            Ok((name, Verdict::Differs(found))) => panic!("{name}: {}", found.join("; ")),
            Err(told) => panic!("{}: {told}", case.display()),
        }
    }
}

#[tokio::test]
async fn every_case_holds_in_process() {
    all_hold(cases(), &CaseBackend::InProcess).await;
}

#[tokio::test]
async fn every_case_holds_over_grpc() {
    all_hold(cases(), &CaseBackend::Directory).await;
}

#[tokio::test]
async fn what_an_independent_calculator_found_holds_in_process_and_over_grpc() {
    all_hold(independent(), &CaseBackend::InProcess).await;
    all_hold(independent(), &CaseBackend::Directory).await;
}

#[tokio::test]
async fn re_adjudications_and_the_claims_of_three_regions_hold_in_process_and_over_grpc() {
    all_hold(further(), &CaseBackend::InProcess).await;
    all_hold(further(), &CaseBackend::Directory).await;
}

#[tokio::test]
async fn all_of_them_hold_over_grpc_on_redis_and_leave_no_key_there() {
    let server = RedisServer::shared();
    let address = Address::parse(&server.url()).expect("an address");
    let pattern = format!("{}-case-*", address.prefix);
    let through = CaseBackend::Redis(address);
    for cases in [cases(), independent(), further()] {
        all_hold(cases, &through).await;
    }
    assert_eq!(server.ask(&["KEYS", &pattern]), "*0\r\n");
}

#[tokio::test]
async fn a_case_with_one_wrong_fen_differs() {
    let book = shipped::book().expect("the shipped book");
    let case = cases().remove(0);
    let text = std::fs::read_to_string(&case).expect("a case").replacen("54450.00", "54450.01", 1);
    let Ok((_, Verdict::Differs(found))) = run_one(&case, &text, &book, &CaseBackend::InProcess).await else {
        panic!("it must differ");
    };
    assert_eq!(found, ["step 1 payers.basic_fund: want 54450.01, got 54450.00"]);
}
