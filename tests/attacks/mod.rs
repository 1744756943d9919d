//! Peers that keep the server waiting or its memory full: stalled requests, unread responses, idle connections; and
//! failures inside. The limits are those of a server, short for the tests.

mod calls;
mod compressed;
mod connections;
mod failures;
mod memory;
pub mod raw;

use std::sync::Arc;
use std::time::{Duration, Instant};

use onestop::config::ServerLimits;
use onestop::engine::Engine;
use onestop::pb::settlement as pb;
use onestop::server::serve::{self as server, ServeError, ServerSetup};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::service::faulty_store::{FaultControl, FaultyStore};
use crate::support::claims::{claim, item};
use crate::support::{engine, stamp};

/// A server without TLS in this process.
struct Target {
    port: u16,
    operations: u16,
    engine: Arc<Engine<FaultyStore>>,
    store: FaultControl,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<(), ServeError>>,
}

impl Target {
    async fn start(limits: ServerLimits) -> Target {
        let (store, control) = FaultyStore::with_control();
        let engine = Arc::new(engine(store).await);
        let [listener, operations] = [TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.1:0").await]
            .map(|listener| listener.expect("a port"));
        let [port, operations_port] = [&listener, &operations].map(|l| l.local_addr().expect("an address").port());
        let (stop, stopped) = oneshot::channel::<()>();
        let setup = ServerSetup { operations: Some(operations), ..ServerSetup::open(limits) };
        let shutdown = async move { drop(stopped.await) };
        let served = tokio::spawn(server::serve_with(setup, Arc::clone(&engine), listener, shutdown));
        Target { port, operations: operations_port, engine, store: control, stop: Some(stop), served }
    }

    /// Settles a claim with so many items, each of another price, and returns the request that reads the settlement.
    async fn settled(&self, items: usize) -> pb::GetSettlementRequest {
        let mut claim = claim("C1", "P1", "1.00");
        claim.items = (0..items).map(|at| item("A", &format!("{}.{:02}", 1 + at / 100, at % 100))).collect();
        let request = crate::support::claims::settle(claim);
        let settlement_id = self.engine.settle(request, stamp(1)).await.expect("a settlement").entry.id.to_string();
        pb::GetSettlementRequest { settlement_id, ..Default::default() }
    }

    /// The response of the operations listener to GET.
    async fn get(&self, path: &str) -> String {
        get(self.operations, path).await.expect("it answers")
    }

    /// Waits until the metrics contain a text.
    async fn wait_for_metric(&self, text: &str) {
        let start = Instant::now();
        while !self.get("/metrics").await.contains(text) {
            assert!(start.elapsed() < Duration::from_secs(20), "no {text} in {}", self.get("/metrics").await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The response of an operations listener to GET.
async fn get(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    Ok(response)
}

/// The result of something that must complete in so many seconds.
async fn within<T>(seconds: u64, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), work).await.expect("it completes in time")
}
