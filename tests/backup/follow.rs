//! A copy that follows: what it lacks when the first disk dies, and what ends it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{Load, audited, blocking, restored, text};
use crate::support::ADMINISTRATION_ENTRIES;
use crate::support::program::{Serve, onestop};

/// A running `onestop backup --follow --json`; ends with the test.
pub(super) struct Follower {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Follower {
    pub(super) fn start(url: &str, directory: &Path) -> Follower {
        let mut command = onestop();
        command.args(["backup", "--follow", "--json", "--server", url]).arg(directory);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("its output"));
        Follower { child, lines }
    }

    /// The number of entries that the copy holds, once it has changed; `None` after the end.
    fn entries(&mut self) -> Option<u64> {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line");
        let value: Value = serde_json::from_str(&line).ok()?;
        value["entries"].as_u64()
    }

    /// Waits until the copy holds so many entries.
    pub(super) fn wait_for(&mut self, count: u64) {
        while self.entries().expect("it follows") < count {}
    }

    /// Interrupts it as Ctrl-C does, and returns the number of entries that it says it holds.
    pub(super) fn interrupt(mut self) -> u64 {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill").success());
        let mut last = None;
        while let Some(entries) = self.entries() {
            last = Some(entries);
        }
        assert!(self.child.wait().expect("it ends").success());
        last.expect("it says what it holds")
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_follows_lacks_only_the_last_moment_when_the_first_disk_dies() {
    let place = tempfile::tempdir().expect("a directory");
    let [store, copy, elsewhere] = ["store", "copy", "elsewhere"].map(|name| place.path().join(name));
    let serve = Serve::start(&store, &[]);
    let client = serve.with_tables().await;
    let mut follower = Follower::start(&serve.url, &copy);
    let load = Load::start(&client, "F");
    let follower = blocking(move || {
        follower.wait_for(300);
        follower
    })
    .await;
    load.further(200).await;
    let acknowledged = load.acknowledged();
    serve.kill();
    let in_all = load.stop().await;
    std::fs::remove_dir_all(&store).expect("the first disk is gone");
    let held = blocking(move || follower.interrupt()).await;
    let restored = restored(&copy, &elsewhere);
    assert_eq!(restored["entries"].as_u64(), Some(held));
    assert_eq!(audited(&elsewhere, &[]), held);
    let lost = (in_all as u64).saturating_sub(held);
    println!("{acknowledged} acknowledged before the disk died, {in_all} in all, {held} in the copy: {lost} lost");
    assert!(held >= 300, "what was reported is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_follows_holds_everything_once_the_load_rests_and_across_a_restart_of_the_server() {
    let place = tempfile::tempdir().expect("a directory");
    let [store, copy, elsewhere] = ["store", "copy", "elsewhere"].map(|name| place.path().join(name));
    let serve = Serve::start(&store, &[]);
    let client = serve.with_tables().await;
    let mut follower = Follower::start(&serve.url, &copy);
    let address = serve.url.trim_start_matches("http://").to_owned();
    let mut count = ADMINISTRATION_ENTRIES;
    for round in 0..3 {
        let serve = if round == 0 { None } else { Some(blocking_listen(&store, &address).await) };
        let client = match &serve {
            None => client.clone(),
            Some(serve) => serve.client().await,
        };
        let load = Load::start(&client, &format!("R{round}"));
        load.further(60).await;
        count += load.stop().await as u64;
        follower = blocking(move || {
            follower.wait_for(count);
            follower
        })
        .await;
        // A drained server ends its backups too.
        if let Some(serve) = serve {
            assert_eq!(blocking(|| serve.end()).await, Some(0), "round {round}");
        } else {
            break_first(&client).await;
        }
    }
    assert_eq!(blocking(move || follower.interrupt()).await, count);
    assert_eq!(restored(&copy, &elsewhere)["entries"].as_u64(), Some(count));
    assert_eq!(audited(&elsewhere, &[]), count);
    drop(serve);
    println!("{count} entries, {}", text(&copy).len());
}

async fn blocking_listen(store: &Path, address: &str) -> Serve {
    let (store, address) = (store.to_owned(), address.to_owned());
    blocking(move || Serve::listening(&store, &address, &[])).await
}

/// Drains the first server.
async fn break_first(client: &onestop::cli::client::Client) {
    client.clone().drain().await.expect("it drains");
}
