//! Real Redis servers for tests: each on a free port of its own, in a directory of its own, ended by its id when the
//! test lets it go. `ONESTOP_REDIS_SERVER` names another program, such as `valkey-server`.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use onestop::store::keys::Secret;
use onestop::store::redis::address::Address;
use onestop::store::redis::{RedisSettings, RedisStore};
use tempfile::TempDir;

/// The secret of the stores of tests.
pub const SECRET: Secret = Secret([9; 32]);

/// Writes [`SECRET`] to a file that only its owner reads; returns its path.
pub fn secret_file(directory: &Path) -> String {
    let path = directory.join("secret");
    std::fs::write(&path, SECRET.0).expect("a secret");
    let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&path, owner_only).expect("permissions");
    path.display().to_string()
}

/// How long a server may take to answer after it was started.
const STARTS: Duration = Duration::from_secs(30);

/// The lines of a configuration that keeps what was answered.
pub const DURABLE: &[&str] = &["appendonly yes", "appendfsync always", "save \"\""];

/// A server.
pub struct RedisServer {
    child: Mutex<Child>,
    directory: TempDir,
    port: u16,
    lines: Vec<String>,
}

static SHARED: Mutex<Weak<RedisServer>> = Mutex::new(Weak::new());

/// The program.
pub fn program() -> String {
    std::env::var("ONESTOP_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned())
}

/// A port that is free now, below those that the system hands out by itself, so that no connection takes it before the
/// server does; other programs of tests begin elsewhere.
pub fn free_port() -> u16 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let next = u64::from(std::process::id()) * 131 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 12_000 + (next % 20_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A prefix of its own for a store on a server that several have.
pub fn prefix() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("test{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

impl RedisServer {
    /// The durable server that the tests of this program share while any of them runs.
    pub fn shared() -> Arc<RedisServer> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(RedisServer::start(DURABLE));
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// A server with these lines of configuration.
    pub fn start(lines: &[&str]) -> RedisServer {
        RedisServer::start_on(free_port(), lines)
    }

    /// The same on this port.
    pub fn start_on(port: u16, lines: &[&str]) -> RedisServer {
        let directory = tempfile::tempdir().expect("a directory");
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        let child = Mutex::new(spawn(directory.path(), port, &lines));
        let server = RedisServer { child, directory, port, lines };
        server.answers();
        server
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, with a prefix of its own.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}?prefix={}", self.port, prefix())
    }

    /// A store of its own on it.
    pub async fn store(&self) -> RedisStore {
        open(&self.url()).await
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.lock().unwrap_or_else(PoisonError::into_inner).id()
    }

    /// Where it keeps its files.
    pub fn directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        child.kill().expect("it can be killed");
        child.wait().expect("it is gone");
    }

    /// Starts it again on its files.
    pub fn restart(&self) {
        *self.child.lock().unwrap_or_else(PoisonError::into_inner) =
            spawn(self.directory.path(), self.port, &self.lines);
        self.answers();
    }

    /// Puts a command, as words; what it answers, as it stands on the wire.
    pub fn ask(&self, words: &[&str]) -> String {
        let end = Instant::now() + STARTS;
        loop {
            match ask(self.port, words) {
                // A server that changes its role closes its connections.
                Err(error) if error.kind() == ErrorKind::ConnectionReset && Instant::now() < end => {}
                answer => return answer.expect("it answers"),
            }
        }
    }

    fn answers(&self) {
        let end = Instant::now() + STARTS;
        // Under a password it answers that, and it answers.
        while !ask(self.port, &["PING"]).is_ok_and(|answer| answer.starts_with('+') || answer.contains("NOAUTH")) {
            assert!(Instant::now() < end, "the server on {} does not answer", self.port);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        // One that was killed already has nothing to kill.
        let _ended = child.kill();
        let _reaped = child.wait();
    }
}

/// The store at this address, with the secret of tests.
pub async fn open(url: &str) -> RedisStore {
    open_with(url, RedisSettings::default()).await.expect("a store")
}

/// The same under these settings.
pub async fn open_with(url: &str, settings: RedisSettings) -> Result<RedisStore, onestop::store::redis::OpenError> {
    RedisStore::open(Address::parse(url).expect("an address"), SECRET, settings).await
}

fn spawn(directory: &Path, port: u16, lines: &[String]) -> Child {
    let file = directory.join("redis.conf");
    let mut text = format!("port {port}\nbind 127.0.0.1\ndir {}\nlogfile log\n", directory.display());
    lines.iter().for_each(|line| text += &format!("{line}\n"));
    std::fs::write(&file, text).expect("a configuration");
    let mut command = Command::new(program());
    if lines.iter().any(|line| line.starts_with("sentinel ")) {
        command.arg(&file).arg("--sentinel");
    } else {
        command.arg(&file);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("redis-server is installed: tests/run.sh does it")
}

/// Puts a command to the server on this port.
pub fn ask(port: u16, words: &[&str]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut text = format!("*{}\r\n", words.len());
    words.iter().for_each(|word| text += &format!("${}\r\n{word}\r\n", word.len()));
    stream.write_all(text.as_bytes())?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    // Keys hold bytes that are no text.
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
