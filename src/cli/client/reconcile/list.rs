//! Lists (对明细账): the rows of the file are sent as they are read, and the differences printed as they come.
//!
//! A connection that breaks is opened again: the list is sent once more, and the comparison goes on after the last
//! difference that came.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::cli::client::connection::Client;
use crate::cli::error::client::{ClientError, leaves_outcome_unknown};
use crate::cli::error::refusal::field_violations;
use crate::cli::exit::CommandError;
use crate::cli::output::progress::Progress;
use crate::cli::output::statement::Lang;
use crate::domain::file_fault::{FaultText, FileFault};
use crate::domain::file_faults::FileFaults;
use crate::pb::settlement as pb;

use super::file::{MAX_REPORTED_FAULTS, ReconciledFile};
use super::list_output::{Form, ListOutput};
use super::words::heading;

/// Rows in one message.
const ROWS_PER_MESSAGE: usize = 1_000;

/// How often progress is shown.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// How often a connection that broke is opened again without a further difference, and the first delay.
const MAX_RETRIES: u32 = 5;
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// Compares the list of a file; gives the number of differences.
///
/// # Errors
/// If the file or the call is refused, or no server answers any more.
pub(super) async fn run(
    client: Client,
    file: ReconciledFile,
    span: pb::ReconciledSpan,
    after: String,
    (lang, form): (Lang, Form),
) -> Result<u64, CommandError> {
    let columns =
        pb::ReconciledColumns { settled_on: file.columns().has("settled_on"), patient: file.columns().has("patient") };
    let output = ListOutput::new(lang, form, heading(&span, lang), file.columns());
    let path = file.path().to_owned();
    let mut run = ListRun { client, span, columns, cursor: after, output };
    let (mut next, mut attempts) = (Some(file), 0);
    loop {
        let file = match next.take() {
            Some(file) => file,
            None => ReconciledFile::open(&path)?,
        };
        let before = run.cursor.clone();
        match run.send_and_read(file).await {
            Ok(summary) => return run.output.finish(&summary),
            Err(ListError::Broken(status)) => {
                attempts = if run.cursor == before { attempts + 1 } else { 1 };
                if attempts > MAX_RETRIES {
                    return Err(ClientError::RetriesExhausted(status).into());
                }
                tokio::time::sleep(RETRY_DELAY * 2u32.pow(attempts)).await;
            }
            Err(ListError::Ended(error)) => return Err(error),
        }
    }
}

/// Why an attempt did not come to its summary.
enum ListError {
    /// The connection broke, or the server stops.
    Broken(Box<Status>),
    /// It is of no use to try again.
    Ended(CommandError),
}

/// A list that is being compared.
struct ListRun {
    client: Client,
    span: pb::ReconciledSpan,
    columns: pb::ReconciledColumns,
    /// The cursor of the last response that was handled.
    cursor: String,
    output: ListOutput,
}

impl ListRun {
    async fn send_and_read(&mut self, file: ReconciledFile) -> Result<pb::ReconciliationSummary, ListError> {
        let (messages, stream) = mpsc::channel(4);
        let (report_faults, faults) = oneshot::channel();
        let (path, (length, read)) = (file.path().display().to_string(), file.bytes());
        let payers = file.columns().payers();
        let first = pb::ReconcileListRequest {
            span: Some(self.span.clone()),
            columns: Some(self.columns),
            cursor: self.cursor.clone(),
            ..pb::ReconcileListRequest::default()
        };
        std::thread::spawn(move || {
            // A dropped receiver wants no faults.
            let _dropped = report_faults.send(send_rows(file, first, &messages));
        });
        let progress = Progress::in_bytes(length);
        let compared = {
            let reading = self.read(ReceiverStream::new(stream));
            tokio::pin!(reading);
            loop {
                tokio::select! {
                    compared = &mut reading => break compared,
                    () = tokio::time::sleep(PROGRESS_INTERVAL) => {
                        progress.set_bytes(read.load(Ordering::Relaxed), || path.clone());
                    }
                }
            }
        };
        drop(progress);
        // Faults of the file come first: with faults the stream ends without its last message, which the server refuses too.
        let faults = faults.await.unwrap_or_default();
        if !faults.is_empty() {
            return Err(ListError::Ended(faults.into()));
        }
        compared.map_err(|status| self.list_error(&path, &payers, status))
    }

    async fn read(
        &mut self,
        messages: ReceiverStream<pb::ReconcileListRequest>,
    ) -> Result<pb::ReconciliationSummary, Status> {
        let mut responses: Streaming<_> = self.client.reconcile_list(messages).await?;
        while let Some(response) = responses.message().await? {
            let pb::ReconcileListResponse { progress, differences, cursor, summary } = response;
            if let Some(progress) = progress {
                // A further attempt is compared as of the same moment.
                self.span.cutoff_time = progress.cutoff_time;
            }
            self.output.add(differences, &cursor);
            if !cursor.is_empty() {
                self.cursor = cursor;
            }
            if let Some(summary) = summary {
                return Ok(summary);
            }
        }
        Err(Status::unavailable("the server ended the stream"))
    }

    fn list_error(&self, path: &str, payers: &[String], status: Status) -> ListError {
        if leaves_outcome_unknown(&status) {
            return ListError::Broken(Box::new(status));
        }
        let faults = faults_by_line(path, payers, &status);
        ListError::Ended(match faults.is_empty() {
            true => ClientError::from(status).into(),
            false => faults.into(),
        })
    }
}

/// Sends the rows of the file, and the end of the list if no row has a fault.
fn send_rows(
    mut file: ReconciledFile,
    first: pb::ReconcileListRequest,
    messages: &mpsc::Sender<pb::ReconcileListRequest>,
) -> FileFaults {
    let (mut faults, mut message) = (FileFaults::default(), first);
    loop {
        match file.next_claim() {
            Ok(Some(row)) => message.rows.push(row),
            Ok(None) => break,
            Err(found) => found.into_iter().for_each(|fault| faults.add(fault, MAX_REPORTED_FAULTS)),
        }
        if message.rows.len() == ROWS_PER_MESSAGE {
            let full = std::mem::take(&mut message);
            if faults.is_empty() && messages.blocking_send(full).is_err() {
                return faults;
            }
        }
    }
    if faults.is_empty() {
        message.last = true;
        // If the call ended, its status says why.
        let _ended = messages.blocking_send(message);
    }
    faults
}

/// The faults that the server found, by line and column of the file: of payers in the header, of rows in their lines.
fn faults_by_line(path: &str, payers: &[String], status: &Status) -> FileFaults {
    let mut faults = FileFaults::default();
    for fault in field_violations(status) {
        let FaultText { en, zh } = fault.text();
        let in_column =
            |line, column| FileFault { message_zh: Some(zh), ..FileFault::in_column(path, line, column, en) };
        let payer = fault.field.strip_prefix("span.payers[").and_then(|rest| rest.strip_suffix(']'));
        let payer = payer.and_then(|at| payers.get(at.parse::<usize>().ok()?));
        let row = fault.field.strip_prefix("rows[").and_then(|rest| rest.split_once("]."));
        let row = row.and_then(|(at, column)| Some((line_of_row(path, at.parse().ok()?)?, column)));
        if let Some(payer) = payer {
            faults.add(in_column(1, &**payer), MAX_REPORTED_FAULTS);
        } else if let Some((line, column)) = row {
            faults.add(in_column(line, column), MAX_REPORTED_FAULTS);
        }
    }
    faults
}

/// The line of a row, by its number from 0.
fn line_of_row(path: &str, number: usize) -> Option<usize> {
    let mut file = ReconciledFile::open(path.as_ref()).ok()?;
    let rows = std::iter::from_fn(|| file.next_claim().ok().flatten());
    rows.skip(number).map(|row| usize::try_from(row.row).unwrap_or(usize::MAX)).next()
}
