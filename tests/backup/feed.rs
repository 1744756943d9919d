//! The feed of a store that was restored without its newest entries: a reader that saw them is refused, and goes on after the
//! last entry that both hold.

use onestop::cli::client::Client;
use tonic::{Code, Status};

use super::{backed_up, blocking, restored};
use crate::support::claims::claim;
use crate::support::program::Serve;

/// Settles three claims whose ids begin with this name.
async fn settle(client: &mut Client, name: &str) {
    for number in 0..3 {
        let id = format!("{name}{number}");
        client.settle(&claim(&id, "P1", "10.00"), &id, Vec::new()).await.expect("a settlement");
    }
}

/// Why a watch from this cursor on is refused.
async fn refusal_of_a_watch(client: &mut Client, cursor: String) -> Status {
    match client.watch_entries(cursor).await {
        Ok(mut entries) => entries.message().await.expect_err("a refusal"),
        Err(refused) => refused,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_saw_more_than_was_restored_is_refused_and_goes_on_after_the_last_common_entry() {
    let place = tempfile::tempdir().expect("a directory");
    let [path, backup, copy] = ["store", "backup", "copy"].map(|name| place.path().join(name));
    let serve = Serve::start(&path, &[]);
    let mut client = serve.with_tables().await;
    settle(&mut client, "A").await;
    let common = client.list_entries(String::new()).await.expect("entries").next_cursor;
    let (url, to) = (serve.url.clone(), backup.clone());
    blocking(move || backed_up(&url, &to)).await;
    settle(&mut client, "B").await;
    let mut watched = client.watch_entries(common.clone()).await.expect("a stream");
    let mut lost = Vec::new();
    for number in 0..3 {
        let response = watched.message().await.expect("a response").expect("a response");
        assert_eq!(response.entry.expect("an entry").request_id, format!("B{number}"));
        lost.push(response.cursor);
    }
    serve.kill();
    restored(&backup, &copy);
    // Whatever is at the positions of those three now, no cursor of them leads past it.
    let serve = Serve::start(&copy, &[]);
    let mut client = serve.client().await;
    for name in ["C", "D"] {
        for cursor in &lost {
            let listed = client.list_entries(cursor.clone()).await.expect_err("a refusal");
            for refused in [listed, refusal_of_a_watch(&mut client, cursor.clone()).await] {
                assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
                assert!(refused.message().starts_with("FEED_NOT_CONTINUED: "), "{refused}");
            }
        }
        settle(&mut client, name).await;
    }
    let since = client.list_entries(common).await.expect("the last entry that both hold");
    let requests: Vec<_> = since.entries.iter().map(|entry| entry.request_id.as_str()).collect();
    assert_eq!((requests, since.is_end), (vec!["C0", "C1", "C2", "D0", "D1", "D2"], true));
}
