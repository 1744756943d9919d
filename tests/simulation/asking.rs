//! What a server does with a call, whatever its store: the same for the simulation and for the real stores.

use onestop::domain::ids::{AccountKey, Digest, EntryId};
use onestop::domain::journal::{Entry, Instant};
use onestop::domain::split::Split;
use onestop::engine::EngineError;
use onestop::engine::account::{AccountName, AccountView};
use onestop::engine::fence::{Outcome, RequestName};
use onestop::engine::reverse::ReverseRequest;
use onestop::engine::settle::SettleRequest;
use onestop::engine::{CommitStamp, Engine};
use onestop::store::{Store, codec};

use super::judge::Ask;

/// What came of a call.
pub enum Answer {
    Committed { entry: Entry, revisions: Vec<Entry>, replay: bool },
    Outcome(Outcome),
    Quoted(Box<Split>),
    Account(AccountView),
    Refused(EngineError),
}

/// Two minutes around midnight of New Year's Eve in China.
pub fn stamp(number: u64, at: u64) -> CommitStamp {
    const MIDNIGHT: i64 = 1_514_736_000_000_000;
    let id = EntryId(((u128::from(at) << 80) | u128::from(number)).to_be_bytes());
    CommitStamp { id, instant: Instant(MIDNIGHT - 60_000_000 + at as i64 * 40_000) }
}

/// Does what a call asks for.
pub async fn answer<S: Store>(engine: &Engine<S>, ask: Ask, stamp: CommitStamp) -> Answer {
    done(engine, ask, stamp).await.unwrap_or_else(Answer::Refused)
}

async fn done<S: Store>(engine: &Engine<S>, ask: Ask, stamp: CommitStamp) -> Result<Answer, EngineError> {
    let name = |hospital: String, person: String, request: String| RequestName {
        hospital_id: hospital.into(),
        person_id: person.into(),
        request_id: request.into(),
    };
    Ok(match ask {
        Ask::Settle { claim, request, quote } => {
            let quote = quote.map(|(digest, _)| digest.0.to_vec());
            let request = SettleRequest { claim, request_id: request.into(), quote };
            let committed = engine.settle(request, stamp).await?;
            Answer::Committed { entry: committed.entry, revisions: Vec::new(), replay: committed.replay }
        }
        Ask::Reverse { told, request } => {
            let request = ReverseRequest { told, request_id: request.into(), dry_run: false };
            let reversed = engine.reverse(request, stamp).await?;
            Answer::Committed { entry: reversed.entry, revisions: reversed.revisions, replay: reversed.replay }
        }
        Ask::Fence { hospital, person, request } => {
            Answer::Outcome(engine.fence(&name(hospital, person, request), stamp).await?)
        }
        Ask::Outcome { hospital, person, request } => {
            Answer::Outcome(engine.outcome(&name(hospital, person, request)).await?)
        }
        Ask::Quote { claim } => Answer::Quoted(Box::new(engine.quote(claim).await?.split)),
        Ask::Account { person, year } => {
            let key = AccountKey { insurance: "resident".into(), year };
            Answer::Account(engine.account(&AccountName { person_id: person.into(), key, on: None }).await?)
        }
    })
}

/// The answer as one digest and a word, for stores that must agree.
pub fn told(answer: &Answer) -> String {
    let entry = |entry: &Entry| codec::encode_entry(entry).expect("a record").1;
    match answer {
        Answer::Committed { entry: first, revisions, replay } => {
            let all: Vec<Digest> = [first].into_iter().chain(revisions).map(entry).collect();
            format!("committed {all:?} {replay}")
        }
        Answer::Outcome(Outcome::Committed(first)) => format!("outcome {}", entry(first)),
        Answer::Outcome(Outcome::Fenced) => "fenced".to_owned(),
        Answer::Outcome(Outcome::NotSeen) => "not seen".to_owned(),
        Answer::Quoted(split) => format!("quoted {}", split.digest()),
        Answer::Account(view) => format!("account {:?} {:?}", view.account, view.rooms),
        Answer::Refused(refusal) => format!("refused {refusal:?}"),
    }
}
