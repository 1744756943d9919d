//! Access over real TLS: authentication, the permissions of each role, the access log, and the limits of callers.

mod allowance;
mod connections;
mod disclosures;
mod files;
mod listing;
mod log;
mod operations;
mod program;
mod reconciliation;
mod roles;

use std::sync::Arc;

use onestop::config::ServerLimits;
use onestop::engine::Engine;
use onestop::engine::settle::SettleRequest;
use onestop::server::access_setup::AccessSetup;
use onestop::server::serve::{self as server, ServeError, ServerSetup};
use onestop::store::memory::MemoryStore;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tonic::transport::Channel;

use crate::support::claims::claim;
use crate::support::keys::Keys;
use crate::support::{engine, stamp};

/// A server with TLS and callers in this process; it stops with the test's runtime.
pub struct TestServer {
    pub keys: Keys,
    pub engine: Arc<Engine<MemoryStore>>,
    pub port: u16,
    /// The port of health and metrics.
    pub operations: u16,
    reload: mpsc::Sender<()>,
    served: JoinHandle<Result<(), ServeError>>,
}

impl TestServer {
    /// A server with one settlement of each hospital: `C-H1` of P4, `C-H2` of P2, `C-H3` of P1.
    pub async fn with_settlements() -> TestServer {
        let server = TestServer::start(Keys::made(), ServerLimits::default()).await;
        server.settle_first_claims().await;
        server
    }

    /// Settles one claim at each hospital.
    async fn settle_first_claims(&self) {
        for (number, hospital, person) in [(1, "H1", "P4"), (2, "H2", "P2"), (3, "H3", "P1")] {
            let mut claim = claim(&format!("C-{hospital}"), person, "100.00");
            claim.hospital_id = hospital.into();
            let request = SettleRequest {
                claim,
                request_id: format!("R-{hospital}").as_str().into(),
                quote: None,
                today: onestop::domain::day::Day::LAST,
            };
            self.engine.settle(request, stamp(number)).await.expect("a settlement");
        }
    }

    pub async fn start(keys: Keys, limits: ServerLimits) -> TestServer {
        let access = keys.access_setup();
        TestServer::with_access(keys, access, limits).await
    }

    pub async fn with_access(keys: Keys, access: AccessSetup, limits: ServerLimits) -> TestServer {
        let engine = Arc::new(engine(MemoryStore::default()).await);
        let [listener, operations] = [TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.1:0").await]
            .map(|l| l.expect("a port"));
        let [port, operations_port] = [&listener, &operations].map(|l| l.local_addr().expect("an address").port());
        let (reload, reload_requests) = mpsc::channel(1);
        let setup =
            ServerSetup { access, operations: Some(operations), reload: reload_requests, ..ServerSetup::open(limits) };
        let served = tokio::spawn(server::serve_with(setup, Arc::clone(&engine), listener, std::future::pending()));
        TestServer { keys, engine, port, operations: operations_port, reload, served }
    }

    pub async fn channel(&self, name: &str) -> Channel {
        self.keys.channel(self.port, name).await.expect("it answers")
    }

    /// Reloads the files, and waits until a condition holds.
    pub async fn reload_until<F: Future<Output = bool>>(&self, holds: impl Fn() -> F) {
        self.reload.send(()).await.expect("the reload is received");
        for _ in 0..200 {
            if holds().await {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("the files were reloaded, and the condition does not hold");
    }
}
