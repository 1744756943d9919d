//! A client of the service: one method a call, and what its statuses mean to a command.

use std::time::Duration;

use prost::Message;
use tokio_stream::Stream;
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};

use crate::domain::claim::RawClaim;
use crate::domain::content::RawReversal;
use crate::domain::ids::RequestId;
use crate::grpc::pb::operations::operations_service_client::OperationsServiceClient;
use crate::grpc::pb::policy::policy_service_client::PolicyServiceClient;
use crate::grpc::pb::reference::reference_service_client::ReferenceServiceClient;
use crate::grpc::pb::settlement::settle_stream_response::Answer;
use crate::grpc::pb::settlement::settlement_service_client::SettlementServiceClient;
use crate::grpc::pb::{operations as operations_pb, reference as reference_pb, settlement as pb};
use crate::grpc::status::code_name;
use crate::grpc::to_proto;

use super::address::Keys;
use crate::cli::exit::Failure;

/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// How many rows go into one message of an import.
const ROWS_A_MESSAGE: usize = 1_000;

/// A connection to a server.
#[derive(Clone)]
pub struct Client {
    settlements: SettlementServiceClient<Channel>,
    references: ReferenceServiceClient<Channel>,
    operations: OperationsServiceClient<Channel>,
    /// The service of policies.
    pub policies: PolicyServiceClient<Channel>,
}

impl Client {
    /// A client of the server at this address, without TLS.
    ///
    /// # Errors
    /// If the address is none, or nobody answers there.
    pub async fn connect(url: &str) -> Result<Client, Failure> {
        Keys::default().connect(url).await
    }

    /// A client over this channel.
    pub fn over(channel: Channel) -> Client {
        Client {
            settlements: SettlementServiceClient::new(channel.clone()),
            references: ReferenceServiceClient::new(channel.clone()),
            operations: OperationsServiceClient::new(channel.clone()),
            policies: PolicyServiceClient::new(channel),
        }
    }

    /// A quote.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn quote(&mut self, claim: &RawClaim) -> Result<pb::QuoteResponse, Status> {
        let request = pb::QuoteRequest { claim: Some(to_proto::claim(claim)) };
        Ok(self.settlements.quote(timed(request)).await?.into_inner())
    }

    /// A settlement; `quote_digest` may be empty.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn settle(
        &mut self,
        claim: &RawClaim,
        request_id: &RequestId,
        quote_digest: Vec<u8>,
    ) -> Result<pb::SettleResponse, Status> {
        let claim = Some(to_proto::claim(claim));
        let request = pb::SettleRequest { claim, request_id: request_id.as_str().to_owned(), quote_digest };
        Ok(self.settlements.settle(timed(request)).await?.into_inner())
    }

    /// Settlements of many claims over one call.
    ///
    /// # Errors
    /// The status with which the stream does not begin.
    pub async fn settle_stream(
        &mut self,
        requests: impl Stream<Item = pb::SettleStreamRequest> + Send + 'static,
    ) -> Result<Streaming<pb::SettleStreamResponse>, Status> {
        Ok(self.settlements.settle_stream(requests).await?.into_inner())
    }

    /// A reversal.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn reverse(
        &mut self,
        told: &RawReversal,
        request_id: &RequestId,
        dry_run: bool,
    ) -> Result<pb::ReverseResponse, Status> {
        let request = pb::ReverseRequest {
            hospital_id: told.hospital_id.as_str().to_owned(),
            person_id: told.person_id.as_str().to_owned(),
            claim_id: told.claim_id.as_str().to_owned(),
            request_id: request_id.as_str().to_owned(),
            reason: told.reason.clone(),
            readjudicate: told.readjudicate,
            dry_run,
        };
        Ok(self.settlements.reverse(timed(request)).await?.into_inner())
    }

    /// What became of a request.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn outcome(&mut self, request: pb::GetOutcomeRequest) -> Result<pb::Outcome, Status> {
        Ok(self.settlements.get_outcome(timed(request)).await?.into_inner().outcome.unwrap_or_default())
    }

    /// Fences a request.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn fence(&mut self, request: pb::FenceRequest) -> Result<pb::Outcome, Status> {
        Ok(self.settlements.fence(timed(request)).await?.into_inner().outcome.unwrap_or_default())
    }

    /// A settlement.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn settlement(&mut self, request: pb::GetSettlementRequest) -> Result<pb::GetSettlementResponse, Status> {
        Ok(self.settlements.get_settlement(timed(request)).await?.into_inner())
    }

    /// A page of settlements.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn list(&mut self, request: pb::ListSettlementsRequest) -> Result<pb::ListSettlementsResponse, Status> {
        Ok(self.settlements.list_settlements(timed(request)).await?.into_inner())
    }

    /// An account.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn account(&mut self, request: pb::GetAccountRequest) -> Result<pb::GetAccountResponse, Status> {
        Ok(self.settlements.get_account(timed(request)).await?.into_inner())
    }

    /// Imports the rows of one table.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn import_stream(
        &mut self,
        messages: impl Stream<Item = reference_pb::ImportReferenceRequest> + Send + 'static,
    ) -> Result<reference_pb::ImportReferenceResponse, Status> {
        Ok(self.references.import_reference(messages).await?.into_inner())
    }

    /// A page of the log of imports.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn imports(
        &mut self,
        request: reference_pb::ListImportsRequest,
    ) -> Result<reference_pb::ListImportsResponse, Status> {
        Ok(self.references.list_imports(timed(request)).await?.into_inner())
    }

    /// A page of reference rows.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn rows(
        &mut self,
        request: reference_pb::GetReferenceRequest,
    ) -> Result<reference_pb::GetReferenceResponse, Status> {
        Ok(self.references.get_reference(timed(request)).await?.into_inner())
    }

    /// Has the server end once what is in flight is answered; gives how many calls that are.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn drain(&mut self) -> Result<u32, Status> {
        Ok(self.operations.drain(timed(operations_pb::DrainRequest {})).await?.into_inner().calls_in_flight)
    }

    /// Imports the rows of one table that are held in memory.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn import(
        &mut self,
        table: reference_pb::Table,
        rows: Vec<Vec<String>>,
    ) -> Result<reference_pb::ImportReferenceResponse, Status> {
        let mut messages: Vec<_> = rows.chunks(ROWS_A_MESSAGE).map(|rows| message(table, rows)).collect();
        messages.push(reference_pb::ImportReferenceRequest { commit: true, ..message(table, &[]) });
        self.import_stream(tokio_stream::iter(messages)).await
    }
}

fn message(table: reference_pb::Table, rows: &[Vec<String>]) -> reference_pb::ImportReferenceRequest {
    let rows = rows.iter().map(|cells| reference_pb::Row { cells: cells.clone() }).collect();
    reference_pb::ImportReferenceRequest {
        table: table.into(),
        rows,
        ..reference_pb::ImportReferenceRequest::default()
    }
}

fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}

/// The status of a refusal in a stream.
pub fn status_of(answer: Option<Answer>) -> Status {
    match answer {
        Some(Answer::Refusal(told)) => {
            let details = told.encode_to_vec();
            Status::with_details(Code::from(told.code), told.message, details.into())
        }
        Some(Answer::Settlement(_)) | None => Status::unknown("the server gave no answer"),
    }
}

/// Why a status leaves it open what happened, if it does.
pub fn unreachable(status: &Status) -> Option<String> {
    let open = matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown);
    open.then(|| format!("{}: {}", code_name(status.code()), status.message()))
}

/// The failure that a status is to a command.
pub fn failure(status: &Status) -> Failure {
    match unreachable(status) {
        Some(told) => Failure::Unreachable(told),
        None => Failure::Refused(format!("{}: {}", code_name(status.code()), status.message())),
    }
}

/// Each pool with its name, in fen.
pub fn pools(pools: &pb::Pools) -> impl Iterator<Item = (&'static str, i64)> + use<> {
    [
        ("eligible", pools.eligible_fen),
        ("preliminary_self_pay", pools.preliminary_self_pay_fen),
        ("over_limit", pools.over_limit_fen),
        ("excluded", pools.excluded_fen),
        ("special_drug", pools.special_drug_fen),
        ("transitional_drug", pools.transitional_drug_fen),
    ]
    .into_iter()
}
