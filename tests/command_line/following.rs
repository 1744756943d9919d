//! The journal followed by `onestop entries`, across the end of the server that it came from.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::support::TABLES;
use crate::support::claims::claim;
use crate::support::program::{Serve, onestop, run};
use crate::support::redis_server::RedisServer;

/// `onestop entries --follow`, which is ended with the test.
struct Follower {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Follower {
    fn start(server: &str) -> Follower {
        let mut command = onestop();
        command.args(["entries", "--follow", "--json", "--server", server]).stderr(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        Follower { child, lines }
    }

    /// The next settlements: request ids, and the cursor of the last.
    fn settlements(&mut self, count: usize) -> (Vec<String>, String) {
        let values = self.lines.by_ref().map(|line| parsed(&line.expect("text")));
        let settlements: Vec<Value> = values.filter(|entry| entry["kind"] == "settlement").take(count).collect();
        (settlements.iter().map(request_id).collect(), text(&settlements[count - 1], "cursor"))
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).expect("a line of JSON")
}

fn text(entry: &Value, field: &str) -> String {
    entry[field].as_str().expect("a text").to_owned()
}

fn request_id(entry: &Value) -> String {
    text(entry, "request_id")
}

async fn settle(serve: &Serve, numbers: std::ops::Range<usize>) -> Vec<String> {
    let (mut client, mut requests) = (serve.client().await, Vec::new());
    for number in numbers {
        let bill = claim(&format!("C{number}"), &format!("P{}", 1 + number % 3), "10.00");
        client.settle(&bill, &format!("R{number}"), Vec::new()).await.expect("a settlement");
        requests.push(format!("R{number}"));
    }
    requests
}

/// Follows a server that is killed and started again over the same store.
async fn follow_across_a_restart(store: &Path, more: &[&str]) {
    let serve = Serve::start(store, more);
    serve.with_tables().await;
    let url = serve.url.clone();
    let mut follower = Follower::start(&url);
    let first = settle(&serve, 0..3).await;
    let (followed, cursor) = follower.settlements(3);
    assert_eq!(followed, first);
    serve.kill();
    let serve = Serve::listening(store, url.trim_start_matches("http://"), more);
    let second = settle(&serve, 3..6).await;
    let (followed, _) = follower.settlements(3);
    assert_eq!(followed, second, "nothing is missed and nothing comes twice");
    let (code, rest, errors) = run(&["entries", "--json", "--after", &cursor, "--server", &url]);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(rest.lines().map(|line| request_id(&parsed(line))).collect::<Vec<_>>(), second);
    let (_, lines, _) = run(&["entries", "--after", &cursor, "--server", &url]);
    let first = lines.lines().next().expect("a line");
    assert!(first.contains(" settlement ") && first.contains(" H3 C3: patient "), "{first}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_are_followed_across_a_restart_over_a_directory() {
    let place = tempfile::tempdir().expect("a directory");
    follow_across_a_restart(&place.path().join("store"), &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_are_followed_across_a_restart_over_redis() {
    let place = tempfile::tempdir().expect("a directory");
    let secret = crate::support::redis_server::secret_file(place.path());
    let server = RedisServer::shared();
    let url = server.url();
    follow_across_a_restart(Path::new(&url), &["--secret", &secret]).await;
}

/// Who put the book in use, which imports ended, and the digests of both, in the order in which they happened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_book_in_use_and_the_ends_of_imports_are_entries_each_once() {
    let place = tempfile::tempdir().expect("a directory");
    let store = place.path().join("store");
    let serve = Serve::start(&store, &[]);
    serve.with_tables().await;
    settle(&serve, 0..1).await;
    let entries = |serve: &Serve| {
        let (code, output, errors) = run(&["entries", "--json", "--server", &serve.url]);
        assert_eq!(code, Some(0), "{errors}");
        output.lines().map(parsed).collect::<Vec<_>>()
    };
    let first = entries(&serve);
    let kinds: Vec<_> = first.iter().map(|entry| text(entry, "kind")).collect();
    let tables = first.iter().filter(|entry| entry["kind"] == "import_end").map(|entry| text(entry, "table"));
    let numbers = first.iter().filter_map(|entry| entry["number"].as_u64());
    assert_eq!((kinds[0].as_str(), kinds[kinds.len() - 1].as_str()), ("policy_activation", "settlement"));
    assert_eq!(first[0]["activated_by"], "", "a server started with it");
    assert_eq!(text(&first[0], "book_digest").len(), 64);
    assert_eq!((tables.count(), numbers.collect::<Vec<_>>()), (TABLES.len(), (1..=TABLES.len() as u64).collect()));
    let (_, lines, _) = run(&["entries", "--server", &serve.url]);
    assert!(lines.contains(" by the server itself\n") && lines.contains(" import_end "), "{lines}");
    serve.kill();
    let again = Serve::start(&store, &[]);
    assert_eq!(entries(&again).len(), first.len(), "the same book is recorded once");
}

#[test]
fn a_text_that_is_no_cursor_is_refused() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    for more in [&["--follow"][..], &[]] {
        let arguments = [&["entries", "--after", "made-up", "--server", &serve.url], more].concat();
        let (code, output, errors) = run(&arguments);
        assert_eq!((code, output.as_str()), (Some(1), ""));
        assert!(errors.contains("cursor"), "{errors}");
    }
}
