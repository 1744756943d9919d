//! GetReference: the rows in force on a day, in the form in which they are imported, page by page.

use onestop::cli::client::Client;
use onestop::cli::client::import::import_table;
use onestop::pb::Date;
use onestop::pb::reference::{GetReferenceRequest, GetReferenceResponse, Table};
use onestop::reference::table::ReferenceTable;
use tonic::{Code, Status};

use crate::service::{Server, refusal_details};

fn on(year: i32, month: i32, day: i32) -> Option<Date> {
    Some(Date { year, month, day })
}

fn request_for(table: Table) -> GetReferenceRequest {
    GetReferenceRequest { table: table.into(), on: on(2017, 6, 15), ..GetReferenceRequest::default() }
}

async fn page(server: &Server, request: &GetReferenceRequest) -> Result<GetReferenceResponse, Status> {
    Ok(server.reference_client().get_reference(request.clone()).await?.into_inner())
}

async fn all_rows(server: &Server, mut request: GetReferenceRequest, size: i32) -> Vec<String> {
    let mut all = Vec::new();
    request.page_size = size;
    loop {
        let page = page(server, &request).await.expect("a page");
        all.extend(page.rows.into_iter().map(|row| row.cells.join(",")));
        if page.next_page_token.is_empty() {
            return all;
        }
        request.page_token = page.next_page_token;
    }
}

async fn import(server: &Server, table: ReferenceTable, rows: &[&[&str]]) {
    let rows = rows.iter().map(|cells| crate::support::row(table, cells)).collect();
    server.engine.import(rows).await.expect("sound rows");
}

#[tokio::test]
async fn the_rows_of_a_person_are_those_in_force_on_the_day() {
    let server = Server::start().await;
    let rows: &[&[&str]] =
        &[&["P1", "destitute", "2018-01-01", ""], &["P1", "registered_poor", "2017-01-01", "2018-01-01"]];
    import(&server, ReferenceTable::Categories, rows).await;
    let of_p1 = |table, on| GetReferenceRequest { person_id: "P1".to_owned(), on, ..request_for(table) };
    for (table, on, wanted) in [
        (Table::Enrolments, on(2017, 6, 15), vec!["P1,2014-01-01,resident,370100,"]),
        (Table::Enrolments, on(2013, 6, 15), vec![]),
        (Table::Categories, on(2016, 12, 31), vec![]),
        (Table::Categories, on(2017, 12, 31), vec!["P1,registered_poor,2017-01-01,2018-01-01"]),
        (Table::Categories, on(2018, 1, 1), vec!["P1,destitute,2018-01-01,"]),
    ] {
        assert_eq!(all_rows(&server, of_p1(table, on), 0).await, wanted);
    }
    let nobody = GetReferenceRequest { person_id: "P9".to_owned(), ..request_for(Table::Enrolments) };
    assert_eq!(all_rows(&server, nobody, 0).await, Vec::<String>::new());
}

#[tokio::test]
async fn hospitals_and_catalogue_are_listed_by_key_with_any_page_size() {
    let server = Server::start().await;
    let rows: &[&[&str]] = &[
        &["A", "3701 3702", "2017-01-01", "青霉素", "B", "0.125", "3.5", "2018-01-01"],
        &["A", "37", "2019-01-01", "later", "C", "", "", ""],
    ];
    import(&server, ReferenceTable::Catalogue, rows).await;
    let wanted = [
        "A,,,甲类,A,,,",
        "A,3701 3702,2017-01-01,青霉素,B,0.125,3.5,2018-01-01",
        "B10,,,乙类,B,0.1,,",
        "BED,,,床位费,A,,50,",
        "C,,,丙类,C,,,",
        "SD,,,特药,special,,,",
    ];
    for size in [1, 2, 3, 5, 1_000] {
        assert_eq!(all_rows(&server, request_for(Table::Catalogue), size).await, wanted, "pages of {size}");
        let hospitals = all_rows(&server, request_for(Table::Hospitals), size).await;
        assert_eq!(hospitals.len(), 4);
        assert!(hospitals.is_sorted() && hospitals[0] == "H1,,卫生院,primary,370100,,");
    }
    let one = GetReferenceRequest { code: "BED".to_owned(), ..request_for(Table::Catalogue) };
    assert_eq!(all_rows(&server, one, 1).await, wanted[3..4]);
    let one = GetReferenceRequest { hospital_id: "H2".to_owned(), ..request_for(Table::Designations) };
    assert_eq!(all_rows(&server, one, 1).await, ["H2,2010-01-01,"]);
    // The rows can be imported again, which changes nothing.
    let rows = all_rows(&server, request_for(Table::Catalogue), 100).await;
    let cells: Vec<Vec<&str>> = rows.iter().map(|row| row.split(',').collect()).collect();
    let rows = cells.iter().map(|cells| crate::support::row(ReferenceTable::Catalogue, cells)).collect();
    assert_eq!(server.engine.import(rows).await.expect("sound rows").changed, 0);
}

#[tokio::test]
async fn an_invalid_request_for_rows_is_refused_naming_the_field() {
    let server = Server::start().await;
    let token =
        page(&server, &GetReferenceRequest { page_size: 1, ..request_for(Table::Catalogue) }).await.expect("a page");
    let token = token.next_page_token;
    for (request, field) in [
        (GetReferenceRequest { on: None, ..request_for(Table::Catalogue) }, "on"),
        (GetReferenceRequest { on: on(2017, 2, 29), ..request_for(Table::Catalogue) }, "on"),
        (request_for(Table::Unspecified), "table"),
        (request_for(Table::Enrolments), "person_id"),
        (GetReferenceRequest { person_id: "P1".into(), ..request_for(Table::Hospitals) }, "person_id"),
        (GetReferenceRequest { hospital_id: "H1".into(), ..request_for(Table::Catalogue) }, "hospital_id"),
        (GetReferenceRequest { code: "A".into(), ..request_for(Table::Designations) }, "code"),
        (GetReferenceRequest { page_size: -1, ..request_for(Table::Catalogue) }, "page_size"),
        (GetReferenceRequest { page_token: token.clone(), ..request_for(Table::Hospitals) }, "page_token"),
        (GetReferenceRequest { page_token: token, on: on(2018, 6, 15), ..request_for(Table::Catalogue) }, "page_token"),
    ] {
        let status = page(&server, &request).await.expect_err("a refusal");
        assert_eq!(
            (status.code(), refusal_details(&status).faults[0].0.as_str()),
            (Code::InvalidArgument, field),
            "{status:?}"
        );
    }
}

/// Names, insurances and lists obey the rule of ids like the ids beside them, in a file and over gRPC alike.
#[tokio::test]
async fn a_cell_with_white_space_at_an_end_or_a_control_character_is_refused_in_every_column() {
    let server = Server::start().await;
    let sound: &[(ReferenceTable, &[&str])] = &[
        (ReferenceTable::Hospitals, &["H9", "2010-01-01", "a hospital", "tertiary", "370100", "tcm", "2030-01-01"]),
        (ReferenceTable::Designations, &["H1", "2010-01-01", "2030-01-01"]),
        (ReferenceTable::Catalogue, &["D", "37 3701", "2010-01-01", "a drug", "B", "0.1", "5", "2030-01-01"]),
        (ReferenceTable::Enrolments, &["P9", "2010-01-01", "resident", "370100", "2030-01-01"]),
        (ReferenceTable::Categories, &["P1", "destitute", "2010-01-01", "2030-01-01"]),
        (ReferenceTable::Approvals, &["P1", "cross_region", "2010-01-01", "2030-01-01"]),
    ];
    let mut client = Client::over(server.channel.clone());
    for (table, cells) in sound {
        for (column, name) in table.columns().iter().enumerate() {
            let cell = cells[column];
            for spoilt in
                [format!(" {cell}"), format!("{cell}\u{3000}"), format!("{cell}\t"), format!("{cell}\u{1b}[2J")]
            {
                let mut row: Vec<String> = cells.iter().map(|cell| (*cell).to_owned()).collect();
                row[column].clone_from(&spoilt);
                let refused = import_table(&mut client, *table, vec![row]).await;
                let status = refused.expect_err("a refusal");
                assert_eq!(status.code(), Code::InvalidArgument, "{spoilt:?}: {status:?}");
                let field = refusal_details(&status).faults[0].0.clone();
                assert!(field.ends_with(name), "{spoilt:?} in {name}: {field}");
            }
        }
        let row = cells.iter().map(|cell| (*cell).to_owned()).collect();
        import_table(&mut client, *table, vec![row]).await.expect("a sound row");
    }
}
