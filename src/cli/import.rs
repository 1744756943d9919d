//! `onestop import`: reference tables from CSV.

use std::path::PathBuf;

use crate::grpc::pb::reference as pb;
use crate::reference::csv_text;
use crate::reference::row::Table;
use crate::say;

use super::client::{self, Client};
use super::exit::{Ended, Failure};
use super::json;

/// Imports these files, table by table.
///
/// # Errors
/// Exit 1 if a table is refused, 2 if a file cannot be read.
pub async fn import(mut client: Client, paths: &[PathBuf], json: bool) -> Ended {
    for (table, path) in tables(paths)? {
        let unreadable = |told: String| Failure::Usage(format!("{}: {told}", path.display()));
        let file = std::fs::File::open(&path).map_err(|error| unreadable(error.to_string()))?;
        let rows = csv_text::cells(table, file).map_err(unreadable)?;
        let taken = import_table(&mut client, table, rows).await.map_err(|status| {
            let told = format!("{} (row 0 is the first after the header)", client::failure(&status));
            Failure::Refused(format!("{}: {told}", path.display()))
        })?;
        if json {
            say!("{}", json::import(table.as_str(), &taken));
        } else {
            say!(
                "{}: {} rows taken, {} changed, {} unchanged",
                table.as_str(),
                taken.taken,
                taken.changed,
                taken.unchanged
            );
        }
    }
    Ok(())
}

/// Imports one table.
///
/// # Errors
/// The status of the refusal.
pub async fn import_table(
    client: &mut Client,
    table: Table,
    rows: Vec<Vec<String>>,
) -> Result<pb::ImportReferenceResponse, tonic::Status> {
    let table = match table {
        Table::Persons => pb::Table::Persons,
        Table::Enrolments => pb::Table::Enrolments,
        Table::Categories => pb::Table::Categories,
        Table::Approvals => pb::Table::Approvals,
        Table::Hospitals => pb::Table::Hospitals,
        Table::Designations => pb::Table::Designations,
        Table::Catalogue => pb::Table::Catalogue,
    };
    client.import(table, rows).await
}

/// The files with their tables, in the order in which they are imported.
fn tables(paths: &[PathBuf]) -> Result<Vec<(Table, PathBuf)>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let files = Table::ALL.iter().map(|table| (*table, path.join(format!("{}.csv", table.as_str()))));
            found.extend(files.filter(|(_, file)| file.exists()));
        } else {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let table = Table::ALL.iter().find(|table| table.as_str() == stem);
            let table = table.ok_or_else(|| Failure::Usage(format!("{}: is named after no table", path.display())))?;
            found.push((*table, path.clone()));
        }
    }
    if found.is_empty() { Err(Failure::Usage("no table was found".to_owned())) } else { Ok(found) }
}
