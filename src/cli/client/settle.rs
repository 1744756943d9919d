//! `onestop settle`: settles claims from files over one stream and prints the results in the order of the files.
//!
//! When the stream breaks it opens another and sends the unanswered claims again, with the same request ids. When the
//! command is run again, the server replays what it settled before. Either way nothing is settled twice. A window limits
//! the claims that are read and not yet printed.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::progress::Progress;
use crate::cli::output::{json, statement};
use crate::grpc::to_proto;
use crate::pb::settlement as pb;
use crate::pb::settlement::settle_stream_response::Answer;
use crate::{say, say_error};

use super::address::ServerOptions;
use super::claim_lines::{self, ClaimLine, ClaimReading};
use super::connection::Client;
use super::interrupt;
use super::quotes::Quotes;
use super::refused_claims::RefusedClaims;
use crate::cli::error::client::{ClientError, status_from_answer};

/// The maximum number of claims that are read and not yet printed.
const WINDOW: usize = 1_024;

/// How often the stream is opened again, and a claim with a retryable refusal sent again, without an answer in between.
const MAX_RETRIES: u32 = 5;

/// The claims to settle.
#[derive(clap::Args, Debug)]
pub(crate) struct SettleOptions {
    /// Claim files: one JSON claim per line (NDJSON) or one per file; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write refused claims to this file: one JSON line each, with the reasons and the claim
    #[arg(long, value_name = "FILE")]
    refused: Option<PathBuf>,
    /// Settle each claim only with the split that this file shows: the output of `onestop quote --json`, at most 12 hours
    /// old
    #[arg(long, value_name = "FILE")]
    quotes: Option<PathBuf>,
}

/// Settles the claims of the files.
///
/// # Errors
/// If a claim is refused, a file cannot be read, the server is lost, or an outcome is unknown.
pub(super) async fn run(server: &ServerOptions, options: &SettleOptions, json: bool) -> CommandResult {
    let reading = claim_lines::read_files(&options.files, WINDOW)?;
    let quotes = options.quotes.as_deref().map(Quotes::read).transpose()?;
    let client = Client::connect_to(server).await?;
    let refused = RefusedClaims::open(options.refused.as_deref())?;
    let progress = Progress::in_bytes(reading.total_bytes);
    let mut run = SettleRun {
        reading,
        quotes,
        refused,
        progress,
        json,
        read: 0,
        printed: 0,
        all_read: false,
        unanswered: BTreeMap::new(),
        results: BTreeMap::new(),
        settled: 0,
        replayed: 0,
        interrupted: false,
    };
    tokio::select! {
        settled = run.settle_all(client) => settled?,
        () = interrupt::pressed() => run.interrupted = true,
    }
    run.finish()
}

struct SettleRun {
    reading: ClaimReading,
    quotes: Option<Quotes>,
    refused: RefusedClaims,
    progress: Progress,
    json: bool,
    /// Claims read and results printed so far. A claim's number is its index among all claims of the files.
    read: u64,
    printed: u64,
    all_read: bool,
    /// Claims without an answer, by number.
    unanswered: BTreeMap<u64, PendingClaim>,
    /// Results that are printed after an earlier one, by number.
    results: BTreeMap<u64, ClaimResult>,
    settled: u64,
    replayed: u64,
    /// Whether Ctrl-C ended the run.
    interrupted: bool,
}

struct PendingClaim {
    line: ClaimLine,
    request: pb::SettleStreamRequest,
    retries: u32,
}

enum ClaimResult {
    Settled { settlement: Box<pb::Settlement>, replay: bool },
    Refused(Box<(ClaimLine, Status)>),
}

/// A stream to the server, and the number of the claim at each position of the stream.
struct RequestStream {
    requests: mpsc::Sender<pb::SettleStreamRequest>,
    next_position: u64,
    numbers: HashMap<u64, u64>,
}

impl SettleRun {
    async fn settle_all(&mut self, mut client: Client) -> CommandResult {
        let mut attempts = 0;
        loop {
            let answered = self.answered_count();
            let Err(status) = self.settle_over_one_stream(&mut client).await? else { return Ok(()) };
            attempts = if self.answered_count() > answered { 1 } else { attempts + 1 };
            if attempts > MAX_RETRIES {
                return Err(ClientError::RetriesExhausted(Box::new(status)).into());
            }
            tokio::time::sleep(Duration::from_millis(100) * 2u32.pow(attempts)).await;
        }
    }

    fn answered_count(&self) -> u64 {
        self.printed + self.results.len() as u64
    }

    /// Settles until all claims are answered; the inner error is the status with which the stream broke.
    async fn settle_over_one_stream(&mut self, client: &mut Client) -> Result<Result<(), Status>, CommandError> {
        let (requests, stream) = mpsc::channel(WINDOW + 1);
        let mut stream_out = RequestStream { requests, next_position: 0, numbers: HashMap::new() };
        for (number, pending) in &self.unanswered {
            stream_out.send(*number, &pending.request).await;
        }
        let mut answers = match client.settle_stream(ReceiverStream::new(stream)).await {
            Ok(answers) => answers,
            Err(status) => return Ok(Err(status)),
        };
        while !(self.all_read && self.unanswered.is_empty()) {
            tokio::select! {
                line = self.reading.lines.recv(), if self.has_room() => self.send_line(line.transpose()?, &mut stream_out).await,
                answer = answers.message() => match answer {
                    Ok(Some(answer)) => self.receive(answer, &mut stream_out).await?,
                    Ok(None) => return Ok(Err(Status::unavailable("the stream ended early"))),
                    Err(status) => return Ok(Err(status)),
                },
            }
            self.print_results()?;
        }
        // Everything is answered; the server ends the stream in order when it sees the end of the claims.
        drop(stream_out);
        Ok(answers.message().await.map(drop))
    }

    fn has_room(&self) -> bool {
        !self.all_read && self.unanswered.len() + self.results.len() < WINDOW
    }

    async fn send_line(&mut self, line: Option<ClaimLine>, stream: &mut RequestStream) {
        let Some(line) = line else {
            self.all_read = true;
            return;
        };
        let number = self.read;
        self.read += 1;
        match self.settle_request(&line) {
            Err(status) => drop(self.results.insert(number, ClaimResult::Refused(Box::new((line, status))))),
            Ok(request) => {
                stream.send(number, &request).await;
                self.unanswered.insert(number, PendingClaim { line, request, retries: 0 });
            }
        }
    }

    /// The request for a line, or why it is refused without being sent.
    fn settle_request(&self, line: &ClaimLine) -> Result<pb::SettleStreamRequest, Status> {
        let (claim, request_id) = line.claim_and_request_id()?;
        let quote_digest = self.quotes.as_ref().map(|quotes| quotes.token_for(&claim)).transpose()?.unwrap_or_default();
        // A line of text shows no more than a summary.
        let view = if self.json { pb::SettlementView::Full } else { pb::SettlementView::Summary };
        let claim = Some(to_proto::claim(&claim));
        Ok(pb::SettleStreamRequest { claim, request_id, quote_digest, view: view.into() })
    }

    async fn receive(
        &mut self,
        answer: pb::SettleStreamResponse,
        stream: &mut RequestStream,
    ) -> Result<(), ClientError> {
        let number = stream.numbers.remove(&answer.position);
        let pending = number.and_then(|number| self.unanswered.remove_entry(&number));
        let (number, mut pending) = pending.ok_or(ClientError::UnexpectedAnswer)?;
        let status = match answer.answer {
            Some(Answer::Settlement(settlement)) => {
                let settlement = Box::new(settlement);
                self.results.insert(number, ClaimResult::Settled { settlement, replay: answer.replay });
                return Ok(());
            }
            refusal => status_from_answer(refusal),
        };
        if !is_retryable(status.code()) {
            self.results.insert(number, ClaimResult::Refused(Box::new((pending.line, status))));
        } else if pending.retries < MAX_RETRIES {
            pending.retries += 1;
            stream.send(number, &pending.request).await;
            self.unanswered.insert(number, pending);
        } else {
            return Err(ClientError::RetriesExhausted(Box::new(status)));
        }
        Ok(())
    }

    /// Prints the results up to the first unanswered claim.
    fn print_results(&mut self) -> CommandResult {
        while let Some(result) = self.results.remove(&self.printed) {
            self.printed += 1;
            match result {
                ClaimResult::Refused(refused) => self.refused.add(&refused.0, &refused.1, &self.progress)?,
                ClaimResult::Settled { settlement, replay } => {
                    *(if replay { &mut self.replayed } else { &mut self.settled }) += 1;
                    self.progress.suspend(|| print_settlement(&settlement, replay, self.json));
                }
            }
        }
        self.progress.set_bytes(self.reading.bytes_read.load(Ordering::Relaxed), || self.summary());
        Ok(())
    }

    fn summary(&self) -> String {
        format!("{} settled, {} replayed, {} refused", self.settled, self.replayed, self.refused.count())
    }

    fn finish(self) -> CommandResult {
        let summary = (self.printed > 1 || self.interrupted).then(|| self.summary());
        drop(self.progress);
        if let Some(summary) = summary {
            say_error!("{summary}");
        }
        if self.interrupted {
            return Err(CommandError::Interrupted);
        }
        self.refused.finish()
    }
}

impl RequestStream {
    /// Sends a request; if the stream broke, reading the answers reports it.
    async fn send(&mut self, number: u64, request: &pb::SettleStreamRequest) {
        if self.requests.send(request.clone()).await.is_ok() {
            self.numbers.insert(self.next_position, number);
            self.next_position += 1;
        }
    }
}

/// Whether the same request may be sent again.
fn is_retryable(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::DeadlineExceeded | Code::Aborted | Code::ResourceExhausted)
}

fn print_settlement(settlement: &pb::Settlement, replay: bool, as_json: bool) {
    if as_json {
        let mut value = json::settlement(settlement);
        value["replay"] = replay.into();
        return say!("{value}");
    }
    let outcome = format!("{} {}", if replay { "replayed" } else { "settled" }, settlement.settlement_id);
    say!("{}", statement::line(&settlement.claim_id, &outcome, &settlement.split.clone().unwrap_or_default()));
}
