//! The access log: one line for every answer that discloses something about a person, written before it is sent.
//!
//! A line contains the time, the caller, its role, the call, the answer (OK or the reason of a refusal), and the person's
//! key: a keyed hash, never the id. Only
//! someone with the store's secret can search the log for a given person. The file is readable by its owner only and
//! append-only. To rotate it, move the file away and send a reload: the server then opens a new one.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::call::Call;
use super::caller::Caller;

/// The access log.
#[derive(Debug)]
pub enum AccessLog {
    /// No log: for a server that a command runs for itself.
    Disabled,
    /// A file.
    File {
        /// The path, for reopening.
        path: PathBuf,
        /// The open file.
        file: Mutex<File>,
    },
}

/// An answer that discloses something about persons.
#[derive(Clone, Copy, Debug)]
pub struct Disclosure<'a> {
    /// The caller that is answered.
    pub caller: &'a Caller,
    /// The call.
    pub call: &'static Call,
    /// `OK`, or the reason of a refusal.
    pub answer: &'a str,
    /// The keys of the persons.
    pub persons: &'a [[u8; 16]],
}

#[derive(Serialize)]
struct LogLine<'a> {
    at: String,
    caller: &'a str,
    role: &'a str,
    call: &'a str,
    answer: &'a str,
    person: String,
}

impl AccessLog {
    /// Opens the log at this path; creates the file if it does not exist.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: &Path) -> io::Result<AccessLog> {
        Ok(AccessLog::File { path: path.to_owned(), file: Mutex::new(open_for_append(path)?) })
    }

    /// Opens the path again: after the file was moved away, further lines go to a new file.
    ///
    /// # Errors
    /// If the path cannot be opened; further lines then go to the file that was open.
    pub fn reopen(&self) -> io::Result<()> {
        if let AccessLog::File { path, file } = self {
            let reopened = open_for_append(path)?;
            *file.lock().unwrap_or_else(PoisonError::into_inner) = reopened;
        }
        Ok(())
    }

    /// Records a disclosure, one line for each person. `at` is the time in microseconds since 1970.
    ///
    /// # Errors
    /// If the lines cannot be written: the answer must then not be sent.
    pub fn record(&self, disclosure: Disclosure<'_>, at: i64) -> io::Result<()> {
        let AccessLog::File { file, .. } = self else { return Ok(()) };
        let Disclosure { caller, call, answer, persons } = disclosure;
        let mut lines = Vec::new();
        for person in persons {
            let line = LogLine {
                at: timestamp(at),
                caller: &caller.name,
                role: caller.role.as_str(),
                call: call.name(),
                answer,
                person: person.iter().map(|byte| format!("{byte:02x}")).collect(),
            };
            serde_json::to_writer(&mut lines, &line)?;
            lines.push(b'\n');
        }
        // One write, so that lines of concurrent callers do not interleave.
        file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&lines)
    }
}

fn open_for_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

fn timestamp(at: i64) -> String {
    jiff::Timestamp::from_microsecond(at).map_or_else(|_| at.to_string(), |at| at.to_string())
}
