//! The real program as a child process. Only processes started here are ended, by their id.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use onestop::cli::client::Client;
use onestop::cli::client::import::import_table;

use super::TABLES;

/// The program under test.
pub fn onestop() -> Command {
    Command::new(env!("CARGO_BIN_EXE_onestop"))
}

/// A running `onestop serve`.
pub struct Serve {
    child: Child,
    /// Where it answers.
    pub url: String,
    /// Where it serves health and metrics, if it does.
    pub operations: Option<String>,
}

impl Serve {
    /// Starts one on a free loopback port over this store.
    pub fn start(store: &Path, more: &[&str]) -> Serve {
        let mut command = onestop();
        command.args(["serve", "--create", "--listen", "127.0.0.1:0", "--store"]).arg(store).args(more);
        Serve::spawn(command)
    }

    /// Starts one at this address, which was just left: until it is free again.
    pub fn listening(store: &Path, address: &str, more: &[&str]) -> Serve {
        loop {
            let mut command = onestop();
            command.args(["serve", "--listen", address, "--store"]).arg(store).args(more).stdout(Stdio::piped());
            let mut child = command.spawn().expect("the program starts");
            let mut line = String::new();
            BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
            if !line.is_empty() {
                return Serve { child, url: format!("http://{address}"), operations: None };
            }
            assert_eq!(child.wait().expect("it ends").code(), Some(1));
        }
    }

    /// Starts this command, which must run a server, and waits until it says where it answers.
    pub fn spawn(mut command: Command) -> Serve {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let mut urls = line.split_whitespace().filter(|word| word.starts_with("http"));
        let mut url = || urls.next().map(|url| url.trim_end_matches(',').to_owned());
        let (serving, operations) = (url(), url());
        let url = serving.unwrap_or_else(|| panic!("it says where it answers: {line:?}"));
        Serve { child, url, operations }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A client of it.
    pub async fn client(&self) -> Client {
        Client::connect(&self.url).await.expect("it answers")
    }

    /// A client of it, after [`TABLES`] were imported.
    pub async fn with_tables(&self) -> Client {
        let mut client = self.client().await;
        for (table, rows) in TABLES {
            let rows = rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect();
            import_table(&mut client, *table, rows).await.expect("sound tables");
        }
        client
    }

    /// The number of entries in its journal.
    pub fn entry_count(&self) -> u64 {
        let (code, output, errors) = run(&["entries", "--json", "--server", &self.url]);
        assert_eq!(code, Some(0), "{errors}");
        output.lines().count() as u64
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it is gone");
    }

    /// Waits until it ends by itself, and gives its exit code.
    pub fn ended(mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }

    /// Asks it to end (SIGTERM) and gives its exit code.
    pub fn end(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(&pid).status().expect("kill").success());
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // A test that failed leaves no process behind; one that ended it already has nothing to kill.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Runs the program to its end: exit code, output, errors.
pub fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut child = onestop()
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut errors = child.stderr.take().expect("its errors");
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        errors.read_to_string(&mut text).expect("text");
        text
    });
    let mut output = String::new();
    child.stdout.take().expect("its output").read_to_string(&mut output).expect("text");
    let code = child.wait().expect("it ends").code();
    (code, output, errors.join().expect("its errors"))
}
