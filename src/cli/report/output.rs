//! A report as CSV or NDJSON, and the digest of its bytes. CSV begins with a byte order mark, so that spreadsheets read it as UTF-8.

use ring::digest::{Context, SHA256};
use serde_json::{Map, Value};

use crate::cli::output::csv::{BYTE_ORDER_MARK, csv_line};
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

impl Format {
    /// The word.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Csv => "csv",
            Format::Ndjson => "ndjson",
        }
    }
}

/// Prints a report.
pub(super) fn print(report: &Report, format: Format, lang: Lang) {
    match format {
        Format::Table => write_page(&table::text(report, lang)),
        format => lines(report, format, lang).for_each(|line| say!("{}", line.trim_end_matches('\n'))),
    }
}

/// The SHA-256 digest of the file of a report; a table has that of its CSV file.
pub(super) fn digest(report: &Report, format: Format) -> String {
    let mut digest = Context::new(&SHA256);
    let format = if format == Format::Table { Format::Csv } else { format };
    lines(report, format, Lang::En).for_each(|line| digest.update(line.as_bytes()));
    hex(digest.finish().as_ref())
}

/// The lines of the file of a report, each with its end.
pub(super) fn lines(report: &Report, format: Format, lang: Lang) -> Box<dyn Iterator<Item = String> + '_> {
    let ended = |line: String| line + "\n";
    match format {
        Format::Table => Box::new(std::iter::once(table::text(report, lang) + "\n")),
        Format::Ndjson => Box::new(report.rows.iter().map(move |row| ended(row_json(report, row).to_string()))),
        Format::Csv => {
            let header = std::iter::once(format!("{BYTE_ORDER_MARK}{}", csv_line(report.header())));
            Box::new(header.chain(report.rows.iter().map(|row| csv_line(row.cells()))).map(ended))
        }
    }
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
