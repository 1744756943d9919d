//! A file that is written beside its place, as `FILE.part`, and put there when it is whole.
//!
//! `FILE.part.cursor` names the question and where the report ends. After an interruption the same command reports up to the same
//! end, keeps the lines that are there, and writes those that are missing.

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::cli::exit::CommandError;
use crate::domain::ids::Digest;
use crate::domain::journal::Instant;
use crate::reports::ledger::LedgerEnd;

use super::moment::AsOf;

/// The first line of a cursor.
const KIND: &str = "onestop report cursor 2";

/// A file that is being written.
pub(super) struct PartFile {
    file: PathBuf,
    question: Digest,
}

impl PartFile {
    /// The part of this file for a question.
    pub(super) fn new(file: &Path, question: Digest) -> PartFile {
        PartFile { file: file.to_owned(), question }
    }

    /// Where the report of an interrupted command for the same question ends; none if there was none, or its cursor was not
    /// written to its end.
    pub(super) fn interrupted(&self) -> Option<AsOf> {
        let text = fs::read_to_string(self.cursor()).ok()?;
        let (moment, lines) = text.strip_prefix(&self.cursor_head())?.strip_suffix('\n')?.split_once(' ')?;
        Some(AsOf { moment: Instant(moment.parse().ok()?), first_lines: Some(lines.parse().ok()?) })
    }

    /// Writes all lines, of which some may be there.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub(super) fn write(&self, end: LedgerEnd, lines: impl Iterator<Item = String>) -> Result<(), CommandError> {
        self.write_lines(end, lines).map_err(CommandError::file(&self.file))
    }

    fn write_lines(&self, end: LedgerEnd, mut lines: impl Iterator<Item = String>) -> std::io::Result<()> {
        let (part, cursor) = (self.with_suffix(".part"), self.cursor());
        if let LedgerEnd { as_of: Some(Instant(moment)), lines } = end {
            fs::write(&cursor, format!("{}{moment} {lines}\n", self.cursor_head()))?;
        }
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&part)?;
        let (kept, next) = kept_lines(&mut file, &mut lines)?;
        file.set_len(kept)?;
        file.seek(SeekFrom::Start(kept))?;
        let mut writer = BufWriter::new(file);
        next.into_iter().chain(lines).try_for_each(|line| writer.write_all(line.as_bytes()))?;
        writer.flush()?;
        writer.get_ref().sync_all()?;
        fs::rename(&part, &self.file)?;
        if cursor.exists() { fs::remove_file(&cursor) } else { Ok(()) }
    }

    fn cursor_head(&self) -> String {
        format!("{KIND}\n{}\n", self.question)
    }

    fn cursor(&self) -> PathBuf {
        self.with_suffix(".part.cursor")
    }

    fn with_suffix(&self, suffix: &str) -> PathBuf {
        let mut name = self.file.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    }
}

/// The bytes at the start of a file that are the first lines, and the first line that is not there.
fn kept_lines(file: &mut File, lines: &mut impl Iterator<Item = String>) -> std::io::Result<(u64, Option<String>)> {
    let (mut reader, mut kept, mut found) = (BufReader::new(file), 0, Vec::new());
    for line in lines {
        found.clear();
        reader.by_ref().take(line.len() as u64).read_to_end(&mut found)?;
        if found != line.as_bytes() {
            return Ok((kept, Some(line)));
        }
        kept += line.len() as u64;
    }
    Ok((kept, None))
}
