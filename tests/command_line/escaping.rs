//! What came from a caller, a file or a server reaches a terminal with its control characters escaped, and JSON as it was.

use std::path::Path;

use serde_json::{Value, json as value};

use super::{directory, json, write};
use crate::support::program::{Serve, run};

/// Moves the cursor, forges a line and turns the rest of it around.
const FORGED: &str = "twice\u{1b}[2J\r\n2017-06-15 forged\u{9b}A\u{7f}\u{2028}\u{202e}sdnuf\u{2069}";

/// [`FORGED`] as it is shown.
const SHOWN: &str = "twice\\u001b[2J\\u000d\\u000a2017-06-15 forged\\u009bA\\u007f\\u2028\\u202esdnuf\\u2069";

fn assert_harmless(output: &str) {
    let obeyed =
        |c: char| c.is_control() && c != '\n' || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!output.contains(obeyed), "{output:?}");
    assert!(!output.lines().any(|line| line.starts_with("2017-06-15 forged")), "{output}");
}

fn claim(claim_id: &str) -> Value {
    value!({
        "claim_id": claim_id, "request_id": format!("R{claim_id}"), "hospital_id": "H3", "person_id": "P1",
        "visit": "inpatient", "emergency": false, "admitted": "2017-06-08", "discharged": "2017-06-15",
        "items": [{"code": "A", "quantity": "1", "unit_price": "100.00", "amount": "100.00"}],
    })
}

fn claims(dir: &Path, name: &str, claims: &[Value]) -> String {
    write(dir, name, &claims.iter().map(|claim| format!("{claim}\n")).collect::<String>())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stored_reason_is_escaped_in_the_statement_and_whole_in_json() {
    let place = directory();
    let serve = Serve::start(&place.path().join("store"), &[]);
    serve.with_tables().await;
    let server = ["--server", serve.url.as_str()];
    let settled =
        run(&[&["settle", &claims(place.path(), "c.ndjson", &[claim("C1")]), "--json"][..], &server].concat());
    let id = json(&settled.1)[0]["settlement_id"].as_str().expect("an id").to_owned();
    let named = ["--hospital", "H3", "--person", "P1", "--claim", "C1", "--request", "R2", "--reason", FORGED];
    let (code, output, errors) = run(&[&["reverse"][..], &named, &server].concat());
    assert_eq!(code, Some(0), "{errors}");
    assert_harmless(&output);
    for more in [&["--lang", "en"][..], &["--lang", "zh"], &["--html", "-"]] {
        let (code, output, _) = run(&[&["show", &id][..], more, &server].concat());
        assert_eq!(code, Some(0));
        assert_harmless(&output);
        let unbroken: String = output.lines().map(|line| line.trim_start_matches(['!', ' '])).collect();
        assert!(unbroken.contains(&SHOWN.replace(' ', "")) || output.contains(SHOWN), "{more:?}: {output}");
    }
    let (_, output, _) = run(&[&["show", &id, "--json"][..], &server].concat());
    assert_eq!(json(&output)[0]["reversal"]["reason"], FORGED, "{output}");
    assert_harmless(&output);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_claim_is_reported_on_one_line_whatever_its_id_and_its_file_are_called() {
    let place = directory();
    let serve = Serve::start(&place.path().join("store"), &[]);
    serve.with_tables().await;
    let path = claims(place.path(), "claims\u{1b}[2J\n.ndjson", &[claim(FORGED)]);
    for command in ["quote", "settle"] {
        let (code, output, errors) = run(&[command, &path, "--server", &serve.url]);
        assert_eq!((code, output.as_str(), errors.lines().count()), (Some(1), "", 2), "{errors}");
        assert_harmless(&errors);
        assert!(errors.contains(&format!("claims\\u001b[2J\\u000a.ndjson:1: {SHOWN}: INVALID_ARGUMENT")), "{errors}");
    }
    let (code, _, errors) = run(&["settle", &format!("{path}\u{1b}"), "--server", &serve.url]);
    assert_eq!((code, errors.lines().count()), (Some(2), 1), "{errors}");
    assert_harmless(&errors);
}

#[test]
fn faults_of_files_are_one_line_each_and_escaped() {
    let place = directory();
    let policy = "format = 2\nid = \"a\"\n\"bad\\u001b[2J\\n2017-06-15 forged\" = 1\n";
    let path = write(place.path(), "p.toml", policy);
    let (code, output, errors) = run(&["policy", "check", &path]);
    assert_eq!((code, output.as_str()), (Some(1), ""));
    assert_harmless(&errors);
    assert!(errors.contains("`bad\\u001b[2J\\u000a2017-06-15 forged`"), "{errors}");
    let table = write(place.path(), "enrolments.csv", "person_id,from,insured_region,\u{1b}[2J\n");
    let (_, _, errors) = run(&["import", &table, "--server", "http://127.0.0.1:1"]);
    assert_harmless(&errors);
    let case = write(place.path(), "c.toml", "name = \"x\\u001b[2J\\n2017-06-15 forged\"\n");
    let (_, output, errors) = run(&["policy", "test", &case]);
    assert_harmless(&output);
    assert_harmless(&errors);
    assert_eq!(output, "ok x\\u001b[2J\\u000a2017-06-15 forged\n");
}

/// A server that refuses every call with this message.
async fn refusing_server(message: &'static str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.expect("a connection");
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    let response: tonic::codegen::http::Response<()> =
                        tonic::Status::failed_precondition(message).into_http();
                    respond.send_response(response, true).expect("a response");
                }
            });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_message_of_a_server_is_escaped() {
    let place = directory();
    let url = refusing_server(FORGED).await;
    let request = ["--hospital", "H3", "--person", "P1", "--request", "R1"];
    let path = claims(place.path(), "c.ndjson", &[claim("C1")]);
    for command in [
        &["list", "--hospital", "H3"][..],
        &["show", "01980000-0000-7000-8000-000000000000"],
        &["account", "P1", "--year", "2017"],
        &[&["outcome"][..], &request].concat(),
        &["reference", "hospitals", "--on", "2017-06-15"],
        &["correct", &path, "--reason", "x"],
    ] {
        let command = [command, &["--server", &url]].concat();
        let (code, output, errors) = tokio::task::spawn_blocking({
            let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
            move || run(&command.iter().map(String::as_str).collect::<Vec<_>>())
        })
        .await
        .expect("the program ends");
        assert_eq!(code, Some(1), "{command:?}: {errors}");
        assert_harmless(&output);
        assert!(errors.contains(&format!("FAILED_PRECONDITION: {SHOWN}")), "{command:?}: {errors}");
        assert_harmless(&errors);
    }
}
