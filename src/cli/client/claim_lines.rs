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
    pub(super) fn to_raw(&self) -> Result<(RawClaim, String), Status> {
        let not_a_claim = |error| Status::invalid_argument(format!("not a claim: {error}"));
        let text = self.claim.as_ref().map_err(not_a_claim)?;
        Ok(text.to_raw().map_err(CallError::InvalidMessage)?)
    }
}

/// Starts to read these files, up to `ahead` lines before they are received.
///
/// # Errors
/// If a file cannot be opened.
pub(super) fn read_files(files: &[PathBuf], ahead: usize) -> Result<ClaimReading, ClaimFileError> {
    let open = |path: &PathBuf| open(path).map_err(|error| ClaimFileError::Read { path: path.clone(), error });
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

fn open(path: &Path) -> std::io::Result<(Box<dyn Read + Send>, Option<u64>)> {
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
pub struct Claims<R> {
    file: Arc<Path>,
    reader: BufReader<R>,
    line_number: usize,
    bytes_read: Arc<AtomicU64>,
}

impl<R: Read> Claims<R> {
    /// The claims of this file. `bytes_read` counts the bytes as they are read.
    pub fn new(file: Arc<Path>, reader: R, bytes_read: Arc<AtomicU64>) -> Self {
        Claims { file, reader: BufReader::new(reader), line_number: 0, bytes_read }
    }

    fn next_claim(&mut self) -> Result<Option<ClaimLine>, ClaimFileError> {
        loop {
            let Some(text) = self.read_line()? else { return Ok(None) };
            if !text.trim().is_empty() {
                return self.claim(text).map(Some);
            }
        }
    }

    /// Parses a claim. If the first line only begins one, the whole file is one claim: it is parsed again when its
    /// brackets are closed or its text has doubled, so that a broken claim fails early and a long one is not parsed at
    /// every line.
    fn claim(&mut self, mut text: String) -> Result<ClaimLine, ClaimFileError> {
        let number = self.line_number;
        let mut claim = serde_json::from_str(&text);
        let mut brackets = Brackets::default();
        brackets.scan(&text);
        let mut parsed_bytes = text.len();
        while number == 1 && claim.as_ref().is_err_and(serde_json::Error::is_eof) {
            let Some(more) = self.read_line()? else { break };
            text.push_str(&more);
            brackets.scan(&more);
            if text.len() as u64 > MAX_CLAIM_BYTES {
                break;
            }
            if brackets.are_closed() || text.len() >= 2 * parsed_bytes {
                claim = serde_json::from_str(&text);
                parsed_bytes = text.len();
            }
        }
        Ok(ClaimLine { file: Arc::clone(&self.file), number, text: text.trim().to_owned(), claim })
    }

    fn read_line(&mut self) -> Result<Option<String>, ClaimFileError> {
        let mut bytes = Vec::new();
        let read = (&mut self.reader).take(MAX_CLAIM_BYTES).read_until(b'\n', &mut bytes);
        let read = read.map_err(|error| ClaimFileError::Read { path: self.file.to_path_buf(), error })? as u64;
        self.line_number += 1;
        self.bytes_read.fetch_add(read, Ordering::Relaxed);
        if read == MAX_CLAIM_BYTES {
            return Err(ClaimFileError::LineTooLong { path: self.file.to_path_buf(), line: self.line_number });
        }
        // Text that is not UTF-8 does not parse as a claim, and is refused as one.
        Ok((read > 0).then(|| String::from_utf8_lossy(&bytes).into_owned()))
    }
}

impl<R: Read> Iterator for Claims<R> {
    type Item = Result<ClaimLine, ClaimFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_claim().transpose()
    }
}

/// Counts the open brackets of a JSON text.
#[derive(Default)]
struct Brackets {
    open: usize,
    in_string: bool,
    escaped: bool,
}

impl Brackets {
    /// Scans the next part of the text.
    fn scan(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = self.in_string,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => self.open += 1,
                b'}' | b']' if !self.in_string => self.open = self.open.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn are_closed(&self) -> bool {
        self.open == 0
    }
}
