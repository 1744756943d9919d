//! The quotes that `onestop quote --json` printed, for a settle that must not differ from them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tonic::Status;

use crate::cli::exit::CommandError;
use crate::cli::text_file;
use crate::domain::claim::RawClaim;
use crate::domain::file_fault::FileFault;

/// The quotes of a file, by hospital and claim.
pub(super) struct Quotes {
    path: PathBuf,
    tokens: HashMap<(String, String), Vec<u8>>,
}

/// What is read of a line; the rest of it is for people.
#[derive(Deserialize)]
struct QuoteLine {
    hospital_id: String,
    claim_id: String,
    quote_digest: String,
}

impl Quotes {
    /// Reads a file of quotes, one JSON object per line; a later quote of a claim replaces an earlier one.
    ///
    /// # Errors
    /// If the file cannot be read, or the first line that is no quote.
    pub(super) fn read(path: &Path) -> Result<Quotes, CommandError> {
        let mut quotes = Quotes { path: path.to_owned(), tokens: HashMap::new() };
        for (at, line) in text_file::read(path)?.lines().enumerate() {
            if !line.trim().is_empty() {
                quotes.add_line(at + 1, line)?;
            }
        }
        Ok(quotes)
    }

    fn add_line(&mut self, number: usize, line: &str) -> Result<(), CommandError> {
        let quote: Option<QuoteLine> = serde_json::from_str(line).ok();
        let token = quote.as_ref().and_then(|quote| STANDARD.decode(&quote.quote_digest).ok());
        let (Some(quote), Some(token)) = (quote, token) else {
            let message = "is no quote as `onestop quote --json` prints it";
            let fault = FileFault::new(self.path.display().to_string(), number, message);
            return Err(CommandError::FileFaults(fault.into()));
        };
        self.tokens.insert((quote.hospital_id, quote.claim_id), token);
        Ok(())
    }

    /// The token of the quote for this claim.
    ///
    /// # Errors
    /// A status that refuses the claim, if the file has no quote for it.
    pub(super) fn token_for(&self, claim: &RawClaim) -> Result<Vec<u8>, Status> {
        let token = self.tokens.get(&(claim.hospital_id.clone(), claim.claim_id.clone())).cloned();
        let none = || {
            Status::failed_precondition(format!(
                "the quotes file {} has no quote for this claim; add one with `onestop quote --json`",
                self.path.display()
            ))
        };
        token.ok_or_else(none)
    }
}
