//! A report as CSV or NDJSON, printed or in a file, and the digest of its bytes.
//!
//! CSV begins with a byte order mark, so that spreadsheets read it as UTF-8. A file is written beside its place, as `FILE.part`, and
//! is put there when it is whole.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};
use serde_json::{Map, Value};

use crate::cli::exit::CommandError;
use crate::cli::output::json::hex;
use crate::cli::output::line::write_page;
use crate::cli::output::statement::Lang;
use crate::reports::report::{Report, ReportRow};
use crate::say;

use super::table;

/// A form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// A table for people.
    Table,
    /// CSV in UTF-8 with a byte order mark, with a header.
    Csv,
    /// A JSON object per row, one a line.
    Ndjson,
}

/// The mark with which spreadsheets recognize UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What was written.
pub(super) struct Written {
    /// The SHA-256 digest of the file; of what a table shows, that of its CSV file.
    pub(super) digest: String,
}

/// Prints a report.
pub(super) fn print(report: &Report, format: Format, lang: Lang) -> Written {
    match format {
        Format::Table => write_page(&table::text(report, lang)),
        format => lines(report, format).for_each(|line| say!("{line}")),
    }
    Written { digest: digest(report, format) }
}

/// Writes a report to a file, which is complete or not there.
///
/// # Errors
/// If it cannot be written.
pub(super) fn write_file(report: &Report, format: Format, file: &Path, lang: Lang) -> Result<Written, CommandError> {
    let part = part_of(file);
    let write = || -> std::io::Result<()> {
        let mut writer = BufWriter::new(File::create(&part)?);
        match format {
            Format::Table => writer.write_all(table::text(report, lang).as_bytes())?,
            format => lines(report, format).try_for_each(|line| writeln!(writer, "{line}"))?,
        }
        writer.flush()?;
        writer.get_ref().sync_all()?;
        std::fs::rename(&part, file)
    };
    write().map_err(CommandError::file(file))?;
    Ok(Written { digest: digest(report, format) })
}

fn part_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn digest(report: &Report, format: Format) -> String {
    let mut digest = Context::new(&SHA256);
    let format = if format == Format::Table { Format::Csv } else { format };
    for line in lines(report, format) {
        digest.update(line.as_bytes());
        digest.update(b"\n");
    }
    hex(digest.finish().as_ref())
}

/// The lines of a report; a table has those of its CSV.
fn lines(report: &Report, format: Format) -> Box<dyn Iterator<Item = String> + '_> {
    if format == Format::Ndjson {
        return Box::new(report.rows.iter().map(|row| row_json(report, row).to_string()));
    }
    let header = std::iter::once(format!("{BYTE_ORDER_MARK}{}", csv_line(report.header())));
    Box::new(header.chain(report.rows.iter().map(|row| csv_line(row.cells()))))
}

fn csv_line(cells: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let cells = cells.into_iter().map(|cell| csv_cell(cell.as_ref()));
    cells.collect::<Vec<_>>().join(",")
}

/// A cell; no value of a report holds a line end.
fn csv_cell(text: &str) -> String {
    let is_plain = !text.contains([',', '"', '\r', '\n']);
    if is_plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

fn row_json(report: &Report, row: &ReportRow) -> Value {
    let mut object = Map::new();
    let by = report.by.iter().map(|dimension| dimension.word()).zip(&row.key);
    object.extend(by.map(|(name, value)| (name.to_owned(), Value::from(&**value))));
    object.insert("settlements".to_owned(), row.settlements.into());
    object.insert("persons".to_owned(), row.persons.into());
    let amounts = report.columns.iter().zip(&row.amounts);
    object.extend(amounts.map(|(name, amount)| (name.clone(), Value::from(amount.to_string()))));
    Value::Object(object)
}
