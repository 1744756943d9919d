//! Claims that were refused: each is reported on standard error with its position and reasons, and written to a file if
//! one is named, so that it can be corrected and sent again.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::{Value, json};
use tonic::Status;
use tonic_types::StatusExt;

use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::progress::Progress;
use crate::grpc::status;
use crate::say_error;

use super::claim_lines::ClaimLine;
use crate::cli::error::client::{ClientError, described};
use crate::cli::error::refusal::{FieldViolation, field_violations};

/// The claims that were refused.
pub(super) struct RefusedClaims {
    count: u64,
    file: Option<BufWriter<File>>,
}

impl RefusedClaims {
    /// No claims yet; `path` is the file that they are written to.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub(super) fn open(path: Option<&Path>) -> Result<RefusedClaims, CommandError> {
        let create = |path: &Path| File::create(path).map(BufWriter::new).map_err(CommandError::file(path));
        Ok(RefusedClaims { count: 0, file: path.map(create).transpose()? })
    }

    /// The number of refused claims.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Adds a refused claim.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(super) fn add(&mut self, line: &ClaimLine, status: &Status, progress: &Progress) -> CommandResult {
        self.count += 1;
        let claim_id = line.claim.as_ref().map(|claim| claim.claim_id.as_str()).unwrap_or("?");
        let position = format!("{}:{}", line.file.display(), line.number);
        progress.suspend(|| say_error!("{position}: {claim_id}: {}", described(status)));
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = writeln!(file, "{}", refused_claim_json(line, status)).and_then(|()| file.flush());
        Ok(written.map_err(ClientError::RefusedClaimsFile)?)
    }

    /// The result of the command.
    ///
    /// # Errors
    /// If any claim was refused.
    pub(super) fn finish(self) -> CommandResult {
        match self.count {
            0 => Ok(()),
            refused => Err(CommandError::Refused(refused)),
        }
    }
}

/// A refused claim as it was read, with the reasons.
fn refused_claim_json(line: &ClaimLine, status: &Status) -> Value {
    let details = status.get_error_details();
    let fault =
        |fault: FieldViolation| json!({ "field": fault.field, "reason": fault.reason, "message": fault.message });
    let faults: Vec<Value> = field_violations(status).into_iter().map(fault).collect();
    let claim = serde_json::from_str(&line.text).unwrap_or_else(|_| Value::from(line.text.as_str()));
    json!({
        "file": line.file, "line": line.number, "status": status::code_name(status.code()),
        "reason": details.error_info().map(|info| info.reason.as_str()), "message": status.message(),
        "faults": faults, "claim": claim,
    })
}
