//! Executes client requests on an engine: the same code for the simulated store and the real stores.

use onestop::domain::ids::{AccountKey, Digest, EntryId};
use onestop::domain::journal::{Entry, Instant};
use onestop::domain::split::Split;
use onestop::engine::account::{AccountName, AccountView};
use onestop::engine::close_month::ClosedMonth;
use onestop::engine::fence::{Outcome, RequestName};
use onestop::engine::reverse::ReverseRequest;
use onestop::engine::settle::{PresentedQuote, SettleRequest};
use onestop::engine::{CommitStamp, Engine, EngineError};
use onestop::journal::content::split_digest;
use onestop::journal::encode_entry;
use onestop::store::Store;

use super::auditor::ClientRequest;
use super::books::book;
use crate::support::ids::id;

/// The response to a client request.
pub enum Response {
    Committed { entry: Box<Entry>, revisions: Vec<Entry>, replay: bool },
    Outcome(Outcome),
    Quoted(Box<Split>),
    Account(AccountView),
    Closed(ClosedMonth),
    Activated,
    Refused(EngineError),
}

/// The stamp of this call at this simulated time; a run spans about two minutes around New Year in China.
pub fn commit_stamp(number: u64, at: u64) -> CommitStamp {
    const MIDNIGHT: i64 = 1_514_736_000_000_000;
    let id = EntryId(((u128::from(at) << 80) | (u128::from(number) << 8)).to_be_bytes());
    CommitStamp { id, instant: Instant(MIDNIGHT - 60_000_000 + at as i64 * 40_000) }
}

/// Executes a request; an error becomes a refusal.
pub async fn execute<S: Store>(engine: &Engine<S>, request: ClientRequest, stamp: CommitStamp) -> Response {
    try_execute(engine, request, stamp).await.unwrap_or_else(Response::Refused)
}

async fn try_execute<S: Store>(
    engine: &Engine<S>,
    request: ClientRequest,
    stamp: CommitStamp,
) -> Result<Response, EngineError> {
    let request_name = |hospital: String, person: String, request_id: String| RequestName {
        hospital_id: Some(id(hospital)),
        person_id: id(person),
        request_id: id(request_id),
    };
    Ok(match request {
        ClientRequest::Settle { claim, request_id, quote } => {
            let quote = quote.map(|(digest, _)| PresentedQuote::Shown(digest));
            let request = SettleRequest { claim, request_id, quote, today: onestop::domain::day::Day::LAST };
            let committed = engine.settle(request, stamp).await?;
            Response::Committed {
                entry: Box::new(committed.entry.into()),
                revisions: Vec::new(),
                replay: committed.replay,
            }
        }
        ClientRequest::Reverse { reversal, request_id } => {
            let request = ReverseRequest { reversal, request_id, dry_run: false };
            let reversed = engine.reverse(request, stamp).await?;
            let revisions = reversed.revisions.into_iter().map(Entry::from).collect();
            Response::Committed { entry: Box::new(reversed.entry.into()), revisions, replay: reversed.replay }
        }
        ClientRequest::Fence { hospital, person, request_id } => {
            Response::Outcome(engine.fence(&request_name(hospital, person, request_id), stamp).await?)
        }
        ClientRequest::Outcome { hospital, person, request_id } => {
            Response::Outcome(engine.outcome(&request_name(hospital, person, request_id)).await?)
        }
        ClientRequest::Quote { claim } => {
            Response::Quoted(Box::new(engine.quote(claim, onestop::domain::day::Day::LAST).await?.split))
        }
        ClientRequest::Account { person, year } => {
            let key = AccountKey { insurance: "resident".into(), year };
            Response::Account(engine.account(&AccountName { person_id: id(person), key, on: None }).await?)
        }
        ClientRequest::Activate { book: number } => {
            let book = book(number);
            if engine.book().digest() == book.digest() {
                engine.announce_book_as_required("an operator", &|| stamp).await?;
            } else {
                engine.activate(book, "an operator", &|| stamp).await?;
            }
            Response::Activated
        }
        ClientRequest::Close { month } => Response::Closed(engine.close_month(month, "an operator", &|| stamp).await?),
    })
}

/// A response as a short text, to compare the responses of several stores.
pub fn response_summary(response: &Response) -> String {
    let digest = |entry: &Entry| encode_entry(entry).1;
    match response {
        Response::Committed { entry: first, revisions, replay } => {
            let all: Vec<Digest> = [&**first].into_iter().chain(revisions).map(digest).collect();
            format!("committed {all:?} {replay}")
        }
        Response::Outcome(Outcome::Settled(first)) => format!("outcome {}", digest(&first.entry.clone().into())),
        Response::Outcome(Outcome::Reversed(first)) => format!("outcome {}", digest(&Entry::clone(first).into())),
        Response::Outcome(Outcome::Readjudicated(run)) => format!("outcome of a run of {}", run.decided),
        Response::Outcome(Outcome::Fenced) => "fenced".to_owned(),
        Response::Outcome(Outcome::NotSeen) => "not seen".to_owned(),
        Response::Quoted(split) => format!("quoted {}", split_digest(split)),
        Response::Activated => "activated".to_owned(),
        Response::Closed(closed) => format!("closed {closed:?}"),
        Response::Account(view) => format!("account {:?} {:?}", view.account, view.rooms),
        Response::Refused(refusal) => format!("refused {refusal:?}"),
    }
}
