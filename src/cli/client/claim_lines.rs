//! Reads claims from files: one claim per line (NDJSON) or one claim per file; `-` is standard input. No file is held in
//! memory.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;
use tonic::Status;

use crate::cli::error::claim_file::{ClaimFileError, MAX_CLAIM_BYTES};
use crate::domain::claim::RawClaim;
use crate::grpc::error::CallError;

use super::brackets::Brackets;
use super::claim_text::ClaimText;

/// A claim in a file, at a line that is not empty.
pub struct ClaimLine {
    /// The file.
    pub file: Arc<Path>,
    /// The number of the line, from 1; of a claim on several lines the first.
    pub number: usize,
    /// The text.
    pub text: String,
    /// The claim, if the text is one.
    pub claim: serde_json::Result<ClaimText>,
}

/// Files that a thread of their own reads.
pub(super) struct ClaimReading {
    /// The lines, in order; an error is the last.
    pub(super) lines: mpsc::Receiver<Result<ClaimLine, ClaimFileError>>,
    /// The bytes read so far.
    pub(super) bytes_read: Arc<AtomicU64>,
    /// The size of all files in bytes, if it is known.
    pub(super) total_bytes: Option<u64>,
}

impl ClaimLine {
    /// The claim and its request id.
    ///
    /// # Errors
    /// The status with which a server would refuse the text.
    pub(super) fn claim_and_request_id(&self) -> Result<(RawClaim, String), Status> {
        let not_a_claim = |error| Status::invalid_argument(format!("not a claim: {error}"));
        let text = self.claim.as_ref().map_err(not_a_claim)?;
        Ok(text.claim_and_request_id().map_err(CallError::InvalidMessage)?)
    }
}

/// Starts to read these files, up to `ahead` lines before they are received.
///
/// # Errors
/// If a file cannot be opened.
pub(super) fn read_files(files: &[PathBuf], ahead: usize) -> Result<ClaimReading, ClaimFileError> {
    let open =
        |path: &PathBuf| open_claim_file(path).map_err(|error| ClaimFileError::Read { path: path.clone(), error });
    let opened = files.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let total_bytes = opened.iter().map(|(_, bytes)| *bytes).sum();
    let (sender, lines) = mpsc::channel(ahead);
    let bytes_read = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&bytes_read);
    let files: Vec<_> = files.iter().cloned().zip(opened.into_iter().map(|(file, _)| file)).collect();
    std::thread::spawn(move || {
        for (path, file) in files {
            for line in Claims::new(path.into(), file, Arc::clone(&counter)) {
                let failed = line.is_err();
                // A dropped receiver wants no more lines.
                if sender.blocking_send(line).is_err() || failed {
                    return;
                }
            }
        }
    });
    Ok(ClaimReading { lines, bytes_read, total_bytes })
}

fn open_claim_file(path: &Path) -> std::io::Result<(Box<dyn Read + Send>, Option<u64>)> {
    if path == Path::new("-") {
        return Ok((Box::new(std::io::stdin()), None));
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    Ok((Box::new(file), metadata.is_file().then_some(metadata.len())))
}

/// The claims of one file, in order; after an error there are no more.
///
/// A file holds one claim a line, or JSON on several lines: one object, objects one after another, or an array of them.
/// No more than one claim is held in memory.
pub struct Claims<R> {
    file: Arc<Path>,
    reader: BufReader<R>,
    line_number: usize,
    bytes_read: Arc<AtomicU64>,
    /// What was read and is in no claim yet.
    rest: String,
    array: ArrayState,
    /// Whether the next claim is the first.
    first: bool,
    failed: bool,
}

/// Whether the claims are the members of an array.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ArrayState {
    /// Nothing but white space was read yet.
    Unknown,
    /// They are not.
    None,
    /// The next token is a member or the end of the array.
    Begun,
    /// The next token is a comma or the end of the array.
    AfterMember,
    /// The next token is a member.
    AfterComma,
    /// Nothing may follow.
    Ended,
}

impl<R: Read> Claims<R> {
    /// The claims of this file. `bytes_read` counts the bytes as they are read.
    pub fn new(file: Arc<Path>, reader: R, bytes_read: Arc<AtomicU64>) -> Self {
        let (reader, rest) = (BufReader::new(reader), String::new());
        Claims {
            file,
            reader,
            line_number: 0,
            bytes_read,
            rest,
            array: ArrayState::Unknown,
            first: true,
            failed: false,
        }
    }

    fn next_claim(&mut self) -> Result<Option<ClaimLine>, ClaimFileError> {
        loop {
            self.rest.drain(..self.rest.len() - self.rest.trim_start().len());
            if self.rest.is_empty() && !self.read_line()? {
                let unfinished = !matches!(self.array, ArrayState::Unknown | ArrayState::None | ArrayState::Ended);
                return if unfinished { Err(self.claim_fault("the array of claims does not end")) } else { Ok(None) };
            }
            let Some(first) = self.rest.trim_start().chars().next() else { continue };
            if self.begins_claim(first)? {
                return self.read_claim().map(Some);
            }
        }
    }

    /// Whether a claim begins with this character; otherwise the character is taken as part of the array.
    fn begins_claim(&mut self, first: char) -> Result<bool, ClaimFileError> {
        self.array = match (self.array, first) {
            (ArrayState::Unknown, '[') => ArrayState::Begun,
            (ArrayState::Unknown | ArrayState::None, _) => {
                self.array = ArrayState::None;
                return Ok(true);
            }
            (ArrayState::AfterMember, ',') => ArrayState::AfterComma,
            (ArrayState::Begun | ArrayState::AfterMember, ']') => ArrayState::Ended,
            (ArrayState::Begun | ArrayState::AfterComma, ']' | ',') => {
                return Err(self.claim_fault("a claim is missing in the array"));
            }
            (ArrayState::Begun | ArrayState::AfterComma, _) => return Ok(true),
            (ArrayState::AfterMember, _) => return Err(self.claim_fault("a comma is missing between two claims")),
            (ArrayState::Ended, _) => return Err(self.claim_fault("text follows the end of the array of claims")),
        };
        let start = self.rest.find(first).unwrap_or_default();
        self.rest.drain(..start + first.len_utf8());
        Ok(false)
    }

    /// Parses the claim that begins the rest: an object to the bracket that closes it, anything else to the end of its
    /// line. Only the first claim of a file and the members of an array continue on further lines. Text that cannot be
    /// the beginning of a claim ends where that is seen, when it has doubled: a broken claim fails early.
    fn read_claim(&mut self) -> Result<ClaimLine, ClaimFileError> {
        self.rest.drain(..self.rest.len() - self.rest.trim_start().len());
        let (number, mut brackets) = (self.line_number, Brackets::default());
        let continues = self.array != ArrayState::None || std::mem::take(&mut self.first);
        let (mut scanned, mut parsed, mut is_broken) = (0, 0, false);
        let end = loop {
            if let Some(end) = brackets.closing_bracket(&self.rest[scanned..]) {
                break scanned + end;
            }
            scanned = self.rest.len();
            let ends = brackets.are_closed() || !continues || scanned as u64 > MAX_CLAIM_BYTES;
            is_broken = !ends && scanned >= 2 * parsed && !begins_json(&self.rest);
            if ends || is_broken || !self.read_line()? {
                break scanned;
            }
            parsed = if scanned >= 2 * parsed { scanned } else { parsed };
        };
        let mut text: String = self.rest.drain(..end).collect();
        text.truncate(text.trim_end().len());
        if is_broken {
            self.skip_broken_claim(brackets)?;
        }
        if self.array == ArrayState::None {
            self.take_rest_of_line(&mut text);
        } else {
            self.array = ArrayState::AfterMember;
        }
        let claim = serde_json::from_str(&text);
        Ok(ClaimLine { file: Arc::clone(&self.file), number, text, claim })
    }

    /// Passes over what is left of a broken claim: to the bracket that closes it, or to a line that begins as a claim does.
    fn skip_broken_claim(&mut self, mut brackets: Brackets) -> Result<(), ClaimFileError> {
        while self.read_line()? && !self.rest.starts_with('{') {
            if let Some(end) = brackets.closing_bracket(&self.rest) {
                self.rest.drain(..end);
                break;
            }
            self.rest.clear();
        }
        Ok(())
    }

    /// What follows a claim on its line makes the line faulty, unless another claim begins there.
    fn take_rest_of_line(&mut self, text: &mut String) {
        let rest = self.rest.trim();
        if !rest.is_empty() && !rest.starts_with('{') {
            text.push_str(rest);
            self.rest.clear();
        }
    }

    fn claim_fault(&self, message: &'static str) -> ClaimFileError {
        ClaimFileError::Json { path: self.file.to_path_buf(), line: self.line_number, message }
    }

    /// Adds the next line to the rest; `false` at the end of the file.
    fn read_line(&mut self) -> Result<bool, ClaimFileError> {
        let mut bytes = Vec::new();
        // The end of the line is no part of the claim; one byte more tells a line that is too long.
        let read = (&mut self.reader).take(MAX_CLAIM_BYTES + 1).read_until(b'\n', &mut bytes);
        let read = read.map_err(|error| ClaimFileError::Read { path: self.file.to_path_buf(), error })? as u64;
        if read == 0 {
            return Ok(false);
        }
        self.line_number += 1;
        self.bytes_read.fetch_add(read, Ordering::Relaxed);
        if read > MAX_CLAIM_BYTES && bytes.last() != Some(&b'\n') {
            return Err(ClaimFileError::LineTooLong { path: self.file.to_path_buf(), line: self.line_number });
        }
        let line = std::str::from_utf8(&bytes)
            .map_err(|_| ClaimFileError::NotUtf8 { path: self.file.to_path_buf(), line: self.line_number })?;
        let line = if self.line_number == 1 { line.trim_start_matches('\u{feff}') } else { line };
        self.rest.push_str(line);
        Ok(true)
    }
}

impl<R: Read> Iterator for Claims<R> {
    type Item = Result<ClaimLine, ClaimFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.next_claim();
        self.failed = next.is_err();
        next.transpose()
    }
}

/// Whether more text could make a claim of this one.
fn begins_json(text: &str) -> bool {
    serde_json::from_str::<ClaimText>(text).map_or_else(|error| error.is_eof(), |_| true)
}
