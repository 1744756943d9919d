//! The access log: a line for every read of a person, written before the read is answered.
//!
//! A line tells when, who, with which role, by which call, and of whom: the person's key, a keyed hash, never the
//! id. Whoever has the store's secret can look for a given person; nobody else can tell who is meant. The file is
//! opened for its owner alone and only ever appended to. After it was moved away, a reload opens it anew.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::call::Call;
use super::caller::Caller;

/// The log.
#[derive(Debug)]
pub enum AccessLog {
    /// None: of a server that a command runs for itself.
    Nowhere,
    /// A file.
    File {
        /// Where it stands.
        path: PathBuf,
        /// The file as opened last.
        open: Mutex<File>,
    },
}

#[derive(Serialize)]
struct Line<'a> {
    at: String,
    caller: &'a str,
    role: &'a str,
    call: &'a str,
    person: String,
}

impl AccessLog {
    /// The log in this file, made if it is missing.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: &Path) -> io::Result<AccessLog> {
        Ok(AccessLog::File { path: path.to_owned(), open: Mutex::new(opened(path)?) })
    }

    /// Opens the file anew: after it was moved, the next line begins another.
    ///
    /// # Errors
    /// If it cannot be opened; then the log goes on where it was.
    pub fn reopen(&self) -> io::Result<()> {
        if let AccessLog::File { path, open } = self {
            let anew = opened(path)?;
            *open.lock().unwrap_or_else(PoisonError::into_inner) = anew;
        }
        Ok(())
    }

    /// Notes that a caller reads of these persons, by their keys. `at` is the instant, in microseconds since 1970.
    ///
    /// # Errors
    /// If it cannot be written: then the read is not to be answered.
    pub fn note(&self, caller: &Caller, call: &Call, persons: &[[u8; 16]], at: i64) -> io::Result<()> {
        let AccessLog::File { open, .. } = self else { return Ok(()) };
        let mut lines = Vec::new();
        for person in persons {
            let line = Line {
                at: told(at),
                caller: &caller.name,
                role: caller.role.as_str(),
                call: call.name(),
                person: person.iter().map(|byte| format!("{byte:02x}")).collect(),
            };
            serde_json::to_writer(&mut lines, &line)?;
            lines.push(b'\n');
        }
        // In one write, so that lines of several writers do not run into one another.
        open.lock().unwrap_or_else(PoisonError::into_inner).write_all(&lines)
    }
}

fn opened(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

fn told(at: i64) -> String {
    jiff::Timestamp::from_microsecond(at).map_or_else(|_| at.to_string(), |at| at.to_string())
}
