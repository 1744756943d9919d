//! The commands that talk to a server.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::domain::money::Money;
use crate::grpc::pb::reference as reference_pb;
use crate::grpc::pb::settlement as pb;
use crate::reference::csv_text;
use crate::reference::row::Table;
use crate::say;

use super::claim_text::{ClaimText, ReversalText};
use super::client::{self, Client};
use super::exit::{Ended, Failure};
use super::{json, statement};

/// What a server is asked.
#[derive(Subcommand, Debug)]
pub(super) enum Action {
    /// Import reference tables (CSV), by file or by directory
    Import {
        #[command(flatten)]
        server: Server,
        /// Files named after their table (persons.csv, …), or a directory of them
        #[arg(required = true, value_name = "DIR|FILE")]
        paths: Vec<PathBuf>,
    },
    /// Quote claims (预结算): JSON files, one claim a line or one a file; changes nothing
    Quote {
        #[command(flatten)]
        server: Server,
        /// Claim files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Settle claims (结算)
    Settle {
        #[command(flatten)]
        server: Server,
        /// Claim files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Reverse the settlement of a claim (冲正)
    Reverse {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        request: RequestName,
        /// The claim
        #[arg(long, value_name = "ID")]
        claim: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// What became of a request
    Outcome {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        request: RequestName,
    },
    /// Record that a request may never commit
    Fence {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        request: RequestName,
    },
    /// Show a settlement with its whole derivation
    Show {
        #[command(flatten)]
        server: Server,
        /// The settlement
        settlement_id: String,
    },
    /// Show the accumulators of a person's benefit year
    Account {
        #[command(flatten)]
        server: Server,
        /// The person
        person: String,
        /// The benefit year
        #[arg(long)]
        year: i32,
        /// The insurance
        #[arg(long, default_value = "resident")]
        insurance: String,
    },
}

/// Which server.
#[derive(clap::Args, Debug)]
pub(super) struct Server {
    /// The server's address
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:50051")]
    server: String,
}

/// Which request.
#[derive(clap::Args, Debug)]
pub(super) struct RequestName {
    /// The hospital
    #[arg(long, value_name = "ID")]
    hospital: String,
    /// The person
    #[arg(long, value_name = "ID")]
    person: String,
    /// The idempotency key
    #[arg(long, value_name = "ID")]
    request: String,
}

impl Server {
    async fn connect(&self) -> Result<Client, Failure> {
        Client::connect(&self.server).await
    }
}

/// Runs a command.
///
/// # Errors
/// How it failed, with its exit code.
pub(super) async fn run(action: Action, json: bool) -> Ended {
    match action {
        Action::Import { server, paths } => import(server.connect().await?, &paths, json).await,
        Action::Quote { server, files } => quote(server.connect().await?, &files, json).await,
        Action::Settle { server, files } => settle(server.connect().await?, &files, json).await,
        Action::Reverse { server, request, claim, reason } => {
            reverse(server.connect().await?, request, claim, reason, json).await
        }
        Action::Outcome { server, request } => {
            let RequestName { hospital: hospital_id, person: person_id, request: request_id } = request;
            let asked = pb::GetOutcomeRequest { hospital_id, person_id, request_id };
            outcome(server.connect().await?.outcome(asked).await, json)
        }
        Action::Fence { server, request } => {
            let RequestName { hospital: hospital_id, person: person_id, request: request_id } = request;
            let asked = pb::FenceRequest { hospital_id, person_id, request_id };
            outcome(server.connect().await?.fence(asked).await, json)
        }
        Action::Show { server, settlement_id } => show(server.connect().await?, settlement_id, json).await,
        Action::Account { server, person, year, insurance } => {
            account(server.connect().await?, person, year, insurance, json).await
        }
    }
}

async fn import(mut client: Client, paths: &[PathBuf], json: bool) -> Ended {
    for (table, path) in tables(paths)? {
        let unreadable = |told: String| Failure::Usage(format!("{}: {told}", path.display()));
        let file = std::fs::File::open(&path).map_err(|error| unreadable(error.to_string()))?;
        let rows = csv_text::cells(table, file).map_err(unreadable)?;
        let taken = import_table(&mut client, table, rows).await.map_err(|status| {
            let told = format!("{} (row 0 is the first after the header)", client::failure(&status));
            Failure::Refused(format!("{}: {told}", path.display()))
        })?;
        if json {
            say!("{}", json::import(table.as_str(), &taken));
        } else {
            say!(
                "{}: {} rows taken, {} changed, {} unchanged",
                table.as_str(),
                taken.taken,
                taken.changed,
                taken.unchanged
            );
        }
    }
    Ok(())
}

/// Imports one table.
///
/// # Errors
/// The status of the refusal.
pub async fn import_table(
    client: &mut Client,
    table: Table,
    rows: Vec<Vec<String>>,
) -> Result<reference_pb::ImportReferenceResponse, tonic::Status> {
    let table = match table {
        Table::Persons => reference_pb::Table::Persons,
        Table::Enrolments => reference_pb::Table::Enrolments,
        Table::Categories => reference_pb::Table::Categories,
        Table::Approvals => reference_pb::Table::Approvals,
        Table::Hospitals => reference_pb::Table::Hospitals,
        Table::Designations => reference_pb::Table::Designations,
        Table::Catalogue => reference_pb::Table::Catalogue,
    };
    client.import(table, rows).await
}

/// The files with their tables, in the order in which they are imported.
fn tables(paths: &[PathBuf]) -> Result<Vec<(Table, PathBuf)>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let files = Table::ALL.iter().map(|table| (*table, path.join(format!("{}.csv", table.as_str()))));
            found.extend(files.filter(|(_, file)| file.exists()));
        } else {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let table = Table::ALL.iter().find(|table| table.as_str() == stem);
            let table = table.ok_or_else(|| Failure::Usage(format!("{}: is named after no table", path.display())))?;
            found.push((*table, path.clone()));
        }
    }
    if found.is_empty() { Err(Failure::Usage("no table was found".to_owned())) } else { Ok(found) }
}

/// The claims of a file: one a line, or one in the whole file.
///
/// # Errors
/// The line that cannot be read.
pub fn claims(path: &Path) -> Result<Vec<ClaimText>, Failure> {
    let unreadable = |told: String| Failure::Usage(format!("{}: {told}", path.display()));
    let text = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    if let Ok(claim) = serde_json::from_slice(&text) {
        return Ok(vec![claim]);
    }
    let lines = text.lines().enumerate().filter(|(_, line)| line.as_ref().is_ok_and(|line| !line.trim().is_empty()));
    let claim = |(at, line): (usize, std::io::Result<String>)| {
        let line = line.map_err(|error| unreadable(error.to_string()))?;
        serde_json::from_str(&line).map_err(|error| unreadable(format!("line {}: {error}", at + 1)))
    };
    lines.map(claim).collect()
}

async fn quote(mut client: Client, files: &[PathBuf], json: bool) -> Ended {
    let mut refused = Refused::default();
    for text in all_claims(files)? {
        let Some((claim, _)) = refused.read(&text) else { continue };
        match client.quote(&claim).await {
            Ok(quote) if json => say!("{}", json::split(&text.claim_id, &quote.split.unwrap_or_default())),
            Ok(quote) => say!("{}", statement::line(&text.claim_id, "quoted", &quote.split.unwrap_or_default())),
            Err(status) => refused.note(&text.claim_id, &status)?,
        }
    }
    refused.end()
}

async fn settle(mut client: Client, files: &[PathBuf], json: bool) -> Ended {
    let mut refused = Refused::default();
    for text in all_claims(files)? {
        let Some((claim, request_id)) = refused.read(&text) else { continue };
        match client.settle(&claim, &request_id, Vec::new()).await {
            Ok(settled) => {
                let settlement = settled.settlement.unwrap_or_default();
                let told =
                    format!("{} {}", if settled.replay { "replayed" } else { "settled" }, settlement.settlement_id);
                if json {
                    say!("{}", json::settlement(&settlement));
                } else {
                    say!("{}", statement::line(&text.claim_id, &told, &settlement.split.unwrap_or_default()));
                }
            }
            Err(status) => refused.note(&text.claim_id, &status)?,
        }
    }
    refused.end()
}

fn all_claims(files: &[PathBuf]) -> Result<Vec<ClaimText>, Failure> {
    let lists = files.iter().map(|file| claims(file)).collect::<Result<Vec<_>, _>>()?;
    Ok(lists.into_iter().flatten().collect())
}

/// The claims that were refused so far.
#[derive(Default)]
struct Refused(usize);

impl Refused {
    fn read(&mut self, text: &ClaimText) -> Option<(crate::domain::claim::ToldClaim, crate::domain::ids::RequestId)> {
        text.told()
            .map_err(|refusal| {
                self.0 += 1;
                eprintln!("{}: {refusal}", text.claim_id);
            })
            .ok()
    }

    fn note(&mut self, claim_id: &str, status: &tonic::Status) -> Ended {
        match client::failure(status) {
            Failure::Refused(told) => {
                self.0 += 1;
                eprintln!("{claim_id}: {told}");
                Ok(())
            }
            other => Err(other),
        }
    }

    fn end(self) -> Ended {
        match self.0 {
            0 => Ok(()),
            refused => Err(Failure::Refused(format!("{refused} refused"))),
        }
    }
}

async fn reverse(mut client: Client, request: RequestName, claim: String, reason: String, json: bool) -> Ended {
    let RequestName { hospital: hospital_id, person: person_id, request: request_id } = request;
    let text = ReversalText { hospital_id, person_id, claim_id: claim, request_id, reason };
    let (told, request_id) = text.told();
    let answer = client.reverse(&told, &request_id).await.map_err(|status| client::failure(&status))?;
    let reversal = answer.reversal.unwrap_or_default();
    if json {
        say!("{}", json::reversal(&reversal));
    } else {
        let again = if answer.replay { " (had been before)" } else { "" };
        say!("reversed {} by {}{again}", reversal.settlement_id, reversal.reversal_id);
    }
    Ok(())
}

fn outcome(answer: Result<pb::Outcome, tonic::Status>, json: bool) -> Ended {
    use pb::outcome::Outcome as Told;
    let outcome = answer.map_err(|status| client::failure(&status))?.outcome;
    let (word, id) = match &outcome {
        Some(Told::Committed(settlement)) => ("committed", settlement.settlement_id.as_str()),
        Some(Told::Reversed(reversal)) => ("reversed", reversal.reversal_id.as_str()),
        Some(Told::Fenced(_)) => ("fenced", ""),
        Some(Told::NotSeen(_)) | None => ("not_seen", ""),
    };
    if json {
        say!("{}", serde_json::json!({ "outcome": word, "id": id }));
    } else {
        say!("{}", format!("{word} {id}").trim_end());
    }
    Ok(())
}

async fn show(mut client: Client, settlement_id: String, json: bool) -> Ended {
    let request = pb::GetSettlementRequest { settlement_id, ..pb::GetSettlementRequest::default() };
    let answer = client.settlement(request).await.map_err(|status| client::failure(&status))?;
    let settlement = answer.settlement.unwrap_or_default();
    if json {
        say!("{}", json::settlement(&settlement));
        return Ok(());
    }
    say!("{}", statement::text(&settlement));
    if let Some(reversal) = answer.reversal {
        say!("REVERSED by {}: {}", reversal.reversal_id, reversal.reason);
    }
    Ok(())
}

async fn account(mut client: Client, person_id: String, year: i32, insurance: String, json: bool) -> Ended {
    let request = pb::GetAccountRequest { person_id, insurance, year, on: None };
    let account = client.account(request).await.map_err(|status| client::failure(&status))?;
    if json {
        say!("{}", json::account(&account));
        return Ok(());
    }
    say!("version {}, {} inpatient settlements", account.version, account.admissions);
    for layer in &account.layers {
        let (base, paid) = (Money::from_fen(layer.base_fen), Money::from_fen(layer.paid_fen));
        say!("layer {:28} base {base:>14}  paid {paid:>14}", layer.layer_id);
    }
    for room in &account.rooms {
        let yuan = |fen: Option<i64>| fen.map_or_else(|| "lifted".to_owned(), |fen| Money::from_fen(fen).to_string());
        let used = Money::from_fen(room.used_fen);
        say!(
            "cap   {:28} used {used:>14}  of {:>16}  room {:>14}",
            room.account,
            yuan(room.annual_fen),
            yuan(room.room_fen)
        );
    }
    Ok(())
}
