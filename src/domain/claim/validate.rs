//! The rules about a claim by itself (stage 2 of the refusals).

use crate::domain::day::Day;
use crate::domain::fault::{FaultReason, FieldFaults};
use crate::domain::fixed_words::ContinueKind;
use crate::domain::ids::{ClaimId, Diagnosis, HospitalId, PersonId, TextError};
use crate::domain::money::Money;
use crate::domain::vocabulary::Vocabulary;
use crate::domain::words::Visit;

use super::items::valid_items;
use super::{Claim, ClaimKeys, ClaimLimits, Continues, RawClaim, RawContinues, RawDate, RawItem};

/// Why a request about a claim is faulty by itself. With its ids, where they are valid, a faulty retry can still be
/// compared with what was settled before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRequest {
    /// The ids, if all of them are valid.
    pub keys: Option<ClaimKeys>,
    /// The faults; not empty.
    pub faults: FieldFaults,
}

impl RawClaim {
    /// The claim, if every rule about it alone holds. No discharge lies after `today`, a day of China Standard Time.
    ///
    /// # Errors
    /// The faults, each with its field.
    pub fn validate(&self, limits: &ClaimLimits, vocabulary: &Vocabulary, today: Day) -> Result<Claim, InvalidRequest> {
        let mut faults = FieldFaults::default();
        let RawClaim {
            claim_id,
            hospital_id,
            person_id,
            visit,
            emergency,
            admitted,
            discharged,
            items: raw_items,
            total,
            diagnosis,
            continues,
        } = self;
        let claim_id = valid_text(&mut faults, "claim.claim_id", ClaimId::parse(claim_id.as_str(), limits.id_bytes));
        let hospital_id =
            valid_text(&mut faults, "claim.hospital_id", HospitalId::parse(hospital_id.as_str(), limits.id_bytes));
        let person_id =
            valid_text(&mut faults, "claim.person_id", PersonId::parse(person_id.as_str(), limits.id_bytes));
        let visit = valid_visit(&mut faults, visit, vocabulary);
        let days = valid_days(&mut faults, *admitted, *discharged);
        check_stay_limits(&mut faults, days, limits, today);
        let items = valid_items(&mut faults, raw_items, days, limits);
        check_total(&mut faults, *total, raw_items);
        let diagnosis = diagnosis.as_deref();
        let diagnosis = diagnosis
            .and_then(|code| valid_text(&mut faults, "claim.diagnosis", Diagnosis::parse(code, limits.id_bytes)));
        let continues = continues.as_ref().and_then(|raw| valid_continues(&mut faults, raw, limits));
        let keys = claim_id.zip(hospital_id).zip(person_id);
        let keys = keys.map(|((claim_id, hospital_id), person_id)| ClaimKeys { hospital_id, person_id, claim_id });
        match (keys, visit, days, items) {
            (Some(keys), Some(visit), Some((admitted, discharged)), Some(items)) if faults.is_empty() => {
                let ClaimKeys { hospital_id, person_id, claim_id } = keys;
                Ok(Claim {
                    claim_id,
                    hospital_id,
                    person_id,
                    visit,
                    emergency: *emergency,
                    admitted,
                    discharged,
                    items,
                    total: *total,
                    diagnosis,
                    continues,
                })
            }
            (keys, ..) => Err(InvalidRequest { keys, faults }),
        }
    }
}

/// The value, if its text is valid; otherwise the fault is added.
pub(crate) fn valid_text<T>(
    faults: &mut FieldFaults,
    field: impl Into<String>,
    parsed: Result<T, TextError>,
) -> Option<T> {
    parsed.map_err(|error| faults.add(field, error.reason(), error.to_string())).ok()
}

/// A stated total is the sum of the bill. It is not checked where there is no bill, or the sum is of no size.
fn check_total(faults: &mut FieldFaults, total: Option<Money>, items: &[RawItem]) {
    let sum = items.iter().try_fold(Money::ZERO, |sum, item| sum.checked_add(item.amount));
    let (Some(total), Some(sum), false) = (total, sum, items.is_empty()) else { return };
    if total != sum {
        faults.add("claim.total", FaultReason::TotalMismatch, format!("is {total}, but the items add up to {sum}"));
    }
}

fn valid_continues(faults: &mut FieldFaults, raw: &RawContinues, limits: &ClaimLimits) -> Option<Continues> {
    let kind = ContinueKind::from_word(&raw.kind);
    match (kind, raw.kind.as_str()) {
        (Some(_), _) => {}
        (None, "") => faults.add("claim.continues.kind", FaultReason::Missing, "is missing"),
        (None, _) => faults.add("claim.continues.kind", FaultReason::UnknownWord, "is neither interim nor transfer"),
    }
    let hospital_id = HospitalId::parse(raw.hospital_id.as_str(), limits.id_bytes);
    let hospital_id = valid_text(faults, "claim.continues.hospital_id", hospital_id);
    let claim_id =
        valid_text(faults, "claim.continues.claim_id", ClaimId::parse(raw.claim_id.as_str(), limits.id_bytes));
    Some(Continues { kind: kind?, hospital_id: hospital_id?, claim_id: claim_id? })
}

fn valid_visit(faults: &mut FieldFaults, word: &str, vocabulary: &Vocabulary) -> Option<Visit> {
    let known = vocabulary.visit(word).map(|rule| rule.visit.clone());
    match (&known, word) {
        (Some(_), _) => {}
        (None, "") => faults.add("claim.visit", FaultReason::Missing, "is missing"),
        (None, _) => faults.add("claim.visit", FaultReason::UnknownWord, "is not one of the known visits"),
    }
    known
}

fn valid_days(faults: &mut FieldFaults, admitted: Option<RawDate>, discharged: Option<RawDate>) -> Option<(Day, Day)> {
    let admitted = valid_day(faults, "claim.admitted", admitted);
    let discharged = valid_day(faults, "claim.discharged", discharged);
    let (admitted, discharged) = (admitted?, discharged?);
    if discharged < admitted {
        let message = "lies before the day of admission";
        faults.add("claim.discharged", FaultReason::DischargedBeforeAdmitted, message);
    }
    Some((admitted, discharged))
}

fn check_stay_limits(faults: &mut FieldFaults, days: Option<(Day, Day)>, limits: &ClaimLimits, today: Day) {
    let Some((admitted, discharged)) = days else { return };
    let stay = admitted.days_to(discharged);
    if i64::from(stay) > i64::from(limits.stay_days) {
        let message = format!("lies {stay} days before the day of discharge; the limit is {}", limits.stay_days);
        faults.add("claim.admitted", FaultReason::StayTooLong, message);
    }
    if discharged > today {
        faults.add("claim.discharged", FaultReason::DischargedAfterToday, format!("lies after today, {today}"));
    }
}

fn valid_day(faults: &mut FieldFaults, field: &str, raw: Option<RawDate>) -> Option<Day> {
    let Some(raw) = raw else {
        faults.add(field, FaultReason::Missing, "is missing");
        return None;
    };
    Day::try_from(raw).map_err(|error| faults.add(field, FaultReason::NotADay, error.to_string())).ok()
}
