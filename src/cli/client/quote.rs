//! `onestop quote`: what claims from files would be settled as; it changes nothing.

use std::path::PathBuf;

use crate::grpc::error::CallError;
use crate::say;

use super::claim_lines::{self, Line};
use super::connection::{self as client, Client};
use super::refused_claims::Refused;
use crate::cli::exit::{Ended, Failure};
use crate::cli::output::progress::Progress;
use crate::cli::output::{json, statement};

/// Quotes these claims, one after another.
///
/// # Errors
/// Exit 1 if any is refused, 2 if a file cannot be read, 3 if the server is lost.
pub async fn run(client: impl Future<Output = Result<Client, Failure>>, files: &[PathBuf], json: bool) -> Ended {
    let mut lines = claim_lines::read(files, 64)?;
    let mut client = client.await?;
    let mut refused = Refused::open(None)?;
    let progress = Progress::of_bytes(lines.total);
    while let Some(line) = lines.lines.recv().await.transpose()? {
        match quote(&mut client, &line, json).await {
            Ok(told) => progress.aside(|| say!("{told}")),
            Err(status) => match client::failure(&status) {
                Failure::Refused(_) => refused.note(&line, &status, &progress)?,
                lost => return Err(lost),
            },
        }
    }
    drop(progress);
    refused.end()
}

async fn quote(client: &mut Client, line: &Line, json: bool) -> Result<String, tonic::Status> {
    let not_a_claim = |why: &String| tonic::Status::invalid_argument(format!("not a claim: {why}"));
    let text = line.claim.as_ref().map_err(not_a_claim)?;
    let (claim, _) = text.told().map_err(CallError::InvalidMessage)?;
    let split = client.quote(&claim).await?.split.unwrap_or_default();
    Ok(if json {
        json::split(&text.claim_id, &split).to_string()
    } else {
        statement::line(&text.claim_id, "quoted", &split)
    })
}
