//! Looks up the facts of a claim: hospital and person (stage 3) and items (stage 4), each as of the day that counts.

use crate::domain::claim::Claim;
use crate::domain::facts::{Facts, HospitalFacts, PersonFacts};
use crate::domain::fault::{FaultReason, FieldFault, FieldFaults};
use crate::domain::refusal::ClaimRefusal;
use crate::domain::vocabulary::Vocabulary;

use super::item_rows::{ItemRows, item_rows};
use super::lookup_tables::LookupTables;
use super::person::PersonRecord;

/// Looks up the facts of a claim.
///
/// # Errors
/// All faults of hospital and person; if there are none, all faults of items.
pub fn facts(
    claim: &Claim,
    person: Option<&PersonRecord>,
    tables: &LookupTables,
    vocabulary: &Vocabulary,
) -> Result<Facts, ClaimRefusal> {
    let mut faults = FieldFaults::default();
    let hospital = hospital_facts(claim, tables, &mut faults);
    let person = person_facts(claim, person, vocabulary, &mut faults);
    match (hospital, person) {
        (Some(hospital), Some(person)) if faults.is_empty() => {
            let ItemRows { catalogue, entry_of_item } = item_rows(claim, &hospital.region, &tables.catalogue)?;
            Ok(Facts { person, hospital, catalogue: catalogue.into(), entry_of_item })
        }
        _ => Err(ClaimRefusal::NotEligible(faults)),
    }
}

fn hospital_facts(claim: &Claim, tables: &LookupTables, faults: &mut FieldFaults) -> Option<HospitalFacts> {
    let mut fault = |reason, message: &str| faults.push(FieldFault::new("claim.hospital_id", reason, message));
    let record = tables.hospitals.get(&claim.hospital_id);
    let Some(facts) = record.and_then(|record| record.facts(claim.discharged)) else {
        fault(FaultReason::UnknownHospital, "names no hospital that is known on the day of discharge");
        return None;
    };
    if !record.is_some_and(|record| record.is_designated(claim.discharged)) {
        fault(FaultReason::NotDesignated, "names a hospital that is not designated on the day of discharge");
    }
    Some(facts)
}

fn person_facts(
    claim: &Claim,
    record: Option<&PersonRecord>,
    vocabulary: &Vocabulary,
    faults: &mut FieldFaults,
) -> Option<PersonFacts> {
    let mut fault = |field, reason, message: &str| faults.push(FieldFault::new(field, reason, message));
    let Some(record) = record.filter(|record| record.is_known()) else {
        fault("claim.person_id", FaultReason::UnknownPerson, "names no known person");
        return None;
    };
    let facts = record.facts(claim.admitted, claim.discharged);
    if facts.is_none() {
        fault("claim.person_id", FaultReason::NotEnrolled, "names a person not enrolled on the day of discharge");
    }
    let needed = vocabulary.visit(claim.visit.as_str()).and_then(|rule| rule.needs.as_ref());
    if needed.is_some_and(|approval| !record.is_approved_for(approval, claim.admitted, claim.discharged)) {
        fault("claim.visit", FaultReason::NotApproved, "needs an approval that the person does not hold that day");
    }
    facts
}
