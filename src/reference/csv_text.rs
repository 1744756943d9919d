//! Reads a reference table from CSV into cells: a header, UTF-8, columns in any order. What the cells
//! mean is judged where they are imported.

use std::io::Read;

use super::row::Table;

/// The cells of every row, in the order of [`Table::columns`].
///
/// # Errors
/// The first line that is not CSV, or a header that is not the table's.
pub fn cells(table: Table, file: impl Read) -> Result<Vec<Vec<String>>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let header = reader.headers().map_err(|error| error.to_string())?;
    let position = |name: &&str| header.iter().position(|column| column.trim_start_matches('\u{feff}') == *name);
    let columns: Option<Vec<usize>> = table.columns().iter().map(position).collect();
    let columns = columns.filter(|columns| columns.len() == header.len());
    let columns = columns.ok_or_else(|| format!("line 1: the header is not: {}", table.columns().join(",")))?;
    let row = |record: Result<csv::StringRecord, csv::Error>| {
        let record = record.map_err(|error| error.to_string())?;
        Ok(columns.iter().map(|at| record.get(*at).unwrap_or_default().to_owned()).collect())
    };
    reader.records().map(row).collect()
}
