//! ListSettlements: from its request to the engine's lists, and back.

use std::collections::BTreeSet;

use crate::domain::claim::{ClaimLimits, check_id};
use crate::domain::day::Day;
use crate::domain::fault::{FaultReason, FieldFault, FieldFaults};
use crate::domain::ids::PersonId;
use crate::engine::Engine;
use crate::engine::list::{HospitalFilter, Listed, PersonFilter};
use crate::store::Store;

use super::authorize::Permitted;
use super::error::CallError;
use super::pb::settlement as pb;
use super::reads::Reads;
use super::{page, to_proto};

/// How many settlements a page holds if nothing is asked for, and at the most.
const PAGE: (usize, usize) = (100, 1_000);

/// The page that is asked for.
///
/// # Errors
/// What is wrong with the request, or the store cannot be read.
pub async fn list<S: Store>(
    engine: &Engine<S>,
    reads: &Reads,
    by: &Permitted,
    asked: pb::ListSettlementsRequest,
) -> Result<pb::ListSettlementsResponse, CallError> {
    let limits = &engine.settings().limits;
    let most = page::size(asked.page_size, PAGE.0, PAGE.1)?;
    let (listed, next_page_token) = match one_of(&asked, limits)? {
        Which::Person(which) => {
            let list = (which.person_id.as_str(), &which.insurance, which.year);
            let mut page = engine.list_of_person(&which, page::place(&list, &asked.page_token)?, most).await?;
            // A claimant's own alone; a page may be shorter than asked for, and not the last.
            page.settlements
                .retain(|listed| by.caller.authorize_view_of(listed.settlement.parties().0.as_str()).is_ok());
            (page.settlements, page.next.map(|next| page::token(&list, &next)))
        }
        Which::Hospital(which) => {
            by.caller.authorize_view_of(which.hospital_id.as_str())?;
            let list = (which.hospital_id.as_str(), which.from, which.until);
            let page = engine.list_of_hospital(&which, page::place(&list, &asked.page_token)?, most).await?;
            (page.settlements, page.next.map(|next| page::token(&list, &next)))
        }
    };
    let persons: BTreeSet<&PersonId> = listed.iter().map(|listed| listed.settlement.parties().1).collect();
    reads.note(by, engine.store(), persons)?;
    let settlements = listed.iter().map(summary).collect::<Result<_, _>>()?;
    Ok(pb::ListSettlementsResponse { settlements, next_page_token: next_page_token.unwrap_or_default() })
}

enum Which {
    Person(PersonFilter),
    Hospital(HospitalFilter),
}

/// Either of the two; the fields of the other are left out.
fn one_of(asked: &pb::ListSettlementsRequest, limits: &ClaimLimits) -> Result<Which, CallError> {
    let mut faults = FieldFaults::default();
    let of_hospital = !asked.hospital_id.is_empty();
    let days = [("settled_from", &asked.settled_from), ("settled_until", &asked.settled_until)];
    let days = days.map(|(field, day)| told_day(&mut faults, field, *day));
    let (unwanted, told) = if of_hospital {
        check_id(&mut faults, "hospital_id", &asked.hospital_id, limits);
        let of_person = [
            ("person_id", !asked.person_id.is_empty()),
            ("benefit_year", asked.benefit_year != 0),
            ("insurance", !asked.insurance.is_empty()),
        ];
        (of_person.to_vec(), "is given beside a hospital; a list is of a person's year or of a hospital's days")
    } else {
        check_id(&mut faults, "person_id", &asked.person_id, limits);
        if !(1..=9_999).contains(&asked.benefit_year) {
            faults.push(FieldFault::new("benefit_year", FaultReason::NotADay, "is no year"));
        }
        let of_days =
            [("settled_from", asked.settled_from.is_some()), ("settled_until", asked.settled_until.is_some())];
        (of_days.to_vec(), "is given beside a person; a person's settlements are listed by benefit year")
    };
    let unwanted = unwanted.into_iter().filter(|(_, given)| *given);
    faults.extend(unwanted.map(|(field, _)| FieldFault::new(field, FaultReason::Unreadable, told)));
    if !faults.is_empty() {
        return Err(CallError::InvalidMessage(faults));
    }
    let [from, until] = days;
    Ok(if of_hospital {
        let (from, until) = (from.unwrap_or(Day::FIRST), until.unwrap_or(Day::LAST));
        Which::Hospital(HospitalFilter { hospital_id: asked.hospital_id.as_str().into(), from, until })
    } else {
        let insurance = Some(asked.insurance.as_str()).filter(|text| !text.is_empty()).map(Into::into);
        Which::Person(PersonFilter { person_id: asked.person_id.as_str().into(), insurance, year: asked.benefit_year })
    })
}

fn told_day(faults: &mut FieldFaults, field: &str, day: Option<pb::Date>) -> Option<Day> {
    let read = Day::new(day?.year, day?.month, day?.day);
    read.map_err(|no| faults.push(FieldFault::new(field, FaultReason::NotADay, no.to_string()))).ok()
}

fn summary(listed: &Listed) -> Result<pb::SettlementSummary, CallError> {
    let Listed { settlement: entry, revision, reversal } = listed;
    let unexpected = || CallError::Internal(format!("entry {} is of another kind", entry.id));
    let settled = entry.settled().ok_or_else(unexpected)?;
    let revised = revision.as_ref().and_then(|entry| entry.revised());
    let split = revised.map_or(&settled.split, |revised| &revised.split);
    Ok(pb::SettlementSummary {
        settlement_id: entry.id.to_string(),
        claim_id: settled.claim.claim_id.as_str().to_owned(),
        hospital_id: settled.claim.hospital_id.as_str().to_owned(),
        person_id: settled.claim.person_id.as_str().to_owned(),
        request_id: entry.request_id.as_str().to_owned(),
        committed_at: Some(to_proto::timestamp(entry.committed)),
        settled_on: Some(to_proto::date(entry.committed.china_day())),
        insurance: split.judged.account.insurance.to_string(),
        benefit_year: split.judged.account.year,
        policy_id: split.judged.policy.id.to_string(),
        total_fen: split.total.fen(),
        payers: to_proto::shares(split.payers()),
        patient_fen: split.patient.fen(),
        revision: revised.map_or(1, |revised| revised.number),
        reversal_id: reversal.map(|id| id.to_string()).unwrap_or_default(),
    })
}
