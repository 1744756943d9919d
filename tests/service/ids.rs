//! Every lookup call with an id that is none: the refusal names the field.

use onestop::pb::Date;
use onestop::pb::reference::{GetReferenceRequest, Table};
use onestop::pb::settlement::{self as pb, GetAccountRequest};
use tonic::{Code, Status};

use super::{Server, refusal_details};

/// The texts that are no ids, each with what its refusal says.
const INVALID_IDS: &[(&str, (&str, &str))] = &[
    ("", ("MISSING", "is missing")),
    (" ", ("WHITE_SPACE", "has white space at an end")),
    ("P1\u{3000}", ("WHITE_SPACE", "has white space at an end")),
    ("P\u{1b}[2J1", ("CONTROL_CHARACTER", "has a control character")),
    (
        "P23456789012345678901234567890123456789012345678901234567890123456",
        ("TOO_LONG", "has 66 bytes; the limit is 64"),
    ),
];

async fn account(server: &Server, person_id: &str) -> Result<(), Status> {
    let (person_id, insurance) = (person_id.to_owned(), "resident".to_owned());
    let request = GetAccountRequest { person_id, insurance, year: 2017, on: None };
    server.settlement_client().get_account(request).await.map(drop)
}

async fn rows(server: &Server, table: Table, field: &str, id: &str) -> Result<(), Status> {
    let mut request = GetReferenceRequest { on: Some(Date { year: 2017, month: 6, day: 15 }), ..Default::default() };
    request.set_table(table);
    match field {
        "person_id" => request.person_id = id.to_owned(),
        "hospital_id" => request.hospital_id = id.to_owned(),
        _ => request.code = id.to_owned(),
    }
    server.reference_client().get_reference(request).await.map(drop)
}

async fn outcome(server: &Server, field: &str, id: &str) -> Result<(), Status> {
    let text = |name: &str, valid: &str| if name == field { id } else { valid }.to_owned();
    let [hospital_id, person_id, request_id] =
        [text("hospital_id", "H3"), text("person_id", "P1"), text("request_id", "R1")];
    let request = pb::GetOutcomeRequest { hospital_id, person_id, request_id, of_readjudicate: false };
    server.settlement_client().get_outcome(request).await.map(drop)
}

fn check(answer: Result<(), Status>, field: &str, (reason, message): (&str, &str)) {
    let details = refusal_details(&answer.expect_err("a refusal"));
    assert_eq!((details.code, details.reason.as_str()), (Code::InvalidArgument, "INVALID_REQUEST"));
    assert_eq!(details.faults, [(field.to_owned(), reason.to_owned(), message.to_owned())]);
}

#[tokio::test]
async fn a_lookup_by_a_text_that_is_no_id_is_refused_with_its_field() {
    let server = Server::start().await;
    for &(id, why) in INVALID_IDS {
        check(account(&server, id).await, "person_id", why);
        check(rows(&server, Table::Categories, "person_id", id).await, "person_id", why);
        for field in ["hospital_id", "person_id", "request_id"] {
            check(outcome(&server, field, id).await, field, why);
        }
    }
    // Without a key these tables are listed whole.
    for &(id, why) in INVALID_IDS.iter().filter(|(id, _)| !id.is_empty()) {
        check(rows(&server, Table::Hospitals, "hospital_id", id).await, "hospital_id", why);
        check(rows(&server, Table::Catalogue, "code", id).await, "code", why);
    }
}

#[tokio::test]
async fn the_key_of_another_table_must_be_empty() {
    let server = Server::start().await;
    for (table, field) in [
        (Table::Categories, "code"),
        (Table::Categories, "hospital_id"),
        (Table::Hospitals, "person_id"),
        (Table::Catalogue, "hospital_id"),
    ] {
        let why = ("MUST_BE_EMPTY", "is given, and is no key of this table");
        check(rows(&server, table, field, "X1").await, field, why);
    }
}
