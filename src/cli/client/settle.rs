//! `onestop settle`: claims from files through one stream, the results in the order of the files.
//!
//! After a break it connects again and sends what was not answered, with the same request ids; stopped and run
//! again, it is answered what it settled before. Either way nothing is settled twice. What lies between the last
//! result printed and the last claim read is bounded by a window.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use crate::grpc::error::CallError;
use crate::grpc::pb::settlement as pb;
use crate::grpc::pb::settlement::settle_stream_response::Answer;
use crate::grpc::to_proto;
use crate::say;

use super::claim_lines::{self, Line, Lines};
use super::connection::{self as client, Client};
use super::refused_claims::Refused;
use crate::cli::exit::{Ended, Failure};
use crate::cli::output::progress::Progress;
use crate::cli::output::{json, statement};

/// The most claims that are read and whose results are not printed.
const WINDOW: usize = 1_024;

/// How often a broken connection is tried again, and how often a claim whose refusal says so, without an answer
/// in between.
const TRIES: u32 = 5;

/// What `settle` is told.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Claim files: a claim a line (NDJSON), or one in the file; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write the claims that were refused to this file, a JSON line each with the reasons and the claim
    #[arg(long, value_name = "FILE")]
    refused: Option<PathBuf>,
}

/// Settles the claims of the files.
///
/// # Errors
/// Exit 1 if any is refused, 2 if a file cannot be read, 3 if the server is lost or an outcome is unknown.
pub async fn run(client: impl Future<Output = Result<Client, Failure>>, options: &Options, json: bool) -> Ended {
    let lines = claim_lines::read(&options.files, WINDOW)?;
    let client = client.await?;
    let refused = Refused::open(options.refused.as_deref())?;
    let progress = Progress::of_bytes(lines.total);
    let mut desk = Desk {
        lines,
        refused,
        progress,
        json,
        read: 0,
        printed: 0,
        ended: false,
        waiting: BTreeMap::new(),
        ready: BTreeMap::new(),
        settled: 0,
        replayed: 0,
    };
    desk.settle_all(client).await?;
    desk.end()
}

struct Desk {
    lines: Lines,
    refused: Refused,
    progress: Progress,
    json: bool,
    /// Lines read, and results printed: a claim's number is that of its line among all.
    read: u64,
    printed: u64,
    /// Whether every line was read.
    ended: bool,
    /// Claims without an answer, by number.
    waiting: BTreeMap<u64, Waiting>,
    /// Results that wait for one before them.
    ready: BTreeMap<u64, Ready>,
    settled: u64,
    replayed: u64,
}

struct Waiting {
    line: Line,
    request: pb::SettleStreamRequest,
    tries: u32,
}

enum Ready {
    Settled(Box<pb::Settlement>, bool),
    Refused(Box<(Line, Status)>),
}

/// A stream to the server, and which claim stands at which of its positions.
struct Sending {
    requests: mpsc::Sender<pb::SettleStreamRequest>,
    position: u64,
    sent: HashMap<u64, u64>,
}

impl Desk {
    async fn settle_all(&mut self, mut client: Client) -> Ended {
        let mut tries = 0;
        loop {
            let answered = self.printed + self.ready.len() as u64;
            let Err(broken) = self.over_one_stream(&mut client).await? else { return Ok(()) };
            tries = if self.printed + self.ready.len() as u64 > answered { 1 } else { tries + 1 };
            if tries > TRIES {
                let told = "the same command again settles nothing twice";
                return Err(Failure::Unreachable(format!("{}; {told}", client::failure(&broken))));
            }
            tokio::time::sleep(Duration::from_millis(100) * 2u32.pow(tries)).await;
        }
    }

    /// Settles until all is done, or the stream breaks.
    async fn over_one_stream(&mut self, client: &mut Client) -> Result<Result<(), Status>, Failure> {
        let (requests, stream) = mpsc::channel(WINDOW + 1);
        let mut sending = Sending { requests, position: 0, sent: HashMap::new() };
        for (number, waiting) in &self.waiting {
            sending.send(*number, &waiting.request).await;
        }
        let mut answers = match client.settle_stream(ReceiverStream::new(stream)).await {
            Ok(answers) => answers,
            Err(status) => return Ok(Err(status)),
        };
        while !(self.ended && self.waiting.is_empty()) {
            tokio::select! {
                line = self.lines.lines.recv(), if self.has_room() => self.take(line.transpose()?, &mut sending).await,
                answer = answers.message() => match answer {
                    Ok(Some(answer)) => self.answered(answer, &mut sending).await?,
                    Ok(None) => return Ok(Err(Status::unavailable("the stream ended early"))),
                    Err(status) => return Ok(Err(status)),
                },
            }
            self.print()?;
        }
        Ok(Ok(()))
    }

    fn has_room(&self) -> bool {
        !self.ended && self.waiting.len() + self.ready.len() < WINDOW
    }

    async fn take(&mut self, line: Option<Line>, sending: &mut Sending) {
        let Some(line) = line else {
            self.ended = true;
            return;
        };
        let number = self.read;
        self.read += 1;
        let told = match &line.claim {
            Ok(text) => text.told().map_err(|faults| CallError::InvalidMessage(faults).into()),
            Err(why) => Err(Status::invalid_argument(format!("not a claim: {why}"))),
        };
        match told {
            Err(status) => drop(self.ready.insert(number, Ready::Refused(Box::new((line, status))))),
            Ok((claim, request_id)) => {
                let (claim, request_id) = (Some(to_proto::claim(&claim)), request_id.as_str().to_owned());
                let request = pb::SettleStreamRequest { claim, request_id, quote_digest: Vec::new() };
                sending.send(number, &request).await;
                self.waiting.insert(number, Waiting { line, request, tries: 0 });
            }
        }
    }

    async fn answered(&mut self, answer: pb::SettleStreamResponse, sending: &mut Sending) -> Ended {
        let number = sending.sent.remove(&answer.position);
        let Some((number, mut waiting)) = number.and_then(|number| self.waiting.remove_entry(&number)) else {
            return Err(Failure::Unreachable("the server answered what it was not asked".to_owned()));
        };
        match answer.answer {
            Some(Answer::Settlement(settlement)) => {
                self.ready.insert(number, Ready::Settled(Box::new(settlement), answer.replay));
            }
            refusal => {
                let status = client::status_of(refusal);
                if !same_again(status.code()) {
                    self.ready.insert(number, Ready::Refused(Box::new((waiting.line, status))));
                } else if waiting.tries < TRIES {
                    waiting.tries += 1;
                    sending.send(number, &waiting.request).await;
                    self.waiting.insert(number, waiting);
                } else {
                    let told = "the same command again settles nothing twice";
                    return Err(Failure::Unreachable(format!("{}; {told}", client::failure(&status))));
                }
            }
        }
        Ok(())
    }

    /// Prints the results that no other stands before.
    fn print(&mut self) -> Ended {
        while let Some(ready) = self.ready.remove(&self.printed) {
            self.printed += 1;
            match ready {
                Ready::Refused(told) => self.refused.note(&told.0, &told.1, &self.progress)?,
                Ready::Settled(settlement, replay) => {
                    if replay {
                        self.replayed += 1
                    } else {
                        self.settled += 1
                    }
                    self.progress.aside(|| say_settled(&settlement, replay, self.json));
                }
            }
        }
        let (settled, replayed, refused) = (self.settled, self.replayed, self.refused.count());
        let told = || format!("{settled} settled, {replayed} replayed, {refused} refused");
        self.progress.at(self.lines.read.load(Ordering::Relaxed), told);
        Ok(())
    }

    fn end(self) -> Ended {
        let Desk { settled, replayed, refused, progress, .. } = self;
        drop(progress);
        if settled + replayed + refused.count() > 1 {
            eprintln!("{settled} settled, {replayed} replayed, {} refused", refused.count());
        }
        refused.end()
    }
}

impl Sending {
    /// A stream that broke is noticed where its answers are read.
    async fn send(&mut self, number: u64, request: &pb::SettleStreamRequest) {
        if self.requests.send(request.clone()).await.is_ok() {
            self.sent.insert(self.position, number);
            self.position += 1;
        }
    }
}

/// What a caller may simply send again.
fn same_again(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::DeadlineExceeded | Code::Aborted | Code::ResourceExhausted)
}

fn say_settled(settlement: &pb::Settlement, replay: bool, as_json: bool) {
    if as_json {
        let mut value = json::settlement(settlement);
        value["replay"] = replay.into();
        return say!("{value}");
    }
    let told = format!("{} {}", if replay { "replayed" } else { "settled" }, settlement.settlement_id);
    say!("{}", statement::line(&settlement.claim_id, &told, &settlement.split.clone().unwrap_or_default()));
}
