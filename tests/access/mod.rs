//! Who is calling, over real TLS: what each role may do, what it sees, what is noted of it, and how much it may ask.

mod allowance;
mod connections;
mod files;
mod log;
mod operations;
mod program;
mod roles;

use std::sync::Arc;

use onestop::config::ServerLimits;
use onestop::engine::Engine;
use onestop::engine::settle::SettleRequest;
use onestop::server::access_setup::AccessSetup;
use onestop::server::serve::{self as server, ServerSetup};
use onestop::store::memory::MemoryStore;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tonic::transport::Channel;

use crate::support::claims::claim;
use crate::support::keys::Keys;
use crate::support::{engine, stamp};

/// A server behind a door, in this process; it ends with the test's runtime.
pub struct House {
    pub keys: Keys,
    pub engine: Arc<Engine<MemoryStore>>,
    pub port: u16,
    /// Where health and metrics are.
    pub operations: u16,
    reload: mpsc::Sender<()>,
    served: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl House {
    /// One with a settlement of every hospital: `C-H1` of P4, `C-H2` of P2, `C-H3` of P1.
    pub async fn settled() -> House {
        let house = House::with(Keys::made(), ServerLimits::default()).await;
        for (number, hospital, person) in [(1, "H1", "P4"), (2, "H2", "P2"), (3, "H3", "P1")] {
            let mut told = claim(&format!("C-{hospital}"), person, "100.00");
            told.hospital_id = hospital.into();
            let request =
                SettleRequest { claim: told, request_id: format!("R-{hospital}").as_str().into(), quote: None };
            house.engine.settle(request, stamp(number)).await.expect("a settlement");
        }
        house
    }

    pub async fn with(keys: Keys, limits: ServerLimits) -> House {
        let door = keys.door();
        House::behind(keys, door, limits).await
    }

    pub async fn behind(keys: Keys, door: AccessSetup, limits: ServerLimits) -> House {
        let engine = Arc::new(engine(MemoryStore::default()).await);
        let [listener, operations] = [TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.1:0").await]
            .map(|l| l.expect("a port"));
        let [port, beside] = [&listener, &operations].map(|l| l.local_addr().expect("an address").port());
        let (reload, asked) = mpsc::channel(1);
        let setup =
            ServerSetup { access: door, operations: Some(operations), reload: asked, ..ServerSetup::open(limits) };
        let served = tokio::spawn(server::serve_with(setup, Arc::clone(&engine), listener, std::future::pending()));
        House { keys, engine, port, operations: beside, reload, served }
    }

    pub async fn channel(&self, name: &str) -> Channel {
        self.keys.channel(self.port, name).await.expect("it answers")
    }

    /// Has files read anew, and waits until something says so.
    pub async fn reload_until<F: Future<Output = bool>>(&self, holds: impl Fn() -> F) {
        self.reload.send(()).await.expect("it is heard");
        for _ in 0..200 {
            if holds().await {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("the files were read anew, and it does not hold");
    }
}
