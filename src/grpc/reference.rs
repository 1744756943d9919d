//! `ReferenceService` over an engine.

use std::sync::Arc;

use tonic::{Request, Response, Status, Streaming};

use crate::domain::fault::{Fault, FaultReason};
use crate::domain::refusal::{Reason, Refusal};
use crate::engine::Engine;
use crate::reference::row::{Row, Table};
use crate::store::Store;

use super::deadline::to_its_end;
use super::pb::reference as pb;
use super::pb::reference::reference_service_server::ReferenceService;
use super::status;

/// The service.
pub struct References<S> {
    engine: Arc<Engine<S>>,
    most_rows: usize,
}

impl<S: Store> References<S> {
    /// The service over this engine; a stream may bring at most so many rows.
    pub fn new(engine: Arc<Engine<S>>, most_rows: usize) -> Self {
        References { engine, most_rows }
    }
}

#[tonic::async_trait]
impl<S: Store> ReferenceService for References<S> {
    async fn import_reference(
        &self,
        request: Request<Streaming<pb::ImportReferenceRequest>>,
    ) -> Result<Response<pb::ImportReferenceResponse>, Status> {
        let mut stream = request.into_inner();
        let mut gathered = Gathered { most_rows: self.most_rows, ..Gathered::default() };
        let mut committed = false;
        while let Some(message) = stream.message().await? {
            committed = message.commit;
            gathered.take(message).map_err(|refusal| status::of(&refusal))?;
        }
        let refused = |refusal: Refusal| status::of(&refusal);
        let rows = gathered.rows(committed).map_err(refused)?;
        let taken = rows.len() as u64;
        let engine = Arc::clone(&self.engine);
        let imported = to_its_end(None, async move { engine.import(rows).await }).await.map_err(refused)?;
        Ok(Response::new(pb::ImportReferenceResponse {
            taken,
            changed: imported.changed,
            unchanged: imported.unchanged,
        }))
    }
}

/// What a stream brought so far.
#[derive(Default)]
struct Gathered {
    table: Option<Table>,
    rows: Vec<Row>,
    faults: Vec<Fault>,
    seen: usize,
    most_rows: usize,
}

impl Gathered {
    fn take(&mut self, message: pb::ImportReferenceRequest) -> Result<(), Refusal> {
        let table = table(message.table()).ok_or_else(|| fault("table", FaultReason::Missing, "is missing"))?;
        if *self.table.get_or_insert(table) != table {
            return Err(fault("table", FaultReason::Unreadable, "is another than in the first message"));
        }
        for row in message.rows {
            self.take_row(table, &row.cells);
        }
        if self.seen > self.most_rows {
            let told = format!("are more than {} in one import", self.most_rows);
            return Err(fault("rows", FaultReason::TooMany, &told));
        }
        Ok(())
    }

    fn take_row(&mut self, table: Table, cells: &[String]) {
        let at = self.seen;
        self.seen += 1;
        match Row::of_cells(table, cells) {
            Ok(row) => self.rows.push(row),
            Err(found) => self.faults.extend(found.into_iter().map(|mut fault| {
                fault.field = format!("rows[{at}].{}", fault.field);
                fault
            })),
        }
    }

    fn rows(self, committed: bool) -> Result<Vec<Row>, Refusal> {
        if !committed {
            return Err(fault("commit", FaultReason::Missing, "is not set in the last message"));
        }
        if self.faults.is_empty() {
            return Ok(self.rows);
        }
        Err(Refusal::naming(Reason::InvalidRequest, self.faults))
    }
}

fn fault(field: &str, reason: FaultReason, told: &str) -> Refusal {
    Refusal::naming(Reason::InvalidRequest, vec![Fault::new(field, reason, told)])
}

fn table(table: pb::Table) -> Option<Table> {
    match table {
        pb::Table::Unspecified => None,
        pb::Table::Persons => Some(Table::Persons),
        pb::Table::Enrolments => Some(Table::Enrolments),
        pb::Table::Categories => Some(Table::Categories),
        pb::Table::Approvals => Some(Table::Approvals),
        pb::Table::Hospitals => Some(Table::Hospitals),
        pb::Table::Designations => Some(Table::Designations),
        pb::Table::Catalogue => Some(Table::Catalogue),
    }
}
