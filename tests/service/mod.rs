//! The service over real gRPC: a server in this process on a loopback port, over a store in which tests inject faults.

mod calls;
mod correcting;
mod correcting_stays;
mod dated_tables;
mod entries;
pub mod faulty_store;
mod framework_refusals;
mod ids;
mod import_limits;
mod importing;
mod interrupted;
mod invalid_claims;
mod listing;
mod long_refusals;
mod page_tokens;
mod quote_tokens;
mod reading;
mod readjudicating;
mod retroactive;
mod reused_request_ids;
mod rooms;
mod status;
mod streaming;
mod views;

use std::sync::Arc;

use onestop::config::ServerLimits;
use onestop::domain::claim::RawClaim;
use onestop::engine::Engine;
use onestop::grpc::to_proto;
use onestop::pb::operations::operations_service_client::OperationsServiceClient;
use onestop::pb::policy::policy_service_client::PolicyServiceClient;
use onestop::pb::reference::reference_service_client::ReferenceServiceClient;
use onestop::pb::settlement as pb;
use onestop::pb::settlement::settlement_service_client::SettlementServiceClient;
use onestop::server::serve as server;
use prost::Message;
use tokio::net::TcpListener;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::support::claims::claim;
use crate::support::engine;
use crate::support::status_details::{bad_fields, is_chinese};
use faulty_store::{FaultControl, FaultyStore};

/// A server for one test; it stops with the runtime of the test.
pub struct Server {
    /// Injects faults into the store of the server.
    pub store: FaultControl,
    /// The engine of the server.
    pub engine: Arc<Engine<FaultyStore>>,
    /// Where the server answers.
    pub url: String,
    /// A client connection to the server.
    pub channel: Channel,
}

impl Server {
    /// Starts a server with the default limits.
    pub async fn start() -> Server {
        Server::start_with_limits(ServerLimits::default()).await
    }

    /// Starts a server with these limits.
    pub async fn start_with_limits(limits: ServerLimits) -> Server {
        Server::start_until(limits, std::future::pending()).await
    }

    /// Starts a server, and returns the sender that shuts it down.
    pub async fn start_with_shutdown() -> (Server, tokio::sync::oneshot::Sender<()>) {
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let server = Server::start_until(ServerLimits::default(), async { drop(stopped.await) });
        (server.await, stop)
    }

    async fn start_until(limits: ServerLimits, shutdown: impl Future<Output = ()> + Send + 'static) -> Server {
        let (store, control) = FaultyStore::with_control();
        let engine = Arc::new(engine(store).await);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(server::serve(Arc::clone(&engine), listener, limits, shutdown));
        let channel = Endpoint::from_shared(url.clone()).expect("an address").connect().await.expect("a connection");
        Server { store: control, engine, url, channel }
    }

    pub fn settlement_client(&self) -> SettlementServiceClient<Channel> {
        SettlementServiceClient::new(self.channel.clone())
    }

    pub fn reference_client(&self) -> ReferenceServiceClient<Channel> {
        ReferenceServiceClient::new(self.channel.clone())
    }

    pub fn operations_client(&self) -> OperationsServiceClient<Channel> {
        OperationsServiceClient::new(self.channel.clone())
    }

    pub fn policy_client(&self) -> PolicyServiceClient<Channel> {
        PolicyServiceClient::new(self.channel.clone())
    }

    pub async fn quote(&self, claim: &RawClaim) -> Result<pb::QuoteResponse, Status> {
        let request = pb::QuoteRequest { claim: Some(to_proto::claim(claim)) };
        Ok(self.settlement_client().quote(request).await?.into_inner())
    }

    pub async fn settle(&self, claim: &RawClaim, request: &str) -> Result<pb::SettleResponse, Status> {
        Ok(self.settlement_client().settle(settle_request(claim, request)).await?.into_inner())
    }

    /// Settles a claim, which must succeed, and returns the settlement.
    pub async fn settle_ok(&self, claim: &RawClaim, request: &str) -> pb::Settlement {
        self.settle(claim, request).await.expect("a response").settlement.expect("a settlement")
    }

    pub async fn reverse(&self, claim: &RawClaim, request: &str) -> Result<pb::ReverseResponse, Status> {
        Ok(self.settlement_client().reverse(reverse_request(claim, request)).await?.into_inner())
    }

    pub async fn outcome(&self, claim: &RawClaim, request: &str) -> pb::outcome::Outcome {
        let (hospital_id, person_id) = hospital_and_person_ids(claim);
        let request =
            pb::GetOutcomeRequest { hospital_id, person_id, request_id: request.to_owned(), of_readjudicate: false };
        let response = self.settlement_client().get_outcome(request).await.expect("an outcome").into_inner();
        response.outcome.and_then(|outcome| outcome.outcome).expect("an outcome")
    }

    pub async fn fence(&self, claim: &RawClaim, request: &str) -> Result<pb::outcome::Outcome, Status> {
        let (hospital_id, person_id) = hospital_and_person_ids(claim);
        let request =
            pb::FenceRequest { hospital_id, person_id, request_id: request.to_owned(), of_readjudicate: false };
        let response = self.settlement_client().fence(request).await?.into_inner();
        Ok(response.outcome.and_then(|outcome| outcome.outcome).expect("an outcome"))
    }
}

/// Claim C1 of person P1 at hospital H3: one item for 5,000 yuan.
pub fn bill() -> RawClaim {
    claim("C1", "P1", "5000.00")
}

/// A request to settle this claim under this request id.
pub fn settle_request(claim: &RawClaim, request: &str) -> pb::SettleRequest {
    let claim = Some(to_proto::claim(claim));
    pb::SettleRequest { claim, request_id: request.to_owned(), quote_digest: Vec::new(), view: 0 }
}

/// A request to reverse the settlement of this claim under this request id.
pub fn reverse_request(claim: &RawClaim, request: &str) -> pb::ReverseRequest {
    let (hospital_id, person_id) = hospital_and_person_ids(claim);
    let claim_id = claim.claim_id.as_str().to_owned();
    pb::ReverseRequest {
        hospital_id,
        person_id,
        claim_id,
        request_id: request.to_owned(),
        reason: "a wrong bill".to_owned(),
        ..pb::ReverseRequest::default()
    }
}

fn hospital_and_person_ids(claim: &RawClaim) -> (String, String) {
    (claim.hospital_id.as_str().to_owned(), claim.person_id.as_str().to_owned())
}

/// The content of a refusal: code, reason, and each fault as field, reason and sentence.
#[derive(Debug, PartialEq)]
pub struct RefusalDetails {
    pub code: Code,
    pub reason: String,
    pub faults: Vec<(String, String, String)>,
}

/// Parses a status, which must carry an `ErrorInfo` of this service.
pub fn refusal_details(status: &Status) -> RefusalDetails {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "onestop");
    let chinese = details.localized_message().unwrap_or_else(|| panic!("no LocalizedMessage: {status:?}"));
    assert!(chinese.locale == "zh-CN" && is_chinese(&chinese.message), "{chinese:?}");
    let mut faults = bad_fields(status);
    for fault in details.precondition_failure().map(|failed| &failed.violations[..]).unwrap_or_default() {
        faults.push((fault.subject.clone(), fault.r#type.clone(), fault.description.clone()));
    }
    RefusalDetails { code: status.code(), reason: info.reason.clone(), faults }
}

/// Code and reason of a call that must have been refused.
pub fn code_and_reason<T: std::fmt::Debug>(response: Result<T, Status>) -> (Code, String) {
    let details = refusal_details(&response.expect_err("a refusal"));
    (details.code, details.reason)
}

/// The status detail with this message name of the settlement package.
pub fn status_detail<T: Message + Default>(status: &Status, name: &str) -> T {
    let rpc = tonic_types::pb::Status::decode(status.details()).expect("a google.rpc.Status");
    let url = format!("type.googleapis.com/onestop.settlement.v1.{name}");
    let any = rpc.details.iter().find(|any| any.type_url == url).unwrap_or_else(|| panic!("no {name}: {status:?}"));
    T::decode(&*any.value).expect("the message")
}

/// A request with this timeout.
pub fn with_timeout<T>(timeout: std::time::Duration, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(timeout);
    request
}
