//! Reads the CSV file of a reference table row by row: UTF-8, a header, columns in any order. The contents of the
//! cells are validated where the rows are imported.

use std::io::Read;

use crate::domain::file_fault::FileFault;

use super::cells::Cells;
use super::columns::{ColumnFault, ColumnOrder};
use super::table::ReferenceTable;

/// The rows of a CSV file, read one at a time.
pub struct CsvRows<R> {
    file: String,
    reader: csv::Reader<R>,
    record: csv::StringRecord,
    columns: ColumnOrder,
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
    /// If the header lacks a required column, or has one that the table does not have.
    pub fn new(file: impl Into<String>, table: ReferenceTable, content: R) -> Result<CsvRows<R>, FileFault> {
        let (file, mut reader) = (file.into(), csv::ReaderBuilder::new().from_reader(content));
        let header = reader.headers().map_err(|error| csv_fault(&file, &error))?;
        let names: Vec<&str> = header.iter().map(|name| name.trim_start_matches('\u{feff}').trim()).collect();
        let columns = ColumnOrder::from_names(table, &names)
            .map_err(|faults| FileFault::new(&file, 1, header_message(table, &names, &faults)))?;
        Ok(CsvRows { file, columns, reader, record: csv::StringRecord::new() })
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
                let cells = self.columns.arrange(|at| self.record.get(at).unwrap_or_default().trim());
                Some(Ok(CsvRow { line: self.line(), cells }))
            }
        }
    }
}

/// What is wrong with a header, as a sentence.
fn header_message(table: ReferenceTable, names: &[&str], faults: &[ColumnFault]) -> String {
    let name = |at: usize| names.get(at).copied().unwrap_or_default();
    let part = |fault: &ColumnFault| match *fault {
        ColumnFault::Unknown(at) => format!("has the unknown column `{}`", name(at)),
        ColumnFault::Repeated(at) => format!("has the column `{}` twice", name(at)),
        ColumnFault::Missing(column) => format!("lacks the column `{column}`"),
    };
    let parts: Vec<_> = faults.iter().map(part).collect();
    format!("the header {}; the columns are {}", parts.join(", "), table.columns().join(", "))
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
