//! What a server and its clients tell about themselves: metrics, log lines, and traces, metrics and logs over OTLP.

mod exported;
mod health;
mod lines;
mod receiver;
mod scraped;

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use onestop::domain::journal;
use onestop::engine::import::{ImportContext, ImportSource};
use onestop::reference::table::ReferenceTable;
use onestop::store::embedded::{Durability, EmbeddedStore};

use crate::support::engine;
use crate::support::program::onestop;

/// A server as a process, with its log.
pub struct LoggedServer {
    child: Child,
    /// Where it serves gRPC.
    pub url: String,
    /// Where it serves health and metrics.
    pub operations: String,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl LoggedServer {
    /// Starts one over a new store in this directory, with these environment variables.
    pub fn start(directory: &std::path::Path, variables: &[(&str, &str)]) -> LoggedServer {
        let mut command = onestop();
        command
            .args(["serve", "--create", "--listen", "127.0.0.1:0", "--operations", "127.0.0.1:0", "--store"])
            .arg(directory.join("store"))
            .envs(variables.iter().copied());
        LoggedServer::spawn(command)
    }

    /// Starts this command, which must run a server with a listener for health and metrics.
    pub fn spawn(mut command: Command) -> LoggedServer {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a started program");
        let errors = BufReader::new(child.stderr.take().expect("standard error"));
        let log = Arc::new(Mutex::new(String::new()));
        let written = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            for line in errors.lines() {
                *written.lock().expect("the log") += &(line.expect("a line") + "\n");
            }
        });
        let (mut line, output) = (String::new(), child.stdout.take().expect("standard output"));
        BufReader::new(output).read_line(&mut line).expect("a line");
        let mut urls = line.split_whitespace().filter(|word| word.starts_with("http"));
        let [url, operations] = [urls.next(), urls.next()]
            .map(|url| url.unwrap_or_else(|| panic!("it says where it answers: {line:?}")))
            .map(|url| url.trim_end_matches(',').to_owned());
        LoggedServer { child, url, operations, log, reader: Some(reader) }
    }

    /// The body of a response of the listener for health and metrics, with its head.
    pub fn get(&self, path: &str, accept: &str) -> String {
        use std::io::Write;
        let address = self.operations.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("written");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("an answer");
        response
    }

    /// Waits until the metrics contain a text.
    pub fn wait_for(&self, text: &str) {
        let start = Instant::now();
        while !self.get("/metrics", "text/plain").contains(text) {
            assert!(start.elapsed() < Duration::from_secs(20), "no {text}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until the log contains a text.
    pub fn wait_for_log(&self, text: &str) {
        let start = Instant::now();
        while !self.log.lock().expect("the log").contains(text) {
            assert!(start.elapsed() < Duration::from_secs(20), "no {text}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().expect("kill").success());
    }

    /// Ends it, and returns its log.
    pub fn end(mut self) -> String {
        self.signal("-TERM");
        assert_eq!(self.child.wait().expect("an ended program").code(), Some(0));
        self.reader.take().expect("one end").join().expect("the log");
        std::mem::take(&mut self.log.lock().expect("the log"))
    }
}

impl Drop for LoggedServer {
    fn drop(&mut self) {
        // A test that failed leaves no process behind; one that ended it already has nothing to kill.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Imports the demonstration tables and settles the demonstration claims, some of which are refused.
pub fn settle_demonstration(url: &str, variables: &[(&str, &str)]) {
    for arguments in [&["import", "deploy/demo"][..], &["settle", "deploy/demo/claims.ndjson"]] {
        let mut command = onestop();
        command.args(arguments).args(["--server", url]).envs(variables.iter().copied());
        let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("the program runs");
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Makes a store whose enrolments were imported so many days ago.
pub async fn store_with_old_register(store: &std::path::Path, days: u64) {
    let engine = engine(EmbeddedStore::open(store, Durability::Synced).expect("a store")).await;
    let age = Duration::from_secs(days * 24 * 3_600 + 60);
    let then = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock") - age;
    let then = journal::Instant(then.as_micros() as i64);
    let mut rows = engine.incoming();
    let cells = ["P9", "2014-01-01", "resident", "370100", ""].map(str::to_owned);
    rows.add(ReferenceTable::Enrolments, &cells).expect("a row");
    let context = ImportContext { now: &|| then, stamps: None, stop: &|| false };
    let permit = engine.acquire_import_permit().await;
    let imported = engine.import_rows(permit, rows, "enrolments", ImportSource::default(), &context).await;
    imported.expect("an import");
}
