//! `onestop quote`: the splits that claims from files would be settled with, without settling them.

use std::path::PathBuf;

use tonic::Status;

use crate::cli::exit::CommandResult;
use crate::cli::output::progress::Progress;
use crate::cli::output::{json, statement};
use crate::say;

use super::address::ServerOptions;
use super::claim_lines::{self, ClaimLine};
use super::connection::Client;
use super::refused_claims::RefusedClaims;
use crate::cli::error::client::leaves_outcome_unknown;

/// Lines that are read ahead.
const READ_AHEAD: usize = 64;

/// Quotes the claims of these files, one after another.
///
/// # Errors
/// If a claim is refused, a file cannot be read, or the server is lost.
pub(super) async fn run(server: &ServerOptions, files: &[PathBuf], json: bool) -> CommandResult {
    let mut reading = claim_lines::read_files(files, READ_AHEAD)?;
    let mut client = Client::connect_to(server).await?;
    let mut refused = RefusedClaims::open(None)?;
    let progress = Progress::in_bytes(reading.total_bytes);
    while let Some(line) = reading.lines.recv().await.transpose()? {
        match quote(&mut client, &line, json).await {
            Ok(output) => progress.suspend(|| say!("{output}")),
            Err(status) if leaves_outcome_unknown(&status) => return Err(status.into()),
            Err(status) => refused.add(&line, &status, &progress)?,
        }
    }
    drop(progress);
    refused.finish()
}

async fn quote(client: &mut Client, line: &ClaimLine, json: bool) -> Result<String, Status> {
    let (claim, _) = line.claim_and_request_id()?;
    let quote = client.quote(&claim).await?;
    let claim_id = claim.claim_id.as_str();
    Ok(if json {
        json::quote(&claim.hospital_id, claim_id, &quote).to_string()
    } else {
        statement::line(claim_id, "quoted", &quote.split.unwrap_or_default())
    })
}
