//! Whether an answer was right: at some moment between the beginning of its call and its end, it was so.

use onestop::domain::claim::RawClaim;
use onestop::domain::content::RawReversal;
use onestop::domain::ids::{Digest, EntryId};
use onestop::domain::journal::{Entry, EntryKind};
use onestop::engine::EngineError;
use onestop::engine::fence::Outcome;
use onestop::grpc::status::Reason;

use super::asking::Answer;
use super::books::{ModelKey, Stood};
use super::judge::{Ask, Judge, Verdict, ensure};
use super::scheduler::Time;
use crate::model::{self, No};
use crate::support::as_model;

/// How often the engine of a simulation tries again.
pub const RETRIES: u32 = 5;

/// From the beginning of a call to its end.
#[derive(Clone, Copy)]
struct Window {
    begun: Time,
    ended: Time,
}

impl Judge {
    /// A server has its answer to a call; whether messages are lost is told, for then some answers are right that
    /// otherwise are not.
    pub fn ends(&mut self, id: EntryId, answer: &Answer, at: Time, troubled: bool) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let open = matches!(answer, Answer::Refused(refusal) if Reason::from(refusal) == Reason::OutcomeUnknown);
        call.answered = !open;
        let (ask, window) = (call.ask.clone(), Window { begun: call.begun, ended: at });
        let verdict = self.right(id, &ask, answer, window, troubled);
        self.judge(at, verdict);
    }

    fn right(&mut self, id: EntryId, ask: &Ask, answer: &Answer, window: Window, troubled: bool) -> Verdict {
        match answer {
            Answer::Committed { entry, revisions, replay } => {
                self.count(if *replay { "replayed" } else { "acknowledged" });
                ensure(*replay || entry.id == id, || format!("{} is another call's entry", entry.id))?;
                self.is_there(entry)?;
                self.is_of(entry, ask)?;
                let named = entry.reversed().map(|deed| deed.revisions.clone()).unwrap_or_default();
                let told: Vec<EntryId> = revisions.iter().map(|revision| revision.id).collect();
                ensure(named == told, || format!("{} tells other revisions than it has", entry.id))?;
                revisions.iter().try_for_each(|revision| self.is_there(revision))
            }
            Answer::Outcome(outcome) => self.outcome(ask, outcome, window),
            Answer::Quoted(split) => self.quoted(ask, split, window),
            Answer::Account(view) => {
                let Ask::Account { person, year } = ask else { return Err("no account was asked for".to_owned()) };
                let told = as_model::plain(&view.account);
                let was = self.accounts(person, *year, window).contains(&told);
                ensure(was, || format!("the account of {year} was never {told:?}"))
            }
            Answer::Refused(refusal) => {
                self.count("refused");
                let allowed = self.refused(ask, refusal, window, troubled);
                let told = format!("{refusal} from {} to {}", window.begun, window.ended);
                ensure(allowed, || format!("refused, and there was no reason: {told}"))
            }
        }
    }

    /// What is acknowledged is there, byte for byte.
    fn is_there(&self, entry: &Entry) -> Verdict {
        let there = self.journal.get(&entry.id).is_some_and(|known| known == entry);
        ensure(there, || format!("{} is acknowledged and is not there", entry.id))
    }

    /// It is what this request asked for, and the only one that it made.
    fn is_of(&self, entry: &Entry, ask: &Ask) -> Verdict {
        let (key, same) = match (ask, &entry.deed) {
            (Ask::Settle { claim, request, .. }, EntryKind::Settled(settled)) => {
                (ModelKey::of(claim, request), RawClaim::from(&settled.claim) == *claim)
            }
            (Ask::Reverse { told, request }, EntryKind::Reversed(_)) => {
                (ModelKey::of_reversal(told, request), entry.content == told.content())
            }
            _ => return Err(format!("{} is of another kind", entry.id)),
        };
        let only = self.books.requests.get(&key).is_some_and(|(id, _)| *id == entry.id);
        ensure(same && only, || format!("{} is not the one answer to {}", entry.id, key.request))
    }

    fn outcome(&self, ask: &Ask, outcome: &Outcome, window: Window) -> Verdict {
        let (Ask::Fence { hospital, person, request } | Ask::Outcome { hospital, person, request }) = ask else {
            return Err("no outcome was asked for".to_owned());
        };
        let key = ModelKey { hospital: hospital.clone(), person: person.clone(), request: request.clone() };
        let used = self.books.requests.get(&key);
        let right = match outcome {
            Outcome::NotSeen => matches!(ask, Ask::Outcome { .. }) && used.is_none_or(|(_, at)| *at >= window.begun),
            Outcome::Fenced => used.is_some_and(|(id, _)| matches!(self.journal[id].deed, EntryKind::Fenced(_))),
            Outcome::Committed(entry) => {
                self.is_there(entry)?;
                used.is_some_and(|(id, _)| *id == entry.id)
            }
        };
        ensure(right, || format!("the outcome of {request} is another"))
    }

    fn quoted(&mut self, ask: &Ask, split: &onestop::domain::split::Split, window: Window) -> Verdict {
        let Ask::Quote { claim } = ask else { return Err("no quote was asked for".to_owned()) };
        self.count("quoted");
        let (bill, hospital) = (as_model::bill(claim), &self.tables.hospitals[claim.hospital_id.as_str()]);
        let person = claim.person_id.as_str();
        let seen = self.seen(person, window);
        let right = seen.iter().any(|version| {
            self.accounts(person, split.judged.account.year, window).into_iter().any(|account| {
                let decided = self.book.settle(&bill, version, hospital, &self.tables.catalogue, |_| account.clone());
                decided.is_ok_and(|(model, _)| as_model::is_split(split, &model, &version.insurance))
            })
        });
        ensure(right, || "a quote was never right".to_owned())
    }

    fn seen(&self, person: &str, window: Window) -> Vec<&model::Person> {
        let versions = self.versions.get(person).into_iter();
        versions.flat_map(|versions| versions.between(window.begun, window.ended)).collect()
    }

    /// What an account was between two moments.
    fn accounts(&self, person: &str, year: i32, window: Window) -> Vec<model::Account> {
        let history = self.books.history.get(person).map(Vec::as_slice).unwrap_or_default();
        let before = history.iter().rev().find(|(at, _)| *at < window.begun);
        let within = history.iter().filter(|(at, _)| *at >= window.begun && *at <= window.ended);
        let key = ("resident".to_owned(), year);
        let known = before.into_iter().chain(within).map(|(_, accounts)| accounts.get(&key).cloned());
        let fresh = before.is_none().then(model::Account::default);
        known.map(Option::unwrap_or_default).chain(fresh).collect()
    }

    fn refused(&self, ask: &Ask, refusal: &EngineError, window: Window, troubled: bool) -> bool {
        let reason = Reason::from(refusal);
        match reason {
            Reason::StoreUnavailable | Reason::OutcomeUnknown => troubled,
            Reason::Conflict => {
                let person = person_of(ask);
                self.books.commits_between(person, window.begun, window.ended) >= RETRIES as usize
            }
            Reason::RequestFenced => self
                .used(ask)
                .is_some_and(|(entry, at)| at <= window.ended && matches!(entry.deed, EntryKind::Fenced(_))),
            Reason::RequestIdReused => self.used(ask).is_some_and(|(entry, at)| {
                at <= window.ended && Some(entry.content) != content(ask) && !matches!(entry.deed, EntryKind::Fenced(_))
            }),
            Reason::ClaimSettled | Reason::ClaimOfAnotherPerson => self.claim_taken(ask, reason, window),
            Reason::NotFound => matches!(ask, Ask::Account { .. }) || self.never_settled(ask, window),
            Reason::AlreadyReversed => self.lay_reversed(ask, window),
            Reason::LaterSettlements => self.had_later(ask, window),
            Reason::QuoteChanged => self.moved_since_quote(ask, window),
            Reason::NotEligible | Reason::UnknownItem | Reason::NoPolicy => self.no(ask, reason, window),
            _ => false,
        }
    }

    fn used(&self, ask: &Ask) -> Option<(&Entry, Time)> {
        let (id, at) = self.books.requests.get(&key_of(ask)?)?;
        Some((&self.journal[id], *at))
    }

    /// A moment at which the request was not known yet and the claim was not free.
    fn claim_taken(&self, ask: &Ask, reason: Reason, window: Window) -> bool {
        let Some((claim_key, person)) = claim_of(ask) else { return false };
        let Some(claim) = self.books.claims.get(&claim_key) else { return false };
        let known = key_of(ask).and_then(|key| self.books.requests.get(&key)).map_or(Time::MAX, |(_, at)| *at);
        let unknown_after = |from: Time| from.max(window.begun) < known && from <= window.ended;
        if claim.person != person {
            return reason == Reason::ClaimOfAnotherPerson
                && claim.stood.first().is_some_and(|s| unknown_after(s.from));
        }
        let stood = |stood: &Stood| unknown_after(stood.from) && stood.until.is_none_or(|until| until >= window.begun);
        reason == Reason::ClaimSettled && claim.stood.iter().any(stood)
    }

    fn never_settled(&self, ask: &Ask, window: Window) -> bool {
        let Some((claim_key, person)) = claim_of(ask) else { return false };
        let claim = self.books.claims.get(&claim_key).filter(|claim| claim.person == person);
        claim.and_then(|claim| claim.stood.first()).is_none_or(|first| first.from >= window.begun)
    }

    fn lay_reversed(&self, ask: &Ask, window: Window) -> bool {
        let Some((claim_key, _)) = claim_of(ask) else { return false };
        let stood = self.books.claims.get(&claim_key).map(|claim| claim.stood.as_slice()).unwrap_or_default();
        stood.iter().enumerate().any(|(at, one)| {
            let again = stood.get(at + 1).map_or(Time::MAX, |next| next.from);
            one.until.is_some_and(|until| until <= window.ended && again >= window.begun)
        })
    }

    /// A moment at which the claim stood, and a later one of its account too.
    fn had_later(&self, ask: &Ask, window: Window) -> bool {
        let Ask::Reverse { told: RawReversal { readjudicate: false, .. }, .. } = ask else { return false };
        let Some((claim_key, person)) = claim_of(ask) else { return false };
        let overlap = |one: &Stood, other: &Stood| {
            let from = one.from.max(other.from).max(window.begun);
            let until = [one.until, other.until].into_iter().flatten().fold(window.ended, Time::min);
            from <= until
        };
        let own = self.books.claims.get(&claim_key).map(|claim| claim.stood.as_slice()).unwrap_or_default();
        let others = self.books.claims.values().filter(|claim| claim.person == person);
        let others: Vec<&Stood> = others.flat_map(|claim| &claim.stood).collect();
        own.iter().any(|one| {
            let later = |other: &&&Stood| other.from >= one.from && other.settlement != one.settlement;
            others.iter().filter(later).any(|other| other.account == one.account && overlap(one, other))
        })
    }

    fn moved_since_quote(&self, ask: &Ask, window: Window) -> bool {
        let Ask::Settle { quote: Some((_, quoted)), .. } = ask else { return false };
        let person = person_of(ask);
        let since = Window { begun: *quoted, ended: window.ended };
        self.books.commits_between(person, *quoted, window.ended) > 0 || self.seen(person, since).len() > 1
    }

    fn no(&self, ask: &Ask, reason: Reason, window: Window) -> bool {
        let (Ask::Settle { claim, .. } | Ask::Quote { claim }) = ask else { return false };
        let (bill, hospital) = (as_model::bill(claim), self.tables.hospitals.get(claim.hospital_id.as_str()));
        let seen = self.seen(claim.person_id.as_str(), window);
        let Some(hospital) = hospital.filter(|_| !seen.is_empty()) else { return reason == Reason::NotEligible };
        seen.into_iter().any(|version| {
            let fresh = |_| model::Account::default();
            let no = self.book.settle(&bill, version, hospital, &self.tables.catalogue, fresh).err();
            no.is_some_and(|no| reason_of(no) == reason)
        })
    }
}

fn reason_of(no: No) -> Reason {
    match no {
        No::Designation | No::Enrolment | No::Approval => Reason::NotEligible,
        No::Code => Reason::UnknownItem,
        No::Policy => Reason::NoPolicy,
    }
}

fn content(ask: &Ask) -> Option<Digest> {
    match ask {
        Ask::Settle { claim, .. } => Some(claim.content()),
        Ask::Reverse { told, .. } => Some(told.content()),
        _ => None,
    }
}

pub fn person_of(ask: &Ask) -> &str {
    match ask {
        Ask::Settle { claim, .. } | Ask::Quote { claim } => claim.person_id.as_str(),
        Ask::Reverse { told, .. } => told.person_id.as_str(),
        Ask::Fence { person, .. } | Ask::Outcome { person, .. } | Ask::Account { person, .. } => person,
    }
}

fn key_of(ask: &Ask) -> Option<ModelKey> {
    match ask {
        Ask::Settle { claim, request, .. } => Some(ModelKey::of(claim, request)),
        Ask::Reverse { told, request } => Some(ModelKey::of_reversal(told, request)),
        _ => None,
    }
}

/// The claim that is asked about, and for whom.
fn claim_of(ask: &Ask) -> Option<((String, String), &str)> {
    let (hospital, claim) = match ask {
        Ask::Settle { claim, .. } | Ask::Quote { claim } => (&claim.hospital_id, &claim.claim_id),
        Ask::Reverse { told, .. } => (&told.hospital_id, &told.claim_id),
        _ => return None,
    };
    Some(((hospital.as_str().to_owned(), claim.as_str().to_owned()), person_of(ask)))
}
