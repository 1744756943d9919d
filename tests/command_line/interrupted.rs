//! Ctrl-C of commands that work through many claims: what was done so far is summed up.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use super::settling::line;
use crate::support::program::{Serve, onestop};
use crate::telemetry::LoggedServer;

fn press_ctrl_c(child: &Child) {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill").success());
}

fn spawn(arguments: &[&str]) -> Child {
    let mut command = onestop();
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program starts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settle_prints_the_summary_of_what_it_settled_and_ends_with_1() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    serve.with_tables().await;
    let mut child = spawn(&["settle", "-", "--json", "--server", &serve.url]);
    // The input stays open: more claims could come.
    let mut input = child.stdin.take().expect("its input");
    (0..3).for_each(|number| writeln!(input, "{}", line(number)).expect("written"));
    let mut settled = BufReader::new(child.stdout.take().expect("its output")).lines();
    (0..3).for_each(|_| assert!(settled.next().expect("a line").expect("text").contains("settlement_id")));
    press_ctrl_c(&child);
    let output = child.wait_with_output().expect("it ends");
    let expected = "3 settled, 0 replayed, 0 refused\ninterrupted; run the same command again to do the rest\n";
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(1), expected));
}

#[test]
fn load_prints_the_rates_of_what_it_settled() {
    let place = tempfile::tempdir().expect("a directory");
    let server = LoggedServer::start(place.path(), &[]);
    let child = spawn(&["load", "--persons", "4", "--callers", "2", "--seconds", "600", "--server", &server.url]);
    let settled = "onestop_settlements_total{event=\"settled\"} ";
    while server.get("/metrics", "text/plain").contains(&format!("{settled}0\n")) {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    press_ctrl_c(&child);
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.starts_with("interrupted: ") && text.contains(" settled a second\n"), "{text}");
    assert!(
        !text.contains(" 0 calls answered") && text.contains("settlements replayed") && text.contains(": 0 findings"),
        "{text}"
    );
    server.end();
}
