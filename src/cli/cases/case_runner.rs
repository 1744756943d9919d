//! Runs the steps of a policy case, on an engine in this process or on a server over gRPC.

use std::collections::BTreeMap;

use tonic::Status;

use crate::cli::client::Client;
use crate::cli::client::import;
use crate::cli::error::client::{ClientError, leaves_outcome_unknown};
use crate::domain::claim::ClaimLimits;
use crate::domain::fault::FieldFaults;
use crate::domain::ids::EntryId;
use crate::domain::journal::Instant;
use crate::engine::EngineError;
use crate::engine::reverse::ReverseRequest;
use crate::engine::settle::SettleRequest;
use crate::engine::{CommitStamp, Engine, EngineSettings};
use crate::grpc::commit_stamp;
use crate::grpc::error::CallError;
use crate::pb::settlement as pb;
use crate::pb::settlement::revision::Cause;
use crate::reference::row::ReferenceRow;
use crate::reference::table::ReferenceTable;
use crate::store::StoreError;
use crate::store::memory::MemoryStore;

use super::case::{LoadedCase, StepRequest};
use super::step_result::{
    SplitSums, StepResult, message_reasons, message_revision, message_sums, notice_reasons, refused_result,
    revised_sums, split_sums,
};

/// Why a step cannot be run. A refusal is a result, not an error.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// The engine refuses its store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row of the case is invalid.
    #[error("{table}: {faults}", table = .0.as_str(), faults = .1)]
    Row(ReferenceTable, FieldFaults),
    /// The engine refuses a table.
    #[error(transparent)]
    Import(#[from] EngineError),
    /// The server cannot be reached, or refuses a table.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Runs the steps of a case.
pub(super) enum CaseRunner {
    /// On an engine in this process.
    InProcess {
        /// The engine.
        engine: Box<Engine<MemoryStore>>,
        /// The number of steps so far, which also is the time of the last commit.
        steps: u64,
    },
    /// On a server over gRPC.
    Server {
        /// The client.
        client: Box<Client>,
        /// The ids of the settlements of the case.
        settlement_ids: Vec<String>,
    },
}

impl CaseRunner {
    /// A new engine in this process with the tables of the case.
    ///
    /// # Errors
    /// If a table is refused.
    pub(super) async fn in_process(case: &LoadedCase) -> Result<CaseRunner, RunnerError> {
        let engine = Engine::open(MemoryStore::default(), case.book.clone(), EngineSettings::default()).await?;
        for (table, rows) in &case.tables {
            let rows = rows.iter().map(|cells| parse_row(*table, cells)).collect::<Result<_, _>>()?;
            engine.import(rows).await?;
        }
        Ok(CaseRunner::InProcess { engine: Box::new(engine), steps: 0 })
    }

    /// A server into which the tables of the case are imported.
    ///
    /// # Errors
    /// If it cannot be reached, or a table is refused.
    pub(super) async fn on_server(case: &LoadedCase, url: &str) -> Result<CaseRunner, RunnerError> {
        let mut client = Client::connect(url).await?;
        for (table, rows) in &case.tables {
            import::import_table(&mut client, *table, rows.clone()).await.map_err(ClientError::from)?;
        }
        Ok(CaseRunner::Server { client: Box::new(client), settlement_ids: Vec::new() })
    }

    /// Runs a step.
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub(super) async fn run(&mut self, request: StepRequest<'_>) -> Result<StepResult, RunnerError> {
        match self {
            CaseRunner::InProcess { engine, steps } => {
                *steps += 1;
                let result = run_in_process(engine, request, commit_stamp(*steps)).await;
                Ok(result.unwrap_or_else(|error| refused_result(&Status::from(&error))))
            }
            CaseRunner::Server { client, settlement_ids } => {
                match run_on_server(client, settlement_ids, request).await {
                    Err(status) if leaves_outcome_unknown(&status) => Err(ClientError::from(status).into()),
                    Err(status) => Ok(refused_result(&status)),
                    Ok(result) => Ok(result),
                }
            }
        }
    }
}

fn parse_row(table: ReferenceTable, cells: &[String]) -> Result<ReferenceRow, RunnerError> {
    let row = ReferenceRow::from_cells(table, cells, ClaimLimits::default().id_bytes);
    row.map_err(|faults| RunnerError::Row(table, faults.into_iter().collect()))
}

fn commit_stamp(step: u64) -> CommitStamp {
    CommitStamp { id: EntryId(u128::from(step).to_be_bytes()), instant: Instant(step as i64) }
}

async fn run_in_process(
    engine: &Engine<MemoryStore>,
    request: StepRequest<'_>,
    stamp: CommitStamp,
) -> Result<StepResult, CallError> {
    match request {
        StepRequest::Quote(text) => {
            let (claim, _) = text.claim_and_request_id().map_err(CallError::InvalidMessage)?;
            let quote = engine.quote(claim, commit_stamp::today()).await?;
            Ok(StepResult::Split(SplitSums { notices: notice_reasons(&quote.notices), ..split_sums(&quote.split) }))
        }
        StepRequest::Settle(text) => {
            let (claim, request_id) = text.claim_and_request_id().map_err(CallError::InvalidMessage)?;
            let committed = engine
                .settle(SettleRequest { claim, request_id, quote: None, today: commit_stamp::today() }, stamp)
                .await?;
            let settled = &committed.entry.body;
            Ok(StepResult::Split(SplitSums { notices: notice_reasons(&settled.notices), ..split_sums(&settled.split) }))
        }
        StepRequest::Reverse(text) => {
            let (reversal, request_id) = text.reversal_and_request_id();
            let reversal = engine.reverse(ReverseRequest { reversal, request_id, dry_run: false }, stamp).await?;
            let revised = reversal.revisions.iter().map(|entry| &entry.body);
            let revisions = revised.map(|revised| (revised.claim_id.as_str().to_owned(), revised_sums(revised)));
            Ok(StepResult::Reversed { claim_id: text.claim_id.clone(), revisions: revisions.collect() })
        }
    }
}

async fn run_on_server(
    client: &mut Client,
    settlement_ids: &mut Vec<String>,
    request: StepRequest<'_>,
) -> Result<StepResult, Status> {
    match request {
        StepRequest::Quote(text) => {
            let (claim, _) = text.claim_and_request_id().map_err(CallError::InvalidMessage)?;
            let quote = client.quote(&claim).await?;
            Ok(StepResult::Split(SplitSums {
                notices: message_reasons(&quote.notices),
                ..message_sums(quote.split, quote.derivation)
            }))
        }
        StepRequest::Settle(text) => {
            let (claim, request_id) = text.claim_and_request_id().map_err(CallError::InvalidMessage)?;
            let settled = client.settle(&claim, &request_id, Vec::new()).await?;
            let settlement = settled.settlement.unwrap_or_default();
            settlement_ids.push(settlement.settlement_id);
            let notices = message_reasons(&settlement.notices);
            Ok(StepResult::Split(SplitSums { notices, ..message_sums(settlement.split, settlement.derivation) }))
        }
        StepRequest::Reverse(text) => {
            let (reversal, request_id) = text.reversal_and_request_id();
            let answer = client.reverse(&reversal, &request_id, false).await?;
            with_revisions(client, settlement_ids, answer.reversal.unwrap_or_default()).await
        }
    }
}

/// Reads the revisions that a reversal made from the settlements of the case: the answer itself contains only those of
/// one hospital, and only their totals.
async fn with_revisions(
    client: &mut Client,
    settlement_ids: &[String],
    reversal: pb::Reversal,
) -> Result<StepResult, Status> {
    let mut revisions = BTreeMap::new();
    for settlement_id in settlement_ids {
        let request = pb::GetSettlementRequest { settlement_id: settlement_id.clone(), ..Default::default() };
        let read = client.settlement(request).await?;
        let last = read
            .revisions
            .into_iter()
            .last()
            .filter(|last| last.cause == Some(Cause::ReversalId(reversal.reversal_id.clone())));
        if let Some(revision) = last {
            revisions.insert(read.settlement.unwrap_or_default().claim_id, message_revision(revision));
        }
    }
    Ok(StepResult::Reversed { claim_id: reversal.claim_id, revisions })
}
