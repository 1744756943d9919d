//! The log of a server: a line for each call, the events of its life, and failures that repeat.

use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use onestop::cli::client::Client;
use serde_json::Value;

use super::{LoggedServer, settle_demonstration, store_with_old_register};
use crate::attacks::raw::RawConnection;
use crate::support::keys::Keys;
use crate::support::program::onestop;

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
    server.wait_for_log("reloading: a signal asked for it");
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_cancelled_is_logged_as_cancelled() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = LoggedServer::start(directory.path(), &[("ONESTOP_LOG", "info")]);
    let port = server.url.rsplit_once(':').expect("a port").1.parse().expect("a port");
    let connection = RawConnection::open(port, 1 << 16).await;
    let mut call = connection.begin("settlement.v1.SettlementService/Settle").await;
    call.request.send_data(vec![0, 0, 0, 1, 0, 10].into(), false).expect("sent");
    call.request.send_reset(h2::Reason::CANCEL);
    while !server.get("/metrics", "text/plain").contains("onestop_refusals_total{reason=\"CANCELLED\"} 1") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let log = server.end();
    let line = lines(&log).into_iter().find(|line| line["fields"]["message"] == "answered").expect("a line");
    assert_eq!((&line["fields"]["status"], &line["level"]), (&"CANCELLED".into(), &"INFO".into()), "{log}");
}

/// Peers that connect and say nothing are closed after a second, each with the same warning.
#[test]
fn a_failure_that_repeats_is_logged_once_and_at_the_end_with_its_count() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = LoggedServer::start(directory.path(), &[("ONESTOP_LIMITS_HANDSHAKE_SECONDS", "1")]);
    let address = server.url.trim_start_matches("http://");
    let silent: Vec<_> = (0..5).map(|_| TcpStream::connect(address).expect("a connection")).collect();
    for mut peer in silent {
        // The server sends its settings first, and then closes the connection.
        peer.read_to_end(&mut Vec::new()).expect("the end");
    }
    let log = server.end();
    let warnings: Vec<_> = lines(&log).into_iter().filter(|line| line["level"] == "WARN").collect();
    assert_eq!(warnings.len(), 2, "{log}");
    assert_eq!(warnings[0]["fields"]["message"], "connection closed: the peer broke a limit", "{log}");
    let repeated = &warnings[1]["fields"];
    assert_eq!((&repeated["message"], &repeated["times"]), (&"the same was to be logged again".into(), &4.into()));
    assert!(repeated["line"].as_str().is_some_and(|line| line.contains("no_preface")), "{log}");
}

#[test]
fn a_certificate_that_expires_soon_is_warned_of() {
    let keys = Keys::made();
    let log_with = |days: &str| {
        let directory = tempfile::tempdir().expect("a directory");
        let mut command = onestop();
        command.args(["serve", "--create", "--listen", "127.0.0.1:0", "--operations", "127.0.0.1:0", "--config"]);
        command.arg(keys.file("onestop.toml")).arg("--store").arg(directory.path().join("store"));
        let server = LoggedServer::spawn({
            command.env("ONESTOP_CERTIFICATE_WARNING_DAYS", days);
            command
        });
        server.wait_for("onestop_certificate_expiry_timestamp_seconds{certificate=\"client_ca\"} ");
        server.end()
    };
    let warnings = |log: &str| {
        let of_certificate = lines(log)
            .into_iter()
            .filter(|line| line["fields"]["message"].to_string().contains("a certificate expires"));
        of_certificate
            .map(|line| (line["fields"]["certificate"].clone(), line["fields"]["days_left"].clone()))
            .collect()
    };
    let soon: Vec<(Value, Value)> = warnings(&log_with("366"));
    assert_eq!(soon, [("server".into(), 364.into()), ("client_ca".into(), 364.into())]);
    assert_eq!(warnings(&log_with("30")), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_register_that_was_imported_too_long_ago_is_warned_of() {
    let directory = tempfile::tempdir().expect("a directory");
    let days = 10;
    store_with_old_register(&directory.path().join("store"), days).await;
    let log_with = |variables: &[(&str, &str)]| {
        let server = LoggedServer::start(directory.path(), variables);
        server.wait_for("onestop_reference_age_seconds{table=\"enrolments\"} ");
        server.end()
    };
    let log = log_with(&[("ONESTOP_REGISTER_WARNING_DAYS", "9")]);
    let warning = lines(&log).into_iter().find(|line| line["level"] == "WARN").expect("a warning");
    let message = "the last import of enrolments is older than register_warning_days";
    assert_eq!(
        (&warning["fields"]["message"], &warning["fields"]["age_days"]),
        (&message.into(), &days.into()),
        "{log}"
    );
    for variables in [&[("ONESTOP_REGISTER_WARNING_DAYS", "11")][..], &[]] {
        assert!(!log_with(variables).contains("WARN"), "the register is young enough, or is not watched");
    }
}
