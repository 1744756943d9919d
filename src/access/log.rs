//! The access log: one line for every answer that discloses something about a person, written before it is sent.
//!
//! A line contains the time, the caller, its role, the call, the answer (OK or the reason of a refusal), and the person's
//! key: a keyed hash, never the id. Only
//! someone with the store's secret can search the log for a given person. The file is readable by its owner only and
//! append-only. To rotate it, move the file away and send a reload: the server then opens a new one.
//!
//! An answer that cannot be logged is not sent, so room for further lines is allocated ahead: reads are answered for a while
//! even if something else has filled the disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FallocateFlags, fallocate};
use serde::Serialize;

use super::call::Call;
use super::caller::Caller;

/// The bytes that are allocated behind the end of the file: some 20,000 lines.
const ALLOCATED_AHEAD: u64 = 4 << 20;

/// The bytes of lines that are written at once: whoever records something else waits for no more.
const PIECE_BYTES: usize = 256 << 10;

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
        file: Mutex<LogFile>,
    },
}

/// An open file, and what is allocated for it.
#[derive(Debug)]
pub struct LogFile {
    file: File,
    length: u64,
    allocated: u64,
    /// Whether its last line may lack its end: the disk was full, or the machine failed.
    is_torn: bool,
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
        Ok(AccessLog::File { path: path.to_owned(), file: Mutex::new(LogFile::open(path)?) })
    }

    /// Opens the path again: after the file was moved away, further lines go to a new file.
    ///
    /// # Errors
    /// If the path cannot be opened; further lines then go to the file that was open.
    pub fn reopen(&self) -> io::Result<()> {
        if let AccessLog::File { path, file } = self {
            let reopened = LogFile::open(path)?;
            *file.lock().unwrap_or_else(PoisonError::into_inner) = reopened;
        }
        Ok(())
    }

    /// Records a disclosure, one line for each person. `at` is the time in microseconds since 1970.
    ///
    /// # Errors
    /// If the lines cannot be written: the answer must then not be sent. Some of them may be in the log.
    pub fn record(&self, disclosure: Disclosure<'_>, at: i64) -> io::Result<()> {
        let hex = |person: &[u8; 16]| format!("{:032x}", u128::from_be_bytes(*person));
        self.write(disclosure, at, disclosure.persons.iter().map(hex))
    }

    /// Records with one line that an answer discloses everything about every person: `*` in place of a key.
    ///
    /// # Errors
    /// As [`AccessLog::record`].
    pub fn record_everything(&self, caller: &Caller, call: &'static Call, answer: &str, at: i64) -> io::Result<()> {
        self.write(Disclosure { caller, call, answer, persons: &[] }, at, std::iter::once("*".to_owned()))
    }

    fn write(&self, disclosure: Disclosure<'_>, at: i64, persons: impl Iterator<Item = String>) -> io::Result<()> {
        let AccessLog::File { file, .. } = self else { return Ok(()) };
        let Disclosure { caller, call, answer, .. } = disclosure;
        // Whole lines at once, so that those of concurrent callers do not interleave.
        let append = |lines: &[u8]| file.lock().unwrap_or_else(PoisonError::into_inner).append(lines);
        let mut lines = Vec::new();
        for person in persons {
            let (at, role) = (timestamp(at), caller.role.as_str());
            let line = LogLine { at, caller: &caller.name, role, call: call.name(), answer, person };
            serde_json::to_writer(&mut lines, &line)?;
            lines.push(b'\n');
            if lines.len() >= PIECE_BYTES {
                append(&lines)?;
                lines.clear();
            }
        }
        append(&lines)
    }
}

impl LogFile {
    fn open(path: &Path) -> io::Result<LogFile> {
        let file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)?;
        let length = file.metadata()?.len();
        let is_torn = length > 0 && !ends_with_line(&file, length)?;
        let mut opened = LogFile { file, length, allocated: length, is_torn };
        opened.allocate();
        Ok(opened)
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if std::mem::replace(&mut self.is_torn, true) {
            // A line that follows a torn one in the same line could not be read.
            self.file.write_all(b"\n")?;
            self.length = self.file.metadata()?.len();
        }
        self.file.write_all(lines)?;
        self.is_torn = false;
        self.length += lines.len() as u64;
        if self.allocated < self.length + ALLOCATED_AHEAD / 2 {
            self.allocate();
        }
        Ok(())
    }

    /// Allocates room behind the end, which leaves the size of the file as it is. Where that is not possible, lines are
    /// written as long as there is room.
    fn allocate(&mut self) {
        self.allocated = self.length + ALLOCATED_AHEAD;
        let _possible = fallocate(&self.file, FallocateFlags::KEEP_SIZE, self.length, ALLOCATED_AHEAD);
    }
}

impl Drop for LogFile {
    /// Gives back what was allocated and not used, unless something else has changed the file.
    fn drop(&mut self) {
        if self.file.metadata().is_ok_and(|file| file.len() == self.length) {
            let _given_back = self.file.set_len(self.length);
        }
    }
}

fn ends_with_line(file: &File, length: u64) -> io::Result<bool> {
    let mut last = [0];
    file.read_exact_at(&mut last, length - 1)?;
    Ok(last == *b"\n")
}

fn timestamp(at: i64) -> String {
    jiff::Timestamp::from_microsecond(at).map_or_else(|_| at.to_string(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::call::CALLS;

    #[test]
    fn the_lines_of_a_long_answer_are_written_in_pieces_between_which_others_write_theirs() {
        const PERSONS: usize = 5_000;
        const WITH_ANOTHER: usize = 4_000;
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("access.log");
        let log = AccessLog::open(&path).expect("a log");
        let [caller, another] = ["caller", "another"].map(Caller::auditor_of_command);
        let disclosure = |caller| Disclosure { caller, call: &CALLS[0], answer: "OK", persons: &[[7; 16]] };
        let mut lengths = Vec::new();
        // Each is asked for when the lines of those before it are made.
        let persons = (0..PERSONS).map(|number| {
            lengths.push(std::fs::metadata(&path).expect("the log").len() as usize);
            if number == WITH_ANOTHER {
                log.record(disclosure(&another), 0).expect("a line");
            }
            format!("{number:032x}")
        });
        log.write(disclosure(&caller), 0, persons).expect("lines");
        let text = std::fs::read_to_string(&path).expect("the log");
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        let of_another = |line: &&str| line.contains("\"caller\":\"another\"");
        let (between, line) = (lines.iter().copied().find(of_another).expect("its line").len(), lines[0].len());
        let piece = PIECE_BYTES.div_ceil(line);
        assert!(WITH_ANOTHER > piece && !WITH_ANOTHER.is_multiple_of(piece), "{piece} lines are a piece");
        assert_eq!((lines.len(), text.len()), (PERSONS + 1, PERSONS * line + between));
        assert_eq!(lines.iter().position(of_another), Some(WITH_ANOTHER / piece * piece));
        for (number, length) in lengths.into_iter().enumerate() {
            let of_another = if number > WITH_ANOTHER { between } else { 0 };
            assert_eq!(length, number / piece * piece * line + of_another, "before line {number}");
        }
    }

    #[test]
    fn a_line_that_lacks_its_end_does_not_swallow_the_next_one() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("access.log");
        std::fs::write(&path, "{\"at\":\"2017").expect("a torn line");
        let log = AccessLog::open(&path).expect("a log");
        let caller = Caller::anyone();
        let call = Call::from_path("/onestop.settlement.v1.SettlementService/GetAccount").expect("a call");
        for person in [[1; 16], [2; 16]] {
            let disclosure = Disclosure { caller: &caller, call, answer: "OK", persons: &[person] };
            log.record(disclosure, 0).expect("recorded");
        }
        let text = std::fs::read_to_string(&path).expect("the log");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines[0]), (3, "{\"at\":\"2017"));
        for (line, person) in lines[1..].iter().zip(["01", "02"]) {
            let read: serde_json::Value = serde_json::from_str(line).expect("a whole line");
            assert_eq!(read["person"], person.repeat(16));
        }
        assert!(text.ends_with('\n'));
    }
}
