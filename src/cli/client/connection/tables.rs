//! Calls about reference tables: imports, their log, and rows.

use tokio_stream::Stream;
use tonic::Status;

use crate::grpc::imports;
use crate::pb::reference as reference_pb;
use crate::reference::table::ReferenceTable;

use super::{Client, with_deadline};

/// Rows in one message of an import.
const ROWS_PER_MESSAGE: usize = 1_000;

impl Client {
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
