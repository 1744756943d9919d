//! Where a policy test's steps are put: an engine in this process, or a server over gRPC.

use std::collections::BTreeMap;

use crate::domain::claim::ClaimLimits;
use crate::domain::ids::EntryId;
use crate::domain::journal::{self, Entry, Instant};
use crate::domain::money::Money;
use crate::domain::split::Split;
use crate::engine::reverse::ReverseRequest;
use crate::engine::settle::SettleRequest;
use crate::engine::{CommitStamp, Engine, EngineSettings};
use crate::grpc::error::CallError;
use crate::grpc::pb::settlement as pb;
use crate::grpc::status::code_name;
use crate::reference::row::ReferenceRow;
use crate::reference::table::ReferenceTable;
use crate::store::memory::MemoryStore;

use super::case::{Ask, Loaded};
use crate::cli::client::connection::{self as client, Client};
use crate::cli::client::import;

/// What a step gave.
pub enum Answer {
    /// A split.
    Split(Sums),
    /// A reversal of this claim, and by claim the new revisions that it made.
    Reversed(String, BTreeMap<String, Revised>),
    /// A refusal: its status, and why.
    Refused(String, String),
}

/// The sums of a split by name.
#[derive(Default)]
pub struct Sums {
    /// The bill's total.
    pub total: Money,
    /// What the patient pays.
    pub patient: Money,
    /// By payer.
    pub payers: BTreeMap<String, Money>,
    /// By layer.
    pub layers: BTreeMap<String, Money>,
    /// By pool.
    pub pools: BTreeMap<String, Money>,
}

/// A new revision of a settlement.
#[derive(Default)]
pub struct Revised {
    /// Its sums.
    pub sums: Sums,
    /// What changed, by payer; `patient` is the patient.
    pub differences: BTreeMap<String, Money>,
}

/// A place for a case's steps.
pub enum Desk {
    /// An engine in this process; the number stamps its commits.
    InProcess(Box<Engine<MemoryStore>>, u64),
    /// A server, and the settlements that it made.
    Server(Box<Client>, Vec<String>),
}

impl Desk {
    /// A fresh engine in this process with the case's tables.
    ///
    /// # Errors
    /// What the tables are refused for.
    pub async fn in_process(case: &Loaded) -> Result<Desk, String> {
        let engine = Engine::open(MemoryStore::default(), case.book.clone(), EngineSettings::default());
        let engine = engine.await.map_err(|error| error.to_string())?;
        for (table, rows) in &case.tables {
            let rows = rows.iter().map(|cells| row(*table, cells)).collect::<Result<_, _>>()?;
            engine.import(rows).await.map_err(|error| error.to_string())?;
        }
        Ok(Desk::InProcess(Box::new(engine), 0))
    }

    /// A server with the case's tables.
    ///
    /// # Errors
    /// If it cannot be reached, or what the tables are refused for.
    pub async fn server(case: &Loaded, url: &str) -> Result<Desk, String> {
        let mut client = Client::connect(url).await.map_err(|failure| failure.to_string())?;
        for (table, rows) in &case.tables {
            import::import_table(&mut client, *table, rows.clone()).await.map_err(|s| s.message().to_owned())?;
        }
        Ok(Desk::Server(Box::new(client), Vec::new()))
    }

    /// Puts a step.
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub async fn put(&mut self, ask: Ask<'_>) -> Result<Answer, String> {
        match self {
            Desk::InProcess(engine, count) => {
                *count += 1;
                Ok(in_process(engine, ask, stamp(*count)).await.unwrap_or_else(|error| refused(&error)))
            }
            Desk::Server(client, settled) => over_grpc(client, settled, ask).await,
        }
    }
}

fn row(table: ReferenceTable, cells: &[String]) -> Result<ReferenceRow, String> {
    ReferenceRow::from_cells(table, cells, ClaimLimits::default().id_bytes).map_err(|faults| {
        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        format!("{}: {}", table.as_str(), told.join("; "))
    })
}

fn stamp(count: u64) -> CommitStamp {
    CommitStamp { id: EntryId(u128::from(count).to_be_bytes()), instant: Instant(count as i64) }
}

fn refused(error: &CallError) -> Answer {
    refused_with(&tonic::Status::from(error))
}

fn refused_with(status: &tonic::Status) -> Answer {
    Answer::Refused(code_name(status.code()).to_owned(), status.message().to_owned())
}

async fn in_process(engine: &Engine<MemoryStore>, ask: Ask<'_>, stamp: CommitStamp) -> Result<Answer, CallError> {
    match ask {
        Ask::Quote(text) => {
            Ok(Answer::Split(sums(&engine.quote(text.told().map_err(CallError::InvalidMessage)?.0).await?.split)))
        }
        Ask::Settle(text) => {
            let (claim, request_id) = text.told().map_err(CallError::InvalidMessage)?;
            let committed = engine.settle(SettleRequest { claim, request_id, quote: None }, stamp).await?;
            let settled = committed.entry.settled().map(|settled| sums(&settled.split));
            Ok(Answer::Split(settled.unwrap_or_default()))
        }
        Ask::Reverse(text) => {
            let (told, request_id) = text.told();
            let reversal = engine.reverse(ReverseRequest { told, request_id, dry_run: false }, stamp).await?;
            let revised = reversal.revisions.iter().filter_map(Entry::revised);
            let revised = revised.map(|deed| (deed.claim_id.as_str().to_owned(), revised_sums(deed)));
            Ok(Answer::Reversed(text.claim_id.clone(), revised.collect()))
        }
    }
}

fn revised_sums(deed: &journal::Revised) -> Revised {
    let payers = deed.differences.payers.iter().map(|(payer, by)| (payer.to_string(), *by));
    let differences = payers.chain([("patient".to_owned(), deed.differences.patient)]).collect();
    Revised { sums: sums(&deed.split), differences }
}

fn sums(split: &Split) -> Sums {
    let payers = split.payers().into_iter();
    Sums {
        total: split.total,
        patient: split.patient,
        payers: payers.map(|(payer, sum)| (payer.to_string(), sum)).collect(),
        layers: split.layers.iter().map(|layer| (layer.head.id.to_string(), layer.pays)).collect(),
        pools: split.pools.iter().map(|(pool, sum)| (pool.as_str().to_owned(), sum)).collect(),
    }
}

async fn over_grpc(client: &mut Client, known: &mut Vec<String>, ask: Ask<'_>) -> Result<Answer, String> {
    let answer = match ask {
        Ask::Quote(text) => match text.told() {
            Err(faults) => return Ok(refused(&CallError::InvalidMessage(faults))),
            Ok((claim, _)) => client.quote(&claim).await.map(|quote| Answer::Split(wire_sums(quote.split))),
        },
        Ask::Settle(text) => match text.told() {
            Err(faults) => return Ok(refused(&CallError::InvalidMessage(faults))),
            Ok((claim, request_id)) => client.settle(&claim, &request_id, Vec::new()).await.map(|settled| {
                let settlement = settled.settlement.unwrap_or_default();
                known.push(settlement.settlement_id);
                Answer::Split(wire_sums(settlement.split))
            }),
        },
        Ask::Reverse(text) => {
            let (told, request_id) = text.told();
            match client.reverse(&told, &request_id, false).await {
                Err(status) => Err(status),
                Ok(answer) => revised_by(client, known, answer).await,
            }
        }
    };
    answer.or_else(|status| match client::unreachable(&status) {
        Some(told) => Err(told),
        None => Ok(refused_with(&status)),
    })
}

/// The revisions that a reversal made, read from each settlement of the case: its answer has those of one
/// hospital only, and sums.
async fn revised_by(
    client: &mut Client,
    known: &[String],
    answer: pb::ReverseResponse,
) -> Result<Answer, tonic::Status> {
    let reversal = answer.reversal.unwrap_or_default();
    let mut revised = BTreeMap::new();
    for settlement_id in known {
        let request = pb::GetSettlementRequest { settlement_id: settlement_id.clone(), ..Default::default() };
        let read = client.settlement(request).await?;
        let last = read.revisions.into_iter().last().filter(|last| last.reversal_id == reversal.reversal_id);
        if let Some(revision) = last {
            revised.insert(read.settlement.unwrap_or_default().claim_id, wire_revised(revision));
        }
    }
    Ok(Answer::Reversed(reversal.claim_id, revised))
}

fn wire_revised(revision: pb::Revision) -> Revised {
    let by = revision.differences.unwrap_or_default();
    let payers = by.payers.into_iter().map(|share| (share.payer, Money::from_fen(share.amount_fen)));
    let differences = payers.chain([("patient".to_owned(), Money::from_fen(by.patient_fen))]).collect();
    Revised { sums: wire_sums(revision.split), differences }
}

fn wire_sums(split: Option<pb::Split>) -> Sums {
    let split = split.unwrap_or_default();
    let pools = split.pools.unwrap_or_default();
    let yuan = |(name, fen): (&str, i64)| (name.to_owned(), Money::from_fen(fen));
    Sums {
        total: Money::from_fen(split.total_fen),
        patient: Money::from_fen(split.patient_fen),
        payers: split.payers.iter().map(|share| yuan((&share.payer, share.amount_fen))).collect(),
        layers: split.layers.iter().map(|layer| yuan((&layer.id, layer.pays_fen))).collect(),
        pools: client::pools(&pools).map(yuan).collect(),
    }
}
