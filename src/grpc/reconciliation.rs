//! `ReconciliationService` over an engine.

use std::sync::Arc;

use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::engine::Engine;
use crate::pb::settlement as pb;
use crate::pb::settlement::reconciliation_service_server::ReconciliationService;
use crate::store::Store;

use super::authorize::Permitted;
use super::deadline::{remaining, within_deadline};
use super::disclosures::Disclosures;
use super::reconcile_list::{ListStreams, Reconciler};
use super::reconcile_totals::reconcile_totals;

/// The service.
pub struct ReconciliationHandler<S> {
    engine: Arc<Engine<S>>,
    disclosures: Arc<Disclosures>,
    lists: ListStreams,
}

impl<S: Store> ReconciliationHandler<S> {
    /// The service over this engine.
    pub fn new(engine: Arc<Engine<S>>, disclosures: Arc<Disclosures>, lists: ListStreams) -> Self {
        ReconciliationHandler { engine, disclosures, lists }
    }
}

#[tonic::async_trait]
impl<S: Store> ReconciliationService for ReconciliationHandler<S> {
    async fn reconcile_totals(
        &self,
        request: Request<pb::ReconcileTotalsRequest>,
    ) -> Result<Response<pb::ReconcileTotalsResponse>, Status> {
        let permitted = Permitted::from_message(&request)?;
        let compared = reconcile_totals(&self.engine, &permitted, request.into_inner());
        Ok(Response::new(within_deadline(remaining(permitted.deadline), compared).await?))
    }

    type ReconcileListStream = ReceiverStream<Result<pb::ReconcileListResponse, Status>>;

    async fn reconcile_list(
        &self,
        request: Request<Streaming<pb::ReconcileListRequest>>,
    ) -> Result<Response<Self::ReconcileListStream>, Status> {
        let permitted = Permitted::from_request(&request)?;
        let (engine, disclosures) = (Arc::clone(&self.engine), Arc::clone(&self.disclosures));
        let reconciler = Reconciler { engine, disclosures, permitted };
        Ok(Response::new(self.lists.reconcile(reconciler, request.into_inner())?))
    }
}
