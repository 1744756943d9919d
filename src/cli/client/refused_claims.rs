//! Claims that were refused: each told on standard error with its place and reasons, and kept apart in a file if
//! one is named, so that they can be mended and sent again.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::{Value, json};
use tonic::Status;
use tonic_types::StatusExt;

use super::claim_lines::Line;
use super::connection as client;
use crate::cli::exit::{Ended, Failure};
use crate::cli::output::progress::Progress;

/// The claims that were refused so far.
pub struct Refused {
    count: u64,
    file: Option<BufWriter<File>>,
}

impl Refused {
    /// None yet; `path` is the file that keeps them.
    ///
    /// # Errors
    /// Exit 2 if the file cannot be made.
    pub fn open(path: Option<&Path>) -> Result<Refused, Failure> {
        let create = |path: &Path| {
            File::create(path).map(BufWriter::new).map_err(|why| Failure::Usage(format!("{}: {why}", path.display())))
        };
        Ok(Refused { count: 0, file: path.map(create).transpose()? })
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Notes one.
    ///
    /// # Errors
    /// Exit 3 if the file cannot be written.
    pub fn note(&mut self, line: &Line, status: &Status, progress: &Progress) -> Ended {
        self.count += 1;
        let claim_id = line.claim.as_ref().map(|claim| claim.claim_id.as_str()).unwrap_or("?");
        let place = format!("{}:{}", line.file.display(), line.number);
        progress.aside(|| eprintln!("{place}: {claim_id}: {}", client::failure(status)));
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = writeln!(file, "{}", value(line, status)).and_then(|()| file.flush());
        written.map_err(|why| Failure::Unreachable(format!("the file of refused claims: {why}")))
    }

    /// How the command ends.
    ///
    /// # Errors
    /// Exit 1 if any was refused.
    pub fn end(self) -> Ended {
        match self.count {
            0 => Ok(()),
            refused => Err(Failure::Refused(format!("{refused} refused"))),
        }
    }
}

/// A refused claim as it was read, with why it was refused.
fn value(line: &Line, status: &Status) -> Value {
    let details = status.get_error_details();
    let mut faults = Vec::new();
    for fault in details.bad_request().iter().flat_map(|bad| &bad.field_violations) {
        faults.push(json!({ "field": fault.field, "told": fault.description }));
    }
    for fault in details.precondition_failure().iter().flat_map(|failed| &failed.violations) {
        faults.push(json!({ "field": fault.subject, "told": fault.description }));
    }
    let claim = serde_json::from_str(&line.text).unwrap_or_else(|_| Value::from(line.text.as_str()));
    json!({
        "file": line.file, "line": line.number, "status": crate::grpc::status::code_name(status.code()),
        "reason": details.error_info().map(|info| info.reason.as_str()), "message": status.message(),
        "faults": faults, "claim": claim,
    })
}
