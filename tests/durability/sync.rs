//! The order of writes, syncs and answers of a real server, read from its system calls: a kill cannot
//! show a missing sync, since what was written survives the process.

use std::path::Path;
use std::process::{Command, Stdio};

use super::ended;
use super::trace::{Verdict, answers, is_listed, synced_at_the_start};
use crate::store_contract::open;
use crate::support::claims::claim;
use crate::support::program::{Serve, onestop};

/// How many claims are settled, one after another.
const CLAIMS: usize = 20;

/// The file that commits are written to.
const STORE: &str = "0000000000.log";

/// The name under which that file is made.
const MADE: &str = "0000000000.new";

/// The system calls that are traced.
const CALLS: &str = "trace=openat,close,fcntl,accept4,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,\
                     pwrite64,ftruncate,fsync,fdatasync";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_sent_after_its_bytes_are_synced() {
    let trace = settled_under_trace(&[]).await;
    assert_eq!(of_the_last_connection(&trace), [Verdict::Synced; CLAIMS]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_syncs_is_detected() {
    let trace = settled_under_trace(&["--accept-volatile"]).await;
    assert_eq!(of_the_last_connection(&trace), [Verdict::Unsynced; CLAIMS]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_store_syncs_its_directory_entry_before_it_serves() {
    assert!(is_listed(&settled_under_trace(&[]).await, MADE));
}

/// The process before may have been killed when it had given a file its name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_exists_syncs_the_directories_that_list_its_files_before_it_serves() {
    use std::os::unix::ffi::OsStrExt;
    let place = tempfile::tempdir().expect("a directory");
    let (trace, store) = (place.path().join("trace"), place.path().canonicalize().expect("a path").join("store"));
    let made = open(&store).expect("a store");
    // The second spare segment: the opening after it makes no file in the directory of the log.
    let begun = std::time::Instant::now();
    while !store.join("log/0000000002.log").exists() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "no second spare segment");
        std::thread::yield_now();
    }
    drop(made);
    let serve = Serve::spawn(traced(&trace, &store, &[]));
    drop(serve.client().await);
    assert_eq!(ended(serve).await, Some(0));
    let synced = synced_at_the_start(&std::fs::read_to_string(&trace).expect("the trace"));
    for directory in [store.parent().expect("a parent"), &store, &store.join("log")] {
        assert!(synced.contains(directory.as_os_str().as_bytes()), "{} is synced", directory.display());
    }
}

/// The trace of a server that settles claims on a connection of their own, the last.
async fn settled_under_trace(more: &[&str]) -> String {
    let place = tempfile::tempdir().expect("a directory");
    let trace = place.path().join("trace");
    let serve = Serve::spawn(traced(&trace, &place.path().join("store"), more));
    drop(serve.with_tables().await);
    let mut client = serve.client().await;
    for number in 0..CLAIMS {
        let request = format!("R{number}");
        let settled = client.settle(&claim(&format!("C{number}"), "P1", "1000.00"), &request, Vec::new()).await;
        assert!(!settled.expect("a settlement").replay);
    }
    drop(client);
    assert_eq!(ended(serve).await, Some(0));
    std::fs::read_to_string(&trace).expect("the trace")
}

fn of_the_last_connection(trace: &str) -> Vec<Verdict> {
    let answers = answers(trace, STORE);
    let last = answers.iter().map(|answer| answer.connection).max();
    answers.iter().filter(|answer| Some(answer.connection) == last).map(|answer| answer.verdict).collect()
}

/// A server under strace, which traces as a grandchild (`-D`), so that the child is the server itself.
fn traced(trace: &Path, store: &Path, more: &[&str]) -> Command {
    let known = Command::new("strace").arg("--version").stdout(Stdio::null()).status();
    assert!(
        known.is_ok_and(|status| status.success()),
        "this test needs strace (Debian: apt-get install strace), and there is none"
    );
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-xx", "-s", "65536", "-e", CALLS, "-o"]).arg(trace);
    command
        .arg(onestop().get_program())
        .args(["serve", "--create", "--listen", "127.0.0.1:0", "--store"])
        .arg(store)
        .args(more);
    command
}
