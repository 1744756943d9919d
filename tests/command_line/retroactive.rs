//! `onestop readjudicate`, and `outcome` and `fence` of its requests.

use onestop::cli::client::import::import_table;
use onestop::reference::table::ReferenceTable;
use serde_json::{Value, json as value};

use super::{directory, json, write};
use crate::support::claims::claim;
use crate::support::program::{Serve, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_shown_first_and_made_then_and_names_who_is_refused() {
    let place = directory();
    let serve = Serve::start(&place.path().join("store"), &[]);
    let mut client = serve.with_tables().await;
    for person in ["P1", "P4"] {
        let claim = claim(&format!("C-{person}"), person, "10000.00");
        client.settle(&claim, "R", Vec::new()).await.expect("a settlement");
    }
    let late = ["P1", "registered_poor", "2017-03-01", ""].map(str::to_owned).to_vec();
    import_table(&mut client, ReferenceTable::Categories, vec![late]).await.expect("a row");
    let server = ["--server", serve.url.as_str()];
    let persons = write(place.path(), "persons.txt", "\u{feff}P1\r\n\n P4 \nP1\n");
    let command = ["readjudicate", "--persons", &persons, "--year", "2017", "--request", "V"];
    for (more, sentence) in [
        (&["--dry-run"][..], "P1 2017: 1 decided again, 1 would change"),
        (&[], "P1 2017: 1 decided again, 1 changed"),
        (&[], "P1 2017: 1 decided again, 1 changed (a replay: it was done before)"),
    ] {
        let (code, output, errors) = run(&[&command[..], more, &server].concat());
        assert_eq!((code, errors.as_str()), (Some(0), ""));
        let lines: Vec<&str> = output.lines().collect();
        let verb = if more.is_empty() { "changed" } else { "would change" };
        assert_eq!(lines[0], sentence);
        assert!(lines[1].starts_with("  H3 C-P1 settlement ") && lines[1].contains(" revision 2: "), "{output}");
        assert_eq!(lines[2], format!("P4 2017: 1 decided again, 0 {verb}"));
        let by = lines[1].split_once(" revision 2: ").expect("differences").1;
        assert_eq!(lines[3..], [format!("in all 2 persons, 1 {verb}, 0 refused: {by}")]);
    }
    let (code, output, _) = run(&["outcome", "--person", "P1", "--request", "V", server[0], server[1]]);
    assert!(code == Some(0) && output.starts_with("readjudicated "), "{output}");
    let (code, output, _) = run(&["fence", "--person", "P1", "--request", "V2", server[0], server[1]]);
    assert_eq!((code, output.as_str()), (Some(0), "fenced\n"));
    let refused =
        ["readjudicate", "--person", "P1", "--person", "NOBODY", "--year", "2017", "--request", "V2", "--json"];
    let (code, output, errors) = run(&[&refused[..], &server].concat());
    assert_eq!(code, Some(1));
    assert!(
        errors.contains("P1: FAILED_PRECONDITION: REQUEST_FENCED") && errors.contains("NOBODY: NOT_FOUND"),
        "{errors}"
    );
    let nothing = value!({ "payers": {}, "patient": "0.00" });
    let expected = value!({
        "persons": 0, "persons_changed": 0, "persons_refused": 2, "dry_run": false, "differences": nothing,
    });
    assert_eq!(json(&output), [expected]);
    let again = ["readjudicate", "--person", "P1", "--year", "2017", "--request", "V", "--json"];
    let (_, output, _) = run(&[&again[..], &server].concat());
    let answers: Vec<Value> = json(&output);
    assert_eq!(
        (&answers[0]["person_id"], &answers[0]["replay"], &answers[0]["decided"]),
        (&value!("P1"), &value!(true), &value!(1))
    );
    assert_eq!(answers[0]["revised"][0]["hospital_id"], "H3");
}
