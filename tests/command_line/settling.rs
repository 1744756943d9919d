//! `onestop settle` on files: the order of results, what is refused, and being stopped at any point.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::json;
use crate::support::program::{Serve, onestop, run};

/// The n-th claim of one of P1, P2 and P4, as a line.
pub fn line(number: usize) -> Value {
    let person = ["P1", "P2", "P4"][number % 3];
    json!({
        "claim_id": format!("C{number}"), "request_id": format!("R{number}"), "hospital_id": "H3", "person_id": person,
        "visit": "inpatient", "emergency": false, "admitted": "2017-06-08", "discharged": "2017-06-15",
        "items": [{"code": "A", "quantity": "1", "unit_price": "100.00", "amount": "100.00"}],
    })
}

fn file(dir: &Path, lines: impl IntoIterator<Item = String>) -> String {
    let path = dir.join("claims.ndjson");
    std::fs::write(&path, lines.into_iter().map(|line| line + "\n").collect::<String>()).expect("written");
    path.display().to_string()
}

fn lines(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| line(number).to_string())
}

fn ids(output: &str) -> Vec<String> {
    json(output).iter().map(|value| value["claim_id"].as_str().expect("a claim").to_owned()).collect()
}

fn wanted(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("C{number}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_come_in_the_order_of_the_input_and_a_second_run_replays_them() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    serve.with_tables().await;
    let path = file(place.path(), lines(500));
    let (code, output, errors) = run(&["settle", &path, "--json", "--server", &serve.url]);
    assert_eq!((code, errors.as_str()), (Some(0), "500 settled, 0 replayed, 0 refused\n"));
    assert_eq!(ids(&output), wanted(500));
    assert!(json(&output).iter().all(|value| value["replay"] == false));
    let (code, again, errors) = run(&["settle", &path, "--json", "--server", &serve.url]);
    assert_eq!((code, errors.as_str()), (Some(0), "0 settled, 500 replayed, 0 refused\n"));
    assert_eq!(again, output.replace("\"replay\":false", "\"replay\":true"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_claims_are_reported_by_line_and_written_apart_and_the_rest_is_settled() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    serve.with_tables().await;
    let mut unknown = line(2);
    unknown["person_id"] = "P9".into();
    let mut dear = line(3);
    dear["items"][0]["amount"] = "100.02".into();
    let mut day = line(5);
    day["admitted"] = "2017-02-30".into();
    let texts =
        [line(0).to_string(), "{\"claim_id\": ".to_owned(), String::new(), unknown.to_string(), dear.to_string()];
    let path = file(place.path(), texts.into_iter().chain([line(4).to_string(), day.to_string()]));
    let apart = place.path().join("refused.ndjson").display().to_string();
    let (code, output, errors) = run(&["settle", &path, "--json", "--refused", &apart, "--server", &serve.url]);
    assert_eq!((code, ids(&output)), (Some(1), vec!["C0".to_owned(), "C4".to_owned()]));
    let lines: Vec<_> = errors.lines().collect();
    assert_eq!(lines.len(), 6, "{errors}");
    for (line, start) in lines.iter().zip([
        format!("{path}:2: ?: INVALID_ARGUMENT: not a claim: EOF"),
        format!("{path}:4: C2: FAILED_PRECONDITION: NOT_ELIGIBLE: claim.person_id names no known person"),
        format!("{path}:5: C3: INVALID_ARGUMENT: INVALID_REQUEST: claim.items[0].amount is 100.02, but"),
        format!("{path}:7: C5: INVALID_ARGUMENT: INVALID_REQUEST: claim.admitted is not a day"),
        "2 settled, 0 replayed, 4 refused".to_owned(),
        "4 refused".to_owned(),
    ]) {
        assert!(line.starts_with(&start), "{line}\n{start}");
    }
    let kept = json(&std::fs::read_to_string(&apart).expect("the refused"));
    let places: Vec<_> = kept.iter().map(|one| one["line"].as_u64().expect("a line")).collect();
    assert_eq!(places, [2, 4, 5, 7]);
    assert_eq!((&kept[0]["claim"], &kept[0]["reason"]), (&json!("{\"claim_id\":"), &Value::Null));
    assert_eq!((&kept[1]["claim"], &kept[1]["reason"]), (&unknown, &json!("NOT_ELIGIBLE")));
    let fault = json!([{
        "field": "claim.person_id", "message": "names no known person", "reason": "UNKNOWN_PERSON"
    }]);
    assert_eq!((&kept[1]["faults"], &kept[1]["status"]), (&fault, &json!("FAILED_PRECONDITION")));
    // Mended, the same lines are settled.
    let mended = [("person_id", json!("P4")), ("items", line(3)["items"].clone()), ("admitted", json!("2017-06-08"))];
    let lines = kept[1..].iter().zip(mended).map(|(one, (field, value))| {
        let mut claim = one["claim"].clone();
        claim[field] = value;
        claim.to_string()
    });
    let path = file(place.path(), lines);
    let (code, output, errors) = run(&["settle", &path, "--json", "--server", &serve.url]);
    assert_eq!((code, ids(&output)), (Some(0), ["C2", "C3", "C5"].map(str::to_owned).to_vec()), "{errors}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_over_several_lines_and_standard_input_are_read_too() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    serve.with_tables().await;
    let pretty = serde_json::to_string_pretty(&line(0)).expect("a text");
    let path = file(place.path(), [pretty]);
    let mut child = onestop()
        .args(["settle", &path, "-", "--json", "--server", &serve.url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("its input");
    let mut output = BufReader::new(child.stdout.take().expect("its output")).lines();
    // Each is answered before the next is sent.
    for number in 0..3 {
        if number > 0 {
            writeln!(input, "{}", line(number)).expect("it reads");
        }
        let result: Value = serde_json::from_str(&output.next().expect("a line").expect("text")).expect("JSON");
        assert_eq!(result["claim_id"], format!("C{number}"));
    }
    drop(input);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

/// A settle of this file that is killed when it has printed so many lines.
fn killed_after(path: &str, url: &str, count: usize) {
    let mut command: Command = onestop();
    let mut child =
        command.args(["settle", path, "--json", "--server", url]).stdout(Stdio::piped()).spawn().expect("it starts");
    let output = BufReader::new(child.stdout.take().expect("its output"));
    assert_eq!(output.lines().take(count).count(), count);
    child.kill().expect("it can be killed");
    child.wait().expect("it is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_run_that_is_repeated_settles_nothing_twice() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    serve.with_tables().await;
    let path = file(place.path(), lines(2_000));
    for count in [1, 40, 700] {
        killed_after(&path, &serve.url, count);
    }
    let (code, output, errors) = run(&["settle", &path, "--json", "--server", &serve.url]);
    assert_eq!((code, ids(&output)), (Some(0), wanted(2_000)), "{errors}");
    let (code, output, _) = run(&["list", "--hospital", "H3", "--json", "--server", &serve.url]);
    let mut listed = ids(&output);
    listed.sort_by_key(|id| id[1..].parse::<usize>().expect("a number"));
    assert_eq!((code, listed), (Some(0), wanted(2_000)), "each claim has one settlement");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settling_continues_after_the_server_is_killed_and_restarted() {
    let place = tempfile::tempdir().expect("a directory");
    let store = place.path().join("store");
    let serve = Serve::start(&store, &[]);
    serve.with_tables().await;
    let (url, path) = (serve.url.clone(), file(place.path(), lines(3_000)));
    let mut child = onestop()
        .args(["settle", &path, "--json", "--server", &url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut output = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut settled: Vec<String> = output.by_ref().take(100).map(|line| line.expect("text")).collect();
    serve.kill();
    let again = Serve::listening(&store, url.trim_start_matches("http://"), &[]);
    settled.extend(output.map(|line| line.expect("text")));
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert_eq!(ids(&settled.join("\n")), wanted(3_000));
    let (_, listed, _) = run(&["list", "--hospital", "H3", "--json", "--server", &again.url]);
    assert_eq!(listed.lines().count(), 3_000, "each claim has one settlement");
}

#[test]
fn a_file_that_cannot_be_opened_exits_2_before_any_call() {
    let (code, output, errors) = run(&["settle", "nowhere.ndjson", "--server", "http://127.0.0.1:1"]);
    assert_eq!((code, output.as_str()), (Some(2), ""));
    assert!(errors.starts_with("cannot read the claim file nowhere.ndjson: "), "{errors}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_are_settled_as_they_were_quoted_or_refused() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    serve.with_tables().await;
    let with_server = |arguments: &[&str]| run(&[arguments, &["--json", "--server", &serve.url]].concat());
    let path = file(place.path(), lines(3));
    let (code, quoted, errors) = with_server(&["quote", &path]);
    assert_eq!(code, Some(0), "{errors}");
    let quotes = place.path().join("quotes.ndjson").display().to_string();
    std::fs::write(&quotes, quoted.lines().take(2).map(|line| format!("{line}\n")).collect::<String>())
        .expect("written");
    let mut between = line(3);
    (between["person_id"], between["items"][0]["amount"]) = ("P1".into(), "9000.00".into());
    between["items"][0]["unit_price"] = "9000.00".into();
    let first = super::write(place.path(), "between.json", &between.to_string());
    assert_eq!(with_server(&["settle", &first]).0, Some(0));
    let (code, output, errors) = with_server(&["settle", "--quotes", &quotes, &path]);
    assert_eq!((code, ids(&output)), (Some(1), vec!["C1".to_owned()]), "{errors}");
    assert!(errors.contains(":1: C0: FAILED_PRECONDITION: QUOTE_CHANGED"), "{errors}");
    assert!(
        errors.contains(":3: C2: FAILED_PRECONDITION: ") && errors.contains("has no quote for this claim"),
        "{errors}"
    );
    std::fs::write(&quotes, "{\"hospital_id\": \"H3\", \"claim_id\": \"C2\", \"quote_digest\": \"AAAA\"}\n\n[]\n")
        .expect("written");
    let (code, _, errors) = with_server(&["settle", "--quotes", &quotes, &path]);
    assert!(code == Some(1) && errors.contains("quotes.ndjson:3: is no quote"), "{errors}");
    std::fs::write(&quotes, "{\"hospital_id\": \"H3\", \"claim_id\": \"C2\", \"quote_digest\": \"AAAA\"}\n")
        .expect("written");
    let (_, _, errors) = with_server(&["settle", "--quotes", &quotes, &path]);
    assert!(errors.contains(":3: C2: INVALID_ARGUMENT: INVALID_QUOTE: quote_digest is no quote"), "{errors}");
}
