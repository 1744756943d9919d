//! Dated tables over gRPC: a later level of a hospital or a move of a person changes no earlier stay, rows that share a
//! day are refused, and a withdrawn row leaves no trace.

use onestop::domain::claim::RawClaim;
use onestop::engine::EngineError;
use onestop::engine::import::Imported;
use onestop::pb::settlement as pb;
use onestop::reference::table::ReferenceTable;

use super::Server;
use crate::support::claims::{claim, day, item};
use crate::support::row;

/// Imports rows of a table; the faults of a refused import as field and reason.
async fn import(server: &Server, table: ReferenceTable, rows: &[&[&str]]) -> Result<Imported, Vec<(String, String)>> {
    let rows = rows.iter().map(|cells| row(table, cells)).collect();
    server.engine.import(rows).await.map_err(|refused| match refused {
        EngineError::Invalid(faults) => {
            let faults = faults.listed().iter();
            faults.map(|fault| (fault.field.clone(), fault.reason.as_str().to_owned())).collect()
        }
        other => panic!("{other}"),
    })
}

fn faults(wanted: &[(&str, &str)]) -> Result<Imported, Vec<(String, String)>> {
    Err(wanted.iter().map(|(field, reason)| ((*field).to_owned(), (*reason).to_owned())).collect())
}

/// A stay of March for 10,000.00 yuan at the secondary hospital H2.
fn march_stay() -> RawClaim {
    RawClaim {
        hospital_id: "H2".into(),
        admitted: day("2017-03-01"),
        discharged: day("2017-03-10"),
        ..claim("C1", "P1", "10000.00")
    }
}

fn basic_fund(settlement: &pb::Settlement) -> i64 {
    let payers = &settlement.split.as_ref().expect("a split").payers;
    payers.iter().find(|share| share.payer == "basic_fund").expect("the fund").amount_fen
}

#[tokio::test]
async fn a_level_raised_in_july_leaves_a_march_stay_that_is_reversed_and_settled_again_as_it_was() {
    let server = Server::start().await;
    let first = server.settle_ok(&march_stay(), "R1").await;
    assert_eq!(basic_fund(&first), 665_000);
    let raised: &[&str] = &["H2", "2017-07-01", "县医院", "tertiary", "370100", "", ""];
    import(&server, ReferenceTable::Hospitals, &[raised]).await.expect("sound rows");
    server.reverse(&march_stay(), "REVERSAL").await.expect("a reversal");
    let again = server.settle_ok(&march_stay(), "R2").await;
    assert_eq!(basic_fund(&again), 665_000);
    let july = RawClaim {
        admitted: day("2017-06-25"),
        discharged: day("2017-07-01"),
        claim_id: "C2".to_owned(),
        ..march_stay()
    };
    // The second admission of the year at a tertiary hospital: (10000 - 500) x 55%.
    let july = server.settle_ok(&july, "R3").await;
    assert_eq!(basic_fund(&july), 522_500);
}

#[tokio::test]
async fn a_move_in_july_leaves_a_march_stay_that_is_reversed_and_settled_again_as_it_was() {
    let server = Server::start().await;
    let stay = RawClaim { hospital_id: "H3".into(), ..march_stay() };
    server.settle_ok(&stay, "R1").await;
    let moved: &[&str] = &["P1", "2017-07-01", "resident", "370200", ""];
    import(&server, ReferenceTable::Enrolments, &[moved]).await.expect("sound rows");
    server.reverse(&stay, "REVERSAL").await.expect("a reversal");
    let again = server.settle_ok(&stay, "R2").await;
    assert_eq!(basic_fund(&again), 495_000, "(10000 - 1000) x 55% in the own city");
}

#[tokio::test]
async fn enrolments_and_rows_of_hospitals_that_share_a_day_are_refused_and_nothing_is_imported() {
    let server = Server::start().await;
    for (table, rows) in [
        (
            ReferenceTable::Enrolments,
            [["N1", "2017-01-01", "resident", "370100", "2017-06-02"], ["N1", "2017-06-01", "resident", "370200", ""]],
        ),
        (
            ReferenceTable::Enrolments,
            [["N2", "2017-01-01", "resident", "370100", ""], ["P1", "2013-01-01", "resident", "370200", "2014-01-02"]],
        ),
    ] {
        let at = if rows[0][0] == "N1" {
            &[("rows[0].from", "OVERLAP"), ("rows[1].from", "OVERLAP")][..]
        } else {
            &[("rows[1].from", "OVERLAP")]
        };
        let rows: Vec<&[&str]> = rows.iter().map(|cells| &cells[..]).collect();
        assert_eq!(import(&server, table, &rows).await, faults(at));
    }
    let rows: &[&[&str]] = &[
        &["H1", "2010-01-01", "卫生院", "primary", "370100", "", "2018-01-02"],
        &["H1", "2018-01-01", "卫生院", "secondary", "370100", "", ""],
    ];
    let refused = faults(&[("rows[0].from", "OVERLAP"), ("rows[1].from", "OVERLAP")]);
    assert_eq!(import(&server, ReferenceTable::Hospitals, rows).await, refused);
    assert!(server.quote(&claim("C1", "N2", "1.00")).await.is_err(), "nobody was imported");
    // One day less, and both hold.
    let rows: &[&[&str]] =
        &[&["N1", "2017-01-01", "resident", "370100", "2017-06-01"], &["N1", "2017-06-01", "resident", "370200", ""]];
    assert_eq!(import(&server, ReferenceTable::Enrolments, rows).await.map(|imported| imported.changed), Ok(2));
}

#[tokio::test]
async fn two_rows_of_one_key_that_differ_are_both_named_and_two_that_are_the_same_are_one() {
    let server = Server::start().await;
    let differing: [(ReferenceTable, [&[&str]; 2], &str); 5] = [
        (
            ReferenceTable::Enrolments,
            [&["N1", "", "resident", "370100", ""], &["N1", "", "resident", "370200", ""]],
            "person_id",
        ),
        (
            ReferenceTable::Categories,
            [&["P1", "destitute", "2017-01-01", ""], &["P1", "destitute", "2017-01-01", "2018-01-01"]],
            "person_id",
        ),
        (
            ReferenceTable::Hospitals,
            [&["N1", "", "一院", "primary", "370100", "", ""], &["N1", "", "一院", "tertiary", "370100", "", ""]],
            "hospital_id",
        ),
        (ReferenceTable::Designations, [&["H1", "2017-01-01", ""], &["H1", "2017-01-01", "2018-01-01"]], "hospital_id"),
        (
            ReferenceTable::Catalogue,
            [&["N1", "37", "", "药", "A", "", "", ""], &["N1", "37", "", "药", "C", "", "", ""]],
            "code",
        ),
    ];
    for (table, [one, other], column) in differing {
        let fields = [format!("rows[0].{column}"), format!("rows[2].{column}")];
        let refused = faults(&fields.each_ref().map(|field| (field.as_str(), "DIFFERING_ROWS")));
        let between: &[&str] = match table {
            ReferenceTable::Catalogue => &["N2", "", "", "药", "A", "", "", ""],
            ReferenceTable::Hospitals => &["N2", "", "二院", "primary", "370100", "", ""],
            ReferenceTable::Enrolments => &["N2", "", "resident", "370100", ""],
            ReferenceTable::Categories => &["N2", "destitute", "", ""],
            _ => &["N2", "", ""],
        };
        assert_eq!(import(&server, table, &[one, between, other]).await, refused, "{}", table.as_str());
        let same = import(&server, table, &[one, one]).await.expect("sound rows");
        assert_eq!((same.changed, same.unchanged), (1, 1), "{}", table.as_str());
    }
}

#[tokio::test]
async fn a_withdrawn_enrolment_leaves_no_trace() {
    let server = Server::start().await;
    let wrong: &[&str] = &["P1", "2017-02-01", "employee", "370200", ""];
    let withdrawn: &[&str] = &["P1", "2017-02-01", "employee", "370200", "2017-02-01"];
    let before = server.quote(&march_stay()).await.expect("a quote").split;
    import(&server, ReferenceTable::Enrolments, &[wrong]).await.expect("sound rows");
    assert!(server.quote(&march_stay()).await.is_err(), "no policy of that insurance");
    import(&server, ReferenceTable::Enrolments, &[withdrawn]).await.expect("sound rows");
    assert_eq!(server.quote(&march_stay()).await.expect("a quote").split, before);
}

#[tokio::test]
async fn rows_that_name_nobody_enrolled_are_counted() {
    let server = Server::start().await;
    let rows: &[&[&str]] = &[
        &["P1", "destitute", "2017-01-01", ""],
        &["37010119500101001x", "destitute", "2017-01-01", ""],
        &["37010119500101001x", "registered_poor", "2017-01-01", ""],
    ];
    let imported = import(&server, ReferenceTable::Categories, rows).await.expect("sound rows");
    assert_eq!(imported, Imported { changed: 3, not_enrolled: 2, ..Imported::default() });
}

#[tokio::test]
async fn a_retry_with_another_total_diagnosis_or_day_is_another_content() {
    let server = Server::start().await;
    let mut stated = claim("C1", "P1", "100.00");
    stated.items.push(item("A", "1.00"));
    (stated.total, stated.diagnosis, stated.items[0].day) =
        ("101.00".parse().ok(), Some("I10".to_owned()), day("2017-06-09"));
    let settled = server.settle_ok(&stated, "R1").await;
    assert!(server.settle(&stated, "R1").await.expect("a response").replay);
    let others: [fn(&mut RawClaim); 3] =
        [|claim| claim.total = None, |claim| claim.diagnosis = None, |claim| claim.items[0].day = None];
    for change in others {
        let mut other = stated.clone();
        change(&mut other);
        assert_eq!(super::code_and_reason(server.settle(&other, "R1").await).1, "REQUEST_ID_REUSED");
    }
    // The journal holds what was stated.
    let id = onestop::domain::ids::EntryId::parse(&settled.settlement_id).expect("an id");
    let entry =
        onestop::store::JournalStore::entry(server.engine.store(), id).await.expect("a read").expect("an entry");
    assert!(RawClaim::from(&entry.as_settlement().expect("a settlement").claim) == stated);
}
