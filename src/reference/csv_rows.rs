//! Reads the CSV file of a reference table row by row: UTF-8, a header, columns in any order. The contents of the
//! cells are validated where the rows are imported.

use std::io::Read;

use crate::domain::file_fault::FileFault;

use super::cells::Cells;
use super::columns::{ColumnFault, ColumnOrder};
use super::csv_lines::CsvLines;
use super::table::ReferenceTable;

/// The rows of a CSV file, read one at a time.
pub struct CsvRows<R> {
    file: String,
    lines: CsvLines<R>,
    columns: ColumnOrder,
    /// The number of cells of the header.
    width: usize,
}

/// A row of a CSV file.
pub struct CsvRow {
    /// Its line, from 1.
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
        let (file, mut lines) = (file.into(), CsvLines::new(content));
        let header = match lines.next_record() {
            Ok(header) => header.unwrap_or_default().into_iter().map(|name| name.trim().to_owned()).collect(),
            Err(error) => return Err(FileFault::new(file, lines.number(), error.to_string())),
        };
        let header: Vec<String> = header;
        let names: Vec<&str> = header.iter().map(String::as_str).collect();
        let columns = ColumnOrder::from_names(table, &names)
            .map_err(|faults| FileFault::new(&file, 1, header_message(table, &names, &faults)))?;
        Ok(CsvRows { file, columns, lines, width: names.len() })
    }

    fn next_cells(&mut self) -> Result<Option<Cells>, String> {
        let record = self.lines.next_record().map_err(|error| error.to_string())?;
        let Some(record) = record else { return Ok(None) };
        if record.len() != self.width {
            return Err(format!("has {} cells; the header has {}", record.len(), self.width));
        }
        let cells = self.columns.arrange(|at| record.get(at).copied().unwrap_or_default());
        Ok(Some(cells.into_iter().map(str::to_owned).collect()))
    }
}

impl<R: Read> Iterator for CsvRows<R> {
    type Item = Result<CsvRow, FileFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let cells = self.next_cells();
        let line = self.lines.number();
        match cells {
            Ok(cells) => cells.map(|cells| Ok(CsvRow { line, cells })),
            Err(message) => Some(Err(FileFault::new(&self.file, line, message))),
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

/// Reads all rows of a small file into memory.
///
/// # Errors
/// The first row that is not CSV.
pub(crate) fn read_all(file: &str, table: ReferenceTable, content: impl Read) -> Result<Vec<Cells>, FileFault> {
    CsvRows::new(file, table, content)?.map(|row| row.map(|row| row.cells)).collect()
}
