//! Calls of an administrator: backups, closing a month, draining.

use tonic::{Status, Streaming};

use crate::domain::month::Month;
use crate::grpc::to_proto;
use crate::pb::operations as operations_pb;

use super::{Client, with_deadline};

impl Client {
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
}
