//! ListSettlements: from its request to the engine's lists, and back.

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::Message;

use crate::domain::claim::{ClaimLimits, valid_text};
use crate::domain::day::Day;
use crate::domain::fault::{FaultReason, FieldFaults};
use crate::domain::ids::{HospitalId, PersonId};
use crate::engine::Engine;
use crate::engine::list::{HospitalFilter, HospitalScope, Listed, PageRoom, PersonFilter};
use crate::journal::answer;
use crate::pb::Date;
use crate::pb::{encoded, settlement as pb};
use crate::store::Store;

use super::authorize::Permitted;
use super::disclosures::Disclosures;
use super::error::CallError;
use super::from_proto::refuse_given;
use super::page::{self, PageTokens};
use super::to_proto;
use super::view::View;

/// How many settlements a page holds if nothing is asked for, and at the most.
const PAGE: (usize, usize) = (100, 1_000);

/// The bytes after which a page ends: a client reads messages of 4 MiB, and the last settlement may be a long one.
const PAGE_BYTES: usize = 1 << 20;

/// The page that is asked for.
///
/// # Errors
/// What is wrong with the request, or the store cannot be read.
pub async fn list_settlements<S: Store>(
    engine: &Engine<S>,
    disclosures: &Disclosures,
    page_tokens: &PageTokens,
    permitted: &Permitted,
    request: pb::ListSettlementsRequest,
) -> Result<encoded::ListSettlementsResponse, CallError> {
    let limits = &engine.settings().limits;
    let limit = page::page_size(request.page_size, PAGE.0, PAGE.1)?;
    let mut page = Page::in_view(View::from_request(request.view)?);
    let next_page_token = match requested_list(&request, permitted, limits)? {
        RequestedList::Person(which) => {
            let (insurance, year) = (which.insurance.as_deref().unwrap_or_default(), which.year.to_string());
            let tokens = page_tokens.for_list(permitted, &["person", which.person_id.as_str(), insurance, &year]);
            let from = tokens.decode_position(&request.page_token)?;
            let next = engine.list_of_person(&which, from, limit, |listed| page.add(listed)).await?;
            // That a person has no settlement is an answer about the person too.
            page.persons.insert(which.person_id);
            tokens.next_page_token(next.as_ref())?
        }
        RequestedList::Hospital(which) => {
            permitted.caller.authorize_settlements_of(which.hospital_id.as_str())?;
            let (hospital_id, [from, until]) =
                (which.hospital_id.as_str(), [which.from, which.until].map(|day| day.to_string()));
            let tokens = page_tokens.for_list(permitted, &["hospital", hospital_id, &from, &until]);
            let after = tokens.decode_position(&request.page_token)?;
            let next = engine.list_of_hospital(&which, after, limit, |listed| page.add(listed)).await?;
            tokens.next_page_token(next.as_ref())?
        }
    };
    disclosures.log_read(permitted, engine.store(), &page.persons)?;
    Ok(encoded::ListSettlementsResponse { settlements: page.settlements, next_page_token })
}

/// A page that is being filled.
struct Page {
    view: View,
    settlements: Vec<encoded::ListedSettlement>,
    bytes: usize,
    /// Whom it discloses something about.
    persons: BTreeSet<PersonId>,
}

impl Page {
    fn in_view(view: View) -> Page {
        Page { view, settlements: Vec::new(), bytes: 0, persons: BTreeSet::new() }
    }

    fn add(&mut self, listed: Listed) -> PageRoom {
        let message = listed_settlement(&listed, self.view);
        self.bytes += message.encoded_len();
        self.settlements.push(message);
        self.persons.insert(listed.settlement.body.claim.person_id);
        if self.bytes < PAGE_BYTES { PageRoom::Left } else { PageRoom::Full }
    }
}

enum RequestedList {
    Person(PersonFilter),
    Hospital(HospitalFilter),
}

/// The list that is asked for; the fields of the other are absent.
fn requested_list(
    request: &pb::ListSettlementsRequest,
    permitted: &Permitted,
    limits: &ClaimLimits,
) -> Result<RequestedList, CallError> {
    if request.hospital_id.is_empty() {
        person_list(request, permitted, limits)
    } else {
        hospital_list(request, limits)
    }
}

fn hospital_list(request: &pb::ListSettlementsRequest, limits: &ClaimLimits) -> Result<RequestedList, CallError> {
    let mut faults = FieldFaults::default();
    let from = optional_day(&mut faults, "settled_from", request.settled_from).unwrap_or(Day::FIRST);
    let until = optional_day(&mut faults, "settled_until", request.settled_until).unwrap_or(Day::LAST);
    let hospital_id = HospitalId::parse(request.hospital_id.as_str(), limits.id_bytes);
    let hospital_id = valid_text(&mut faults, "hospital_id", hospital_id);
    let of_person = [
        ("person_id", !request.person_id.is_empty()),
        ("benefit_year", request.benefit_year != 0),
        ("insurance", !request.insurance.is_empty()),
    ];
    let message = "is given beside a hospital; a list is of a person's year or of a hospital's days";
    refuse_given(&mut faults, &of_person, message);
    match hospital_id {
        Some(hospital_id) if faults.is_empty() => {
            Ok(RequestedList::Hospital(HospitalFilter { hospital_id, from, until }))
        }
        _ => Err(CallError::InvalidMessage(faults)),
    }
}

fn person_list(
    request: &pb::ListSettlementsRequest,
    permitted: &Permitted,
    limits: &ClaimLimits,
) -> Result<RequestedList, CallError> {
    let mut faults = FieldFaults::default();
    optional_day(&mut faults, "settled_from", request.settled_from);
    optional_day(&mut faults, "settled_until", request.settled_until);
    let person_id = PersonId::parse(request.person_id.as_str(), limits.id_bytes);
    let person_id = valid_text(&mut faults, "person_id", person_id);
    if !(1..=9_999).contains(&request.benefit_year) {
        faults.add("benefit_year", FaultReason::NotADay, "is no year");
    }
    let of_days =
        [("settled_from", request.settled_from.is_some()), ("settled_until", request.settled_until.is_some())];
    let message = "is given beside a person; a person's settlements are listed by benefit year";
    refuse_given(&mut faults, &of_days, message);
    let insurance = Some(request.insurance.as_str()).filter(|text| !text.is_empty()).map(Into::into);
    match person_id {
        Some(person_id) if faults.is_empty() => {
            let hospitals = visible_hospitals(permitted);
            Ok(RequestedList::Person(PersonFilter { person_id, insurance, year: request.benefit_year, hospitals }))
        }
        _ => Err(CallError::InvalidMessage(faults)),
    }
}

/// The hospitals whose settlements the caller may see.
pub(super) fn visible_hospitals(permitted: &Permitted) -> HospitalScope {
    if permitted.caller.views_every_hospital() {
        HospitalScope::All
    } else {
        HospitalScope::Only(permitted.caller.hospitals.clone())
    }
}

fn optional_day(faults: &mut FieldFaults, field: &str, day: Option<Date>) -> Option<Day> {
    let read = Day::new(day?.year, day?.month, day?.day);
    read.map_err(|error| faults.add(field, FaultReason::NotADay, error.to_string())).ok()
}

fn listed_settlement(listed: &Listed, view: View) -> encoded::ListedSettlement {
    let Listed { settlement: entry, revision, reversal } = listed;
    let settled = &entry.body;
    let revised = revision.as_ref().map(|entry| &entry.body);
    let split = revised.map_or(&settled.split, |revised| &revised.split);
    encoded::ListedSettlement {
        settlement_id: entry.id.to_string(),
        claim_id: settled.claim.claim_id.as_str().to_owned(),
        hospital_id: settled.claim.hospital_id.as_str().to_owned(),
        person_id: settled.claim.person_id.as_str().to_owned(),
        request_id: entry.request_id.as_str().to_owned(),
        commit_time: Some(to_proto::timestamp(entry.committed)),
        settled_on: Some(to_proto::date(entry.committed.china_day())),
        insurance: split.circumstances.account.insurance.to_string(),
        benefit_year: split.circumstances.account.year,
        policy_id: split.circumstances.policy.id.to_string(),
        split: answer::split(split),
        notices: answer::notices(&settled.notices),
        derivation: if view.is_full() { answer::derivation(split) } else { Bytes::new() },
        revision: revised.map_or(1, |revised| revised.number),
        reversal_id: reversal.map(|id| id.to_string()).unwrap_or_default(),
    }
}
