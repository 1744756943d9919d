//! `ReferenceService` over an engine.
//!
//! An import is checked and taken on a thread of its own: settlements go on beside it. What arrives waits in a
//! short queue, so that a sender is as fast as the thread.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tonic::{Request, Response, Status, Streaming};

use crate::access::{Caller, Role};
use crate::domain::day::Day;
use crate::domain::fault::FaultReason;
use crate::engine::import::{ImportContext, ImportSource, Imported};
use crate::engine::import_rows::ImportRows;
use crate::engine::{Engine, EngineError};
use crate::reference::cells::KeySelection;
use crate::reference::table::ReferenceTable;
use crate::store::Store;

use super::authorize::Permitted;
use super::error::CallError;
use super::page::{self, PageTokens};
use super::pb::reference as pb;
use super::pb::reference::reference_service_server::ReferenceService;
use super::reads::Reads;
use super::{commit_stamp, imports};

/// Messages that wait for the thread that takes them.
const QUEUE: usize = 4;

/// How long an import waits while another is taken.
const TURN: Duration = Duration::from_secs(2);

/// How many rows or imports a page holds if nothing is asked for, and at the most.
const PAGE: (usize, usize) = (100, 1_000);

/// The most bytes of what a caller tells of an import.
const SOURCE_BYTES: usize = 200;
const BY_BYTES: usize = 64;

/// The service.
pub struct References<S> {
    engine: Arc<Engine<S>>,
    reads: Arc<Reads>,
    stopping: watch::Receiver<bool>,
    page_tokens: PageTokens,
}

impl<S: Store> References<S> {
    /// The service over this engine; imports stop when the server does.
    pub fn new(engine: Arc<Engine<S>>, reads: Arc<Reads>, stopping: watch::Receiver<bool>) -> Self {
        let page_tokens = PageTokens::new(engine.store());
        References { engine, reads, stopping, page_tokens }
    }
}

/// What the thread of an import is handed.
enum Arrived {
    Message(pb::ImportReferenceRequest),
    End,
}

#[tonic::async_trait]
impl<S: Store> ReferenceService for References<S> {
    async fn import_reference(
        &self,
        request: Request<Streaming<pb::ImportReferenceRequest>>,
    ) -> Result<Response<pb::ImportReferenceResponse>, Status> {
        let by = Permitted::of(&request)?.caller;
        let mut stream = request.into_inner();
        let (queue, arrived) = mpsc::channel(QUEUE);
        let (engine, runtime, stopping) = (Arc::clone(&self.engine), Handle::current(), self.stopping.clone());
        let thread = tokio::task::spawn_blocking(move || taken(&engine, &by, &runtime, &stopping, arrived));
        loop {
            let next = stream.message().await?.map_or(Arrived::End, Arrived::Message);
            let last = matches!(next, Arrived::End);
            // A thread that takes no more has its reason, which it gives below.
            if queue.send(next).await.is_err() || last {
                break;
            }
        }
        let ended = thread.await.map_err(|_| CallError::Internal("the thread of an import ended early".to_owned()))?;
        let (rows, imported) = ended?;
        let Imported { changed, unchanged } = imported;
        Ok(Response::new(pb::ImportReferenceResponse { taken: rows, changed, unchanged }))
    }

    async fn list_imports(
        &self,
        request: Request<pb::ListImportsRequest>,
    ) -> Result<Response<pb::ListImportsResponse>, Status> {
        let by = Permitted::of(&request)?;
        Ok(Response::new(self.imports(&by, request.into_inner()).await?))
    }

    async fn get_reference(
        &self,
        request: Request<pb::GetReferenceRequest>,
    ) -> Result<Response<pb::GetReferenceResponse>, Status> {
        let by = Permitted::of(&request)?;
        Ok(Response::new(self.rows(&by, request.into_inner()).await?))
    }
}

impl<S: Store> References<S> {
    async fn imports(
        &self,
        by: &Permitted,
        request: pb::ListImportsRequest,
    ) -> Result<pb::ListImportsResponse, CallError> {
        let limit = page::size(request.page_size, PAGE.0, PAGE.1)?;
        let tokens = self.page_tokens.of_list(by, &())?;
        let listed = self.engine.imports(tokens.position(&request.page_token)?, limit).await?;
        let next = listed.last().filter(|last| listed.len() == limit && last.number > 1);
        Ok(pb::ListImportsResponse {
            next_page_token: tokens.token(next.map(|last| &last.number))?,
            imports: listed.into_iter().map(imports::import).collect(),
        })
    }

    async fn rows(
        &self,
        by: &Permitted,
        asked: pb::GetReferenceRequest,
    ) -> Result<pb::GetReferenceResponse, CallError> {
        let limit = page::size(asked.page_size, PAGE.0, PAGE.1)?;
        let (table, on) = (required_table(asked.table())?, required_day(asked.on)?);
        let (person, other) = (asked.person_id.as_str(), table == ReferenceTable::Catalogue);
        let key = if other { asked.code.as_str() } else { asked.hospital_id.as_str() };
        let strange = [
            ("person_id", !person.is_empty() && !table.is_about_persons()),
            ("hospital_id", !asked.hospital_id.is_empty() && (other || table.is_about_persons())),
            ("code", !asked.code.is_empty() && !other),
        ];
        if let Some((field, _)) = strange.into_iter().find(|(_, given)| *given) {
            return Err(CallError::invalid_field(
                field,
                FaultReason::Unreadable,
                "is given, and is no key of this table",
            ));
        }
        if table.is_about_persons() {
            by.caller.authorize_person_tables()?;
            if person.is_empty() {
                return Err(CallError::missing_field("person_id"));
            }
            let person_id = person.into();
            let rows = self.engine.rows_of_person(table, &person_id, on).await?;
            self.reads.note(by, self.engine.store(), [&person_id])?;
            return Ok(pb::GetReferenceResponse { rows: row_messages(rows), next_page_token: String::new() });
        }
        let tokens = self.page_tokens.of_list(by, &(table.as_str(), on, key))?;
        let after: Option<String> = tokens.position(&asked.page_token)?;
        let after = after.unwrap_or_default();
        let keys = if key.is_empty() { KeySelection::After(&after) } else { KeySelection::One(key) };
        let (rows, last) = self.engine.rows_of_table(table, keys, on, limit);
        Ok(pb::GetReferenceResponse { rows: row_messages(rows), next_page_token: tokens.token(last.as_ref())? })
    }
}

fn row_messages(rows: Vec<Vec<String>>) -> Vec<pb::Row> {
    rows.into_iter().map(|cells| pb::Row { cells }).collect()
}

/// Takes what arrives, and all of it when the last message says so.
fn taken<S: Store>(
    engine: &Engine<S>,
    by: &Caller,
    runtime: &Handle,
    stopping: &watch::Receiver<bool>,
    mut arrived: mpsc::Receiver<Arrived>,
) -> Result<(u64, Imported), CallError> {
    let mut gathered =
        Gathered { incoming: engine.incoming(), table: None, source: ImportSource::default(), committed: false };
    loop {
        match arrived.blocking_recv() {
            Some(Arrived::Message(message)) => gathered.take(message)?,
            Some(Arrived::End) => break,
            // The caller went away before the end: nothing is taken, and nobody receives an answer.
            None => return Err(EngineError::ImportStopped.into()),
        }
    }
    let Gathered { incoming, table, source, committed } = gathered;
    // Who calls is known better than anybody can say, where callers are known.
    let source =
        if by.role == Role::Anyone { source } else { ImportSource { imported_by: by.name.to_string(), ..source } };
    let Some(table) = table.filter(|_| committed) else {
        return Err(CallError::invalid_field("commit", FaultReason::Missing, "is not set in the last message"));
    };
    let outside = ImportContext { now: &|| commit_stamp::now().instant, stop: &|| *stopping.borrow() };
    let rows = incoming.rows();
    let imported = runtime.block_on(async {
        // A short import is waited for; beside a long one the caller comes again.
        let turn = tokio::time::timeout(TURN, engine.turn()).await;
        let turn = turn.map_err(|_| EngineError::ImportRunning)?;
        engine.take(turn, incoming, table.as_str(), source, &outside).await
    });
    Ok((rows, imported?))
}

/// What a stream brought so far.
struct Gathered {
    incoming: ImportRows,
    table: Option<ReferenceTable>,
    source: ImportSource,
    committed: bool,
}

impl Gathered {
    fn take(&mut self, message: pb::ImportReferenceRequest) -> Result<(), CallError> {
        let table = required_table(message.table())?;
        self.committed = message.commit;
        if self.table.is_none() {
            self.source = import_source(message.source, message.imported_by)?;
        }
        if *self.table.get_or_insert(table) != table {
            return Err(CallError::invalid_field(
                "table",
                FaultReason::Unreadable,
                "is another than in the first message",
            ));
        }
        Ok(message.rows.iter().try_for_each(|row| self.incoming.add(table, &row.cells))?)
    }
}

fn import_source(source: String, imported_by: String) -> Result<ImportSource, CallError> {
    for (field, text, limit) in [("source", &source, SOURCE_BYTES), ("imported_by", &imported_by, BY_BYTES)] {
        if text.len() > limit {
            return Err(CallError::invalid_field(field, FaultReason::TooLong, format!("has more than {limit} bytes")));
        }
    }
    Ok(ImportSource { source, imported_by })
}

fn required_day(day: Option<pb::Date>) -> Result<Day, CallError> {
    let day = day.ok_or_else(|| CallError::missing_field("on"))?;
    Day::new(day.year, day.month, day.day)
        .map_err(|no| CallError::invalid_field("on", FaultReason::NotADay, no.to_string()))
}

fn required_table(table: pb::Table) -> Result<ReferenceTable, CallError> {
    imports::table_from_message(table).ok_or_else(|| CallError::missing_field("table"))
}
