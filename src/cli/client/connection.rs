//! A client of the services: one method for each call.

use std::time::Duration;

use tokio_stream::Stream;
use tonic::{Request, Status, Streaming};

use crate::domain::claim::RawClaim;
use crate::domain::content::{RawCorrection, RawReversal};
use crate::domain::month::Month;
use crate::grpc::{imports, to_proto};
use crate::pb::operations::operations_service_client::OperationsServiceClient;
use crate::pb::policy::policy_service_client::PolicyServiceClient;
use crate::pb::reference::reference_service_client::ReferenceServiceClient;
use crate::pb::settlement::reconciliation_service_client::ReconciliationServiceClient;
use crate::pb::settlement::settlement_service_client::SettlementServiceClient;
use crate::pb::{operations as operations_pb, reference as reference_pb, settlement as pb};
use crate::reference::table::ReferenceTable;

use super::address::{ServerOptions, TlsOptions};
use super::traced_channel::TracedChannel;
use crate::cli::error::client::ClientError;

/// How long a call may take before it fails.
const DEADLINE: Duration = Duration::from_secs(30);

/// Rows in one message of an import.
const ROWS_PER_MESSAGE: usize = 1_000;

/// A connection to a server.
#[derive(Clone)]
pub struct Client {
    settlements: SettlementServiceClient<TracedChannel>,
    reconciliations: ReconciliationServiceClient<TracedChannel>,
    references: ReferenceServiceClient<TracedChannel>,
    operations: OperationsServiceClient<TracedChannel>,
    /// The service of policies.
    pub policies: PolicyServiceClient<TracedChannel>,
}

impl Client {
    /// Connects to the server at this URL, without TLS.
    ///
    /// # Errors
    /// If the URL cannot be used, or no server answers.
    pub async fn connect(url: &str) -> Result<Client, ClientError> {
        Ok(Client::over(TlsOptions::default().connect(url).await?))
    }

    /// Connects to the server that the command line names.
    ///
    /// # Errors
    /// If the URL or a file cannot be used, or no server answers.
    pub(crate) async fn connect_to(options: &ServerOptions) -> Result<Client, ClientError> {
        Ok(Client::over(options.tls.connect(&options.server).await?))
    }

    /// A client over an open channel.
    pub fn over(channel: impl Into<TracedChannel>) -> Client {
        let channel = channel.into();
        Client {
            settlements: SettlementServiceClient::new(channel.clone()),
            reconciliations: ReconciliationServiceClient::new(channel.clone()),
            references: ReferenceServiceClient::new(channel.clone()),
            operations: OperationsServiceClient::new(channel.clone()),
            policies: PolicyServiceClient::new(channel),
        }
    }

    /// Quotes a claim.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn quote(&mut self, claim: &RawClaim) -> Result<pb::QuoteResponse, Status> {
        self.send_quote(to_proto::claim(claim)).await
    }

    /// Quotes a claim as it is sent.
    ///
    /// # Errors
    /// The status of the refusal.
    pub(crate) async fn send_quote(&mut self, claim: pb::Claim) -> Result<pb::QuoteResponse, Status> {
        let request = pb::QuoteRequest { claim: Some(claim) };
        Ok(self.settlements.quote(with_deadline(request)).await?.into_inner())
    }

    /// Settles a claim as it is sent.
    ///
    /// # Errors
    /// The status of the refusal.
    pub(crate) async fn send_settle(&mut self, request: pb::SettleRequest) -> Result<pb::SettleResponse, Status> {
        Ok(self.settlements.settle(with_deadline(request)).await?.into_inner())
    }

    /// Reverses a settlement as it is asked for.
    ///
    /// # Errors
    /// The status of the refusal.
    pub(crate) async fn send_reverse(&mut self, request: pb::ReverseRequest) -> Result<pb::ReverseResponse, Status> {
        Ok(self.settlements.reverse(with_deadline(request)).await?.into_inner())
    }

    /// Settles a claim; `quote_digest` may be empty.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn settle(
        &mut self,
        claim: &RawClaim,
        request_id: &str,
        quote_digest: Vec<u8>,
    ) -> Result<pb::SettleResponse, Status> {
        let claim = Some(to_proto::claim(claim));
        self.send_settle(pb::SettleRequest { claim, request_id: request_id.to_owned(), quote_digest, view: 0 }).await
    }

    /// Settles many claims over one call.
    ///
    /// # Errors
    /// The status if the stream does not begin.
    pub async fn settle_stream(
        &mut self,
        requests: impl Stream<Item = pb::SettleStreamRequest> + Send + 'static,
    ) -> Result<Streaming<pb::SettleStreamResponse>, Status> {
        Ok(self.settlements.settle_stream(requests).await?.into_inner())
    }

    /// Reverses the settlement of a claim.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn reverse(
        &mut self,
        reversal: &RawReversal,
        request_id: &str,
        dry_run: bool,
    ) -> Result<pb::ReverseResponse, Status> {
        let request = pb::ReverseRequest {
            hospital_id: reversal.hospital_id.as_str().to_owned(),
            person_id: reversal.person_id.as_str().to_owned(),
            claim_id: reversal.claim_id.as_str().to_owned(),
            request_id: request_id.to_owned(),
            reason: reversal.reason.clone(),
            readjudicate: reversal.readjudicate,
            dry_run,
        };
        self.send_reverse(request).await
    }

    /// Decides the settlements of a person's benefit year again.
    ///
    /// # Errors
    /// The status of the call.
    pub async fn readjudicate(&mut self, request: pb::ReadjudicateRequest) -> Result<pb::ReadjudicateResponse, Status> {
        Ok(self.settlements.readjudicate(with_deadline(request)).await?.into_inner())
    }

    /// Corrects a claim that is settled.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn correct(
        &mut self,
        correction: &RawCorrection,
        request_id: &str,
        dry_run: bool,
    ) -> Result<pb::CorrectResponse, Status> {
        let request = pb::CorrectRequest {
            claim: Some(to_proto::claim(&correction.claim)),
            request_id: request_id.to_owned(),
            reason: correction.reason.clone(),
            dry_run,
        };
        Ok(self.settlements.correct(with_deadline(request)).await?.into_inner())
    }

    /// The outcome of a request.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn outcome(&mut self, request: pb::GetOutcomeRequest) -> Result<pb::Outcome, Status> {
        Ok(self.settlements.get_outcome(with_deadline(request)).await?.into_inner().outcome.unwrap_or_default())
    }

    /// Fences a request.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn fence(&mut self, request: pb::FenceRequest) -> Result<pb::Outcome, Status> {
        Ok(self.settlements.fence(with_deadline(request)).await?.into_inner().outcome.unwrap_or_default())
    }

    /// Lists entries of the journal after a cursor.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn list_entries(&mut self, cursor: String) -> Result<pb::ListEntriesResponse, Status> {
        let request = pb::ListEntriesRequest { page_size: 1_000, cursor };
        Ok(self.settlements.list_entries(with_deadline(request)).await?.into_inner())
    }

    /// Watches the journal from a cursor on.
    ///
    /// # Errors
    /// The status if the stream does not begin.
    pub async fn watch_entries(&mut self, cursor: String) -> Result<Streaming<pb::WatchEntriesResponse>, Status> {
        Ok(self.settlements.watch_entries(pb::WatchEntriesRequest { cursor }).await?.into_inner())
    }

    /// Reads a settlement.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn settlement(&mut self, request: pb::GetSettlementRequest) -> Result<pb::GetSettlementResponse, Status> {
        Ok(self.settlements.get_settlement(with_deadline(request)).await?.into_inner())
    }

    /// Reads a page of settlements.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn list(&mut self, request: pb::ListSettlementsRequest) -> Result<pb::ListSettlementsResponse, Status> {
        Ok(self.settlements.list_settlements(with_deadline(request)).await?.into_inner())
    }

    /// Reads an account.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn account(&mut self, request: pb::GetAccountRequest) -> Result<pb::GetAccountResponse, Status> {
        Ok(self.settlements.get_account(with_deadline(request)).await?.into_inner())
    }

    /// Compares sums.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn reconcile_totals(
        &mut self,
        request: pb::ReconcileTotalsRequest,
    ) -> Result<pb::ReconcileTotalsResponse, Status> {
        Ok(self.reconciliations.reconcile_totals(with_deadline(request)).await?.into_inner())
    }

    /// Compares a list.
    ///
    /// # Errors
    /// The status if the stream does not begin.
    pub async fn reconcile_list(
        &mut self,
        messages: impl Stream<Item = pb::ReconcileListRequest> + Send + 'static,
    ) -> Result<Streaming<pb::ReconcileListResponse>, Status> {
        Ok(self.reconciliations.reconcile_list(messages).await?.into_inner())
    }

    /// Imports the rows of one table from a stream of messages.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn import_stream(
        &mut self,
        messages: impl Stream<Item = reference_pb::ImportReferenceRequest> + Send + 'static,
    ) -> Result<reference_pb::ImportReferenceResponse, Status> {
        Ok(self.references.import_reference(messages).await?.into_inner())
    }

    /// Reads a page of the log of imports.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn imports(
        &mut self,
        request: reference_pb::ListImportsRequest,
    ) -> Result<reference_pb::ListImportsResponse, Status> {
        Ok(self.references.list_imports(with_deadline(request)).await?.into_inner())
    }

    /// Reads a page of reference rows.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn rows(
        &mut self,
        request: reference_pb::GetReferenceRequest,
    ) -> Result<reference_pb::GetReferenceResponse, Status> {
        Ok(self.references.get_reference(with_deadline(request)).await?.into_inner())
    }

    /// Begins a report.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn report(&mut self, request: pb::ReportRequest) -> Result<Streaming<pb::ReportResponse>, Status> {
        Ok(self.settlements.report(request).await?.into_inner())
    }

    /// Begins statistics of poverty relief.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn report_poverty(
        &mut self,
        request: pb::ReportPovertyRequest,
    ) -> Result<Streaming<pb::ReportPovertyResponse>, Status> {
        Ok(self.settlements.report_poverty(request).await?.into_inner())
    }

    /// Begins a backup of the server's store.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn backup(
        &mut self,
        request: operations_pb::BackupRequest,
    ) -> Result<Streaming<operations_pb::BackupResponse>, Status> {
        Ok(self.operations.backup(request).await?.into_inner())
    }

    /// Closes a month.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn close_month(&mut self, month: Month) -> Result<operations_pb::CloseMonthResponse, Status> {
        let month = Some(to_proto::month(month));
        Ok(self.operations.close_month(with_deadline(operations_pb::CloseMonthRequest { month })).await?.into_inner())
    }

    /// Drains the server, and returns the number of other calls in flight.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn drain(&mut self) -> Result<u32, Status> {
        Ok(self.operations.drain(with_deadline(operations_pb::DrainRequest {})).await?.into_inner().calls_in_flight)
    }

    /// Imports the rows of one table from memory, with cells in the order of the table's columns.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn import(
        &mut self,
        table: ReferenceTable,
        rows: Vec<Vec<String>>,
    ) -> Result<reference_pb::ImportReferenceResponse, Status> {
        self.import_rows(table, rows.into_iter()).await
    }

    /// Imports the rows of one table as they are computed, with cells in the order of the table's columns.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn import_rows(
        &mut self,
        table: ReferenceTable,
        rows: impl Iterator<Item = Vec<String>> + Send + 'static,
    ) -> Result<reference_pb::ImportReferenceResponse, Status> {
        let first = reference_pb::ImportReferenceRequest {
            table: imports::table(table).into(),
            columns: imports::column_names(table),
            ..reference_pb::ImportReferenceRequest::default()
        };
        let last = reference_pb::ImportReferenceRequest { commit: true, ..Default::default() };
        let messages = [first].into_iter().chain(row_messages(rows)).chain([last]);
        self.import_stream(tokio_stream::iter(messages)).await
    }
}

/// The rows in messages of at most [`ROWS_PER_MESSAGE`].
fn row_messages(
    mut rows: impl Iterator<Item = Vec<String>>,
) -> impl Iterator<Item = reference_pb::ImportReferenceRequest> {
    std::iter::from_fn(move || {
        let rows = rows.by_ref().take(ROWS_PER_MESSAGE).map(|cells| reference_pb::Row { cells });
        let message = reference_pb::ImportReferenceRequest { rows: rows.collect(), ..Default::default() };
        (!message.rows.is_empty()).then_some(message)
    })
}

fn with_deadline<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}
