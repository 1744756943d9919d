//! `onestop import`: reference tables from CSV, streamed; no file is held in memory.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic_types::StatusExt;

use crate::domain::claim::ClaimLimits;
use crate::domain::file_fault::FileFault;
use crate::grpc::imports;
use crate::grpc::pb::reference as pb;
use crate::reference::csv_rows::{CsvRow, CsvRows};
use crate::reference::row::ReferenceRow;
use crate::reference::table::ReferenceTable;
use crate::say;

use super::connection::{self as client, Client};
use crate::cli::exit::{Ended, Failure};
use crate::cli::output::json;
use crate::cli::output::progress::Progress;

/// How many rows go into one message.
const ROWS_A_MESSAGE: usize = 1_000;

/// How many faults of a file are printed.
const FAULTS_PRINTED: usize = 20;

/// What `import` is told.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Files named after their table (persons.csv, …), or a directory of them
    #[arg(required_unless_present = "list", value_name = "DIR|FILE")]
    paths: Vec<PathBuf>,
    /// Who imports, as the log of imports shall say
    #[arg(long, value_name = "NAME", env = "USER", default_value = "", hide_env = true)]
    by: String,
    /// List who imported what and when, newest first, in place of importing
    #[arg(long)]
    list: bool,
}

/// Imports these files, table by table; or lists imports.
///
/// # Errors
/// Exit 1 if a file is refused, of which then nothing is taken; 2 if one cannot be read.
pub async fn run(client: impl Future<Output = Result<Client, Failure>>, options: &Options, json: bool) -> Ended {
    if options.list {
        return list(client.await?, json).await;
    }
    let files = tables(&options.paths)?;
    let mut client = client.await?;
    for (table, path) in files {
        let taken = import_file(&mut client, table, &path, &options.by).await?;
        if json {
            say!("{}", json::import(table.as_str(), &taken));
        } else {
            let pb::ImportReferenceResponse { taken, changed, unchanged } = taken;
            say!("{}: {taken} rows taken, {changed} changed, {unchanged} unchanged", table.as_str());
        }
    }
    Ok(())
}

/// The faults of a file, of which the first are printed and the others counted.
#[derive(Default)]
struct Faults {
    printed: Vec<FileFault>,
    more: usize,
}

impl Faults {
    fn add(&mut self, fault: FileFault) {
        if self.printed.len() < FAULTS_PRINTED {
            self.printed.push(fault);
        } else {
            self.more += 1;
        }
    }

    fn into_result(self) -> Ended {
        let mut lines: Vec<_> = self.printed.iter().map(ToString::to_string).collect();
        if self.more > 0 {
            lines.push(format!("and {} more faults", self.more));
        }
        if lines.is_empty() { Ok(()) } else { Err(Failure::Refused(lines.join("\n"))) }
    }
}

async fn import_file(
    client: &mut Client,
    table: ReferenceTable,
    path: &Path,
    by: &str,
) -> Result<pb::ImportReferenceResponse, Failure> {
    let unreadable = |error: std::io::Error| Failure::Usage(format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    let progress = Progress::of_bytes(file.metadata().ok().map(|about| about.len()));
    let read = Arc::new(AtomicU64::new(0));
    let counted = Counted(file, Arc::clone(&read));
    let (messages, stream) = mpsc::channel(4);
    let (found, faults) = oneshot::channel();
    let first = pb::ImportReferenceRequest {
        table: imports::table(table).into(),
        source: short(&path.file_name().unwrap_or_default().to_string_lossy(), 200),
        imported_by: short(by, 64),
        ..pb::ImportReferenceRequest::default()
    };
    let name = path.to_owned();
    std::thread::spawn(move || {
        // Who no longer waits wants no faults.
        let _gone = found.send(send(table, &name, counted, first, &messages));
    });
    let call = client.import_stream(ReceiverStream::new(stream));
    tokio::pin!(call);
    let answer = loop {
        tokio::select! {
            answer = &mut call => break answer,
            () = tokio::time::sleep(Duration::from_millis(200)) => {
                progress.at(read.load(Ordering::Relaxed), || table.as_str().to_owned());
            }
        }
    };
    drop(progress);
    // What was found in the file itself comes before what the server says of a stream without its commit.
    faults.await.unwrap_or_default().into_result()?;
    answer.map_err(|status| match client::failure(&status) {
        Failure::Refused(_) => refused(table, path, &status),
        lost => lost,
    })
}

/// Sends the file's rows, and the commit if none is at fault. Rows are validated here too, so that a fault is
/// reported with its line before the server sees the rest of the file.
fn send(
    table: ReferenceTable,
    path: &Path,
    file: impl Read,
    first: pb::ImportReferenceRequest,
    messages: &mpsc::Sender<pb::ImportReferenceRequest>,
) -> Faults {
    let mut faults = Faults::default();
    let rows = match CsvRows::new(path.display().to_string(), table, file) {
        Ok(rows) => rows,
        Err(fault) => {
            faults.add(fault);
            return faults;
        }
    };
    let empty = pb::ImportReferenceRequest { table: first.table, ..pb::ImportReferenceRequest::default() };
    let mut message = first;
    for row in rows {
        message.rows.extend(validated(table, path, row, &mut faults));
        if message.rows.len() == ROWS_A_MESSAGE {
            let full = std::mem::replace(&mut message, empty.clone());
            if faults.printed.is_empty() && messages.blocking_send(full).is_err() {
                return faults;
            }
        }
    }
    if faults.printed.is_empty() {
        message.commit = true;
        // A server that takes no more says why.
        let _gone = messages.blocking_send(message);
    }
    faults
}

/// The message of a row; its faults are added to the others. How long an id may be is known to the server alone, so
/// here it may have as many bytes as any server accepts.
fn validated(
    table: ReferenceTable,
    path: &Path,
    row: Result<CsvRow, FileFault>,
    faults: &mut Faults,
) -> Option<pb::Row> {
    let row = row.map_err(|fault| faults.add(fault)).ok()?;
    let invalid = ReferenceRow::from_cells(table, &row.cells, ClaimLimits::MAX_ID_BYTES).err();
    for fault in invalid.into_iter().flatten() {
        let message = format!("{} ({})", fault.message, fault.reason.as_str());
        faults.add(FileFault::in_column(path.display().to_string(), row.line, fault.field, message));
    }
    Some(pb::Row { cells: row.cells })
}

/// What the server found in the rows, by line of the file.
fn refused(table: ReferenceTable, path: &Path, status: &tonic::Status) -> Failure {
    let details = status.get_error_details();
    let mut faults = Faults::default();
    for fault in details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default() {
        let row = fault.field.strip_prefix("rows[").and_then(|rest| rest.split_once("]."));
        let place = row.and_then(|(at, column)| Some((line(table, path, at.parse().ok()?)?, column)));
        if let Some((line, column)) = place {
            faults.add(FileFault::in_column(path.display().to_string(), line, column, fault.description.as_str()));
        }
    }
    faults
        .into_result()
        .err()
        .unwrap_or_else(|| Failure::Refused(format!("{}: {}", path.display(), client::failure(status))))
}

/// The line of the row at this index, from 0.
fn line(table: ReferenceTable, path: &Path, at: usize) -> Option<usize> {
    CsvRows::new("", table, File::open(path).ok()?).ok()?.nth(at)?.ok().map(|row| row.line)
}

/// Counts the bytes that were read.
struct Counted(File, Arc<AtomicU64>);

impl Read for Counted {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.read(bytes)?;
        self.1.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// The first bytes of a text, at most so many, whole characters.
fn short(text: &str, most: usize) -> String {
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= most).last();
    text[..end.unwrap_or(0)].to_owned()
}

async fn list(mut client: Client, json: bool) -> Ended {
    let mut request = pb::ListImportsRequest::default();
    loop {
        let page = client.imports(request.clone()).await.map_err(|status| client::failure(&status))?;
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

/// Imports the rows of one small table.
///
/// # Errors
/// The status of the refusal.
pub async fn import_table(
    client: &mut Client,
    table: ReferenceTable,
    rows: Vec<Vec<String>>,
) -> Result<pb::ImportReferenceResponse, tonic::Status> {
    client.import(imports::table(table), rows).await
}

/// The files with their tables, in the order in which they are imported.
fn tables(paths: &[PathBuf]) -> Result<Vec<(ReferenceTable, PathBuf)>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let files = ReferenceTable::ALL.iter().map(|table| (*table, path.join(format!("{}.csv", table.as_str()))));
            found.extend(files.filter(|(_, file)| file.exists()));
        } else {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let table = ReferenceTable::from_word(&stem);
            let table = table.ok_or_else(|| Failure::Usage(format!("{}: is named after no table", path.display())))?;
            found.push((table, path.clone()));
        }
    }
    if found.is_empty() { Err(Failure::Usage("no table was found".to_owned())) } else { Ok(found) }
}
