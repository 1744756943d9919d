//! Callers that each wait for their answer.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use onestop::pb::settlement as pb;
use onestop::pb::settlement::settlement_service_client::SettlementServiceClient;
use tonic::transport::Channel;

use super::measure::Failed;
use super::processes::{Process, numbered};
use super::{at, end_of_round};

const CONNECTIONS: usize = 4;

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    Quote,
    Settle,
    SettleSummary,
    /// One stream for each connection, with the full answer.
    Stream,
}

/// Claims, and how many callers send them.
pub struct Load {
    pub request: pb::SettleRequest,
    pub next: Arc<AtomicU64>,
    pub callers: usize,
}

/// What a round measured.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Calls a second.
    pub rate: f64,
    /// Milliseconds.
    pub p50: f64,
    /// Milliseconds.
    pub p99: f64,
    /// Processor time of the server for a call, in microseconds.
    pub cpu: f64,
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Round { rate, p50, p99, cpu } = self;
        write!(f, "{rate:.0} a second, p50 {p50:.2} ms, p99 {p99:.2} ms, {cpu:.1} µs of server CPU")
    }
}

impl Load {
    /// A client over a connection of its own.
    async fn client(server: &Process) -> Result<SettlementServiceClient<Channel>, Failed> {
        let channel = Channel::from_shared(server.url.clone())?.tcp_nodelay(true).connect().await?;
        Ok(SettlementServiceClient::new(channel))
    }

    /// The number of the next claim.
    pub fn next_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn request(&self) -> pb::SettleRequest {
        numbered(&self.request, self.next_number())
    }

    /// A few seconds of calls.
    pub async fn round(&self, server: &Process, kind: CallKind) -> Result<Round, Failed> {
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            clients.push(Load::client(server).await?);
        }
        let callers = if kind == CallKind::Stream { CONNECTIONS } else { self.callers };
        let (cpu, start, end) = (server.cpu()?, Instant::now(), end_of_round());
        let tasks = (0..callers).map(|caller| {
            let load = Load { request: self.request.clone(), next: Arc::clone(&self.next), callers };
            tokio::spawn(load.call(clients[caller % CONNECTIONS].clone(), kind, end))
        });
        let mut times = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            times.extend(task.await??);
        }
        let (elapsed, calls) = (start.elapsed().as_secs_f64(), times.len() as f64);
        let cpu = (server.cpu()? - cpu) / calls;
        Ok(Round { rate: calls / elapsed, p50: at(&mut times, 0.5), p99: at(&mut times, 0.99), cpu })
    }

    async fn call(
        self,
        mut client: SettlementServiceClient<Channel>,
        kind: CallKind,
        end: Instant,
    ) -> Result<Vec<Duration>, Failed> {
        if kind == CallKind::Stream {
            return self.stream(client, end).await;
        }
        let mut times = Vec::new();
        while Instant::now() < end {
            let mut request = self.request();
            let start = Instant::now();
            match kind {
                CallKind::Quote => drop(client.quote(pb::QuoteRequest { claim: request.claim }).await?),
                CallKind::SettleSummary => {
                    request.view = pb::SettlementView::Summary.into();
                    drop(client.settle(request).await?);
                }
                CallKind::Settle | CallKind::Stream => drop(client.settle(request).await?),
            }
            times.push(start.elapsed());
        }
        Ok(times)
    }

    /// Claims through one stream as fast as the server takes them; a time is that between two answers.
    async fn stream(self, mut client: SettlementServiceClient<Channel>, end: Instant) -> Result<Vec<Duration>, Failed> {
        let requests = tokio_stream::iter(std::iter::from_fn(move || {
            let pb::SettleRequest { claim, request_id, quote_digest, view } = self.request();
            (Instant::now() < end).then_some(pb::SettleStreamRequest { claim, request_id, quote_digest, view })
        }));
        let mut answers = client.settle_stream(requests).await?.into_inner();
        let (mut times, mut last) = (Vec::new(), Instant::now());
        while let Some(answer) = answers.message().await? {
            if matches!(answer.answer, Some(pb::settle_stream_response::Answer::Refusal(_)) | None) {
                return Err("a claim of a stream is refused".into());
            }
            times.push(last.elapsed());
            last = Instant::now();
        }
        Ok(times)
    }
}
