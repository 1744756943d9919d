//! `onestop quote` and `onestop settle`: claims from files.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use crate::domain::claim::ToldClaim;
use crate::domain::ids::RequestId;
use crate::say;

use super::claim_text::ClaimText;
use super::client::{self, Client};
use super::exit::{Ended, Failure};
use super::{json, statement};

/// The claims of a file: one a line, or one in the whole file.
///
/// # Errors
/// The line that cannot be read.
fn claims(path: &Path) -> Result<Vec<ClaimText>, Failure> {
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

/// Quotes these claims.
///
/// # Errors
/// Exit 1 if any is refused, 2 if a file cannot be read, 3 if the server is lost.
pub async fn quote(mut client: Client, files: &[PathBuf], json: bool) -> Ended {
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

/// Settles these claims, in order.
///
/// # Errors
/// Exit 1 if any is refused, 2 if a file cannot be read, 3 if the server is lost.
pub async fn settle(mut client: Client, files: &[PathBuf], json: bool) -> Ended {
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
    fn read(&mut self, text: &ClaimText) -> Option<(ToldClaim, RequestId)> {
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
