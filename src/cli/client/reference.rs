//! `onestop reference`: the rows of a reference table that are in force on a day, as CSV that can be imported.

use serde_json::{Map, Value};

use crate::cli::error::word::UnknownWord;
use crate::cli::exit::{CommandError, CommandResult};
use crate::domain::day::Day;
use crate::grpc::{imports, to_proto};
use crate::pb::reference as pb;
use crate::reference::table::ReferenceTable;
use crate::say;

use super::connection::Client;

/// The rows to show.
#[derive(clap::Args, Debug)]
pub(crate) struct ReferenceOptions {
    /// enrolments, categories, approvals, hospitals, designations or catalogue
    #[arg(value_parser = table)]
    table: ReferenceTable,
    /// The day on which the rows are in force
    #[arg(long, value_name = "DAY")]
    on: Day,
    /// Only rows of this person; required for tables about persons
    #[arg(long, value_name = "ID")]
    person: Option<String>,
    /// Only rows of this hospital; only for tables about hospitals
    #[arg(long, value_name = "ID")]
    hospital: Option<String>,
    /// Only rows of this catalogue code; only for the table catalogue
    #[arg(long)]
    code: Option<String>,
}

fn table(word: &str) -> Result<ReferenceTable, UnknownWord> {
    let known = || ReferenceTable::ALL.iter().map(|table| table.as_str()).collect();
    ReferenceTable::from_word(word).ok_or_else(|| UnknownWord { known: known() })
}

/// Prints a header and the rows.
///
/// # Errors
/// If a call failed.
pub(super) async fn run(mut client: Client, options: ReferenceOptions, json: bool) -> CommandResult {
    let columns = options.table.columns();
    if !json {
        say!("{}", columns.join(","));
    }
    let mut request = pb::GetReferenceRequest {
        table: imports::table(options.table).into(),
        on: Some(to_proto::date(options.on)),
        person_id: options.person.unwrap_or_default(),
        hospital_id: options.hospital.unwrap_or_default(),
        code: options.code.unwrap_or_default(),
        page_size: 1_000,
        page_token: String::new(),
    };
    loop {
        let page = client.rows(request.clone()).await?;
        for row in page.rows {
            if json {
                let cells = columns.iter().zip(row.cells).map(|(column, cell)| ((*column).to_owned(), cell.into()));
                say!("{}", Value::from(cells.collect::<Map<_, _>>()));
            } else {
                say!("{}", csv_line(&row.cells)?);
            }
        }
        if page.next_page_token.is_empty() {
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}

fn csv_line(cells: &[String]) -> Result<String, CommandError> {
    let unwritable = |error: String| CommandError::Usage(format!("a row cannot be written as CSV: {error}"));
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(cells).map_err(|error| unwritable(error.to_string()))?;
    let bytes = writer.into_inner().map_err(|error| unwritable(error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}
