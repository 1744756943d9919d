//! ReconcileTotals: compares sums by day, or of a whole span.

use std::collections::BTreeMap;

use crate::domain::day::Day;
use crate::domain::fault::{FaultReason, FieldFaults};
use crate::domain::reconciliation::{Totals, total_differences};
use crate::engine::Engine;
use crate::engine::reconcile::ReconciledSpan;
use crate::pb::settlement as pb;
use crate::store::Store;

use super::authorize::Permitted;
use super::error::CallError;
use super::reconcile_rows::{StatedAmounts, required_day, span};
use super::reconciliation_messages::{figure_difference, totals_message};
use super::to_proto::timestamp;

/// The most sums of a request: one for each day of a leap year.
const DAYS: usize = 366;

/// Sums by day; `None` stands for the whole span.
type DayTotals = BTreeMap<Option<Day>, Totals>;

/// Compares the sums of a request with those of the settlements.
///
/// # Errors
/// What is wrong with the request, or the store cannot be read.
pub(super) async fn reconcile_totals<S: Store>(
    engine: &Engine<S>,
    permitted: &Permitted,
    request: pb::ReconcileTotalsRequest,
) -> Result<pb::ReconcileTotalsResponse, CallError> {
    let span = span(engine, &permitted.caller, request.span)?;
    let mut there = stated_totals(&span, request.totals)?;
    let mut here: DayTotals = BTreeMap::new();
    let is_whole = there.contains_key(&None);
    for (day, totals) in engine.totals_by_day(&span).await? {
        let day = Some(day).filter(|_| !is_whole);
        here.entry(day).or_insert_with(|| Totals::of_payers(span.payers.len())).add_totals(&totals);
    }
    let stated = there.values().next().cloned().unwrap_or_default();
    for day in here.keys() {
        there.entry(*day).or_insert_with(|| stated.without_settlements());
    }
    let mut differences = Vec::new();
    for (day, there) in &there {
        let here = here.entry(*day).or_insert_with(|| Totals::of_payers(span.payers.len()));
        let differing = total_differences(here, there);
        differences.extend(differing.into_iter().map(|difference| figure_difference(&span, *day, difference)));
    }
    Ok(pb::ReconcileTotalsResponse {
        equal: differences.is_empty(),
        cutoff_time: Some(timestamp(span.cutoff)),
        differences,
        here: here.iter().map(|(day, totals)| totals_message(&span, *day, totals)).collect(),
    })
}

fn stated_totals(span: &ReconciledSpan, totals: Vec<pb::Totals>) -> Result<DayTotals, CallError> {
    let mut faults = FieldFaults::default();
    // Checked first: each further fault would be a message for nothing.
    if totals.len() > DAYS {
        faults.add("totals", FaultReason::TooMany, format!("has more than {DAYS} values"));
        return Err(CallError::InvalidMessage(faults));
    }
    let mut read = DayTotals::new();
    let is_whole = matches!(&totals[..], [one] if one.settled_on.is_none());
    let stated = totals.first().map(|first| (first.settlements.is_some(), first.patient_fen.is_some()));
    if stated.is_none() {
        faults.add("totals", FaultReason::Missing, "is missing");
    }
    for (at, totals) in totals.iter().enumerate() {
        let field = |name: &str| format!("totals[{at}].{name}");
        if stated != Some((totals.settlements.is_some(), totals.patient_fen.is_some())) {
            let message = "states settlements or patient_fen, and the first does not, or the other way round";
            faults.add(format!("totals[{at}]"), FaultReason::Differs, message);
        }
        let amounts = StatedAmounts { total: totals.total_fen, patient: totals.patient_fen, payers: &totals.payers };
        let amounts = amounts.read(&mut faults, &span.payers, field);
        let day = if is_whole { Some(None) } else { day_of_span(&mut faults, span, &field("settled_on"), totals) };
        let (Some(amounts), Some(day)) = (amounts, day) else { continue };
        if read.insert(day, Totals { settlements: totals.settlements, amounts }).is_some() {
            faults.add(field("settled_on"), FaultReason::Repeated, "names a day twice");
        }
    }
    if faults.is_empty() { Ok(read) } else { Err(CallError::InvalidMessage(faults)) }
}

fn day_of_span(
    faults: &mut FieldFaults,
    span: &ReconciledSpan,
    field: &str,
    totals: &pb::Totals,
) -> Option<Option<Day>> {
    let day = required_day(faults, field, totals.settled_on)?;
    if day < span.from || day >= span.until {
        faults.add(field, FaultReason::NotADay, "is not among the days of the span");
        return None;
    }
    Some(Some(day))
}
