//! `onestop report` as a person calls it.

use std::path::Path;

use crate::copying::history::History;
use crate::copying::open;
use crate::support::engine;
use crate::support::program::run;

/// A store with a history.
async fn played(place: &Path) -> String {
    let store = place.join("store");
    let engine = engine(open(&store)).await;
    History::play(&engine, 21, 30).await;
    drop(engine);
    store.display().to_string()
}

fn report(store: &str, more: &[&str]) -> (String, String) {
    let (code, output, errors) = run(&[&["report", "--store", store][..], more].concat());
    assert_eq!(code, Some(0), "{errors}");
    (output, errors)
}

/// The digest that a report names.
fn digest(errors: &str) -> &str {
    let at = errors.find("sha256 ").expect("a digest") + "sha256 ".len();
    &errors[at..at + 64]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_a_table_in_the_language_asked_for_and_the_same_rows_as_csv_and_ndjson() {
    let place = tempfile::tempdir().expect("a directory");
    let store = played(place.path()).await;
    let (zh, _) = report(&store, &["--lang", "zh"]);
    assert!(zh.contains("医疗机构") && zh.contains("个人支付") && zh.contains("合计"), "{zh}");
    let (en, errors) = report(&store, &["--lang", "en"]);
    assert!(en.contains("hospital") && en.contains("basic insurance fund") && en.contains("H3X"), "{en}");
    assert!(errors.contains("entries of the journal and"), "{errors}");
    let (csv, of_csv) = report(&store, &["--format", "csv", "--lang", "en"]);
    assert_eq!(digest(&errors), digest(&of_csv), "a table has the digest of its CSV");
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().expect("a header").trim_start_matches('\u{feff}').split(',').collect();
    assert_eq!(&header[..4], ["hospital", "settlements", "persons", "total"]);
    let (json, _) = report(&store, &["--json", "--lang", "en"]);
    let rows: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for (line, row) in lines.zip(&rows) {
        for (name, cell) in header.iter().zip(line.split(',')) {
            let value = &row[*name];
            assert_eq!(value.as_str().map_or_else(|| value.to_string(), str::to_owned), cell, "{name}");
        }
    }
    assert_eq!(csv.lines().count(), rows.len() + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_csv_begins_with_the_mark_of_utf_8_and_has_the_digest_that_is_printed() {
    let place = tempfile::tempdir().expect("a directory");
    let store = played(place.path()).await;
    let file = place.path().join("report.csv");
    let (_, errors) = report(&store, &["--format", "csv", "--lang", "en", "--output", &file.display().to_string()]);
    let bytes = std::fs::read(&file).expect("the file");
    assert_eq!(&bytes[..3], [0xef, 0xbb, 0xbf]);
    let sum = std::process::Command::new("sha256sum").arg(&file).output().expect("sha256sum").stdout;
    assert!(String::from_utf8(sum).expect("text").starts_with(digest(&errors)));
    let (printed, _) = report(&store, &["--format", "csv", "--lang", "en"]);
    assert_eq!(printed.as_bytes(), bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_cannot_be_answered_is_wrong_usage() {
    let place = tempfile::tempdir().expect("a directory");
    let store = played(place.path()).await;
    for (more, named) in [
        (&["--from", "2026-02-01", "--until", "2026-02-01"][..], "--until"),
        (&["--by", "hospital,hospital"], "hospital twice"),
        (&["--by", "shade"], "region, city"),
        (&["--as-of", "yesterday"], "--as-of"),
    ] {
        let (code, output, errors) = run(&[&["report", "--store", &store][..], more].concat());
        assert_eq!((code, output.as_str()), (Some(2), ""), "{errors}");
        assert!(errors.contains(named), "{errors}");
    }
}
