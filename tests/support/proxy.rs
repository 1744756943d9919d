//! A proxy between a store and its Redis, which delays or loses replies, or goes silent, when a test says so.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the proxy does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It passes everything on.
    Passes,
    /// It passes everything on, replies after a time.
    Delays(Duration),
    /// The next request with these bytes is passed on; when its reply comes, the connection is closed instead, and
    /// everything passes again.
    LosesReplyTo(&'static str),
    /// The same, and afterwards nothing passes.
    LosesReplyAndCuts(&'static str),
    /// Connections end at once.
    Cuts,
    /// Nothing passes, and no connection ends.
    IsSilent,
}

/// A proxy to one server.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    mode: watch::Sender<Mode>,
    lost: AtomicUsize,
    requests: Mutex<Vec<u8>>,
}

impl Proxy {
    /// A proxy to the server on this port.
    pub async fn to(server: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            mode: watch::Sender::new(Mode::Passes),
            lost: AtomicUsize::new(0),
            requests: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server, Arc::clone(&accepting)));
            }
        });
        Proxy { port, shared, task }
    }

    /// The port on which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it does from now on.
    pub fn set(&self, mode: Mode) {
        self.shared.mode.send_replace(mode);
    }

    /// How many replies it lost.
    pub fn lost(&self) -> usize {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// What was requested since the last time, as bytes.
    pub fn requests(&self) -> Vec<u8> {
        std::mem::take(&mut *self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

async fn pass(mut client: TcpStream, server: u16, shared: Arc<Shared>) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let (mut from_client, mut from_server) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let (mut mode, mut losing) = (shared.mode.subscribe(), false);
    loop {
        let now = mode.borrow_and_update().clone();
        if now == Mode::Cuts {
            return;
        }
        if now == Mode::IsSilent {
            if mode.changed().await.is_err() {
                return;
            }
            continue;
        }
        tokio::select! {
            read = client.read(&mut from_client) => {
                let Ok(count @ 1..) = read else { return };
                let bytes = &from_client[..count];
                losing |= matches!(&*shared.mode.borrow(), Mode::LosesReplyTo(text) | Mode::LosesReplyAndCuts(text) if holds(bytes, text));
                shared.requests.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
                if server.write_all(bytes).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut from_server) => {
                let Ok(count @ 1..) = read else { return };
                if losing {
                    shared.lost.fetch_add(1, Ordering::Relaxed);
                    let cuts = matches!(&*shared.mode.borrow(), Mode::LosesReplyAndCuts(_));
                    shared.mode.send_replace(if cuts { Mode::Cuts } else { Mode::Passes });
                    return;
                }
                if let Mode::Delays(time) = now {
                    tokio::time::sleep(time).await;
                }
                if client.write_all(&from_server[..count]).await.is_err() {
                    return;
                }
            }
            changed = mode.changed() => if changed.is_err() { return },
        }
    }
}
