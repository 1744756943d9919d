//! `onestop reference`: the rows of a reference table that are in force on a day, as CSV that could be imported.

use serde_json::{Map, Value};

use crate::domain::day::Day;
use crate::grpc::imports;
use crate::grpc::pb::reference as pb;
use crate::reference::table::ReferenceTable;
use crate::say;

use super::connection::{self as client, Client};
use crate::cli::exit::{Ended, Failure};

/// Which rows.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// persons, enrolments, categories, approvals, hospitals, designations or catalogue
    #[arg(value_parser = table)]
    table: ReferenceTable,
    /// The day on which they are in force
    #[arg(long, value_name = "DAY")]
    on: Day,
    /// Of this person; needed for tables about persons
    #[arg(long, value_name = "ID")]
    person: Option<String>,
    /// Of this hospital alone
    #[arg(long, value_name = "ID")]
    hospital: Option<String>,
    /// Of this code alone
    #[arg(long)]
    code: Option<String>,
}

fn table(word: &str) -> Result<ReferenceTable, String> {
    let words: Vec<_> = ReferenceTable::ALL.iter().map(|table| table.as_str()).collect();
    ReferenceTable::from_word(word).ok_or_else(|| format!("is not one of {}", words.join(", ")))
}

/// Prints them, with a header.
///
/// # Errors
/// Exit 1 if it is refused, 3 if the server is lost.
pub async fn run(mut client: Client, options: Options, json: bool) -> Ended {
    let columns = options.table.columns();
    if !json {
        say!("{}", columns.join(","));
    }
    let mut request = pb::GetReferenceRequest {
        table: imports::table(options.table).into(),
        on: Some(pb::Date { year: options.on.year(), month: options.on.month(), day: options.on.day() }),
        person_id: options.person.unwrap_or_default(),
        hospital_id: options.hospital.unwrap_or_default(),
        code: options.code.unwrap_or_default(),
        page_size: 1_000,
        page_token: String::new(),
    };
    loop {
        let page = client.rows(request.clone()).await.map_err(|status| client::failure(&status))?;
        for row in page.rows {
            if json {
                let cells = columns.iter().zip(row.cells).map(|(column, cell)| ((*column).to_owned(), cell.into()));
                say!("{}", Value::from(cells.collect::<Map<_, _>>()));
            } else {
                say!("{}", line(&row.cells)?);
            }
        }
        if page.next_page_token.is_empty() {
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}

fn line(cells: &[String]) -> Result<String, Failure> {
    let unwritable = |why: String| Failure::Usage(format!("a row cannot be written: {why}"));
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(cells).map_err(|why| unwritable(why.to_string()))?;
    let bytes = writer.into_inner().map_err(|why| unwritable(why.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}
