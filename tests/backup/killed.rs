//! Under load the client of a backup, the server and a restore are killed in the middle; what follows completes them.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{Load, audited, backed_up, blocking, restored, text};
use crate::support::program::{Serve, onestop, run};

/// Runs the program under strace, which kills it as it begins the n-th of these system calls; returns whether it was killed.
fn killed_at(call: &str, nth: usize, arguments: &[&str]) -> bool {
    let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
    command.arg(onestop().get_program()).args(arguments);
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    !status.expect("this test needs strace (Debian: apt-get install strace)").success()
}

/// The system calls that change a backup or a restored store.
const CALLS: [&str; 7] = ["mkdir", "pwrite64", "ftruncate", "fallocate", "fsync", "fdatasync", "rename"];

fn is_sound_or_never_completed(backup: &Path) -> bool {
    let (code, _, errors) = run(&["restore", &text(backup), "--dry-run"]);
    let is_new = errors.contains("never completed") || errors.contains("holds no backup");
    assert!(code == Some(0) || is_new, "{errors}");
    code == Some(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_is_completed_after_kills_and_equals_the_sealed_store() {
    let place = tempfile::tempdir().expect("a directory");
    let [store, backup, elsewhere, seal] = ["store", "backup", "elsewhere", "seal"].map(|name| place.path().join(name));
    let serve = Serve::start(&store, &[]);
    let client = serve.with_tables().await;
    let load = Load::start(&client, "A");
    load.further(50).await;
    // The client of the backup is killed.
    let (mut killed, mut sound) = (0, 0);
    for call in ["pwrite64", "fdatasync", "fsync", "rename"] {
        for nth in 1..=3 {
            load.further(5).await;
            let (url, to) = (serve.url.clone(), text(&backup));
            killed += usize::from(blocking(move || killed_at(call, nth, &["backup", "--server", &url, &to])).await);
            let to = backup.clone();
            sound += usize::from(blocking(move || is_sound_or_never_completed(&to)).await);
        }
    }
    println!("{killed} kills of the client, after {sound} of 12 the backup was sound, otherwise never completed");
    assert!(killed >= 8 && sound >= 1);
    // The server is killed while it is followed.
    let mut following = onestop()
        .args(["backup", "--follow", "--server", &serve.url])
        .arg(&backup)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    load.further(100).await;
    serve.kill();
    let first = load.stop().await;
    following.kill().expect("killed");
    following.wait().expect("gone");
    let to = backup.clone();
    assert!(blocking(move || is_sound_or_never_completed(&to)).await);
    // A restarted server continues the same backup under load, and then it is whole.
    let serve = Serve::start(&store, &[]);
    let load = Load::start(&serve.client().await, "B");
    load.further(50).await;
    let (acknowledged, url, to) = (first + load.acknowledged(), serve.url.clone(), backup.clone());
    let during = blocking(move || backed_up(&url, &to)).await;
    assert!(during["entries"].as_u64() >= Some(acknowledged as u64), "what was acknowledged before is in it: {during}");
    load.stop().await;
    let (url, to) = (serve.url.clone(), backup.clone());
    let whole = blocking(move || backed_up(&url, &to)).await;
    assert_eq!(blocking(|| serve.end()).await, Some(0));
    assert_eq!(run(&["audit", "seal", "--store", &text(&store), &text(&seal)]).0, Some(0));
    assert_eq!(restored(&backup, &elsewhere)["entries"], whole["entries"]);
    let entries = audited(&elsewhere, &["--against", &text(&seal)]);
    assert_eq!((Some(entries), entries), (whole["entries"].as_u64(), audited(&store, &[])));
    // Reference tables, policies and the log of imports are in it too: it serves as the first did.
    let again = Serve::start(&elsewhere, &[]);
    let load = Load::start(&again.client().await, "C");
    load.further(10).await;
    load.stop().await;
    let imports = |url: &str| run(&["import", "--list", "--json", "--server", url]).1;
    let (url, first) = (again.url.clone(), Serve::start(&store, &[]));
    let first_url = first.url.clone();
    let (restored, original) = blocking(move || (imports(&url), imports(&first_url))).await;
    assert!(!original.is_empty() && restored == original);
}

fn serve_in_its_place(store: &Path) -> (Option<i32>, String, String) {
    run(&["serve", "--create", "--listen", "127.0.0.1:0", "--store", &text(store)])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_is_killed_serves_nothing_and_is_completed_by_the_next() {
    let place = tempfile::tempdir().expect("a directory");
    let [store, backup] = ["store", "backup"].map(|name| place.path().join(name));
    let serve = Serve::start(&store, &[]);
    let client = serve.with_tables().await;
    let load = Load::start(&client, "A");
    load.further(30).await;
    load.stop().await;
    let (url, to) = (serve.url.clone(), backup.clone());
    let entries = blocking(move || backed_up(&url, &to)).await["entries"].clone();
    let mut counts = Vec::new();
    for call in CALLS {
        let mut killed = 0;
        for nth in [1, 2, 4, 8] {
            let target = place.path().join(format!("{call}-{nth}"));
            if !killed_at(call, nth, &["restore", &text(&backup), "--store", &text(&target)]) {
                break;
            }
            killed += 1;
            if target.join("RESTORING").exists() {
                let (code, _, errors) = serve_in_its_place(&target);
                assert!(code == Some(1) && errors.contains("a restore that did not end"), "{call} {nth}: {errors}");
            }
            let _absent = std::fs::remove_dir_all(&target);
        }
        counts.push((call, killed));
    }
    println!("killed at {counts:?}");
    assert!(counts.iter().map(|(_, killed)| killed).sum::<usize>() >= 12);
    let target = place.path().join("again");
    for call in ["pwrite64", "fsync", "rename"] {
        assert!(killed_at(call, 1, &["restore", &text(&backup), "--store", &text(&target)]), "{call}");
        let (code, _, errors) = serve_in_its_place(&target);
        assert!(code == Some(1) && errors.contains("a restore that did not end"), "{call}: {errors}");
    }
    assert_eq!(restored(&backup, &target)["entries"], entries);
    assert_eq!(Some(audited(&target, &[])), entries.as_u64());
}
