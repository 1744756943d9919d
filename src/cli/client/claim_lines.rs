//! Claims from files, read one after another: a claim a line (NDJSON), or one claim in the whole file; `-` is
//! standard input. No file is held in memory.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::claim_text::ClaimText;
use crate::cli::exit::Failure;

/// The most bytes of one claim.
const CLAIM_BYTES: u64 = 16 << 20;

/// A line that holds something.
pub struct Line {
    /// Its file.
    pub file: Arc<Path>,
    /// Its number in the file, from 1; the first of a claim that has several.
    pub number: usize,
    /// What it says.
    pub text: String,
    /// The claim, or why it is none.
    pub claim: Result<ClaimText, String>,
}

/// The files being read, by a thread of their own.
pub struct Lines {
    /// The lines, in order; a failure to read is the last.
    pub lines: mpsc::Receiver<Result<Line, Failure>>,
    /// How many bytes were read.
    pub read: Arc<AtomicU64>,
    /// How many there are, where that is known.
    pub total: Option<u64>,
}

/// Begins to read these files; `ahead` lines are read before they are asked for.
///
/// # Errors
/// Exit 2 for a file that cannot be opened.
pub fn read(files: &[PathBuf], ahead: usize) -> Result<Lines, Failure> {
    let open = |path: &PathBuf| open(path).map_err(|error| unreadable(path, &error.to_string()));
    let opened = files.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let total = opened.iter().map(|(_, bytes)| *bytes).sum();
    let (sender, lines) = mpsc::channel(ahead);
    let read = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&read);
    let files: Vec<_> = files.iter().cloned().zip(opened.into_iter().map(|(file, _)| file)).collect();
    std::thread::spawn(move || {
        for (path, file) in files {
            for line in Claims::of(path.into(), file, Arc::clone(&counter)) {
                let failed = line.is_err();
                // Who no longer listens wants no more lines.
                if sender.blocking_send(line).is_err() || failed {
                    return;
                }
            }
        }
    });
    Ok(Lines { lines, read, total })
}

fn open(path: &Path) -> std::io::Result<(Box<dyn Read + Send>, Option<u64>)> {
    if path == Path::new("-") {
        return Ok((Box::new(std::io::stdin()), None));
    }
    let file = File::open(path)?;
    let about = file.metadata()?;
    if about.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    Ok((Box::new(file), about.is_file().then_some(about.len())))
}

fn unreadable(path: &Path, told: &str) -> Failure {
    Failure::Usage(format!("{}: {told}", path.display()))
}

/// The claims of one file, in their order; behind a failure to read comes none.
pub struct Claims<R> {
    file: Arc<Path>,
    text: BufReader<R>,
    number: usize,
    read: Arc<AtomicU64>,
}

impl<R: Read> Claims<R> {
    /// Those of this text, of a file of this name; `read` counts its bytes as they are read.
    pub fn of(file: Arc<Path>, text: R, read: Arc<AtomicU64>) -> Self {
        Claims { file, text: BufReader::new(text), number: 0, read }
    }

    /// The next line that holds something.
    fn next_claim(&mut self) -> Result<Option<Line>, Failure> {
        loop {
            let Some(text) = self.line()? else { return Ok(None) };
            if !text.trim().is_empty() {
                return self.claim(text).map(Some);
            }
        }
    }

    /// A first line that a claim only begins in makes the file one claim. It is looked at again when its brackets
    /// are closed, or when there is twice as much of it: a broken one is found soon, a long one is not read over
    /// and over.
    fn claim(&mut self, mut text: String) -> Result<Line, Failure> {
        let number = self.number;
        let mut claim = serde_json::from_str(&text);
        let mut brackets = Brackets::default();
        brackets.take(&text);
        let mut looked_at = text.len();
        while number == 1 && claim.as_ref().is_err_and(serde_json::Error::is_eof) {
            let Some(more) = self.line()? else { break };
            text.push_str(&more);
            brackets.take(&more);
            if text.len() as u64 > CLAIM_BYTES {
                break;
            }
            if brackets.are_closed() || text.len() >= 2 * looked_at {
                claim = serde_json::from_str(&text);
                looked_at = text.len();
            }
        }
        let claim = claim.map_err(|error| error.to_string());
        Ok(Line { file: Arc::clone(&self.file), number, text: text.trim().to_owned(), claim })
    }

    fn line(&mut self) -> Result<Option<String>, Failure> {
        let mut bytes = Vec::new();
        let read = (&mut self.text).take(CLAIM_BYTES).read_until(b'\n', &mut bytes);
        let read = read.map_err(|error| unreadable(&self.file, &error.to_string()))? as u64;
        self.number += 1;
        self.read.fetch_add(read, Ordering::Relaxed);
        if read == CLAIM_BYTES {
            return Err(unreadable(&self.file, &format!("line {} is longer than {CLAIM_BYTES} bytes", self.number)));
        }
        // What is not UTF-8 is no claim, and is told as one.
        Ok((read > 0).then(|| String::from_utf8_lossy(&bytes).into_owned()))
    }
}

impl<R: Read> Iterator for Claims<R> {
    type Item = Result<Line, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_claim().transpose()
    }
}

/// How many brackets of a text in JSON are open.
#[derive(Default)]
struct Brackets {
    open: usize,
    in_text: bool,
    escaped: bool,
}

impl Brackets {
    /// Takes what comes next.
    fn take(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = self.in_text,
                b'"' => self.in_text = !self.in_text,
                b'{' | b'[' if !self.in_text => self.open += 1,
                b'}' | b']' if !self.in_text => self.open = self.open.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn are_closed(&self) -> bool {
        self.open == 0
    }
}
