//! A load reports what was played however it ends: Ctrl-C, a drained server.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::port;
use crate::support::program::{Serve, onestop, run};
use crate::support::proxy::Proxy;

/// Runs a load of a minute through a proxy, ends it by `end` after the 20th claim was sent, and gives its output; `end` is
/// called with the process id of the load.
async fn ended_by(serve: &Serve, more: &[&str], end: impl FnOnce(u32)) -> Output {
    let proxy = Proxy::to(port(&serve.url)).await;
    let url = format!("http://127.0.0.1:{}", proxy.port());
    let mut command = onestop();
    command.args(["load", "--json", "--seconds", "60", "--callers", "4", "--persons", "1000", "--server", &url]);
    let mut child = command.args(more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    while !String::from_utf8_lossy(&proxy.requests()).contains("-C20-0") {
        assert!(child.try_wait().expect("a child").is_none(), "the load ended by itself");
        tokio::task::yield_now().await;
    }
    end(child.id());
    tokio::task::spawn_blocking(|| child.wait_with_output().expect("it ends")).await.expect("an output")
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_ends_a_load_with_its_report_and_audit() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let interrupt = |id: u32| {
        let sent = Command::new("kill").args(["-INT", &id.to_string()]).status().expect("kill");
        assert!(sent.success());
    };
    let output = ended_by(&serve, &[], interrupt).await;
    let report = report(&output);
    assert_eq!((output.status.code(), &report["end"]), (Some(0), &"interrupted".into()), "{report}");
    assert!(report["first_calls"]["count"].as_u64() >= Some(17), "{report}");
    assert_eq!((&report["audit"]["done"], &report["audit"]["findings"]), (&true.into(), &0.into()), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_server_ends_a_load_with_its_report() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let page = place.path().join("report.html");
    let (server, file) = (serve.url.clone(), page.display().to_string());
    let drain = |_| assert_eq!(run(&["drain", "--server", &server]).0, Some(0));
    let output = ended_by(&serve, &["--html", &file], drain).await;
    let report = report(&output);
    assert_eq!((output.status.code(), &report["end"]), (Some(3), &"servers_lost".into()), "{report}");
    assert!(report["first_calls"]["count"].as_u64() >= Some(17) && report["failed"].as_u64() > Some(0), "{report}");
    let errors = report["errors"].as_object().expect("errors");
    assert!(errors.keys().any(|reason| reason.contains("UNAVAILABLE")), "{errors:?}");
    assert_eq!(report["audit"]["why"], "no server answers");
    assert!(std::fs::read_to_string(page).expect("the page").contains("UNAVAILABLE"));
}
