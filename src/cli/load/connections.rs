//! The connections of a load to its servers. A server that does not answer is left alone for a while, if another answers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tonic::{Code, Status};

use super::settle_stream::SettleStream;
use crate::cli::client::Client;
use crate::cli::client::address::TlsOptions;
use crate::cli::error::client::ClientError;
use crate::pb::settlement as pb;

/// How long a server that does not answer is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// How claims are settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// One call for each claim.
    Unary,
    /// Over one stream for each connection.
    Stream,
}

/// A connection to a server.
pub(super) struct Connection {
    client: Client,
    stream: Option<SettleStream>,
    server: usize,
}

/// The connections to all servers.
pub(super) struct Connections {
    connections: Vec<Connection>,
    /// For each server, until when it is left alone, in milliseconds since `start`.
    paused_until: Vec<AtomicU64>,
    start: Instant,
}

impl Connections {
    /// Opens so many connections to each of these servers.
    ///
    /// # Errors
    /// If a server cannot be reached.
    pub(super) async fn open(
        servers: &[String],
        tls: &TlsOptions,
        each: usize,
        transport: Transport,
    ) -> Result<Connections, ClientError> {
        let mut connections = Vec::new();
        for _ in 0..each {
            for (server, url) in servers.iter().enumerate() {
                let client = Client::over(tls.connect(url).await?);
                let stream = (transport == Transport::Stream).then(|| SettleStream::new(client.clone()));
                connections.push(Connection { client, stream, server });
            }
        }
        let paused_until = servers.iter().map(|_| AtomicU64::new(0)).collect();
        Ok(Connections { connections, paused_until, start: Instant::now() })
    }

    /// The connection for a call with this number: in turn, without servers that are left alone.
    pub(super) fn pick(&self, number: u64) -> Option<&Connection> {
        let count = self.connections.len();
        let first = (number % count.max(1) as u64) as usize;
        let in_turn = || (0..count).map(|at| &self.connections[(first + at) % count]);
        let now = self.millis();
        let answers = |one: &&Connection| self.paused_until[one.server].load(Ordering::Relaxed) <= now;
        in_turn().find(answers).or_else(|| in_turn().next())
    }

    /// Takes note of how a call over this connection ended.
    pub(super) fn note(&self, connection: &Connection, status: &Status) {
        if status.code() == Code::Unavailable {
            let until = self.millis() + PAUSE.as_millis() as u64;
            self.paused_until[connection.server].store(until, Ordering::Relaxed);
        }
    }

    fn millis(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }
}

impl Connection {
    /// A client over this connection.
    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Settles a claim.
    ///
    /// # Errors
    /// The status of the refusal.
    pub(super) async fn settle(&self, request: pb::SettleRequest) -> Result<pb::SettleResponse, Status> {
        match &self.stream {
            Some(stream) => stream.settle(request).await,
            None => self.client().send_settle(request).await,
        }
    }
}
