//! Report: sums over settlements from the journal of the store. Its rows are sent as the caller takes them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt};
use tonic::Status;

use crate::access::AccessError;
use crate::domain::day::Day;
use crate::domain::facts::is_region_prefix;
use crate::domain::fault::{FaultReason, FieldFaults};
use crate::domain::ids::PersonId;
use crate::domain::journal::Instant;
use crate::engine::list::HospitalScope;
use crate::pb::Date;
use crate::pb::settlement as pb;
use crate::pb::settlement::report_response::Part;
use crate::reports::cache::{CHUNK_LINES, ReportCache};
use crate::reports::dimension::Dimension;
use crate::reports::error::ReportError;
use crate::reports::ledger::{Reported, report};
use crate::reports::person_names::name_persons;
use crate::reports::question::{Condition, DayOf, Question};
use crate::reports::report::ReportRow;
use crate::store::Store;

use super::authorize::Permitted;
use super::error::CallError;
use super::from_proto;
use super::listing::visible_hospitals;
use super::reporter::{StoreReporter, call_error};
use super::to_proto::timestamp;
use super::waiting_rows::ReservedRows;

/// The rows of a message.
const ROWS: usize = 500;

/// The parts of a report as they are sent.
pub type ReportParts = BoxStream<'static, Result<pb::ReportResponse, Status>>;

/// The most values of a list in a request for a report.
pub(super) const VALUES: usize = 200;

impl<S: Store> StoreReporter<S> {
    /// The report that is requested, after the read of every person that it names was recorded.
    ///
    /// # Errors
    /// What is wrong with the request, the caller may not ask it, or the store cannot be read.
    pub(super) async fn report(
        self: Arc<Self>,
        permitted: Permitted,
        deadline: Duration,
        request: pb::ReportRequest,
    ) -> Result<ReportParts, CallError> {
        let question = question(&permitted, &request)?;
        if question.by.contains(&Dimension::Person) && !permitted.caller.views_every_hospital() {
            return Err(AccessError::NotPermitted.into());
        }
        let (after_key, caller) = (request.after_key, Arc::clone(&permitted.caller.name));
        self.alone(deadline, &caller, move |reporter, reserved| async move {
            reporter.made_and_logged(&permitted, (&question, &after_key), reserved).await
        })
        .await
    }

    /// Rows may name every person of the store, so that the access log takes time too.
    async fn made_and_logged(
        &self,
        permitted: &Permitted,
        (question, after_key): (&Question, &[String]),
        reserved: ReservedRows,
    ) -> Result<ReportParts, CallError> {
        let reported = self.compute(question).await?;
        let held = reserved.hold(reported.report.rows.len());
        if question.by.contains(&Dimension::Person) {
            self.disclosures.log_read(permitted, self.engine.store(), &persons_of(&reported)?)?;
        }
        Ok(held.until_taken(parts(reported, after_key)))
    }

    async fn compute(&self, question: &Question) -> Result<Reported, CallError> {
        let store = self.engine.store();
        let mut reported = match self.report_with_cache(question).await {
            Some(reported) => reported,
            None => report(store, question).await,
        }
        .map_err(call_error)?;
        name_persons(store, &mut reported.report).await.map_err(ReportError::from).map_err(call_error)?;
        Ok(reported)
    }

    /// The report with the help of the cache; none if there is no cache, or its files cannot be used.
    async fn report_with_cache(&self, question: &Question) -> Option<Result<Reported, ReportError>> {
        let directory = self.cache.as_deref()?;
        let reported = match ReportCache::open(self.engine.store(), directory, CHUNK_LINES).await {
            Ok(mut cache) => cache.report(question).await,
            Err(error) => Err(error),
        };
        match reported {
            Err(error @ (ReportError::ForeignCache(_) | ReportError::File(_))) => {
                tracing::error!(%error, "the report cache cannot be used; the whole journal is read");
                None
            }
            reported => Some(reported),
        }
    }
}

/// The persons that the rows of a report name, each once.
fn persons_of(reported: &Reported) -> Result<Vec<PersonId>, CallError> {
    let at = reported.report.by.iter().position(|by| *by == Dimension::Person);
    let named = reported.report.rows.iter().filter_map(|row| row.key.get(at?));
    let persons: Result<BTreeSet<PersonId>, _> = named.map(|id| PersonId::parse(id.clone(), usize::MAX)).collect();
    let persons = persons.map_err(|error| CallError::Internal(format!("a report names no person: {error}")))?;
    Ok(persons.into_iter().collect())
}

/// The parts of the rows after a key.
fn parts(reported: Reported, after_key: &[String]) -> ReportParts {
    let Reported { report, end, read } = reported;
    let start = pb::ReportStart {
        columns: report.columns.clone(),
        as_of_time: end.as_of.map(timestamp),
        line_count: end.lines,
        total: Some(row_message(&report.total)),
        row_count: report.rows.len() as u64,
        entries_read: read.entries,
        lines_read: read.lines,
    };
    let is_before = |row: &ReportRow| row.key.iter().map(|value| &**value).le(after_key.iter().map(String::as_str));
    let first = if after_key.is_empty() { 0 } else { report.rows.partition_point(is_before) };
    let response = |part| Ok(pb::ReportResponse { part: Some(part) });
    let rows = report.rows.into_iter().skip(first);
    let rows = stream::iter(rows).map(|row| row_message(&row)).chunks(ROWS);
    let rows = rows.map(move |rows| response(Part::Rows(pb::ReportRows { rows })));
    stream::iter([response(Part::Start(start))]).chain(rows).boxed()
}

fn row_message(row: &ReportRow) -> pb::ReportRow {
    pb::ReportRow {
        key: row.key.iter().map(|value| value.to_string()).collect(),
        settlements: row.settlements.clamp(i32::MIN.into(), i32::MAX.into()) as i32,
        persons: row.persons,
        amounts_fen: row.amounts.iter().map(|amount| amount.fen()).collect(),
    }
}

/// The question of a request, about the hospitals that the caller may see.
fn question(permitted: &Permitted, request: &pb::ReportRequest) -> Result<Question, CallError> {
    let mut faults = FieldFaults::default();
    let day_of = day_of(request.day_of);
    if day_of.is_none() {
        faults.add("day_of", FaultReason::UnknownWord, "is not one of the days that a report goes by");
    }
    check_count(&mut faults, "by", request.by.len());
    check_count(&mut faults, "only", request.only.len());
    if !faults.is_empty() {
        return Err(CallError::InvalidMessage(faults));
    }
    let mut by = Vec::new();
    for (at, word) in request.by.iter().enumerate() {
        match Dimension::from_word(word) {
            Some(dimension) if !by.contains(&dimension) => by.push(dimension),
            Some(_) => faults.add(format!("by[{at}]"), FaultReason::Repeated, "is named twice"),
            None => faults.add(format!("by[{at}]"), FaultReason::UnknownWord, "is nothing that rows can stand for"),
        }
    }
    let mut only = Vec::new();
    for (at, condition) in request.only.iter().enumerate() {
        let dimension = Dimension::from_word(&condition.dimension);
        let values = format!("only[{at}].values");
        match dimension {
            Some(Dimension::Region | Dimension::HospitalRegion) => {
                check_regions(&mut faults, &values, &condition.values);
            }
            _ => check_count(&mut faults, &values, condition.values.len()),
        }
        match dimension.and_then(|dimension| Condition::new(dimension, condition.values.clone())) {
            Some(condition) => only.push(condition),
            None => faults.add(format!("only[{at}].dimension"), FaultReason::UnknownWord, "is no possible condition"),
        }
    }
    if !request.after_key.is_empty() && request.after_key.len() != request.by.len() {
        let message = format!("has {} values; the key of a row has {}", request.after_key.len(), request.by.len());
        faults.add("after_key", FaultReason::Unreadable, message);
    }
    if let HospitalScope::Only(hospitals) = visible_hospitals(permitted) {
        let ids = hospitals.iter().map(|hospital| hospital.as_str().to_owned()).collect();
        only.extend(Condition::new(Dimension::Hospital, ids));
    }
    let (from, until) = (day(&mut faults, "from", request.from), day(&mut faults, "until", request.until));
    if from.zip(until).is_some_and(|(from, until)| from >= until) {
        faults.add("until", FaultReason::Unreadable, "is not after from");
    }
    let as_of = moment(&mut faults, request.as_of_time.as_ref());
    if !faults.is_empty() {
        return Err(CallError::InvalidMessage(faults));
    }
    let (day_of, first_lines) = (day_of.unwrap_or_default(), request.line_count);
    Ok(Question { day_of, from, until, by, only, as_of, first_lines })
}

/// Checks that a list of a request has no more than [`VALUES`] values.
pub(super) fn check_count(faults: &mut FieldFaults, field: &str, values: usize) {
    if values > VALUES {
        faults.add(field, FaultReason::TooMany, format!("has more than {VALUES} values"));
    }
}

/// The same, and that regions may begin with each value: what is mistyped is the region of nobody.
pub(super) fn check_regions(faults: &mut FieldFaults, field: &str, prefixes: &[String]) {
    check_count(faults, field, prefixes.len());
    let first = prefixes.iter().enumerate().take(VALUES);
    for (at, _) in first.filter(|(_, prefix)| !is_region_prefix(prefix)) {
        faults.add(format!("{field}[{at}]"), FaultReason::Unreadable, "is no prefix of a region: one to six digits");
    }
}

/// The moment that a request asks about.
pub(super) fn moment(faults: &mut FieldFaults, time: Option<&prost_types::Timestamp>) -> Option<Instant> {
    let moment = time.map(from_proto::instant);
    if moment == Some(None) {
        faults.add("as_of_time", FaultReason::Unreadable, "is no instant");
    }
    moment.flatten()
}

pub(super) fn day(faults: &mut FieldFaults, field: &str, day: Option<Date>) -> Option<Day> {
    let read = Day::new(day?.year, day?.month, day?.day);
    read.map_err(|error| faults.add(field, FaultReason::NotADay, error.to_string())).ok()
}

fn day_of(message: i32) -> Option<DayOf> {
    match pb::ReportDay::try_from(message).ok()? {
        pb::ReportDay::Unspecified => None,
        pb::ReportDay::Settlement => Some(DayOf::Settlement),
        pb::ReportDay::Discharge => Some(DayOf::Discharge),
        pb::ReportDay::Commit => Some(DayOf::Commit),
        pb::ReportDay::Booked => Some(DayOf::Booked),
    }
}
