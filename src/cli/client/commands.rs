//! The commands that call a server, and their options.

use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::exit::CommandResult;
use crate::cli::output::json;
use crate::domain::month::Month;
use crate::pb::settlement as pb;
use crate::say;

use super::address::ServerOptions;
use super::claim_text::ReversalText;
use super::connection::Client;
use super::{
    account, backup, correct, entries, health, import, list, outcome, quote, readjudicate, reconcile, reference,
    reverse, settle, show,
};

/// A command that calls a server.
#[derive(Subcommand, Debug)]
pub(crate) enum ClientCommand {
    /// Import reference tables (CSV), by file or by directory
    Import {
        #[command(flatten)]
        server: ServerOptions,
        #[command(flatten)]
        options: import::ImportOptions,
    },
    /// Show the rows of a reference table that are in force on a day
    Reference {
        #[command(flatten)]
        server: ServerOptions,
        #[command(flatten)]
        options: reference::ReferenceOptions,
    },
    /// Check whether a server accepts calls: exit code 0 if it does, 1 if not, 3 if it cannot be reached
    Health {
        #[command(flatten)]
        server: ServerOptions,
        #[command(flatten)]
        options: health::HealthOptions,
    },
    /// Quote claims (预结算) without changing anything
    Quote {
        #[command(flatten)]
        server: ServerOptions,
        /// Claim files: one JSON claim per line (NDJSON) or one per file; - is standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Settle claims (结算); after an interruption, run it again: it settles nothing twice
    Settle {
        #[command(flatten)]
        server: ServerOptions,
        #[command(flatten)]
        options: settle::SettleOptions,
    },
    /// Reverse the settlement of a claim (冲正)
    Reverse {
        #[command(flatten)]
        server: ServerOptions,
        #[command(flatten)]
        request: RequestOptions,
        /// The claim
        #[arg(long, value_name = "ID")]
        claim: String,
        /// The reason, which is stored with the reversal
        #[arg(long)]
        reason: String,
        /// Adjudicate the later settlements of the benefit year again (重新结算), instead of refusing the reversal
        #[arg(long)]
        readjudicate: bool,
        /// Show what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Correct settled claims: reverse each and settle its changed content in one commit
    Correct {
        #[command(flatten)]
        server: ServerOptions,
        #[command(flatten)]
        options: correct::CorrectOptions,
    },
    /// Decide the settlements of persons again for a benefit year (重新结算), from the tables and policies of today
    Readjudicate {
        #[command(flatten)]
        server: ServerOptions,
        #[command(flatten)]
        options: readjudicate::ReadjudicateOptions,
    },
    /// Show the outcome of a request
    Outcome {
        #[command(flatten)]
        server: ServerOptions,
        #[command(flatten)]
        request: RequestKeyOptions,
    },
    /// Fence a request: if it has not committed, it never will
    Fence {
        #[command(flatten)]
        server: ServerOptions,
        #[command(flatten)]
        request: RequestKeyOptions,
    },
    /// Show the statement of a settlement
    Show {
        #[command(flatten)]
        server: ServerOptions,
        #[command(flatten)]
        options: show::ShowOptions,
    },
    /// List the settlements of a person's benefit year or of a hospital's days
    List {
        #[command(flatten)]
        server: ServerOptions,
        #[command(flatten)]
        options: list::ListOptions,
    },
    /// Print the journal in the order of commits, with the amounts of each entry by payer
    Entries {
        #[command(flatten)]
        server: ServerOptions,
        #[command(flatten)]
        options: entries::EntriesOptions,
    },
    /// Compare a hospital's list (对明细账) or sums (对总账) with its settlements, and explain each difference
    Reconcile {
        #[command(flatten)]
        server: ServerOptions,
        #[command(flatten)]
        options: reconcile::ReconcileOptions,
    },
    /// Back up the store of a running server to a directory; an earlier backup is continued with what is new
    Backup {
        #[command(flatten)]
        server: ServerOptions,
        #[command(flatten)]
        options: backup::BackupOptions,
    },
    /// Close a month: later reversals and revisions of its settlements are booked in the month of their commit
    Close {
        #[command(flatten)]
        server: ServerOptions,
        /// The month, such as 2017-06
        #[arg(value_name = "YYYY-MM")]
        month: Month,
    },
    /// Drain a server: finish calls in flight, then stop
    Drain {
        #[command(flatten)]
        server: ServerOptions,
    },
    /// Show the accumulators of a person's benefit year
    Account {
        #[command(flatten)]
        server: ServerOptions,
        #[command(flatten)]
        options: account::AccountOptions,
    },
}

/// The name of a request.
#[derive(clap::Args, Debug)]
pub(crate) struct RequestOptions {
    /// The hospital
    #[arg(long, value_name = "ID")]
    hospital: String,
    /// The person
    #[arg(long, value_name = "ID")]
    person: String,
    /// The request id (idempotency key)
    #[arg(long, value_name = "ID")]
    request: String,
}

/// The name of a request of a hospital or of the administration.
#[derive(clap::Args, Debug)]
pub(crate) struct RequestKeyOptions {
    /// The hospital; leave out for a request of readjudicate
    #[arg(long, value_name = "ID")]
    hospital: Option<String>,
    /// The person
    #[arg(long, value_name = "ID")]
    person: String,
    /// The request id (idempotency key)
    #[arg(long, value_name = "ID")]
    request: String,
}

/// Runs a command.
///
/// # Errors
/// If a call failed, or a file cannot be read or written.
pub(crate) async fn run(command: ClientCommand, json: bool) -> CommandResult {
    match command {
        ClientCommand::Import { server, options } => import::run(&server, &options, json).await,
        ClientCommand::Reference { server, options } => {
            reference::run(Client::connect_to(&server).await?, options, json).await
        }
        ClientCommand::Health { server, options } => health::run(&server, options, json).await,
        ClientCommand::Quote { server, files } => quote::run(&server, &files, json).await,
        ClientCommand::Settle { server, options } => settle::run(&server, &options, json).await,
        ClientCommand::Reverse { server, request, claim: claim_id, reason, readjudicate, dry_run } => {
            let RequestOptions { hospital: hospital_id, person: person_id, request: request_id } = request;
            let text = ReversalText { hospital_id, person_id, claim_id, request_id, reason, readjudicate };
            reverse::run(Client::connect_to(&server).await?, text, dry_run, json).await
        }
        ClientCommand::Correct { server, options } => correct::run(&server, &options, json).await,
        ClientCommand::Readjudicate { server, options } => readjudicate::run(&server, &options, json).await,
        ClientCommand::Outcome { server, request } => {
            let RequestKeyOptions { hospital, person: person_id, request: request_id } = request;
            let (of_readjudicate, hospital_id) = (hospital.is_none(), hospital.unwrap_or_default());
            let request = pb::GetOutcomeRequest { hospital_id, person_id, request_id, of_readjudicate };
            outcome::print(Client::connect_to(&server).await?.outcome(request).await, json)
        }
        ClientCommand::Fence { server, request } => {
            let RequestKeyOptions { hospital, person: person_id, request: request_id } = request;
            let (of_readjudicate, hospital_id) = (hospital.is_none(), hospital.unwrap_or_default());
            let request = pb::FenceRequest { hospital_id, person_id, request_id, of_readjudicate };
            outcome::print(Client::connect_to(&server).await?.fence(request).await, json)
        }
        ClientCommand::Show { server, options } => show::run(Client::connect_to(&server).await?, &options, json).await,
        ClientCommand::List { server, options } => list::run(Client::connect_to(&server).await?, options, json).await,
        ClientCommand::Entries { server, options } => {
            entries::run(Client::connect_to(&server).await?, options, json).await
        }
        ClientCommand::Reconcile { server, options } => reconcile::run(&server, &options, json).await,
        ClientCommand::Backup { server, options } => backup::run(&server, &options, json).await,
        ClientCommand::Close { server, month } => close(Client::connect_to(&server).await?, month, json).await,
        ClientCommand::Drain { server } => drain(Client::connect_to(&server).await?, json).await,
        ClientCommand::Account { server, options } => {
            account::run(Client::connect_to(&server).await?, options, json).await
        }
    }
}

async fn close(mut client: Client, month: Month, json: bool) -> CommandResult {
    let answer = client.close_month(month).await?;
    let through = answer.closed_through.as_ref().map(json::month).unwrap_or_default();
    if json {
        let time = json::instant(answer.commit_time.as_ref());
        let (entry_id, already_closed) = (&answer.entry_id, answer.already_closed);
        say!(
            "{}",
            serde_json::json!({
                "closed_through": through, "already_closed": already_closed, "entry_id": entry_id, "commit_time": time,
            })
        );
    } else if answer.already_closed {
        say!("{month} was closed before; closed through {through}");
    } else {
        say!(
            "closed {month}: later reversals and revisions of its settlements are booked in the month of their commit"
        );
    }
    Ok(())
}

async fn drain(mut client: Client, json: bool) -> CommandResult {
    let calls = client.drain().await?;
    if json {
        say!("{}", serde_json::json!({ "calls_in_flight": calls }));
    } else {
        match calls {
            0 => say!("the server stops now: no call is in flight"),
            1 => say!("no new calls are accepted; the server stops when 1 call in flight is finished"),
            calls => say!("no new calls are accepted; the server stops when {calls} calls in flight are finished"),
        }
    }
    Ok(())
}
