//! The operations service: draining a server, and backups.

use std::sync::Arc;

use tokio::sync::Notify;
use tonic::{Request, Response, Status};

use crate::access::fair_limit::FairLimit;
use crate::pb::operations as pb;
use crate::pb::operations::operations_service_server::OperationsService;
use crate::telemetry::LIFE;

use super::authorize::Permitted;
use super::backup::{BackupStream, Backups};

/// The operations service.
pub struct OperationsHandler {
    drain: Arc<Notify>,
    in_flight: Arc<FairLimit>,
    backups: Backups,
}

impl OperationsHandler {
    /// Notifies `drain` when an operator asks for it; `in_flight` counts every call.
    pub fn new(drain: Arc<Notify>, in_flight: Arc<FairLimit>, backups: Backups) -> OperationsHandler {
        OperationsHandler { drain, in_flight, backups }
    }
}

#[tonic::async_trait]
impl OperationsService for OperationsHandler {
    type BackupStream = BackupStream;

    async fn backup(&self, request: Request<pb::BackupRequest>) -> Result<Response<BackupStream>, Status> {
        let permitted = Permitted::from_request(&request)?;
        Ok(Response::new(self.backups.begin(permitted, request.into_inner())?))
    }

    async fn drain(&self, request: Request<pb::DrainRequest>) -> Result<Response<pb::DrainResponse>, Status> {
        let caller = Permitted::from_message(&request)?.caller;
        // The call to drain is itself in flight.
        let others = self.in_flight.in_flight().saturating_sub(1);
        tracing::info!(target: LIFE, caller = &*caller.name, calls = others, "stopping: an operator asked for it; calls in flight are finished");
        self.drain.notify_one();
        Ok(Response::new(pb::DrainResponse { calls_in_flight: u32::try_from(others).unwrap_or(u32::MAX) }))
    }
}
