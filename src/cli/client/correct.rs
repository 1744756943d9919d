//! `onestop correct`: reverses the settlements of claims and settles their changed content, each in one commit, and shows
//! the new revisions of later settlements.

use std::path::PathBuf;

use serde_json::{Value, json};
use tonic::Status;

use crate::cli::error::client::leaves_outcome_unknown;
use crate::cli::exit::CommandResult;
use crate::cli::output::progress::Progress;
use crate::cli::output::{json, statement};
use crate::domain::content::RawCorrection;
use crate::pb::settlement as pb;
use crate::say;

use super::address::ServerOptions;
use super::claim_lines::{self, ClaimLine};
use super::connection::Client;
use super::refused_claims::RefusedClaims;
use super::reverse;

/// Lines that are read ahead.
const READ_AHEAD: usize = 64;

/// The corrections to make.
#[derive(clap::Args, Debug)]
pub(crate) struct CorrectOptions {
    /// Files of claims as they should have been, each with a new request id; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The reason, which is stored with the reversals
    #[arg(long)]
    reason: String,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Corrects the claims of these files, one after another.
///
/// # Errors
/// If a correction is refused, a file cannot be read, or the server is lost.
pub(super) async fn run(server: &ServerOptions, options: &CorrectOptions, json: bool) -> CommandResult {
    let mut reading = claim_lines::read_files(&options.files, READ_AHEAD)?;
    let mut client = Client::connect_to(server).await?;
    let mut refused = RefusedClaims::open(None)?;
    let progress = Progress::in_bytes(reading.total_bytes);
    while let Some(line) = reading.lines.recv().await.transpose()? {
        match correct(&mut client, &line, options).await {
            Ok(answer) => progress.suspend(|| print_correction(&answer, json)),
            Err(status) if leaves_outcome_unknown(&status) => return Err(status.into()),
            Err(status) => refused.add(&line, &status, &progress)?,
        }
    }
    drop(progress);
    refused.finish()
}

async fn correct(
    client: &mut Client,
    line: &ClaimLine,
    options: &CorrectOptions,
) -> Result<pb::CorrectResponse, Status> {
    let (claim, request_id) = line.claim_and_request_id()?;
    let correction = RawCorrection { claim, reason: options.reason.clone() };
    client.correct(&correction, &request_id, options.dry_run).await
}

fn print_correction(answer: &pb::CorrectResponse, json: bool) {
    if json {
        return say!("{}", correction_json(answer));
    }
    let settlement = answer.settlement.clone().unwrap_or_default();
    let what = match (answer.dry_run, answer.replay) {
        (true, _) => "would be corrected",
        (_, true) => "corrected (a replay: it was corrected before)",
        _ => "corrected",
    };
    say!("{}", statement::line(&settlement.claim_id, what, &settlement.split.unwrap_or_default()));
    reverse::print_revised(&answer.revised, answer.others.as_ref());
}

fn correction_json(answer: &pb::CorrectResponse) -> Value {
    let mut value = json!({
        "reversal": json::reversal(&answer.reversal.clone().unwrap_or_default()),
        "settlement": json::settlement(&answer.settlement.clone().unwrap_or_default()),
        "replay": answer.replay, "dry_run": answer.dry_run,
    });
    reverse::add_revised(&mut value, &answer.revised, answer.others.as_ref());
    value
}
