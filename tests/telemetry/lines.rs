//! The log of a server: a line for each call, the events of its life, and failures that repeat.

use onestop::cli::client::Client;
use serde_json::Value;

use super::{LoggedServer, settle_demonstration};

fn lines(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// The messages, in order.
fn messages(log: &str) -> Vec<String> {
    lines(log).iter().map(|line| line["fields"]["message"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn start_readiness_reload_and_stop_are_logged_by_default_and_calls_are_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = LoggedServer::start(directory.path(), &[]);
    settle_demonstration(&server.url, &[]);
    server.signal("-HUP");
    let log = server.end();
    let messages = messages(&log);
    let stopping = "stopping: a signal asked for it; calls in flight are finished";
    let expected = ["started", "ready", "reloading: a signal asked for it", stopping, "not ready", "stopped"];
    assert_eq!(messages, expected, "{log}");
    let started = &lines(&log)[0]["fields"];
    assert_eq!(started["version"], env!("CARGO_PKG_VERSION"), "{log}");
    assert!(started["book"].as_str().is_some_and(|book| book.len() == 64), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_line_of_a_call_names_caller_call_status_reason_and_duration() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = LoggedServer::start(directory.path(), &[("ONESTOP_LOG", "info")]);
    let mut client = Client::connect(&server.url).await.expect("a connection");
    let claim = crate::support::claims::claim("C", "P", "1.00");
    client.settle(&claim, "R", Vec::new()).await.expect_err("an unknown person");
    let url = server.url.clone();
    tokio::task::spawn_blocking(move || settle_demonstration(&url, &[])).await.expect("settled");
    let log = server.end();
    let calls: Vec<_> = lines(&log).into_iter().filter(|line| line["fields"]["message"] == "answered").collect();
    let refused = &calls[0]["fields"];
    assert_eq!(refused["call"], "/onestop.settlement.v1.SettlementService/Settle", "{log}");
    assert_eq!((&refused["status"], &refused["reason"]), (&"FAILED_PRECONDITION".into(), &"NOT_ELIGIBLE".into()));
    assert_eq!((&refused["caller"], refused["micros"].is_u64()), (&"anyone".into(), true));
    let stream =
        calls.iter().map(|line| &line["fields"]).find(|line| line["call"].to_string().contains("SettleStream"));
    let stream = stream.unwrap_or_else(|| panic!("a line for the stream: {log}"));
    assert_eq!((&stream["status"], &stream["reason"]), (&"OK".into(), &Value::Null));
}
