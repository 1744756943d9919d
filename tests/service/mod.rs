//! The service over real gRPC: a server in this process on a loopback port, over a store that fails or
//! waits when it is told to.

mod calls;
mod importing;
mod interrupted;
mod listing;
mod long_answers;
mod reading;
mod readjudicating;
mod status;
mod streaming;
pub mod trial_store;
mod wrong_claims;

use std::sync::Arc;

use onestop::domain::claim::RawClaim;
use onestop::engine::Engine;
use onestop::grpc::pb::policy::policy_service_client::PolicyServiceClient;
use onestop::grpc::pb::reference::reference_service_client::ReferenceServiceClient;
use onestop::grpc::pb::settlement as pb;
use onestop::grpc::pb::settlement::settlement_service_client::SettlementServiceClient;
use onestop::grpc::to_proto;
use onestop::server::serve::{self as server, ServerLimits};
use prost::Message;
use tokio::net::TcpListener;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::support::engine;
use trial_store::{Control, TrialStore};

/// A server of a test's own; it ends with the test's runtime.
pub struct Server {
    /// The store's behaviour.
    pub store: Control,
    /// The engine behind it.
    pub engine: Arc<Engine<TrialStore>>,
    /// A connection to it.
    pub channel: Channel,
}

impl Server {
    pub async fn start() -> Server {
        Server::within(ServerLimits::default()).await
    }

    pub async fn within(limits: ServerLimits) -> Server {
        Server::until(limits, std::future::pending()).await
    }

    /// A server, and what tells it to stop.
    pub async fn that_stops() -> (Server, tokio::sync::oneshot::Sender<()>) {
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let server = Server::until(ServerLimits::default(), async { drop(stopped.await) });
        (server.await, stop)
    }

    async fn until(limits: ServerLimits, shutdown: impl Future<Output = ()> + Send + 'static) -> Server {
        let (store, control) = TrialStore::with_control();
        let engine = Arc::new(engine(store).await);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(server::serve(Arc::clone(&engine), listener, limits, shutdown));
        let channel = Endpoint::from_shared(url).expect("an address").connect().await.expect("it answers");
        Server { store: control, engine, channel }
    }

    pub fn settlements(&self) -> SettlementServiceClient<Channel> {
        SettlementServiceClient::new(self.channel.clone())
    }

    pub fn references(&self) -> ReferenceServiceClient<Channel> {
        ReferenceServiceClient::new(self.channel.clone())
    }

    pub fn policies(&self) -> PolicyServiceClient<Channel> {
        PolicyServiceClient::new(self.channel.clone())
    }

    pub async fn quote(&self, claim: &RawClaim) -> Result<pb::QuoteResponse, Status> {
        let request = pb::QuoteRequest { claim: Some(to_proto::claim(claim)) };
        Ok(self.settlements().quote(request).await?.into_inner())
    }

    pub async fn settle(&self, claim: &RawClaim, request: &str) -> Result<pb::SettleResponse, Status> {
        Ok(self.settlements().settle(settle(claim, request)).await?.into_inner())
    }

    /// A settlement that must succeed.
    pub async fn settled(&self, claim: &RawClaim, request: &str) -> pb::Settlement {
        self.settle(claim, request).await.expect("an answer").settlement.expect("a settlement")
    }

    pub async fn reverse(&self, claim: &RawClaim, request: &str) -> Result<pb::ReverseResponse, Status> {
        Ok(self.settlements().reverse(reverse(claim, request)).await?.into_inner())
    }

    pub async fn outcome(&self, claim: &RawClaim, request: &str) -> pb::outcome::Outcome {
        let (hospital_id, person_id) = parties(claim);
        let request = pb::GetOutcomeRequest { hospital_id, person_id, request_id: request.to_owned() };
        let answer = self.settlements().get_outcome(request).await.expect("an outcome").into_inner();
        answer.outcome.and_then(|outcome| outcome.outcome).expect("an outcome")
    }

    pub async fn fence(&self, claim: &RawClaim, request: &str) -> Result<pb::outcome::Outcome, Status> {
        let (hospital_id, person_id) = parties(claim);
        let request = pb::FenceRequest { hospital_id, person_id, request_id: request.to_owned() };
        let answer = self.settlements().fence(request).await?.into_inner();
        Ok(answer.outcome.and_then(|outcome| outcome.outcome).expect("an outcome"))
    }
}

pub fn settle(claim: &RawClaim, request: &str) -> pb::SettleRequest {
    let claim = Some(to_proto::claim(claim));
    pb::SettleRequest { claim, request_id: request.to_owned(), quote_digest: Vec::new() }
}

pub fn reverse(claim: &RawClaim, request: &str) -> pb::ReverseRequest {
    let (hospital_id, person_id) = parties(claim);
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

fn parties(claim: &RawClaim) -> (String, String) {
    (claim.hospital_id.as_str().to_owned(), claim.person_id.as_str().to_owned())
}

/// What a caller is told by a status: code, reason, and each fault with field, reason and sentence.
#[derive(Debug, PartialEq)]
pub struct Told {
    pub code: Code,
    pub reason: String,
    pub faults: Vec<(String, String, String)>,
}

/// Reads a status; its `ErrorInfo` must be of this service.
pub fn told(status: &Status) -> Told {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "onestop");
    let mut faults = Vec::new();
    for fault in details.bad_request().map(|bad| &bad.field_violations[..]).unwrap_or_default() {
        let (sentence, reason) = fault.description.rsplit_once(" (").expect("a reason in brackets");
        faults.push((fault.field.clone(), reason.trim_end_matches(')').to_owned(), sentence.to_owned()));
    }
    for fault in details.precondition_failure().map(|failed| &failed.violations[..]).unwrap_or_default() {
        faults.push((fault.subject.clone(), fault.r#type.clone(), fault.description.clone()));
    }
    Told { code: status.code(), reason: info.reason.clone(), faults }
}

/// Code and reason of a refusal.
pub fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let told = told(&answer.expect_err("a refusal"));
    (told.code, told.reason)
}

/// A detail of a status, a message of the settlement package.
pub fn detail<T: Message + Default>(status: &Status, name: &str) -> T {
    let rpc = tonic_types::pb::Status::decode(status.details()).expect("a google.rpc.Status");
    let url = format!("type.googleapis.com/onestop.settlement.v1.{name}");
    let any = rpc.details.iter().find(|any| any.type_url == url).unwrap_or_else(|| panic!("no {name}: {status:?}"));
    T::decode(&*any.value).expect("the message")
}

/// A call with a deadline.
pub fn within<T>(deadline: std::time::Duration, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(deadline);
    request
}
