//! Splits a CSV file into records, one a line: UTF-8, and no cell holds a line end. A quote that is not closed is a
//! fault of its line and takes no other line with it, and no more than one line is held in memory.

use std::io::{BufRead, BufReader, Read};

/// The most bytes of a line; no row of a table is near it.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// The most cells of a line.
const MAX_CELLS: usize = 1_000;

/// Why a line is no record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Read(std::io::Error),
    /// The line is longer than any row.
    #[error("is longer than {MAX_LINE_BYTES} bytes")]
    TooLong,
    /// It has more cells than any table has columns.
    #[error("has more than {MAX_CELLS} cells")]
    TooManyCells,
    /// It is text in another encoding.
    #[error("is not UTF-8")]
    NotUtf8,
    /// A quote begins on it and does not end on it.
    #[error("has a quote that is not closed; a cell holds no line end")]
    OpenQuote,
    /// A carriage return is inside it.
    #[error("has a line end inside a cell")]
    LineEnd,
}

/// The lines of a CSV file as records; lines without text are skipped.
pub(crate) struct CsvLines<R> {
    content: BufReader<R>,
    parser: csv_core::Reader,
    line: Vec<u8>,
    fields: Vec<u8>,
    ends: Vec<usize>,
    number: usize,
    /// Whether a read failed: no more is read.
    failed: bool,
}

impl<R: Read> CsvLines<R> {
    pub(crate) fn new(content: R) -> CsvLines<R> {
        CsvLines {
            content: BufReader::new(content),
            parser: csv_core::Reader::new(),
            line: Vec::new(),
            fields: Vec::new(),
            ends: vec![0; MAX_CELLS],
            number: 0,
            failed: false,
        }
    }

    /// The number of the line that was read last, from 1.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// The cells of the next line, or `None` at the end.
    ///
    /// # Errors
    /// Why the next line is no record.
    pub(crate) fn next_record(&mut self) -> Result<Option<Vec<&str>>, LineError> {
        loop {
            if !self.read_line()? {
                return Ok(None);
            }
            if !self.line.trim_ascii().is_empty() {
                return self.parse().map(Some);
            }
        }
    }

    /// Reads the next line, which then ends with a line feed; `false` at the end of the file.
    fn read_line(&mut self) -> Result<bool, LineError> {
        self.line.clear();
        if self.failed {
            return Ok(false);
        }
        let read = (&mut self.content).take(MAX_LINE_BYTES).read_until(b'\n', &mut self.line);
        self.failed = read.is_err();
        let read = read.map_err(LineError::Read)? as u64;
        self.number += 1;
        if read == 0 {
            return Ok(false);
        }
        let ends = self.line.last() == Some(&b'\n');
        if read == MAX_LINE_BYTES && !ends {
            return Err(LineError::TooLong);
        }
        if self.number == 1 && self.line.starts_with("\u{feff}".as_bytes()) {
            self.line.drain(..3);
        }
        while matches!(self.line.last(), Some(b'\n' | b'\r')) {
            self.line.pop();
        }
        self.line.push(b'\n');
        Ok(true)
    }

    fn parse(&mut self) -> Result<Vec<&str>, LineError> {
        std::str::from_utf8(&self.line).map_err(|_| LineError::NotUtf8)?;
        if self.line.contains(&b'\r') {
            return Err(LineError::LineEnd);
        }
        self.parser.reset();
        // Cells are never longer than the line that holds them.
        self.fields.resize(self.line.len(), 0);
        let (result, _, _, cells) = self.parser.read_record(&self.line, &mut self.fields, &mut self.ends);
        match result {
            csv_core::ReadRecordResult::Record => {}
            csv_core::ReadRecordResult::OutputEndsFull => return Err(LineError::TooManyCells),
            _ => return Err(LineError::OpenQuote),
        }
        let mut start = 0;
        let cell = |end: &usize| {
            let cell = self.fields.get(start..*end).unwrap_or_default();
            start = *end;
            std::str::from_utf8(cell).map_err(|_| LineError::NotUtf8)
        };
        self.ends.iter().take(cells).map(cell).collect()
    }
}
