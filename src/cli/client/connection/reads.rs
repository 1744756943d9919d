//! Calls that read settlements: one, lists, the journal, accounts, comparisons and reports.

use tokio_stream::Stream;
use tonic::{Status, Streaming};

use crate::pb::settlement as pb;

use super::{Client, with_deadline};

impl Client {
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
}
