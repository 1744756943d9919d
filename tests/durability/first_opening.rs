//! The first opening of a store, killed at each system call that changes something on the disk: the next opening
//! completes it.

use std::path::Path;
use std::process::{Command, Stdio};

use onestop::store::JournalStore;

use crate::store_contract::{commit, open};
use crate::support::program::onestop;

/// The system calls that change something.
const CALLS: [&str; 9] =
    ["mkdir", "write", "pwrite64", "ftruncate", "fallocate", "fsync", "fdatasync", "rename", "unlink"];

/// At most so many of each.
const MOST: usize = 60;

/// Makes a store under strace, which kills it as it begins the n-th of these calls in one of its threads; returns
/// whether it was killed.
fn killed_at(store: &Path, call: &str, nth: usize) -> bool {
    let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
    command.arg(onestop().get_program()).args(["init", "--store"]).arg(store);
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    !status.expect("this test needs strace (Debian: apt-get install strace)").success()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_opening_that_is_killed_at_any_change_is_completed_by_the_next() {
    let (place, mut counts) = (tempfile::tempdir().expect("a directory"), Vec::new());
    for call in CALLS {
        let mut killed = 0;
        for nth in 1..=MOST {
            let store = place.path().join(format!("{call}-{nth}"));
            if !killed_at(&store, call, nth) {
                break;
            }
            killed += 1;
            let opened = open(&store).unwrap_or_else(|error| panic!("killed at {call} {nth}: {error}"));
            assert_eq!(opened.entry_count().await, Ok(0));
            opened.commit(commit(1, "P1", &Default::default(), Some("C1"))).await.expect("a commit");
            drop(opened);
            let count = open(&store).expect("the store").entry_count().await;
            assert_eq!(count, Ok(1), "killed at {call} {nth}");
            std::fs::remove_dir_all(&store).expect("removed");
        }
        counts.push((call, killed));
    }
    println!("killed at {counts:?}");
    let rare = counts.iter().filter(|(call, killed)| *killed == 0 && !["unlink", "ftruncate"].contains(call));
    assert_eq!(rare.collect::<Vec<_>>(), Vec::<&(&str, usize)>::new());
}
