//! `onestop import`: imports reference tables from CSV files as streams; no file is held in memory.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::cli::error::refusal::field_violations;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;

use crate::cli::error::client::{ClientError, described};
use crate::cli::error::import::ImportError;
use crate::cli::exit::CommandResult;
use crate::cli::output::json;
use crate::cli::output::progress::Progress;
use crate::domain::file_fault::FileFault;
use crate::domain::file_faults::FileFaults;
use crate::domain::ids::MAX_ID_BYTES;
use crate::grpc::imports;
use crate::pb::reference as pb;
use crate::reference::csv_rows::{CsvRow, CsvRows};
use crate::reference::row::ReferenceRow;
use crate::reference::table::ReferenceTable;
use crate::say;

use super::address::ServerOptions;
use super::connection::Client;

/// Rows in one message.
const ROWS_PER_MESSAGE: usize = 1_000;

/// The faults of a file that are reported; further ones are counted.
const MAX_REPORTED_FAULTS: usize = 20;

/// The maximum bytes of a file name, and of the name of who imports, in the log of imports.
const MAX_SOURCE_BYTES: usize = 200;
const MAX_IMPORTER_BYTES: usize = 64;

/// How often progress is shown.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// The files to import.
#[derive(clap::Args, Debug)]
pub(crate) struct ImportOptions {
    /// Files named after their table (enrolments.csv, …), or a directory of them
    #[arg(required_unless_present = "list", value_name = "DIR|FILE")]
    paths: Vec<PathBuf>,
    /// The name of who imports, for the log of imports
    #[arg(long, value_name = "NAME", env = "USER", default_value = "", hide_env = true)]
    by: String,
    /// List past imports, newest first, instead of importing
    #[arg(long)]
    list: bool,
}

/// Imports these files, table by table; or lists past imports.
///
/// # Errors
/// If a file is refused or cannot be read, or the call failed.
pub(super) async fn run(server: &ServerOptions, options: &ImportOptions, json: bool) -> CommandResult {
    if options.list {
        return list_imports(Client::connect_to(server).await?, json).await;
    }
    let files = tables_of_paths(&options.paths)?;
    let mut client = Client::connect_to(server).await?;
    for (table, path) in files {
        let imported = import_file(&mut client, table, &path, &options.by).await?;
        if json {
            say!("{}", json::import(table.as_str(), &imported));
        } else {
            print_imported(table, &imported);
        }
    }
    Ok(())
}

/// Prints what was imported, and what nothing can be settled by as things are.
fn print_imported(table: ReferenceTable, imported: &pb::ImportReferenceResponse) {
    let (table, &pb::ImportReferenceResponse { taken, changed, unchanged, not_enrolled, .. }) =
        (table.as_str(), imported);
    say!("{table}: {taken} rows taken, {changed} changed, {unchanged} unchanged");
    if not_enrolled > 0 {
        say!("{table}: {not_enrolled} rows name persons who have no enrolment");
    }
    for (unmatched, what) in [
        (&imported.unknown_insurance, "have an insurance that no policy in use has"),
        (&imported.uncovered_region, "have an insured region for which no policy of their insurance in use is"),
        (&imported.unknown_hospital, "name hospitals that are not in hospitals"),
    ] {
        if let Some(pb::UnmatchedRows { rows, names }) = unmatched {
            say!("{table}: {rows} rows {what}: {}", names.join(", "));
        }
    }
}

async fn import_file(
    client: &mut Client,
    table: ReferenceTable,
    path: &Path,
    imported_by: &str,
) -> Result<pb::ImportReferenceResponse, ImportError> {
    let file = File::open(path).map_err(|error| ImportError::Read { path: path.to_owned(), error })?;
    let progress = Progress::in_bytes(file.metadata().ok().map(|metadata| metadata.len()));
    let bytes_read = Arc::new(AtomicU64::new(0));
    let counted = CountingReader(file, Arc::clone(&bytes_read));
    let (messages, stream) = mpsc::channel(4);
    let (report_faults, faults) = oneshot::channel();
    let first = pb::ImportReferenceRequest {
        table: imports::table(table).into(),
        columns: imports::column_names(table),
        source: truncated(&path.file_name().unwrap_or_default().to_string_lossy(), MAX_SOURCE_BYTES),
        imported_by: truncated(imported_by, MAX_IMPORTER_BYTES),
        ..pb::ImportReferenceRequest::default()
    };
    let name = path.to_owned();
    std::thread::spawn(move || {
        // A dropped receiver wants no faults.
        let _dropped = report_faults.send(send_rows(table, &name, counted, first, &messages));
    });
    let call = client.import_stream(ReceiverStream::new(stream));
    tokio::pin!(call);
    let answer = loop {
        tokio::select! {
            answer = &mut call => break answer,
            () = tokio::time::sleep(PROGRESS_INTERVAL) => {
                progress.set_bytes(bytes_read.load(Ordering::Relaxed), || table.as_str().to_owned());
            }
        }
    };
    drop(progress);
    // Faults of the file come first: with faults the stream ends without a commit, which the server refuses too.
    let faults = faults.await.unwrap_or_default();
    if !faults.is_empty() {
        return Err(ImportError::Faults(faults));
    }
    answer.map_err(|status| match ClientError::from(status) {
        ClientError::Refused(status) => faults_by_line_or_refusal(table, path, &status),
        error => error.into(),
    })
}

/// Sends the rows of the file, and the commit if no row has a fault. Rows are also checked here, so that each fault is
/// reported with its line.
fn send_rows(
    table: ReferenceTable,
    path: &Path,
    file: impl Read,
    first: pb::ImportReferenceRequest,
    messages: &mpsc::Sender<pb::ImportReferenceRequest>,
) -> FileFaults {
    let mut faults = FileFaults::default();
    let rows = match CsvRows::new(path.display().to_string(), table, file) {
        Ok(rows) => rows,
        Err(fault) => {
            faults.add(fault, MAX_REPORTED_FAULTS);
            return faults;
        }
    };
    let mut message = first;
    for row in rows {
        message.rows.extend(checked_row(table, path, row, &mut faults));
        if message.rows.len() == ROWS_PER_MESSAGE {
            let full = std::mem::take(&mut message);
            if faults.is_empty() && messages.blocking_send(full).is_err() {
                return faults;
            }
        }
    }
    if faults.is_empty() {
        message.commit = true;
        // If the call ended, its status says why.
        let _ended = messages.blocking_send(message);
    }
    faults
}

/// The row to send; its faults are added to `faults`. An id may have the maximum length of any configuration, because
/// only the server knows its own limit.
fn checked_row(
    table: ReferenceTable,
    path: &Path,
    row: Result<CsvRow, FileFault>,
    faults: &mut FileFaults,
) -> Option<pb::Row> {
    let row = row.map_err(|fault| faults.add(fault, MAX_REPORTED_FAULTS)).ok()?;
    let invalid = ReferenceRow::from_cells(table, &row.cells, MAX_ID_BYTES).err();
    for fault in invalid.into_iter().flatten() {
        let message = format!("{} ({})", fault.message, fault.reason.as_str());
        let fault = FileFault::in_column(path.display().to_string(), row.line, fault.field, message);
        faults.add(fault, MAX_REPORTED_FAULTS);
    }
    Some(pb::Row { cells: row.cells })
}

/// The faults that the server found in the rows, by line of the file.
fn faults_by_line_or_refusal(table: ReferenceTable, path: &Path, status: &tonic::Status) -> ImportError {
    let mut faults = FileFaults::default();
    for fault in field_violations(status) {
        let row = fault.field.strip_prefix("rows[").and_then(|rest| rest.split_once("]."));
        let position = row.and_then(|(index, column)| Some((line_of_row(table, path, index.parse().ok()?)?, column)));
        if let Some((line, column)) = position {
            let message = format!("{} ({})", fault.message, fault.reason);
            let fault = FileFault::in_column(path.display().to_string(), line, column, message);
            faults.add(fault, MAX_REPORTED_FAULTS);
        }
    }
    if faults.is_empty() {
        return ImportError::Refused { path: path.to_owned(), message: described(status) };
    }
    ImportError::Faults(faults)
}

/// The line of a row, by its index.
fn line_of_row(table: ReferenceTable, path: &Path, index: usize) -> Option<usize> {
    CsvRows::new("", table, File::open(path).ok()?).ok()?.nth(index)?.ok().map(|row| row.line)
}

/// Counts the bytes that are read.
pub(super) struct CountingReader(pub(super) File, pub(super) Arc<AtomicU64>);

impl Read for CountingReader {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.read(bytes)?;
        self.1.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// The longest prefix of whole characters that has at most `limit` bytes.
fn truncated(text: &str, limit: usize) -> String {
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= limit).last();
    text[..end.unwrap_or(0)].to_owned()
}

async fn list_imports(mut client: Client, json: bool) -> CommandResult {
    let mut request = pb::ListImportsRequest::default();
    loop {
        let page = client.imports(request.clone()).await?;
        for import in &page.imports {
            let value = json::import_log(import);
            if json { say!("{value}") } else { say!("{}", json::import_line(import)) }
        }
        if page.next_page_token.is_empty() {
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}

/// Imports the rows of one table from memory.
///
/// # Errors
/// The status of the refusal.
pub async fn import_table(
    client: &mut Client,
    table: ReferenceTable,
    rows: Vec<Vec<String>>,
) -> Result<pb::ImportReferenceResponse, tonic::Status> {
    client.import(table, rows).await
}

/// The files with their tables, in the order in which they are imported.
fn tables_of_paths(paths: &[PathBuf]) -> Result<Vec<(ReferenceTable, PathBuf)>, ImportError> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let files = ReferenceTable::ALL.iter().map(|table| (*table, path.join(format!("{}.csv", table.as_str()))));
            found.extend(files.filter(|(_, file)| file.exists()));
        } else {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let table = ReferenceTable::from_word(&stem);
            let table = table.ok_or_else(|| ImportError::NoSuchTable(path.clone()))?;
            found.push((table, path.clone()));
        }
    }
    if found.is_empty() { Err(ImportError::NoTables) } else { Ok(found) }
}
