//! A disk that becomes full: commits are refused before it is, reads are answered, and commits go on when there is room.
//!
//! The disk is memory (`/dev/shm`), of which nobody else takes much; the reserve is set a little below what is free.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use onestop::cli::client::Client;
use tokio::sync::{Mutex, MutexGuard};
use tonic::{Code, Status};

use crate::support::claims::claim;
use crate::support::program::{Serve, onestop};

/// The free mebibytes of the disk of a directory.
fn free_mib(directory: &Path) -> u64 {
    let output = Command::new("df").args(["--output=avail", "-m"]).arg(directory).output().expect("df");
    let output = String::from_utf8(output.stdout).expect("text");
    output.lines().nth(1).and_then(|line| line.trim().parse().ok()).unwrap_or_else(|| panic!("{output}"))
}

/// Makes a store with all the segments that are made ahead.
fn make_store(store: &Path) {
    let serve = Serve::start(store, &[]);
    let start = Instant::now();
    while !store.join("log/0000000002.log").exists() {
        assert!(start.elapsed() < Duration::from_secs(20), "two segments are made ahead");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(serve.end(), Some(0));
}

/// The free room is measured and taken by one test at a time.
static DISK: Mutex<()> = Mutex::const_new(());

/// A server whose reserve is 64 MiB less than what is free, until the last of the tuple is dropped.
pub async fn nearly_full(directory: &Path) -> (Serve, Client, MutexGuard<'static, ()>) {
    let alone = DISK.lock().await;
    make_store(&directory.join("store"));
    let reserve = free_mib(directory) - 64;
    let mut command = onestop();
    command.args(["serve", "--create", "--listen", "127.0.0.1:0", "--operations", "127.0.0.1:0", "--store"]);
    command.arg(directory.join("store"));
    let serve = Serve::spawn({
        command.env("ONESTOP_DISK_RESERVE_MIB", reserve.to_string());
        command
    });
    let client = serve.with_tables().await;
    (serve, client, alone)
}

/// Takes 128 MiB of the disk.
pub fn fill(directory: &Path) -> std::path::PathBuf {
    let file = directory.join("filler");
    assert!(Command::new("fallocate").args(["-l", "128M"]).arg(&file).status().expect("fallocate").success());
    file
}

/// The refusal of the first claim that is refused, of at most 20 seconds of claims.
async fn first_refusal(client: &mut Client, prefix: &str) -> Status {
    let start = Instant::now();
    for number in 0.. {
        let id = format!("{prefix}-{number}");
        if let Err(refusal) = client.settle(&claim(&id, "P1", "1.00"), &id, Vec::new()).await {
            return refusal;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "commits are still accepted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    unreachable!("claims do not end")
}

/// How a settlement is refused on a disk that is nearly full.
pub async fn refusal_of_a_settlement(directory: &Path) -> Status {
    let (_serve, mut client, _alone) = nearly_full(directory).await;
    fill(directory);
    first_refusal(&mut client, "C").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_nearly_full_disk_commits_are_refused_reads_answered_and_commits_go_on_when_there_is_room() {
    let directory = tempfile::tempdir_in("/dev/shm").expect("a directory in memory");
    let (serve, mut client, _alone) = nearly_full(directory.path()).await;
    client.settle(&claim("C", "P1", "1.00"), "R", Vec::new()).await.expect("a settlement");
    let filler = fill(directory.path());
    let refusal = first_refusal(&mut client, "D").await;
    assert_eq!(refusal.code(), Code::ResourceExhausted, "{refusal:?}");
    let read = onestop::pb::settlement::GetOutcomeRequest {
        hospital_id: "H3".to_owned(),
        person_id: "P1".to_owned(),
        request_id: "R".to_owned(),
        of_readjudicate: false,
    };
    client.outcome(read).await.expect("reads are answered");
    client.quote(&claim("Q", "P1", "1.00")).await.expect("quotes are answered");
    let file = directory.path().join("claims.ndjson");
    let line = "{\"claim_id\": \"S\", \"request_id\": \"S\", \"hospital_id\": \"H3\", \"person_id\": \"P1\", \"visit\": \"inpatient\", \
                \"admitted\": \"2017-06-08\", \"discharged\": \"2017-06-15\", \"items\": [{\"code\": \"A\", \"quantity\": \"1\", \
                \"unit_price\": \"1.00\", \"amount\": \"1.00\"}]}";
    std::fs::write(&file, line).expect("written");
    let streamed = onestop().args(["settle", "--server", &serve.url]).arg(&file).output().expect("it runs");
    let text = [streamed.stdout, streamed.stderr].map(|text| String::from_utf8(text).expect("text")).concat();
    assert!(text.contains("nearly full"), "a claim of a stream is refused too: {text}");
    std::fs::remove_file(filler).expect("removed");
    let start = Instant::now();
    while client.settle(&claim("E", "P1", "1.00"), "E", Vec::new()).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(20), "commits are still refused");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(serve.end(), Some(0));
}
