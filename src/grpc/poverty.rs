//! ReportPoverty: statistics of poverty relief from the journal and the registers of the store.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt};
use prost::Message;
use tonic::Status;

use crate::domain::fault::{FaultReason, FieldFaults};
use crate::domain::ids::{CanonicalDigest, PersonId};
use crate::domain::money::Money;
use crate::pb::settlement as pb;
use crate::pb::settlement::report_poverty_response::Part;
use crate::reports::cache::{CHUNK_LINES, ReportCache};
use crate::reports::error::ReportError;
use crate::reports::poverty::{
    Group, Measures, Poverty, PovertyLayer, PovertyLimits, PovertyQuestion, SettledAsOrdinary, poverty,
};
use crate::store::Store;

use super::authorize::Permitted;
use super::error::CallError;
use super::report::{VALUES, check_count, check_regions, day, moment};
use super::reporter::{StoreReporter, call_error};
use super::to_proto::timestamp;
use super::waiting_rows::ReservedRows;

/// The groups and persons of a message.
const ROWS: usize = 200;

/// The most years of a report.
const YEARS: i32 = 100;

/// The parts of the statistics as they are sent.
pub type PovertyParts = BoxStream<'static, Result<pb::ReportPovertyResponse, Status>>;

impl<S: Store> StoreReporter<S> {
    /// The statistics that are requested, after the read of every person that they name was recorded.
    ///
    /// # Errors
    /// What is wrong with the request, or the store or the directory of the reports cannot be read.
    pub(super) async fn report_poverty(
        self: Arc<Self>,
        permitted: Permitted,
        deadline: Duration,
        request: pb::ReportPovertyRequest,
    ) -> Result<PovertyParts, CallError> {
        let question = question(&request)?;
        self.check_categories(&question.categories)?;
        let after = [request.after_groups, request.after_persons].map(count_of);
        let caller = Arc::clone(&permitted.caller.name);
        self.alone(deadline, &caller, move |reporter, reserved| async move {
            reporter.poverty_made_and_logged(&permitted, (&question, after), reserved).await
        })
        .await
    }

    /// The statistics may name every person of a register, so that the access log and the digest take time too.
    async fn poverty_made_and_logged(
        &self,
        permitted: &Permitted,
        (question, [after_groups, after_persons]): (&PovertyQuestion, [usize; 2]),
        reserved: ReservedRows,
    ) -> Result<PovertyParts, CallError> {
        let poverty = self.poverty(question).await.map_err(poverty_error)?;
        let held = reserved.hold(poverty.groups.len() + poverty.ordinary.len());
        let sent = poverty.ordinary.iter().skip(after_persons);
        let named = sent.map(|one| PersonId::parse(Arc::clone(&one.person_id), usize::MAX));
        let named = named.collect::<Result<Vec<_>, _>>();
        let named = named.map_err(|error| CallError::Internal(format!("a report names no person: {error}")))?;
        self.disclosures.log_read(permitted, self.engine.store(), &named)?;
        Ok(held.until_taken(parts(poverty, [after_groups, after_persons])))
    }

    /// Checks that the vocabulary has these categories: a mistyped one is a register of nobody.
    fn check_categories(&self, categories: &[String]) -> Result<(), CallError> {
        let book = self.engine.book();
        let mut faults = FieldFaults::default();
        for (at, _) in categories.iter().enumerate().filter(|(_, word)| book.vocabulary().category(word).is_none()) {
            let message = "is no category of the vocabulary";
            faults.add(format!("categories[{at}]"), FaultReason::UnknownWord, message);
        }
        faults.into_result(()).map_err(CallError::InvalidMessage)
    }

    /// From the cache; from the whole journal without one, or if its files cannot be used.
    async fn poverty(&self, question: &PovertyQuestion) -> Result<Poverty, ReportError> {
        let (store, limits) = (self.engine.store(), PovertyLimits::default());
        let Some(directory) = self.cache.as_deref() else { return poverty(store, question, limits).await };
        let found = match ReportCache::open(store, directory, CHUNK_LINES).await {
            Ok(mut cache) => cache.poverty(question, limits).await,
            Err(error) => Err(error),
        };
        match found {
            Err(error @ (ReportError::ForeignCache(_) | ReportError::File(_))) => {
                tracing::error!(%error, "the report cache cannot be used; the whole journal is read");
                poverty(store, question, limits).await
            }
            found => found,
        }
    }
}

/// The error of a call whose statistics cannot be made. They have no dimensions: fewer days are asked for.
fn poverty_error(error: ReportError) -> CallError {
    match error {
        ReportError::TooLarge(_) => CallError::invalid_field("until", FaultReason::TooMany, error.to_string()),
        error => call_error(error),
    }
}

fn question(request: &pb::ReportPovertyRequest) -> Result<PovertyQuestion, CallError> {
    let mut faults = FieldFaults::default();
    let (from, until) = (day(&mut faults, "from", request.from), day(&mut faults, "until", request.until));
    for (field, is_missing) in [("from", request.from.is_none()), ("until", request.until.is_none())] {
        if is_missing {
            faults.add(field, FaultReason::Missing, "is missing");
        }
    }
    check_regions(&mut faults, "regions", &request.regions);
    if request.categories.is_empty() {
        faults.add("categories", FaultReason::Missing, "names no register");
    }
    check_count(&mut faults, "categories", request.categories.len());
    check_count(&mut faults, "thresholds_fen", request.thresholds_fen.len());
    let thresholds = request.thresholds_fen.iter().enumerate().take(VALUES);
    for (at, _) in thresholds.filter(|(_, fen)| **fen < 0) {
        faults.add(format!("thresholds_fen[{at}]"), FaultReason::Negative, "is negative");
    }
    if from >= until && from.is_some() && until.is_some() {
        faults.add("until", FaultReason::Unreadable, "is not after from");
    }
    if from.zip(until).is_some_and(|(from, until)| until.year() - from.year() > YEARS) {
        faults.add("until", FaultReason::Unreadable, format!("is more than {YEARS} years after from"));
    }
    let as_of = moment(&mut faults, request.as_of_time.as_ref());
    match (from, until) {
        (Some(from), Some(until)) if faults.is_empty() => Ok(PovertyQuestion {
            from,
            until,
            regions: request.regions.clone(),
            categories: request.categories.clone(),
            thresholds: request.thresholds_fen.iter().copied().map(Money::from_fen).collect(),
            as_of,
            first_lines: request.line_count,
            names_persons: request.names_persons,
        }),
        _ => Err(CallError::InvalidMessage(faults)),
    }
}

/// The parts after so many groups and persons.
fn parts(poverty: Poverty, [after_groups, after_persons]: [usize; 2]) -> PovertyParts {
    let Poverty { end, layers, groups, ordinary, read } = poverty;
    let groups: Vec<_> = groups.into_iter().map(|(group, measures)| group_message(&group, measures)).collect();
    let persons: Vec<_> = ordinary.into_iter().map(person_message).collect();
    let layer = |PovertyLayer { id, payer }| pb::PovertyLayer { layer_id: id.to_string(), payer: payer.to_string() };
    let start = pb::PovertyStart {
        layers: layers.into_iter().map(layer).collect(),
        as_of_time: end.as_of.map(timestamp),
        group_count: groups.len() as u64,
        entries_read: read.entries,
        lines_read: read.lines,
        line_count: end.lines,
        person_count: persons.len() as u64,
        digest: digest(&groups, &persons),
    };
    let response = |part| Ok(pb::ReportPovertyResponse { part: Some(part) });
    let groups = stream::iter(groups).skip(after_groups).chunks(ROWS);
    let groups = groups.map(move |groups| response(Part::Groups(pb::PovertyGroups { groups })));
    let persons = stream::iter(persons).skip(after_persons).chunks(ROWS);
    let persons = persons.map(move |persons| response(Part::Persons(pb::PovertyPersons { persons })));
    stream::iter([response(Part::Start(start))]).chain(groups).chain(persons).boxed()
}

/// The digest of all groups and persons: another one, if a register was changed after a break.
fn digest(groups: &[pb::PovertyGroup], persons: &[pb::PovertyPerson]) -> Vec<u8> {
    let form = CanonicalDigest::new("poverty answer/1").number(groups.len() as u64);
    let form = groups.iter().fold(form, |form, group| form.bytes(&group.encode_to_vec()));
    let form = persons.iter().fold(form, |form, person| form.bytes(&person.encode_to_vec()));
    form.finish().0.to_vec()
}

fn count_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn group_message(group: &Group, measures: Measures) -> pb::PovertyGroup {
    let (month, city, county) = match group {
        Group::All => (0, "", ""),
        Group::Month(month) => (month.number(), "", ""),
        Group::City(city) => (0, &**city, ""),
        Group::County(county) => (0, "", &**county),
        Group::CountyInMonth(month, county) => (month.number(), "", &**county),
    };
    pb::PovertyGroup {
        month,
        city: city.to_owned(),
        county: county.to_owned(),
        registered: measures.registered,
        removed: measures.removed,
        treated: measures.treated,
        settlements: count(measures.settlements),
        total_fen: measures.total.fen(),
        layers_fen: measures.layers.iter().map(|amount| amount.fen()).collect(),
        patient_fen: measures.patient.fen(),
        above: measures.above,
        ordinary_persons: measures.ordinary_persons,
        ordinary_settlements: count(measures.ordinary_settlements),
        ordinary_patient_fen: measures.ordinary_patient.fen(),
    }
}

fn person_message(one: SettledAsOrdinary) -> pb::PovertyPerson {
    pb::PovertyPerson {
        person_id: one.person_id.to_string(),
        region: one.region.to_string(),
        settlements: count(one.settlements),
        patient_fen: one.patient.fen(),
    }
}

fn count(settlements: i64) -> i32 {
    settlements.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_that_are_too_large_are_refused_with_a_field_that_they_have() {
        let refused = poverty_error(ReportError::TooLarge(7));
        let fault = refused.faults().and_then(|faults| faults.listed().first()).expect("a fault");
        assert_eq!((&*fault.field, fault.reason), ("until", FaultReason::TooMany));
    }
}
