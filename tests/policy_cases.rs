//! Policy cases pass exactly, in this process and over gRPC, and in the model.

mod by_model;

use std::path::{Path, PathBuf};

use onestop::cli::cases::policy_test::{CaseBackend, Verdict, run_one};
use onestop::policy::shipped;
use onestop::store::redis::address::Address;

use crate::support::redis_server::RedisServer;

fn case_files() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases = toml_files(&dir);
    cases.retain(|path| !path.file_name().unwrap().to_string_lossy().starts_with("by-"));
    cases
}

fn toml_files(directory: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(directory).expect("a directory").map(|file| file.expect("a file").path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|kind| kind == "toml")).collect();
    files.sort();
    files
}

/// Cases of schemes of other places and years, each with a book of its own.
fn scheme_files() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemes");
    let schemes = std::fs::read_dir(dir).expect("the schemes").map(|scheme| scheme.expect("a scheme").path());
    let mut cases: Vec<_> = schemes.flat_map(|scheme| toml_files(&scheme)).collect();
    cases.sort();
    cases
}

/// Cases computed by a calculator that shares no code with this project and uses exact fractions: on generated policies
/// that reach every feature of the format, and on the shipped book.
fn independent_case_files() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/independent_cases");
    let entries = |dir: &Path| std::fs::read_dir(dir).expect("a directory").map(|file| file.expect("a file").path());
    let case_files = |dir: PathBuf| match dir.join("case.toml") {
        own if own.exists() => vec![own],
        _ => entries(&dir).collect(),
    };
    let mut cases: Vec<_> = entries(&dir).flat_map(case_files).collect();
    cases.sort();
    cases
}

/// Cases of re-adjudication and of claims from three regions, which the other cases do not cover.
fn further_case_files() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/further_cases");
    let files = std::fs::read_dir(dir).expect("the cases").map(|file| file.expect("a case").path());
    // Folders hold the policies of single cases.
    let mut cases: Vec<_> = files.filter(|file| file.extension().is_some()).collect();
    cases.sort();
    cases
}

async fn assert_all_pass(cases: Vec<PathBuf>, backend: &CaseBackend) {
    let book = shipped::book().expect("the shipped book");
    assert!(!cases.is_empty());
    for case in cases {
        let text = std::fs::read_to_string(&case).expect("a case");
        match run_one(&case, &text, &book, backend).await {
            Ok((_, Verdict::Passed)) => {}
            Ok((name, Verdict::Differs(differences))) => panic!("{name}: {differences:?}"),
            Err(fault) => panic!("{}: {fault}", case.display()),
        }
    }
}

#[tokio::test]
async fn every_case_passes_in_process() {
    assert_all_pass(case_files(), &CaseBackend::InProcess).await;
    assert_all_pass(scheme_files(), &CaseBackend::InProcess).await;
}

#[tokio::test]
async fn every_case_passes_over_grpc() {
    assert_all_pass(case_files(), &CaseBackend::ServerOnDirectory).await;
    assert_all_pass(scheme_files(), &CaseBackend::ServerOnDirectory).await;
}

#[tokio::test]
async fn every_case_of_an_independent_calculator_passes_in_process_and_over_grpc() {
    assert_all_pass(independent_case_files(), &CaseBackend::InProcess).await;
    assert_all_pass(independent_case_files(), &CaseBackend::ServerOnDirectory).await;
}

#[tokio::test]
async fn re_adjudications_and_the_claims_of_three_regions_pass_in_process_and_over_grpc() {
    assert_all_pass(further_case_files(), &CaseBackend::InProcess).await;
    assert_all_pass(further_case_files(), &CaseBackend::ServerOnDirectory).await;
}

#[tokio::test]
async fn all_cases_pass_over_grpc_on_redis_and_leave_no_key() {
    let server = RedisServer::shared();
    let address = Address::parse(&server.url()).expect("an address");
    let pattern = format!("{}-case-*", address.prefix);
    let backend = CaseBackend::ServerOnRedis(address);
    for cases in [case_files(), scheme_files(), independent_case_files(), further_case_files()] {
        assert_all_pass(cases, &backend).await;
    }
    assert_eq!(server.ask(&["KEYS", &pattern]), "*0\r\n");
}

#[tokio::test]
async fn a_case_with_one_wrong_fen_differs() {
    let book = shipped::book().expect("the shipped book");
    let case = case_files().remove(0);
    let text = std::fs::read_to_string(&case).expect("a case").replacen("54450.00", "54450.01", 1);
    let Ok((_, Verdict::Differs(differences))) = run_one(&case, &text, &book, &CaseBackend::InProcess).await else {
        panic!("the case must differ");
    };
    let differences: Vec<String> = differences.iter().map(ToString::to_string).collect();
    assert_eq!(differences, ["step 1 payers.basic_fund: want 54450.01, got 54450.00"]);
}
