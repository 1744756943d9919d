//! A connection that breaks in the middle of the differences.

use std::sync::atomic::Ordering;

use crate::support::cut_connection::proxy;
use crate::support::program::{Serve, run};

/// The bytes after which the first connection is cut.
const CUT_AFTER: usize = 60_000;

#[tokio::test(flavor = "multi_thread")]
async fn after_a_broken_connection_the_rest_of_the_differences_comes_and_none_twice() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let (url, connections) = proxy(&serve.url, CUT_AFTER);
    let file = place.path().join("list.csv");
    let rows: Vec<String> = (0..1_000).map(|number| format!("never-{number},{number}.00")).collect();
    std::fs::write(&file, format!("claim_id,total\n{}\n", rows.join("\n"))).expect("a file");
    let file = file.display().to_string();
    let (code, text, errors) =
        run(&["reconcile", &file, "--server", &url, "--hospital", "H3", "--month", "2017-06", "--json"]);
    assert_eq!((code, errors.as_str()), (Some(1), "1000 differ\n"));
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let mut found: Vec<_> = lines.iter().filter_map(|line| line["claim_id"].as_str()).collect();
    found.sort_unstable();
    found.dedup();
    assert_eq!((found.len(), lines.len()), (1_000, 1_001));
    assert_eq!(connections.load(Ordering::SeqCst), 2, "the first connection was cut");
}
