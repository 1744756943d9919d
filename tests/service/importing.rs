//! The import of reference tables over gRPC: all rows or none, and every fault by row and column.

use onestop::engine::import::Imported;
use onestop::engine::{Engine, EngineSettings};
use onestop::grpc::imports;
use onestop::pb::reference::{ImportReferenceRequest, ImportReferenceResponse, Row, Table};
use onestop::policy::shipped;
use onestop::reference::table::ReferenceTable;
use onestop::store::StoreError;
use onestop::store::memory::MemoryStore;
use tonic::{Code, Status};

use super::faulty_store::StoreMode;
use super::{Server, code_and_reason, refusal_details};
use crate::support::claims::{claim, day, item};

pub(super) fn import_message(table: Table, rows: &[&[&str]], commit: bool) -> ImportReferenceRequest {
    let rows = rows.iter().map(|cells| Row { cells: cells.iter().map(|cell| (*cell).to_owned()).collect() });
    let columns = imports::table_from_message(table).map(imports::column_names).unwrap_or_default();
    ImportReferenceRequest {
        table: table.into(),
        columns,
        rows: rows.collect(),
        commit,
        ..ImportReferenceRequest::default()
    }
}

async fn import(server: &Server, messages: Vec<ImportReferenceRequest>) -> Result<ImportReferenceResponse, Status> {
    Ok(server.reference_client().import_reference(tokio_stream::iter(messages)).await?.into_inner())
}

/// Rows received, changed and unchanged in an import that must succeed.
fn import_counts(response: Result<ImportReferenceResponse, Status>) -> (u64, u64, u64) {
    let response = response.expect("a response");
    (response.taken, response.changed, response.unchanged)
}

/// The faults of a refused import as field and reason.
fn refused_faults(response: Result<ImportReferenceResponse, Status>) -> Vec<(String, String)> {
    let details = refusal_details(&response.expect_err("a refusal"));
    assert_eq!((details.code, details.reason.as_str()), (Code::InvalidArgument, "INVALID_REQUEST"));
    details.faults.into_iter().map(|(field, reason, _)| (field, reason)).collect()
}

fn owned_faults(faults: &[(&str, &str)]) -> Vec<(String, String)> {
    faults.iter().map(|(field, reason)| ((*field).to_owned(), (*reason).to_owned())).collect()
}

/// A drug that costs ten yuan, of class A.
const NEW: &[&str] = &["NEW", "", "", "新药", "A", "", "", ""];

/// Whether a claim with this code can be quoted.
async fn catalogue_contains(server: &Server, code: &str) -> bool {
    let mut bill = claim("C1", "P1", "1.00");
    bill.items.push(item(code, "10.00"));
    server.quote(&bill).await.is_ok()
}

#[tokio::test]
async fn rows_of_several_messages_are_imported_when_the_last_message_commits() {
    let server = Server::start().await;
    let other: &[&str] = &["OTHER", "", "", "药", "C", "", "", ""];
    let messages =
        vec![import_message(Table::Catalogue, &[NEW], false), import_message(Table::Catalogue, &[other], true)];
    assert_eq!(import_counts(import(&server, messages.clone()).await), (2, 2, 0));
    assert!(catalogue_contains(&server, "NEW").await && catalogue_contains(&server, "OTHER").await);
    assert_eq!(import_counts(import(&server, messages).await), (2, 0, 2), "the same rows again change nothing");
    let dearer: &[&str] = &["NEW", "", "", "新药", "A", "", "5.00", ""];
    let messages = vec![import_message(Table::Catalogue, &[dearer, other], true)];
    assert_eq!(import_counts(import(&server, messages).await), (2, 1, 1));
}

/// A message with the columns of a table of its own.
fn columns_message(columns: &[&str], rows: &[&[&str]], commit: bool) -> ImportReferenceRequest {
    let columns = columns.iter().map(|name| (*name).to_owned()).collect();
    ImportReferenceRequest { columns, ..import_message(Table::Catalogue, rows, commit) }
}

#[tokio::test]
async fn the_first_message_names_the_columns_in_any_order_and_later_ones_need_not() {
    let server = Server::start().await;
    let columns = ["class", "name", "code"];
    let later = ImportReferenceRequest {
        table: 0,
        columns: Vec::new(),
        ..import_message(Table::Catalogue, &[&["C", "药", "OTHER"]], true)
    };
    let messages = vec![columns_message(&columns, &[&["A", "新药", "NEW"]], false), later];
    assert_eq!(import_counts(import(&server, messages).await), (2, 2, 0));
    assert!(catalogue_contains(&server, "NEW").await && catalogue_contains(&server, "OTHER").await);
    // The same rows in the order of the table are the same rows.
    let whole: &[&[&str]] = &[NEW, &["OTHER", "", "", "药", "C", "", "", ""]];
    assert_eq!(import_counts(import(&server, vec![import_message(Table::Catalogue, whole, true)]).await), (2, 0, 2));
}

#[tokio::test]
async fn unknown_repeated_and_missing_columns_are_refused_by_name() {
    let server = Server::start().await;
    for (columns, cells, wanted) in [
        (
            &["code", "name", "klass"][..],
            &["NEW", "新药", "A"][..],
            &[("columns[2]", "UNREADABLE"), ("columns", "MISSING")][..],
        ),
        (&["code", "name", "class", "code"], &["NEW", "新药", "A", "NEW"], &[("columns[3]", "REPEATED")]),
        (&["code", "name"], &["NEW", "新药"], &[("columns", "MISSING")]),
        (&[], &["NEW"], &[("columns", "MISSING")]),
        (&["code", "name", "class"], &["NEW", "新药"], &[("rows[0].cells", "UNREADABLE")]),
    ] {
        let response = import(&server, vec![columns_message(columns, &[cells], true)]).await;
        assert_eq!(refused_faults(response), owned_faults(wanted), "{columns:?}");
    }
    let [first, second] =
        [&["code", "name", "class"], &["code", "class", "name"]].map(|columns| columns_message(columns, &[], true));
    assert_eq!(refused_faults(import(&server, vec![first, second]).await), owned_faults(&[("columns", "UNREADABLE")]));
    assert!(!catalogue_contains(&server, "NEW").await);
}

#[tokio::test]
async fn imported_person_rows_are_counted_and_visible_at_once() {
    let server = Server::start().await;
    let bill = claim("C1", "N1", "1.00");
    assert_eq!(code_and_reason(server.quote(&bill).await).1, "NOT_ELIGIBLE");
    let rows: &[&[&str]] =
        &[&["N1", "2014-01-01", "resident", "370100", ""], &["P1", "2014-01-01", "resident", "370100", ""]];
    assert_eq!(import_counts(import(&server, vec![import_message(Table::Enrolments, rows, true)]).await), (2, 1, 1));
    assert!(server.quote(&bill).await.is_ok());
}

#[tokio::test]
async fn without_commit_nothing_is_imported() {
    let server = Server::start().await;
    let last = import_message(Table::Catalogue, &[NEW], false);
    let first = import_message(Table::Catalogue, &[], true);
    for messages in [vec![], vec![last.clone()], vec![first, last]] {
        assert_eq!(refused_faults(import(&server, messages).await), owned_faults(&[("commit", "MISSING")]));
    }
    assert!(!catalogue_contains(&server, "NEW").await);
}

#[tokio::test]
async fn every_fault_is_reported_by_row_and_column_and_nothing_is_imported() {
    let server = Server::start().await;
    let messages = vec![
        import_message(Table::Catalogue, &[NEW, &["X", "37O1", "2017-02-30", "", "D", "", "-1", ""]], false),
        import_message(Table::Catalogue, &[&["Y", "", "2018-01-01", "药", "B", "", "", "2017-12-31"], &["Z"]], true),
    ];
    let mut faults = refused_faults(import(&server, messages).await);
    faults.sort();
    let mut expected = owned_faults(&[
        ("rows[1].regions", "UNREADABLE"),
        ("rows[1].from", "NOT_A_DAY"),
        ("rows[1].name", "MISSING"),
        ("rows[1].class", "UNKNOWN_WORD"),
        ("rows[1].price_ceiling", "NEGATIVE"),
        ("rows[2].self_pay_ratio", "MISSING"),
        ("rows[2].until", "UNREADABLE"),
        ("rows[3].cells", "UNREADABLE"),
    ]);
    expected.sort();
    assert_eq!(faults, expected);
    assert!(!catalogue_contains(&server, "NEW").await);
}

#[tokio::test]
async fn the_first_twenty_faults_are_listed_and_the_rest_counted() {
    let server = Server::start().await;
    let rows: Vec<&[&str]> = vec![&["P1", "yesterday", "resident", "370100", ""]; 1_000];
    let response = import(&server, vec![import_message(Table::Enrolments, &rows, true)]).await;
    let faults = refusal_details(&response.expect_err("a refusal")).faults;
    assert_eq!((faults[0].0.as_str(), faults[19].0.as_str()), ("rows[0].from", "rows[19].from"));
    assert_eq!(faults[20..], [("rows".to_owned(), "TOO_MANY".to_owned(), "have 980 more faults".to_owned())]);
}

#[tokio::test]
async fn overlapping_rows_of_one_code_are_refused_within_an_import_and_against_the_table() {
    let server = Server::start().await;
    let from_2018: &[&str] = &["A", "", "2018-01-01", "甲类", "C", "", "", ""];
    let response = import(&server, vec![import_message(Table::Catalogue, &[NEW, from_2018], true)]).await;
    assert_eq!(refused_faults(response), owned_faults(&[("rows[1].code", "OVERLAP")]));
    let rows: &[&[&str]] = &[
        &["M", "3701 3702", "2017-01-01", "药", "A", "", "", "2018-01-01"],
        &["M", "3702", "2017-12-31", "药", "C", "", "", ""],
    ];
    let clash = ("rows[1].code".to_owned(), "OVERLAP".to_owned());
    assert!(refused_faults(import(&server, vec![import_message(Table::Catalogue, rows, true)]).await).contains(&clash));
    assert!(!catalogue_contains(&server, "NEW").await && !catalogue_contains(&server, "M").await);
}

/// The order of rows in an import does not matter: a successor may precede the row that it follows in time.
#[tokio::test]
async fn a_row_and_its_successor_are_imported_in_either_order() {
    let until_2018: &[&str] = &["A", "", "", "甲类", "A", "", "", "2018-01-01"];
    let from_2018: &[&str] = &["A", "", "2018-01-01", "甲类", "C", "", "", ""];
    for rows in [[until_2018, from_2018], [from_2018, until_2018]] {
        let server = Server::start().await;
        assert_eq!(
            import_counts(import(&server, vec![import_message(Table::Catalogue, &rows, true)]).await),
            (2, 2, 0)
        );
        let mut bill = claim("C1", "P1", "10.00");
        (bill.admitted, bill.discharged) = (day("2018-06-08"), day("2018-06-15"));
        let split = server.quote(&bill).await.expect("a quote").split.expect("a split");
        let excluded = split.pools.iter().find(|pool| pool.pool == "excluded").expect("the pool");
        assert_eq!(excluded.amount_fen, 1_000);
    }
}

#[tokio::test]
async fn a_stream_imports_exactly_one_table() {
    let server = Server::start().await;
    let mixed = vec![import_message(Table::Catalogue, &[NEW], false), import_message(Table::Enrolments, &[], true)];
    assert_eq!(refused_faults(import(&server, mixed).await), owned_faults(&[("table", "UNREADABLE")]));
    let unspecified = vec![import_message(Table::Unspecified, &[], true)];
    assert_eq!(refused_faults(import(&server, unspecified).await), owned_faults(&[("table", "MISSING")]));
    assert!(!catalogue_contains(&server, "NEW").await);
}

#[tokio::test]
async fn the_row_limit_applies_to_the_catalogue_and_not_to_persons() {
    let settings = EngineSettings { rows_held: 2, ..EngineSettings::default() };
    let book = shipped::book().expect("the shipped book");
    let engine = Engine::open(MemoryStore::default(), book, settings).await.expect("an engine");
    let rows = |table, cells: &[&str], count| vec![crate::support::row(table, cells); count];
    let enrolled = rows(ReferenceTable::Enrolments, &["P1", "2014-01-01", "resident", "370100", ""], 3);
    assert_eq!(
        engine.import(enrolled).await.expect("imported"),
        Imported { changed: 1, unchanged: 2, ..Imported::default() }
    );
    assert!(engine.import(rows(ReferenceTable::Catalogue, NEW, 2)).await.is_ok());
    let refusal = engine.import(rows(ReferenceTable::Catalogue, NEW, 3)).await.expect_err("a refusal");
    assert_eq!(
        refusal.to_string(),
        "rows must be at most 2 of hospitals or of the catalogue in one import: split it (TOO_MANY)"
    );
}

#[tokio::test]
async fn an_import_message_above_the_size_limit_is_out_of_range() {
    let server = Server::start().await;
    let long = "X".repeat(5 << 20);
    let response =
        import(&server, vec![import_message(Table::Enrolments, &[&[&long, "", "resident", "370100", ""]], true)]).await;
    assert_eq!(code_and_reason(response), (Code::OutOfRange, "MESSAGE_TOO_LARGE".to_owned()));
}

#[tokio::test]
async fn rows_that_could_not_be_written_are_not_visible() {
    let server = Server::start().await;
    let failures = [
        (StoreError::Unavailable("down".to_owned()), "STORE_UNAVAILABLE"),
        (StoreError::Unknown("torn".to_owned()), "OUTCOME_UNKNOWN"),
    ];
    for (failure, reason) in failures {
        server.store.set_mode(StoreMode::FailWrites(failure));
        let response = import(&server, vec![import_message(Table::Catalogue, &[NEW], true)]).await;
        assert_eq!(code_and_reason(response), (Code::Unavailable, reason.to_owned()));
        server.store.set_mode(StoreMode::Healthy);
        assert!(!catalogue_contains(&server, "NEW").await);
    }
    assert_eq!(import_counts(import(&server, vec![import_message(Table::Catalogue, &[NEW], true)]).await), (1, 1, 0));
}
