//! Checks that a response was right: that it held at some moment between the begin and the end of its call.

use onestop::domain::claim::RawClaim;
use onestop::domain::ids::EntryId;
use onestop::domain::journal::{Entry, EntryKind};
use onestop::engine::fence::Outcome;
use onestop::grpc::status::Reason;
use onestop::journal::content::reverse_content;

use super::auditor::{Auditor, CheckResult, ClientRequest, ensure};
use super::calls::Response;
use super::model_ledger::RequestKey;
use super::scheduler::Time;
use crate::model;
use crate::support::as_model;

/// The time from the begin of a call to its end.
#[derive(Clone, Copy)]
pub struct Window {
    pub began: Time,
    pub ended: Time,
}

impl Auditor {
    /// Checks the response that a server gives to a call; while faults are possible, some more refusals are right.
    pub fn call_ended(&mut self, id: EntryId, response: &Response, at: Time, faults_possible: bool) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let unknown = matches!(response, Response::Refused(refusal) if Reason::from(refusal) == Reason::OutcomeUnknown);
        call.answered = !unknown;
        let (request, server) = (call.request.clone(), call.server);
        let window = Window { began: call.began, ended: at };
        let result = match response {
            Response::Quoted(split) => self.check_quote(&request, split, (server, window)),
            Response::Activated => {
                self.books.activated(server, at);
                Ok(())
            }
            response => self.check_response(id, &request, response, window, faults_possible),
        };
        self.record(at, result);
    }

    fn check_response(
        &mut self,
        id: EntryId,
        request: &ClientRequest,
        response: &Response,
        window: Window,
        faults_possible: bool,
    ) -> CheckResult {
        match response {
            Response::Committed { entry, revisions, replay } => {
                self.count(if *replay { "replayed" } else { "acknowledged" });
                ensure(*replay || entry.id == id, || format!("{} is the entry of another call", entry.id))?;
                self.check_durable(entry)?;
                self.check_matches_request(entry, request)?;
                let expected = entry.as_reversal().map(|reversed| reversed.revisions.clone()).unwrap_or_default();
                let returned: Vec<EntryId> = revisions.iter().map(|revision| revision.id).collect();
                ensure(expected == returned, || format!("{} returns other revisions than it has", entry.id))?;
                revisions.iter().try_for_each(|revision| self.check_durable(revision))
            }
            Response::Outcome(outcome) => self.check_outcome(request, outcome, window),
            Response::Quoted(_) | Response::Activated => Ok(()),
            Response::Account(view) => {
                let ClientRequest::Account { person, year } = request else {
                    return Err("no account was requested".to_owned());
                };
                let returned = as_model::plain(&view.account);
                let occurred = self.possible_accounts(person, *year, window).contains(&returned);
                ensure(occurred, || format!("the account of {year} was never {returned:?}"))
            }
            Response::Closed(closed) => self.check_closed(request, closed, window),
            Response::Refused(refusal) => {
                self.count("refused");
                let justified = self.is_justified_refusal(request, refusal, window, faults_possible);
                let details = format!("{refusal} from {} to {}", window.began, window.ended);
                ensure(justified, || format!("refused without a reason: {details}"))
            }
        }
    }

    /// Checks that an acknowledged entry is in the journal, byte for byte.
    fn check_durable(&self, entry: &Entry) -> CheckResult {
        let durable = self.journal.get(&entry.id).is_some_and(|known| known == entry);
        ensure(durable, || format!("{} is acknowledged and is not in the journal", entry.id))
    }

    /// Checks that an entry is what this request asked for and the only entry of its request id.
    fn check_matches_request(&self, entry: &Entry, request: &ClientRequest) -> CheckResult {
        let (key, same) = match (request, &entry.body) {
            (ClientRequest::Settle { claim, request_id, .. }, EntryKind::Settlement(settled)) => {
                (RequestKey::for_claim(claim, request_id), RawClaim::from(&settled.claim) == *claim)
            }
            (ClientRequest::Reverse { reversal, request_id }, EntryKind::Reversal(_)) => {
                (RequestKey::for_reversal(reversal, request_id), entry.content == reverse_content(reversal))
            }
            _ => return Err(format!("{} is of another kind", entry.id)),
        };
        let only = self.ledger.requests.get(&key).is_some_and(|(id, _)| *id == entry.id);
        ensure(same && only, || format!("{} is not the only entry of request {}", entry.id, key.request_id))
    }

    fn check_outcome(&self, request: &ClientRequest, outcome: &Outcome, window: Window) -> CheckResult {
        let (ClientRequest::Fence { hospital, person, request_id }
        | ClientRequest::Outcome { hospital, person, request_id }) = request
        else {
            return Err("no outcome was requested".to_owned());
        };
        let key = RequestKey { hospital: hospital.clone(), person: person.clone(), request_id: request_id.clone() };
        let used = self.ledger.requests.get(&key);
        let correct = match outcome {
            Outcome::NotSeen => {
                matches!(request, ClientRequest::Outcome { .. }) && used.is_none_or(|(_, at)| *at >= window.began)
            }
            Outcome::Fenced => used.is_some_and(|(id, _)| matches!(self.journal[id].body, EntryKind::Fence(_))),
            Outcome::Settled(settlement) => {
                self.check_durable(&settlement.entry.clone().into())?;
                used.is_some_and(|(id, _)| *id == settlement.entry.id)
            }
            Outcome::Readjudicated(_) => return Err("no run was requested".to_owned()),
            Outcome::Reversed(entry) => {
                self.check_durable(&Entry::clone(entry).into())?;
                used.is_some_and(|(id, _)| *id == entry.id)
            }
        };
        ensure(correct, || format!("the outcome of {request_id} is wrong"))
    }

    fn check_quote(
        &mut self,
        request: &ClientRequest,
        split: &onestop::domain::split::Split,
        (server, window): (usize, Window),
    ) -> CheckResult {
        let ClientRequest::Quote { claim } = request else { return Err("no quote was requested".to_owned()) };
        self.count("quoted");
        let (bill, hospital) = (as_model::bill(claim), &self.tables.hospitals[claim.hospital_id.as_str()]);
        let person = claim.person_id.as_str();
        let versions = self.visible_versions(person, window);
        let books = self.books.visible(server, window.began, window.ended);
        let accounts = self.possible_accounts(person, split.circumstances.account.year, window);
        let held = |book: &model::Book, version: &model::Person, account: &model::Account| {
            let decided = book.settle(&bill, version, hospital, &self.tables.catalogue, |_| account.clone());
            decided.is_ok_and(|(model, _)| as_model::is_split(split, &model, version.insurance_on(&bill.discharged)))
        };
        let correct = books.iter().any(|(_, book)| {
            versions.iter().any(|version| accounts.iter().any(|account| held(book, version, account)))
        });
        ensure(correct, || "a quote did not hold at any moment of its call".to_owned())
    }

    /// The versions of a person that a reader may see during this window.
    pub fn visible_versions(&self, person: &str, window: Window) -> Vec<&model::Person> {
        let versions = self.versions.get(person).into_iter();
        versions.flat_map(|versions| versions.visible_between(window.began, window.ended)).collect()
    }

    /// The states that an account had during this window, and the last one before it.
    fn possible_accounts(&self, person: &str, year: i32, window: Window) -> Vec<model::Account> {
        let history = self.ledger.account_history.get(person).map(Vec::as_slice).unwrap_or_default();
        let before = history.iter().rev().find(|(at, _)| *at < window.began);
        let within = history.iter().filter(|(at, _)| *at >= window.began && *at <= window.ended);
        let key = ("resident".to_owned(), year);
        let known = before.into_iter().chain(within).map(|(_, accounts)| accounts.get(&key).cloned());
        let fresh = before.is_none().then(model::Account::default);
        known.map(Option::unwrap_or_default).chain(fresh).collect()
    }
}
