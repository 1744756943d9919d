//! Clients: each asks, waits, and when no answer comes asks again, asks for the outcome, or fences.

use std::sync::{Arc, Mutex};

use onestop::domain::ids::Digest;
use onestop::engine::fence::Outcome;
use onestop::grpc::status::Reason;

use super::asking::Answer;
use super::judge::Ask;
use super::plan::Plan;
use super::scheduler::lock;
use super::servers::{SERVERS, Servers};
use crate::support::random::Random;

/// How often a client tries before it gives up, which it need not when nothing is lost any more.
const TRIES: usize = 200;

/// A client with a chance of its own.
pub struct Client {
    pub servers: Arc<Servers>,
    pub plan: Arc<Mutex<Plan>>,
    pub random: Random,
}

impl Client {
    /// Asks for so many things, one after the other.
    pub async fn work(mut self, asks: usize) {
        for _ in 0..asks {
            let pause = self.random.below(30) as u64;
            self.servers.scheduler.sleep(pause).await;
            let ask = lock(&self.plan).ask(&mut self.random);
            self.see_through(ask).await;
        }
    }

    /// Asks until it is known what came of it.
    pub async fn see_through(&mut self, ask: Ask) {
        let mut ask = ask;
        if self.random.one_in(4) {
            ask = self.after_a_quote(ask).await;
        }
        let settles = matches!(ask, Ask::Settle { .. } | Ask::Reverse { .. });
        let mut next = ask.clone();
        for _ in 0..TRIES {
            let answer = self.call(next).await;
            if answer.as_ref().is_some_and(|answer| is_final(answer, settles)) {
                return;
            }
            next = match self.random.below(10) {
                0..=1 if settles => other(&ask, true),
                2 if settles => other(&ask, false),
                _ => ask.clone(),
            };
        }
        let judge = &self.servers.judge;
        lock(judge).judge(self.servers.scheduler.now(), Err("a client was never answered".to_owned()));
    }

    async fn call(&mut self, ask: Ask) -> Option<Answer> {
        let which = self.random.below(SERVERS);
        let answer = self.servers.call(which, ask).await;
        if answer.is_none() {
            let pause = self.random.below(40) as u64;
            self.servers.scheduler.sleep(pause).await;
        }
        answer
    }

    /// The same with the digest of a quote for it, if one is had.
    async fn after_a_quote(&mut self, ask: Ask) -> Ask {
        let Ask::Settle { claim, request, .. } = ask else { return ask };
        let begun = self.servers.scheduler.now();
        let quoted = self.call(Ask::Quote { claim: claim.clone() }).await;
        let quote: Option<(Digest, u64)> = match quoted {
            Some(Answer::Quoted(split)) => Some((split.digest(), begun)),
            _ => None,
        };
        Ask::Settle { claim, request, quote }
    }
}

/// What may be asked of a request whose answer did not come: its outcome, or that it may never commit.
fn other(ask: &Ask, outcome: bool) -> Ask {
    let (hospital, person, request) = match ask {
        Ask::Settle { claim, request, .. } => (&claim.hospital_id, &claim.person_id, request),
        Ask::Reverse { told, request } => (&told.hospital_id, &told.person_id, request),
        _ => return ask.clone(),
    };
    let (hospital, person) = (hospital.as_str().to_owned(), person.as_str().to_owned());
    let request = request.clone();
    if outcome { Ask::Outcome { hospital, person, request } } else { Ask::Fence { hospital, person, request } }
}

/// Whether nothing is left to be asked.
fn is_final(answer: &Answer, settles: bool) -> bool {
    match answer {
        Answer::Refused(refusal) => {
            !matches!(Reason::from(refusal), Reason::Conflict | Reason::StoreUnavailable | Reason::OutcomeUnknown)
        }
        Answer::Outcome(Outcome::NotSeen) => !settles,
        _ => true,
    }
}
