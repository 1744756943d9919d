//! Checks that a refusal was right: that its reason held at some moment between the begin and the end of its call.

use onestop::domain::content::RawReversal;
use onestop::domain::ids::Digest;
use onestop::domain::journal::{Entry, EntryKind};
use onestop::engine::EngineError;
use onestop::grpc::status::Reason;
use onestop::journal::content::{reverse_content, settle_content};

use super::auditor::{Auditor, ClientRequest};
use super::calls::commit_stamp;
use super::check_response::Window;
use super::model_ledger::{RequestKey, SettledPeriod};
use super::scheduler::Time;
use crate::model;
use crate::support::as_model;

/// How often the engine of a simulation retries a commit that conflicts.
pub const RETRIES: u32 = 5;

impl Auditor {
    /// Whether this refusal held at some moment of the window.
    pub fn is_justified_refusal(
        &self,
        request: &ClientRequest,
        refusal: &EngineError,
        window: Window,
        faults_possible: bool,
    ) -> bool {
        let reason = Reason::from(refusal);
        match reason {
            Reason::StoreUnavailable | Reason::OutcomeUnknown => faults_possible,
            Reason::Conflict if matches!(request, ClientRequest::Close { .. } | ClientRequest::Activate { .. }) => {
                self.administered_within(window) >= RETRIES as usize
            }
            Reason::MonthNotClosable => {
                let ClientRequest::Close { month } = request else { return false };
                self.is_not_closable(*month, commit_stamp(0, window.began).instant.china_month(), window)
            }
            Reason::Conflict => {
                let person = person_of_request(request);
                let closings = self.closings_within(window);
                self.ledger.commits_between(person, window.began, window.ended) + closings >= RETRIES as usize
            }
            Reason::RequestFenced => self
                .entry_of_request(request)
                .is_some_and(|(entry, at)| at <= window.ended && matches!(entry.body, EntryKind::Fence(_))),
            Reason::RequestIdReused => self.entry_of_request(request).is_some_and(|(entry, at)| {
                at <= window.ended
                    && Some(entry.content) != content_digest(request)
                    && !matches!(entry.body, EntryKind::Fence(_))
            }),
            Reason::ClaimSettled | Reason::ClaimOfAnotherPerson => self.claim_was_taken(request, reason, window),
            Reason::NotFound => {
                matches!(request, ClientRequest::Account { .. }) || self.claim_was_unsettled(request, window)
            }
            Reason::AlreadyReversed => self.claim_was_reversed(request, window),
            Reason::LaterSettlements => self.had_later_settlement(request, window),
            Reason::QuoteChanged => self.changed_since_quote(request, window),
            Reason::NotEligible | Reason::UnknownItem | Reason::NoPolicy => self.model_refuses(request, reason, window),
            _ => false,
        }
    }

    /// The entry that used the request id, and when it became durable.
    fn entry_of_request(&self, request: &ClientRequest) -> Option<(&Entry, Time)> {
        let (id, at) = self.ledger.requests.get(&request_key(request)?)?;
        Some((&self.journal[id], *at))
    }

    /// Whether at some moment of the window the request was still unknown and its claim was taken.
    fn claim_was_taken(&self, request: &ClientRequest, reason: Reason, window: Window) -> bool {
        let Some((claim_key, person)) = claim_and_person(request) else { return false };
        let Some(claim) = self.ledger.claims.get(&claim_key) else { return false };
        let known =
            request_key(request).and_then(|key| self.ledger.requests.get(&key)).map_or(Time::MAX, |(_, at)| *at);
        let unknown_after = |from: Time| from.max(window.began) < known && from <= window.ended;
        if claim.person != person {
            return reason == Reason::ClaimOfAnotherPerson
                && claim.periods.first().is_some_and(|first| unknown_after(first.from));
        }
        let taken = |period: &SettledPeriod| {
            unknown_after(period.from) && period.until.is_none_or(|until| until >= window.began)
        };
        reason == Reason::ClaimSettled && claim.periods.iter().any(taken)
    }

    /// Whether at some moment of the window the claim had never been settled.
    fn claim_was_unsettled(&self, request: &ClientRequest, window: Window) -> bool {
        let Some((claim_key, person)) = claim_and_person(request) else { return false };
        let claim = self.ledger.claims.get(&claim_key).filter(|claim| claim.person == person);
        claim.and_then(|claim| claim.periods.first()).is_none_or(|first| first.from >= window.began)
    }

    /// Whether at some moment of the window the claim was reversed and not settled again.
    fn claim_was_reversed(&self, request: &ClientRequest, window: Window) -> bool {
        let Some((claim_key, _)) = claim_and_person(request) else { return false };
        let periods = self.ledger.claims.get(&claim_key).map(|claim| claim.periods.as_slice()).unwrap_or_default();
        periods.iter().enumerate().any(|(at, one)| {
            let again = periods.get(at + 1).map_or(Time::MAX, |next| next.from);
            one.until.is_some_and(|until| until <= window.ended && again >= window.began)
        })
    }

    /// Whether at some moment of the window the claim and a later one of its account were both settled.
    fn had_later_settlement(&self, request: &ClientRequest, window: Window) -> bool {
        let ClientRequest::Reverse { reversal: RawReversal { readjudicate: false, .. }, .. } = request else {
            return false;
        };
        let Some((claim_key, person)) = claim_and_person(request) else { return false };
        let overlap = |one: &SettledPeriod, other: &SettledPeriod| {
            let from = one.from.max(other.from).max(window.began);
            let until = [one.until, other.until].into_iter().flatten().fold(window.ended, Time::min);
            from <= until
        };
        let own = self.ledger.claims.get(&claim_key).map(|claim| claim.periods.as_slice()).unwrap_or_default();
        let others = self.ledger.claims.values().filter(|claim| claim.person == person);
        let others: Vec<&SettledPeriod> = others.flat_map(|claim| &claim.periods).collect();
        own.iter().any(|one| {
            let later = |other: &&&SettledPeriod| other.from >= one.from && other.settlement != one.settlement;
            others.iter().filter(later).any(|other| other.account == one.account && overlap(one, other))
        })
    }

    /// Whether the person changed between the quote of this request and the end of the window.
    fn changed_since_quote(&self, request: &ClientRequest, window: Window) -> bool {
        let ClientRequest::Settle { quote: Some((_, quoted_at)), .. } = request else { return false };
        let person = person_of_request(request);
        let since = Window { began: *quoted_at, ended: window.ended };
        self.ledger.commits_between(person, *quoted_at, window.ended) > 0
            || self.visible_versions(person, since).len() > 1
            || self.books.changed_between(*quoted_at, window.ended)
    }

    /// Whether the model refuses the claim for this reason, for some version of the person in the window.
    fn model_refuses(&self, request: &ClientRequest, reason: Reason, window: Window) -> bool {
        let (ClientRequest::Settle { claim, .. } | ClientRequest::Quote { claim }) = request else { return false };
        let (bill, hospital) = (as_model::bill(claim), self.tables.hospitals.get(claim.hospital_id.as_str()));
        let versions = self.visible_versions(claim.person_id.as_str(), window);
        let Some(hospital) = hospital.filter(|_| !versions.is_empty()) else { return reason == Reason::NotEligible };
        versions.into_iter().any(|version| {
            let fresh = |_| model::Account::default();
            let refusal = self.books.shipped().settle(&bill, version, hospital, &self.tables.catalogue, fresh).err();
            refusal.is_some_and(|faults| reason_for_model_refusal(faults[0]) == reason)
        })
    }
}

/// The person that a request is about.
pub fn person_of_request(request: &ClientRequest) -> &str {
    match request {
        ClientRequest::Settle { claim, .. } | ClientRequest::Quote { claim } => claim.person_id.as_str(),
        ClientRequest::Reverse { reversal, .. } => reversal.person_id.as_str(),
        ClientRequest::Fence { person, .. }
        | ClientRequest::Outcome { person, .. }
        | ClientRequest::Account { person, .. } => person,
        ClientRequest::Close { .. } | ClientRequest::Activate { .. } => "",
    }
}

fn reason_for_model_refusal(refusal: model::Refusal) -> Reason {
    match refusal.reason {
        "HOSPITAL_NOT_DESIGNATED" | "PERSON_NOT_ENROLLED" | "VISIT_NOT_APPROVED" => Reason::NotEligible,
        "UNKNOWN_ITEM" => Reason::UnknownItem,
        "NO_POLICY_IN_FORCE" => Reason::NoPolicy,
        other => panic!("{other} is no refusal of these claims"),
    }
}

/// The digest over the content of a request that commits an entry; none for reads and fences.
fn content_digest(request: &ClientRequest) -> Option<Digest> {
    match request {
        ClientRequest::Settle { claim, .. } => Some(settle_content(claim)),
        ClientRequest::Reverse { reversal, .. } => Some(reverse_content(reversal)),
        _ => None,
    }
}

/// The scope of a request that commits an entry; none for reads and fences.
fn request_key(request: &ClientRequest) -> Option<RequestKey> {
    match request {
        ClientRequest::Settle { claim, request_id, .. } => Some(RequestKey::for_claim(claim, request_id)),
        ClientRequest::Reverse { reversal, request_id } => Some(RequestKey::for_reversal(reversal, request_id)),
        _ => None,
    }
}

/// The claim key and the person that a request names.
fn claim_and_person(request: &ClientRequest) -> Option<((String, String), &str)> {
    let (hospital, claim) = match request {
        ClientRequest::Settle { claim, .. } | ClientRequest::Quote { claim } => (&claim.hospital_id, &claim.claim_id),
        ClientRequest::Reverse { reversal, .. } => (&reversal.hospital_id, &reversal.claim_id),
        _ => return None,
    };
    Some(((hospital.as_str().to_owned(), claim.as_str().to_owned()), person_of_request(request)))
}
