//! The load test of the program: rates, latency from the intended start, reports however it ends, and the page.

mod browser;
mod ends;

use serde_json::Value;

use crate::support::keys::Keys;
use crate::support::program::{Serve, onestop, run};
use crate::support::proxy::{Mode, Proxy};

/// The report of a load with these arguments beside `--json`, and the exit code.
fn load(arguments: &[&str]) -> (Option<i32>, Value) {
    let (code, output, errors) = run(&[&["load", "--json"], arguments].concat());
    let report = output.lines().next().unwrap_or_else(|| panic!("a report: {errors}"));
    (code, serde_json::from_str(report).expect("JSON"))
}

/// The port of a URL.
fn port(url: &str) -> u16 {
    url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
}

#[test]
fn a_load_needs_no_server_and_leaves_nothing_behind() {
    let place = tempfile::tempdir().expect("a directory");
    let mut command = onestop();
    command.env("TMPDIR", place.path()).args([
        "load",
        "--json",
        "--claims",
        "60",
        "--callers",
        "8",
        "--persons",
        "1000",
    ]);
    let output = command.output().expect("the program runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((output.status.code(), &report["end"], &report["arrivals"]), (Some(0), &"done".into(), &60.into()));
    assert_eq!((&report["failed"], &report["wrong"]["count"]), (&0.into(), &0.into()), "{report}");
    assert_eq!((&report["audit"]["done"], &report["audit"]["findings"]), (&true.into(), &0.into()), "{report}");
    assert_eq!(std::fs::read_dir(place.path()).expect("the directory").count(), 0, "the store is removed");
}

#[test]
fn a_fixed_rate_has_exactly_its_arrivals_and_takes_its_time() {
    let (code, report) = load(&["--arrivals", "fixed", "--rate", "40", "--seconds", "3", "--persons", "1000"]);
    assert_eq!((code, &report["arrivals"], &report["first_calls"]["count"]), (Some(0), &120.into(), &120.into()));
    assert!(report["millis"].as_u64() >= Some(2_950), "{}", report["millis"]);
}

#[test]
fn streams_and_several_servers_carry_the_same_claims() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    // Two addresses of one server: both are called.
    let other = serve.url.replace("127.0.0.1", "localhost");
    let arguments = ["--claims", "60", "--callers", "8", "--persons", "1000", "--connections", "2", "--streams"];
    let (code, report) = load(&[&arguments[..], &["--server", &serve.url, "--server", &other]].concat());
    assert_eq!((code, &report["arrivals"], &report["failed"]), (Some(0), &60.into(), &0.into()), "{report}");
    assert_eq!((&report["audit"]["findings"], &report["wrong"]["count"]), (&0.into(), &0.into()), "{report}");
}

#[test]
fn only_servers_on_this_machine_are_called() {
    for elsewhere in ["http://192.0.2.1:50051", "example.org:1", "http://[2001:db8::1]:5"] {
        let (code, _, errors) = run(&["load", "--server", elsewhere]);
        assert!(code == Some(2) && errors.contains("is not on this machine"), "{errors}");
    }
}

#[test]
fn persons_prepared_before_are_called_by_their_name() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let prepared = ["--server", &serve.url, "--name", "TRIAL", "--persons", "50", "--hospitals", "1"];
    let (code, _, errors) = run(&[&["load", "--prepare"], &prepared[..]].concat());
    assert_eq!(code, Some(0), "{errors}");
    let (code, report) = load(&[&["--prepared", "--claims", "40", "--callers", "4"], &prepared[..]].concat());
    assert_eq!((code, &report["audit"]["findings"]), (Some(0), &0.into()), "{report}");
    let (_, listed, _) = run(&["list", "--hospital", "TRIAL-H0000", "--json", "--server", &serve.url]);
    let settled = report["calls"]["settle"]["count"].as_u64().expect("a count") as usize;
    assert_eq!(listed.lines().count(), settled);
}

#[test]
fn callers_with_roles_prepare_and_play_over_tls() {
    let (place, keys) = (tempfile::tempdir().expect("a directory"), Keys::made());
    keys.put_callers(&keys.callers().replace("\"H3\"", "\"TRIAL-H0000\""));
    let mut command = onestop();
    command.args(["serve", "--create", "--listen", "127.0.0.1:0", "--operations", "127.0.0.1:0", "--config"]);
    command.arg(keys.file("onestop.toml")).arg("--store").arg(place.path().join("store"));
    let serve = Serve::spawn(command);
    let load_as = |role: &str, more: &[&str]| {
        let mut command = onestop();
        command.args(["load", "--json", "--name", "TRIAL", "--persons", "50", "--hospitals", "1"]);
        command.arg("--server").arg(serve.url.replace("127.0.0.1", "localhost")).args(more);
        command.env("ONESTOP_CA", keys.file("ca.pem")).env("ONESTOP_CERTIFICATE", keys.file(&format!("{role}.pem")));
        command.env("ONESTOP_KEY", keys.file(&format!("{role}.key"))).output().expect("it runs")
    };
    let prepared = load_as("registrar", &["--prepare"]);
    assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
    let played = load_as("hospital", &["--prepared", "--claims", "40", "--callers", "4"]);
    let report: Value = serde_json::from_slice(&played.stdout).expect("JSON");
    assert_eq!((played.status.code(), &report["failed"], &report["wrong"]["count"]), (Some(0), &0.into(), &0.into()));
    assert_eq!((&report["audit"]["done"], &report["audit"]["findings"]), (&true.into(), &0.into()), "{report}");
}

/// While a server stalls for 200 ms, a claim arrives every 10 ms. Each of them waits, though only one call at a time is
/// allowed to be open, and each wait counts: the stall is in the latency at 99%.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stall_of_the_server_is_seen_by_every_claim_that_arrives_in_it() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let proxy = Proxy::to(port(&serve.url)).await;
    let url = format!("http://127.0.0.1:{}", proxy.port());
    let playing = tokio::task::spawn_blocking(move || {
        let rate = ["--arrivals", "fixed", "--rate", "100", "--seconds", "3", "--in-flight", "1", "--connections", "1"];
        load(&[&rate[..], &["--profile", "items20", "--persons", "1000", "--server", &url]].concat())
    });
    while !String::from_utf8_lossy(&proxy.requests()).contains("-C50-0") {
        tokio::task::yield_now().await;
    }
    proxy.set(Mode::IsSilent);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    proxy.set(Mode::Passes);
    let (code, report) = playing.await.expect("a load");
    assert_eq!((code, &report["first_calls"]["count"]), (Some(0), &300.into()), "{report}");
    let p99 = report["first_calls"]["p99_micros"].as_u64().expect("a figure");
    assert!(p99 >= 150_000, "the stall is not in p99: {p99} µs");
}
