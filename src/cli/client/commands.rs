//! The commands that talk to a server.

use std::path::PathBuf;

use clap::Subcommand;

use crate::domain::money::Money;
use crate::grpc::pb::settlement as pb;
use crate::say;

use super::address::Server;
use super::claim_text::ReversalText;
use super::connection::{self as client, Client};
use super::{import, list, quote, reference, reverse, settle, show};
use crate::cli::exit::Ended;
use crate::cli::output::json;

/// What a server is asked.
#[derive(Subcommand, Debug)]
pub(crate) enum Action {
    /// Import reference tables (CSV), by file or by directory
    Import {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        options: import::Options,
    },
    /// Show the rows of a reference table that are in force on a day
    Reference {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        options: reference::Options,
    },
    /// Quote claims (预结算): JSON files, one claim a line or one a file; changes nothing
    Quote {
        #[command(flatten)]
        server: Server,
        /// Claim files: a claim a line (NDJSON), or one in the file; - is standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Settle claims (结算); stopped and run again it settles nothing twice
    Settle {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        options: settle::Options,
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
        /// Decide the later settlements of the benefit year anew (重新结算), in place of refusing
        #[arg(long)]
        readjudicate: bool,
        /// Say what it would do, and change nothing
        #[arg(long)]
        dry_run: bool,
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
        #[command(flatten)]
        options: show::Options,
    },
    /// List the settlements of a person's benefit year, or of a hospital's days
    List {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        options: list::Options,
    },
    /// Have a server answer what is in flight and end
    Drain {
        #[command(flatten)]
        server: Server,
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

/// Which request.
#[derive(clap::Args, Debug)]
pub(crate) struct RequestName {
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

/// Runs a command.
///
/// # Errors
/// How it failed, with its exit code.
pub(crate) async fn run(action: Action, json: bool) -> Ended {
    match action {
        Action::Import { server, options } => import::run(server.connect(), &options, json).await,
        Action::Reference { server, options } => reference::run(server.connect().await?, options, json).await,
        Action::Quote { server, files } => quote::run(server.connect(), &files, json).await,
        Action::Settle { server, options } => settle::run(server.connect(), &options, json).await,
        Action::Reverse { server, request, claim: claim_id, reason, readjudicate, dry_run } => {
            let RequestName { hospital: hospital_id, person: person_id, request: request_id } = request;
            let text = ReversalText { hospital_id, person_id, claim_id, request_id, reason, readjudicate };
            reverse::run(server.connect().await?, text, dry_run, json).await
        }
        Action::List { server, options } => list::run(server.connect().await?, options, json).await,
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
        Action::Show { server, options } => show::run(server.connect().await?, &options, json).await,
        Action::Drain { server } => drain(server.connect().await?, json).await,
        Action::Account { server, person, year, insurance } => {
            account(server.connect().await?, person, year, insurance, json).await
        }
    }
}

async fn drain(mut client: Client, json: bool) -> Ended {
    let calls = client.drain().await.map_err(|status| client::failure(&status))?;
    if json {
        say!("{}", serde_json::json!({ "calls_in_flight": calls }));
    } else {
        say!("it takes no new calls; {calls} in flight are answered, then it ends");
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

async fn account(mut client: Client, person_id: String, year: i32, insurance: String, json: bool) -> Ended {
    let name = format!("{person_id}, {insurance} {year}");
    let request = pb::GetAccountRequest { person_id, insurance, year, on: None };
    let account = client.account(request).await.map_err(|status| client::failure(&status))?;
    if json {
        say!("{}", json::account(&account));
        return Ok(());
    }
    let law = if account.policy_id.is_empty() { "no policy in force" } else { account.policy_id.as_str() };
    say!("{name}: {} inpatient settlements stand, moved {} times; caps of {law}", account.admissions, account.version);
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
