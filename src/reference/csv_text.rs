//! Reads a reference table from CSV into cells, row by row: a header, UTF-8, columns in any order. What the cells
//! mean is judged where they are imported.

use std::io::Read;

use super::table::ReferenceTable;

/// The rows of a file.
pub struct CsvRows<R> {
    reader: csv::Reader<R>,
    record: csv::StringRecord,
    columns: Vec<usize>,
}

/// A row, and the line of the file on which it begins.
pub struct RowText {
    /// From 1, the header's being 1.
    pub line: u64,
    /// In the order of [`ReferenceTable::columns`].
    pub cells: Vec<String>,
}

/// A line that is not CSV, or a header that is not the table's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotCsv {
    /// The line.
    pub line: u64,
    /// What is wrong, for people.
    pub told: String,
}

impl std::fmt::Display for NotCsv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.told)
    }
}

impl From<csv::Error> for NotCsv {
    fn from(error: csv::Error) -> NotCsv {
        let line = error.position().map_or(1, csv::Position::line);
        let told = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("has {len} cells; the header has {expected_len}")
            }
            csv::ErrorKind::Utf8 { .. } => "is not UTF-8".to_owned(),
            _ => error.to_string(),
        };
        NotCsv { line, told }
    }
}

/// The rows of a table's file.
///
/// # Errors
/// If its header is not the table's.
pub fn rows<R: Read>(table: ReferenceTable, file: R) -> Result<CsvRows<R>, NotCsv> {
    let mut reader = csv::ReaderBuilder::new().from_reader(file);
    let header = reader.headers()?;
    let column = |text: &str, name: &str| text.trim_start_matches('\u{feff}').trim() == name;
    let position = |name: &&str| header.iter().position(|text| column(text, name));
    let columns: Option<Vec<usize>> = table.columns().iter().map(position).collect();
    let columns = columns.filter(|columns| columns.len() == header.len());
    let told = || NotCsv { line: 1, told: format!("the header is not: {}", table.columns().join(",")) };
    Ok(CsvRows { columns: columns.ok_or_else(told)?, reader, record: csv::StringRecord::new() })
}

impl<R: Read> CsvRows<R> {
    /// The line on which the last record begins. Where it was looked for, blank lines may come first.
    fn line(&self) -> u64 {
        let looked = self.record.position().map_or(0, csv::Position::line);
        let within: u64 = self.record.iter().map(|cell| cell.matches('\n').count() as u64).sum();
        let ended = u64::from(!self.reader.is_done());
        looked.max((self.reader.position().line()).saturating_sub(within + ended))
    }
}

impl<R: Read> Iterator for CsvRows<R> {
    type Item = Result<RowText, NotCsv>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.reader.read_record(&mut self.record) {
            Ok(false) => None,
            Err(error) => Some(Err(error.into())),
            Ok(true) => {
                let cell = |at: &usize| self.record.get(*at).unwrap_or_default().trim().to_owned();
                Some(Ok(RowText { line: self.line(), cells: self.columns.iter().map(cell).collect() }))
            }
        }
    }
}

/// The cells of every row of a small table.
///
/// # Errors
/// The first line that is not CSV.
pub fn cells(table: ReferenceTable, file: impl Read) -> Result<Vec<Vec<String>>, NotCsv> {
    rows(table, file)?.map(|row| row.map(|row| row.cells)).collect()
}
