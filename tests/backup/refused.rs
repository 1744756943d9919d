//! What a server and a directory refuse: another store, an older store, a further backup at once, other content.

use std::os::unix::fs::PermissionsExt;

use onestop::cli::client::Client;
use onestop::pb::operations::{BackupEnd, BackupRequest, backup_response::Part};
use onestop::store::embedded::backup::verify;

use super::{backed_up, blocking, text};
use crate::service::refusal_details;
use crate::support::ADMINISTRATION_ENTRIES;
use crate::support::claims::claim;
use crate::support::program::{Serve, run};

async fn settle(client: &mut Client, id: &str) {
    client.settle(&claim(id, "P1", "10.00"), id, Vec::new()).await.expect("a settlement");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_continued_by_its_own_store_alone_and_not_by_an_older_copy_of_it() {
    let place = tempfile::tempdir().expect("a directory");
    let [store, older, other, backup] = ["store", "older", "other", "backup"].map(|name| place.path().join(name));
    let serve = Serve::start(&store, &[]);
    settle(&mut serve.with_tables().await, "C1").await;
    assert_eq!(blocking(|| serve.end()).await, Some(0));
    let copied = std::process::Command::new("cp").arg("-r").args([&store, &older]).status().expect("cp runs");
    assert!(copied.success());
    let serve = Serve::start(&store, &[]);
    settle(&mut serve.client().await, "C2").await;
    let (url, to) = (serve.url.clone(), backup.clone());
    blocking(move || backed_up(&url, &to)).await;
    for path in [&older, &other] {
        let wrong = Serve::start(path, &[]);
        // The older copy goes on in another way.
        settle(&mut wrong.with_tables().await, "C3").await;
        let (url, to) = (wrong.url.clone(), text(&backup));
        let (code, _, errors) = blocking(move || run(&["backup", "--server", &url, &to])).await;
        assert!(code == Some(1) && errors.contains("BACKUP_NOT_CONTINUED"), "{code:?} {errors}");
    }
    assert_eq!(verify(&backup).expect("unchanged").manifest.position.end.sequence, 2 + ADMINISTRATION_ENTRIES);
    for (path, said) in [(&store, "is in use by another process"), (&older, "is not empty and holds no backup")] {
        let (url, to) = (serve.url.clone(), text(path));
        let (code, _, errors) = blocking(move || run(&["backup", "--server", &url, &to])).await;
        assert!(code == Some(1) && errors.contains(said), "{errors}");
    }
    for (path, mode) in
        [("", 0o700), ("log", 0o700), ("secret", 0o600), ("BACKUP", 0o600), ("log/0000000000.log", 0o600)]
    {
        let metadata = std::fs::metadata(backup.join(path)).expect("a file");
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_sends_four_backups_at_once_and_one_that_is_not_read_costs_no_memory() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let mut client = serve.with_tables().await;
    settle(&mut client, "C1").await;
    let follow = BackupRequest { after: None, follow: true };
    let mut streams = Vec::new();
    for number in 0..4 {
        // A connection holds the memory of one backup.
        let mut stream = serve.client().await.backup(follow.clone()).await.expect("a backup");
        let first = stream.message().await.expect("a message").expect("a message").part;
        assert!(matches!(first, Some(Part::Start(start)) if start.secret.len() == 32), "backup {number}");
        streams.push(stream);
    }
    let refused = serve.client().await.backup(follow.clone()).await.expect_err("a refusal");
    assert_eq!(refusal_details(&refused).reason, "OVERLOADED");
    drop(streams.pop());
    // The place is free once the server learns that the caller is gone.
    while serve.client().await.backup(follow.clone()).await.is_err() {
        tokio::task::yield_now().await;
    }
    let damaged = BackupEnd { store_identity: vec![1; 3], ..BackupEnd::default() };
    let refused = serve.client().await.backup(BackupRequest { after: Some(damaged), follow: false }).await;
    let details = refusal_details(&refused.expect_err("a refusal"));
    assert_eq!((details.reason.as_str(), details.faults[0].0.as_str()), ("INVALID_REQUEST", "after.store_identity"));
    let log = std::fs::read_to_string(place.path().join("store/access.log")).expect("the access log");
    assert!(log.lines().filter(|line| line.contains("\"Backup\"") && line.contains("\"*\"")).count() >= 5, "{log}");
    assert_eq!(blocking(|| serve.end()).await, Some(0), "backups that follow do not hold up the end");
}
