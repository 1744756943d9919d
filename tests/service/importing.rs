//! The import of reference tables over gRPC: all rows or none, and every fault by row and column.

use onestop::engine::import::Imported;
use onestop::engine::{Engine, EngineSettings};
use onestop::grpc::pb::reference::{ImportReferenceRequest, ImportReferenceResponse, Row, Table};
use onestop::policy::shipped;
use onestop::reference::table::ReferenceTable;
use onestop::store::StoreError;
use onestop::store::memory::MemoryStore;
use tonic::{Code, Status};

use super::trial_store::Mode;
use super::{Server, refused, told};
use crate::support::claims::{claim, day, item};

fn message(table: Table, rows: &[&[&str]], commit: bool) -> ImportReferenceRequest {
    let rows = rows.iter().map(|cells| Row { cells: cells.iter().map(|cell| (*cell).to_owned()).collect() });
    ImportReferenceRequest { table: table.into(), rows: rows.collect(), commit, ..ImportReferenceRequest::default() }
}

async fn import(server: &Server, messages: Vec<ImportReferenceRequest>) -> Result<ImportReferenceResponse, Status> {
    Ok(server.references().import_reference(tokio_stream::iter(messages)).await?.into_inner())
}

fn counts(answer: Result<ImportReferenceResponse, Status>) -> (u64, u64, u64) {
    let answer = answer.expect("an answer");
    (answer.taken, answer.changed, answer.unchanged)
}

fn faults(answer: Result<ImportReferenceResponse, Status>) -> Vec<(String, String)> {
    let told = told(&answer.expect_err("a refusal"));
    assert_eq!((told.code, told.reason.as_str()), (Code::InvalidArgument, "INVALID_REQUEST"));
    told.faults.into_iter().map(|(field, reason, _)| (field, reason)).collect()
}

fn named(faults: &[(&str, &str)]) -> Vec<(String, String)> {
    faults.iter().map(|(field, reason)| ((*field).to_owned(), (*reason).to_owned())).collect()
}

/// A drug that costs ten yuan, of class A.
const NEW: &[&str] = &["NEW", "", "", "新药", "A", "", "", ""];

async fn holds(server: &Server, code: &str) -> bool {
    let mut bill = claim("C1", "P1", "1.00");
    bill.items.push(item(code, "10.00"));
    server.quote(&bill).await.is_ok()
}

#[tokio::test]
async fn rows_of_several_messages_are_taken_when_the_last_commits() {
    let server = Server::start().await;
    let other: &[&str] = &["OTHER", "", "", "药", "C", "", "", ""];
    let messages = vec![message(Table::Catalogue, &[NEW], false), message(Table::Catalogue, &[other], true)];
    assert_eq!(counts(import(&server, messages.clone()).await), (2, 2, 0));
    assert!(holds(&server, "NEW").await && holds(&server, "OTHER").await);
    assert_eq!(counts(import(&server, messages).await), (2, 0, 2), "the same rows again change nothing");
    let dearer: &[&str] = &["NEW", "", "", "新药", "A", "", "5.00", ""];
    let messages = vec![message(Table::Catalogue, &[dearer, other], true)];
    assert_eq!(counts(import(&server, messages).await), (2, 1, 1));
}

#[tokio::test]
async fn rows_about_persons_are_counted_and_seen_at_once() {
    let server = Server::start().await;
    assert_eq!(
        counts(import(&server, vec![message(Table::Persons, &[&["N1", "resident", "370100"]], true)]).await),
        (1, 1, 0)
    );
    let bill = claim("C1", "N1", "1.00");
    assert_eq!(refused(server.quote(&bill).await).1, "NOT_ELIGIBLE");
    let rows: &[&[&str]] = &[&["N1", "2014-01-01", ""], &["P1", "2014-01-01", ""]];
    assert_eq!(counts(import(&server, vec![message(Table::Enrolments, rows, true)]).await), (2, 1, 1));
    assert!(server.quote(&bill).await.is_ok());
}

#[tokio::test]
async fn without_the_commit_nothing_is_taken() {
    let server = Server::start().await;
    let last = message(Table::Catalogue, &[NEW], false);
    let first = message(Table::Catalogue, &[], true);
    for messages in [vec![], vec![last.clone()], vec![first, last]] {
        assert_eq!(faults(import(&server, messages).await), named(&[("commit", "MISSING")]));
    }
    assert!(!holds(&server, "NEW").await);
}

#[tokio::test]
async fn every_fault_is_named_by_row_and_column_and_nothing_is_taken() {
    let server = Server::start().await;
    let messages = vec![
        message(Table::Catalogue, &[NEW, &["X", "37O1", "2017-02-30", "", "D", "", "-1", ""]], false),
        message(Table::Catalogue, &[&["Y", "", "2018-01-01", "药", "B", "", "", "2018-01-01"], &["Z"]], true),
    ];
    let mut told = faults(import(&server, messages).await);
    told.sort();
    let mut all = named(&[
        ("rows[1].regions", "UNREADABLE"),
        ("rows[1].from", "NOT_A_DAY"),
        ("rows[1].name", "MISSING"),
        ("rows[1].class", "UNREADABLE"),
        ("rows[1].price_ceiling", "NEGATIVE"),
        ("rows[2].self_pay_ratio", "MISSING"),
        ("rows[2].until", "UNREADABLE"),
        ("rows[3].cells", "UNREADABLE"),
    ]);
    all.sort();
    assert_eq!(told, all);
    assert!(!holds(&server, "NEW").await);
}

#[tokio::test]
async fn of_many_faults_the_first_are_named_and_the_rest_counted() {
    let server = Server::start().await;
    let rows: Vec<&[&str]> = vec![&["P1", "yesterday", ""]; 1_000];
    let answer = import(&server, vec![message(Table::Enrolments, &rows, true)]).await;
    let told = told(&answer.expect_err("a refusal")).faults;
    assert_eq!((told[0].0.as_str(), told[19].0.as_str()), ("rows[0].from", "rows[19].from"));
    assert_eq!(told[20..], [("rows".to_owned(), "TOO_MANY".to_owned(), "have 980 more faults".to_owned())]);
}

#[tokio::test]
async fn two_rows_of_one_code_and_one_prefix_on_a_day_are_refused_in_the_table_and_in_the_import() {
    let server = Server::start().await;
    let from_2018: &[&str] = &["A", "", "2018-01-01", "甲类", "C", "", "", ""];
    let answer = import(&server, vec![message(Table::Catalogue, &[NEW, from_2018], true)]).await;
    assert_eq!(faults(answer), named(&[("rows[1].code", "OVERLAP")]));
    let rows: &[&[&str]] = &[
        &["M", "3701 3702", "2017-01-01", "药", "A", "", "", "2018-01-01"],
        &["M", "3702", "2017-12-31", "药", "C", "", "", ""],
    ];
    let clash = ("rows[1].code".to_owned(), "OVERLAP".to_owned());
    assert!(faults(import(&server, vec![message(Table::Catalogue, rows, true)]).await).contains(&clash));
    assert!(!holds(&server, "NEW").await && !holds(&server, "M").await);
}

/// A successor may stand before the row whose end makes room for it: a table is no sequence.
#[tokio::test]
async fn a_row_and_its_successor_are_taken_in_either_order() {
    let until_2018: &[&str] = &["A", "", "", "甲类", "A", "", "", "2018-01-01"];
    let from_2018: &[&str] = &["A", "", "2018-01-01", "甲类", "C", "", "", ""];
    for rows in [[until_2018, from_2018], [from_2018, until_2018]] {
        let server = Server::start().await;
        assert_eq!(counts(import(&server, vec![message(Table::Catalogue, &rows, true)]).await), (2, 2, 0));
        let mut bill = claim("C1", "P1", "10.00");
        (bill.admitted, bill.discharged) = (day("2018-06-08"), day("2018-06-15"));
        let split = server.quote(&bill).await.expect("a quote").split.expect("a split");
        assert_eq!(split.pools.expect("pools").excluded_fen, 1_000);
    }
}

#[tokio::test]
async fn a_stream_is_of_one_table() {
    let server = Server::start().await;
    let mixed = vec![message(Table::Catalogue, &[NEW], false), message(Table::Persons, &[], true)];
    assert_eq!(faults(import(&server, mixed).await), named(&[("table", "UNREADABLE")]));
    let none = vec![message(Table::Unspecified, &[], true)];
    assert_eq!(faults(import(&server, none).await), named(&[("table", "MISSING")]));
    assert!(!holds(&server, "NEW").await);
}

#[tokio::test]
async fn more_rows_of_the_catalogue_than_the_limit_are_refused_and_of_persons_there_is_none() {
    let settings = EngineSettings { rows_held: 2, ..EngineSettings::default() };
    let book = shipped::book().expect("the shipped book");
    let engine = Engine::open(MemoryStore::default(), book, settings).await.expect("an engine");
    let rows = |table, cells: &[&str], count| vec![crate::support::row(table, cells); count];
    let enrolled = rows(ReferenceTable::Enrolments, &["P1", "2014-01-01", ""], 3);
    assert_eq!(engine.import(enrolled).await.expect("taken"), Imported { changed: 1, unchanged: 2 });
    assert!(engine.import(rows(ReferenceTable::Catalogue, NEW, 2)).await.is_ok());
    let refusal = engine.import(rows(ReferenceTable::Catalogue, NEW, 3)).await.expect_err("a refusal");
    assert_eq!(refusal.to_string(), "rows are more than 2 in one import (TOO_MANY)");
}

#[tokio::test]
async fn a_message_above_the_limit_is_explained_here_too() {
    let server = Server::start().await;
    let long = "X".repeat(5 << 20);
    let answer = import(&server, vec![message(Table::Enrolments, &[&[&long, "", ""]], true)]).await;
    assert_eq!(refused(answer), (Code::OutOfRange, "MESSAGE_TOO_LARGE".to_owned()));
}

#[tokio::test]
async fn rows_that_cannot_be_written_are_not_seen() {
    let server = Server::start().await;
    let failures = [
        (StoreError::Unavailable("down".to_owned()), "STORE_UNAVAILABLE"),
        (StoreError::Unknown("torn".to_owned()), "OUTCOME_UNKNOWN"),
    ];
    for (failure, reason) in failures {
        server.store.set(Mode::FailsWrites(failure));
        let answer = import(&server, vec![message(Table::Catalogue, &[NEW], true)]).await;
        assert_eq!(refused(answer), (Code::Unavailable, reason.to_owned()));
        server.store.set(Mode::Works);
        assert!(!holds(&server, "NEW").await);
    }
    assert_eq!(counts(import(&server, vec![message(Table::Catalogue, &[NEW], true)]).await), (1, 1, 0));
}
