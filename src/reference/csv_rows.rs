//! Reads the CSV file of a reference table row by row: UTF-8, a header, columns in any order. The contents of the
//! cells are validated where the rows are imported.

use std::io::Read;

use crate::domain::file_fault::FileFault;

use super::cells::Cells;
use super::table::ReferenceTable;

/// The rows of a CSV file, read one at a time.
pub struct CsvRows<R> {
    file: String,
    reader: csv::Reader<R>,
    record: csv::StringRecord,
    /// For each column of the table, its position in the file.
    positions: Vec<usize>,
}

/// A row of a CSV file.
pub struct CsvRow {
    /// The line on which the row begins, from 1; the header is on line 1.
    pub line: usize,
    /// The cells, in the order of [`ReferenceTable::columns`].
    pub cells: Cells,
}

impl<R: Read> CsvRows<R> {
    /// Reads the header of a table's file. `file` is the name that faults report.
    ///
    /// # Errors
    /// If the header does not consist of the table's columns.
    pub fn new(file: impl Into<String>, table: ReferenceTable, content: R) -> Result<CsvRows<R>, FileFault> {
        let (file, mut reader) = (file.into(), csv::ReaderBuilder::new().from_reader(content));
        let header = reader.headers().map_err(|error| csv_fault(&file, &error))?;
        let is_named = |text: &str, name: &str| text.trim_start_matches('\u{feff}').trim() == name;
        let position = |name: &&str| header.iter().position(|text| is_named(text, name));
        let positions: Option<Vec<usize>> = table.columns().iter().map(position).collect();
        let positions = positions.filter(|positions| positions.len() == header.len());
        let other = || FileFault::new(&file, 1, format!("the header must be: {}", table.columns().join(",")));
        let positions = positions.ok_or_else(other)?;
        Ok(CsvRows { file, positions, reader, record: csv::StringRecord::new() })
    }

    /// The line on which the last record begins. The position of the record may lie before blank lines, so the
    /// line is counted back from where the reader stands.
    fn line(&self) -> usize {
        let before = self.record.position().map_or(0, csv::Position::line);
        let line_breaks: u64 = self.record.iter().map(|cell| cell.matches('\n').count() as u64).sum();
        let terminator = u64::from(!self.reader.is_done());
        before.max(self.reader.position().line().saturating_sub(line_breaks + terminator)) as usize
    }
}

impl<R: Read> Iterator for CsvRows<R> {
    type Item = Result<CsvRow, FileFault>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.reader.read_record(&mut self.record) {
            Ok(false) => None,
            Err(error) => Some(Err(csv_fault(&self.file, &error))),
            Ok(true) => {
                let cell = |at: &usize| self.record.get(*at).unwrap_or_default().trim().to_owned();
                Some(Ok(CsvRow { line: self.line(), cells: self.positions.iter().map(cell).collect() }))
            }
        }
    }
}

fn csv_fault(file: &str, error: &csv::Error) -> FileFault {
    let line = error.position().map_or(1, csv::Position::line);
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} cells; the header has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8".to_owned(),
        _ => error.to_string(),
    };
    FileFault::new(file, line as usize, message)
}

/// Reads all rows of a small file into memory.
///
/// # Errors
/// The first row that is not CSV.
pub(crate) fn read_all(file: &str, table: ReferenceTable, content: impl Read) -> Result<Vec<Cells>, FileFault> {
    CsvRows::new(file, table, content)?.map(|row| row.map(|row| row.cells)).collect()
}
