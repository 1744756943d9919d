//! Interrupted copies: they cannot be served, and the same command resumes them to the same result.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Stdio;

use onestop::engine::copy::{CopyError, StoreRole};
use onestop::reference::table::ReferenceTable;
use onestop::store::memory::MemoryStore;
use onestop::store::{JournalStore, StoreError};

use super::history::History;
use super::{copied, copy, open};
use crate::service::faulty_store::{FaultyStore, StoreMode};
use crate::support::claims::{claim, settle};
use crate::support::program::{onestop, run};
use crate::support::{engine, row, stamp};

const SEED: u64 = 0x17;

/// Settlements of the store that is killed while it is copied.
const SETTLEMENTS: u64 = 5_000;

/// The target takes one write more in each round, and then none.
#[tokio::test]
async fn a_copy_that_fails_at_any_write_resumes_to_the_same_result() {
    let original = engine(MemoryStore::default()).await;
    let history = History::play(&original, SEED, 40).await;
    assert!(history.readjudications() > 1);
    for writes in 0.. {
        let (target, control) = FaultyStore::with_control();
        control.set_mode(StoreMode::FailAfter(writes));
        let first = copy(original.store(), &target).await;
        let ended = first.is_ok();
        let broken = CopyError::Store(StoreRole::Target, StoreError::Unavailable("broken".to_owned()));
        assert!(ended || first == Err(broken), "{first:?}");
        let there = target.entry_count().await.expect("a count");
        control.set_mode(StoreMode::Healthy);
        let second = copy(original.store(), &target).await.expect("a copy");
        assert_eq!(
            (second.entries.total - second.entries.written, second.persons.total),
            (there, 4),
            "{writes} writes"
        );
        assert!(target.settled_fingerprint() == original.store().settled_fingerprint(), "{writes} writes");
        if ended {
            assert!(writes > 60, "{writes} writes");
            return;
        }
    }
}

/// A store of many persons with a settlement or two each.
async fn large(place: &Path) {
    let engine = engine(open(place)).await;
    let mut rows = Vec::new();
    for number in 0..SETTLEMENTS / 2 {
        let id = format!("K{number}");
        rows.push(row(ReferenceTable::Enrolments, &[&id, "2014-01-01", "resident", "370100", ""]));
    }
    engine.import(rows).await.expect("sound rows");
    let settles = (0..SETTLEMENTS).map(|number| {
        let person = format!("K{}", number % (SETTLEMENTS / 2));
        engine.settle(settle(claim(&format!("C{number}"), &person, "9876.54")), stamp(number + 1))
    });
    for settled in futures_util::future::join_all(settles).await {
        settled.expect("a settlement");
    }
}

/// How many bytes of the first segment of a store's log are written, in whole MiB; 0 if there is none. What is not
/// written reads as zeros.
fn written(store: &Path) -> u64 {
    let Ok(file) = std::fs::File::open(store.join("log/0000000000.log")) else { return 0 };
    let mut block = vec![0; 1 << 20];
    let is_written = |at: &u64| {
        let read = file.read_at(&mut block, at << 20).expect("the segment can be read");
        block[..read].iter().any(|byte| *byte != 0)
    };
    (0..).take_while(is_written).count() as u64 * (1 << 20)
}

/// Runs the command until the target's log has so many bytes more, and kills it.
fn kill_after_bytes(from: &Path, to: &Path, bytes: u64) {
    let size = || written(to);
    let before = size();
    let mut command = onestop();
    command.arg("copy").arg("--from").arg(from).arg("--to").arg(to);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    while size() < before + bytes {
        assert!(child.try_wait().expect("its state").is_none(), "it ended before it could be interrupted");
        std::thread::yield_now();
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_copy_cannot_be_served_and_resumes_to_the_same_result() {
    let place = tempfile::tempdir().expect("a directory");
    let [from, to] = ["from", "to"].map(|name| place.path().join(name));
    large(&from).await;
    let mut before = 0;
    // A frame has up to 512 of these commits, 3 MiB: after 5 MiB one is complete.
    for bytes in [5 << 20, 5 << 20] {
        kill_after_bytes(&from, &to, bytes);
        let there = open(&to).entry_count().await.expect("a count");
        assert!(before < there && there < SETTLEMENTS, "{before}, then {there} of {SETTLEMENTS}");
        before = there;
        let (code, _, errors) = run(&["serve", "--listen", "127.0.0.1:0", "--store", &to.display().to_string()]);
        assert!(code != Some(0) && errors.contains("an incomplete copy"), "{code:?} {errors}");
    }
    let (code, output, errors) = copied(&from, &to, &["--json"]);
    let report: serde_json::Value = serde_json::from_str(&output).expect("JSON");
    assert_eq!((code, &report["entries"]), (Some(0), &SETTLEMENTS.into()), "{errors}");
    assert_eq!(report["entries_written"], SETTLEMENTS - before);
    let [source, back] = [MemoryStore::default(), MemoryStore::default()];
    copy(&open(&from), &source).await.expect("a copy");
    copy(&open(&to), &back).await.expect("a copy");
    assert!(source.settled_fingerprint() == back.settled_fingerprint());
}
