//! The limit: a tonic service that decodes the same requests and returns the bytes with which it was started.

use std::io::BufRead;

use onestop::pb::settlement as pb;
use onestop::pb::settlement::settlement_service_server::{SettlementService, SettlementServiceServer};
use prost::Message;
use tokio::net::TcpListener;
use tokio_stream::Stream;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::measure::Failed;

/// What it answers.
#[derive(Clone, Default)]
pub struct Answers {
    pub quote: pb::QuoteResponse,
    pub full: pb::SettleResponse,
    pub summary: pb::SettleResponse,
}

impl Answers {
    /// One line for standard input.
    pub fn line(&self) -> String {
        let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        [hex(self.quote.encode_to_vec()), hex(self.full.encode_to_vec()), hex(self.summary.encode_to_vec())].join(" ")
    }

    fn from_line(line: &str) -> Result<Answers, Failed> {
        let bytes = |hex: &str| (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16)).collect();
        let words: Vec<Vec<u8>> = line.split_whitespace().map(bytes).collect::<Result<_, _>>()?;
        let [quote, full, summary] = &words[..] else { return Err("three answers".into()) };
        Ok(Answers {
            quote: Message::decode(&**quote)?,
            full: Message::decode(&**full)?,
            summary: Message::decode(&**summary)?,
        })
    }
}

/// Serves until it is killed.
pub async fn serve() -> Result<(), Failed> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let bare = Bare(Answers::from_line(&line)?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("bare serves on http://{}, end", listener.local_addr()?);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Ok(Server::builder().add_service(SettlementServiceServer::new(bare)).serve_with_incoming(incoming).await?)
}

struct Bare(Answers);

fn not_measured<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("not measured"))
}

#[tonic::async_trait]
impl SettlementService for Bare {
    async fn settle(&self, request: Request<pb::SettleRequest>) -> Result<Response<pb::SettleResponse>, Status> {
        let request = std::hint::black_box(request.into_inner());
        let is_summary = request.view == i32::from(pb::SettlementView::Summary);
        Ok(Response::new(if is_summary { self.0.summary.clone() } else { self.0.full.clone() }))
    }
    type SettleStreamStream = std::pin::Pin<Box<dyn Stream<Item = Result<pb::SettleStreamResponse, Status>> + Send>>;
    async fn settle_stream(
        &self,
        _: Request<tonic::Streaming<pb::SettleStreamRequest>>,
    ) -> Result<Response<Self::SettleStreamStream>, Status> {
        not_measured()
    }
    async fn quote(&self, request: Request<pb::QuoteRequest>) -> Result<Response<pb::QuoteResponse>, Status> {
        std::hint::black_box(request.into_inner());
        Ok(Response::new(self.0.quote.clone()))
    }
    async fn reverse(&self, _: Request<pb::ReverseRequest>) -> Result<Response<pb::ReverseResponse>, Status> {
        not_measured()
    }
    async fn correct(&self, _: Request<pb::CorrectRequest>) -> Result<Response<pb::CorrectResponse>, Status> {
        not_measured()
    }
    async fn readjudicate(
        &self,
        _: Request<pb::ReadjudicateRequest>,
    ) -> Result<Response<pb::ReadjudicateResponse>, Status> {
        not_measured()
    }
    async fn get_outcome(&self, _: Request<pb::GetOutcomeRequest>) -> Result<Response<pb::GetOutcomeResponse>, Status> {
        not_measured()
    }
    async fn fence(&self, _: Request<pb::FenceRequest>) -> Result<Response<pb::FenceResponse>, Status> {
        not_measured()
    }
    async fn get_settlement(
        &self,
        _: Request<pb::GetSettlementRequest>,
    ) -> Result<Response<pb::GetSettlementResponse>, Status> {
        not_measured()
    }
    async fn list_settlements(
        &self,
        _: Request<pb::ListSettlementsRequest>,
    ) -> Result<Response<pb::ListSettlementsResponse>, Status> {
        not_measured()
    }
    async fn list_entries(
        &self,
        _: Request<pb::ListEntriesRequest>,
    ) -> Result<Response<pb::ListEntriesResponse>, Status> {
        not_measured()
    }
    type ReportStream = tokio_stream::Empty<Result<pb::ReportResponse, Status>>;
    async fn report(&self, _: Request<pb::ReportRequest>) -> Result<Response<Self::ReportStream>, Status> {
        not_measured()
    }
    type ReportPovertyStream = tokio_stream::Empty<Result<pb::ReportPovertyResponse, Status>>;
    async fn report_poverty(
        &self,
        _: Request<pb::ReportPovertyRequest>,
    ) -> Result<Response<Self::ReportPovertyStream>, Status> {
        not_measured()
    }
    type WatchEntriesStream = tokio_stream::Empty<Result<pb::WatchEntriesResponse, Status>>;
    async fn watch_entries(
        &self,
        _: Request<pb::WatchEntriesRequest>,
    ) -> Result<Response<Self::WatchEntriesStream>, Status> {
        not_measured()
    }
    async fn get_account(&self, _: Request<pb::GetAccountRequest>) -> Result<Response<pb::GetAccountResponse>, Status> {
        not_measured()
    }
}
