//! `/metrics` as a scraper reads it.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use super::{LoggedServer, settle_demonstration};

/// The metrics, one a line with its labels, without their values.
fn series(response: &str) -> BTreeSet<String> {
    let body = response.split_once("\r\n\r\n").expect("a body").1;
    let lines = body.lines().filter(|line| !line.starts_with('#') && line.contains(' '));
    lines.map(|line| line.rsplit_once(' ').expect("a value").0.to_owned()).collect()
}

/// What `promtool check metrics` finds.
fn promtool(response: &str) -> String {
    let body = response.split_once("\r\n\r\n").expect("a body").1;
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("promtool (Debian's package prometheus) is installed");
    let mut input = child.stdin.take().expect("its input");
    input.write_all(body.as_bytes()).expect("written");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let found = [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("text")).concat();
    assert!(output.status.success(), "{found}");
    found
}

const TEXT: &str = "text/plain;version=0.0.4";

#[test]
fn every_series_exists_from_the_start_and_none_appears_under_load_but_for_refused_statuses() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = LoggedServer::start(directory.path(), &[]);
    let fresh = server.get("/metrics", TEXT);
    assert!(fresh.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{fresh}");
    for line in [
        "onestop_settlements_total{event=\"settled\"} 0",
        "onestop_payments_yuan_total{layer=\"basic_inpatient\",payer=\"basic_fund\"} 0.0",
        "onestop_payments_total{layer=\"patient\",payer=\"patient\"} 0",
        "onestop_refusals_total{reason=\"NOT_ELIGIBLE\"} 0",
        "onestop_shed_total{caller=\"anyone\"} 0",
        "onestop_commit_conflicts_total 0",
        "onestop_calls_in_flight 0",
        "onestop_calls_in_flight_limit 256",
        "onestop_store_batch_size_count ",
        "onestop_store_sync_duration_seconds_bucket{le=\"0.001\"} ",
        "onestop_store_free_bytes ",
        "onestop_store_checkpoint_lag_bytes ",
        "onestop_store_checkpoint_wait_seconds 0.0",
        "onestop_store_index_failing 0.0",
        "onestop_reference_version 0.0",
        "onestop_policy_book_age_seconds ",
        "onestop_ready 1",
        "onestop_store_volatile 0",
        "process_resident_memory_bytes ",
        "process_open_fds ",
        "process_cpu_seconds_total ",
    ] {
        assert!(fresh.contains(&format!("\n{line}")), "{line} in {fresh}");
    }
    settle_demonstration(&server.url, &[]);
    let loaded = server.get("/metrics", TEXT);
    assert!(loaded.contains("\nonestop_settlements_total{event=\"settled\"} 36\n"), "{loaded}");
    let appeared: Vec<_> = series(&loaded).difference(&series(&fresh)).cloned().collect();
    let expected = |line: &String| {
        // The age of a table exists with its first import, and a method with another code than OK with its first one.
        line.starts_with("onestop_reference_age_seconds{")
            || (line.starts_with("rpc_server_call_duration_seconds_") && !line.contains("status_code=\"OK\""))
    };
    assert_eq!(appeared.iter().filter(|line| !expected(line)).collect::<Vec<_>>(), Vec::<&String>::new());
    server.end();
}

#[test]
fn promtool_finds_nothing_wrong_with_the_metrics() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = LoggedServer::start(directory.path(), &[]);
    assert_eq!(promtool(&server.get("/metrics", TEXT)), "");
    settle_demonstration(&server.url, &[]);
    assert_eq!(promtool(&server.get("/metrics", TEXT)), "");
    server.end();
}

#[test]
fn a_scraper_that_asks_for_openmetrics_gets_the_same_series_as_openmetrics() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = LoggedServer::start(directory.path(), &[]);
    let accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    let open = server.get("/metrics", accept);
    assert!(open.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"), "{open}");
    assert!(open.ends_with("# EOF\n"), "{open}");
    assert!(
        open.contains("# TYPE onestop_settlements counter\n") && open.contains("# UNIT process_cpu_seconds seconds\n")
    );
    assert_eq!(series(&open), series(&server.get("/metrics", TEXT)));
    server.end();
}
