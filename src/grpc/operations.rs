//! The operations service: draining a server, closing a month, and backups.

use std::sync::Arc;

use tokio::sync::Notify;
use tonic::{Request, Response, Status};

use crate::access::fair_limit::FairLimit;
use crate::domain::fault::FaultReason;
use crate::domain::month::Month;
use crate::engine::Engine;
use crate::engine::close_month::ClosedMonth;
use crate::pb::Date;
use crate::pb::operations as pb;
use crate::pb::operations::operations_service_server::OperationsService;
use crate::store::Store;
use crate::telemetry::LIFE;

use super::authorize::Permitted;
use super::backup::{BackupStream, Backups};
use super::error::CallError;
use super::{commit_stamp, to_proto};

/// The operations service.
pub struct OperationsHandler<S> {
    engine: Arc<Engine<S>>,
    drain: Arc<Notify>,
    in_flight: Arc<FairLimit>,
    backups: Backups,
}

impl<S: Store> OperationsHandler<S> {
    /// Notifies `drain` when an operator asks for it; `in_flight` counts every call.
    pub fn new(
        engine: Arc<Engine<S>>,
        drain: Arc<Notify>,
        in_flight: Arc<FairLimit>,
        backups: Backups,
    ) -> OperationsHandler<S> {
        OperationsHandler { engine, drain, in_flight, backups }
    }
}

#[tonic::async_trait]
impl<S: Store> OperationsService for OperationsHandler<S> {
    type BackupStream = BackupStream;

    async fn backup(&self, request: Request<pb::BackupRequest>) -> Result<Response<BackupStream>, Status> {
        let permitted = Permitted::from_request(&request)?;
        Ok(Response::new(self.backups.begin(permitted, request.into_inner())?))
    }

    async fn close_month(
        &self,
        request: Request<pb::CloseMonthRequest>,
    ) -> Result<Response<pb::CloseMonthResponse>, Status> {
        let caller = Permitted::from_message(&request)?.caller;
        let month = requested_month(request.get_ref().month)?;
        let closed = self.engine.close_month(month, &caller.name, &commit_stamp::now).await.map_err(CallError::from)?;
        Ok(Response::new(closed_message(month, closed)))
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

fn requested_month(month: Option<Date>) -> Result<Month, CallError> {
    let Date { year, month, day } = month.ok_or_else(|| CallError::missing_field("month"))?;
    let invalid = |message| CallError::invalid_field("month", FaultReason::NotADay, message);
    if day != 0 {
        return Err(invalid("has a day; the day of a month is 0".to_owned()));
    }
    Month::new(year, month).map_err(|error| invalid(error.to_string()))
}

fn closed_message(month: Month, closed: ClosedMonth) -> pb::CloseMonthResponse {
    match closed {
        ClosedMonth::Now(entry) => {
            let entry_id = entry.id.to_string();
            tracing::info!(target: LIFE, %month, entry_id, "a month was closed");
            pb::CloseMonthResponse {
                closed_through: Some(to_proto::month(month)),
                already_closed: false,
                entry_id,
                commit_time: Some(to_proto::timestamp(entry.committed)),
            }
        }
        ClosedMonth::Before(months) => pb::CloseMonthResponse {
            closed_through: months.through.map(to_proto::month),
            already_closed: true,
            ..pb::CloseMonthResponse::default()
        },
    }
}
