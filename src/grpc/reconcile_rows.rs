//! What is compared, and the hospital's rows and sums: from messages.

use std::sync::Arc;

use crate::access::Caller;
use crate::domain::claim::{ClaimLimits, valid_text};
use crate::domain::day::Day;
use crate::domain::fault::{FaultReason, FieldFaults};
use crate::domain::ids::{ClaimId, EntryId, HospitalId};
use crate::domain::journal::Instant;
use crate::domain::money::Money;
use crate::domain::reconciliation::{Amounts, ListedClaim};
use crate::engine::Engine;
use crate::engine::reconcile::ReconciledSpan;
use crate::pb::Date;
use crate::pb::settlement as pb;
use crate::store::Store;

use super::commit_stamp;
use super::error::CallError;
use super::from_proto;

/// The most days of a span.
const MAX_DAYS: i32 = 366;

/// The most payers that are compared.
const MAX_PAYERS: usize = 64;

/// The span of a request, which the caller may see.
///
/// # Errors
/// What is wrong with it, or that the settlements are not the caller's to see.
pub(super) fn span<S: Store>(
    engine: &Engine<S>,
    caller: &Caller,
    span: Option<pb::ReconciledSpan>,
) -> Result<ReconciledSpan, CallError> {
    let span = span.ok_or_else(|| CallError::missing_field("span"))?;
    let mut faults = FieldFaults::default();
    let hospital_id = HospitalId::parse(span.hospital_id.as_str(), engine.settings().limits.id_bytes);
    let hospital_id = valid_text(&mut faults, "span.hospital_id", hospital_id);
    let from = required_day(&mut faults, "span.settled_from", span.settled_from);
    let until = required_day(&mut faults, "span.settled_until", span.settled_until);
    if let (Some(from), Some(until)) = (from, until) {
        check_days(&mut faults, from, until);
    }
    let cutoff = cutoff(&mut faults, span.cutoff_time);
    check_payers(engine, &mut faults, &span.payers);
    match (hospital_id, from, until) {
        (Some(hospital_id), Some(from), Some(until)) if faults.is_empty() => {
            caller.authorize_settlements_of(hospital_id.as_str())?;
            let payers = span.payers.iter().map(|payer| Arc::from(payer.as_str())).collect();
            Ok(ReconciledSpan { hospital_id, from, until, cutoff, payers })
        }
        _ => Err(CallError::InvalidMessage(faults)),
    }
}

fn check_days(faults: &mut FieldFaults, from: Day, until: Day) {
    let days = from.days_to(until);
    if days < 1 {
        faults.add("span.settled_until", FaultReason::NotADay, "is not after settled_from");
    }
    if days > MAX_DAYS {
        let message = format!("is {days} days after settled_from; at most {MAX_DAYS} are compared");
        faults.add("span.settled_until", FaultReason::TooLarge, message);
    }
}

/// The instant of the cutoff; now if the request has none.
fn cutoff(faults: &mut FieldFaults, time: Option<prost_types::Timestamp>) -> Instant {
    let now = commit_stamp::instant();
    let Some(time) = time else { return now };
    match from_proto::instant(&time) {
        Some(cutoff) if cutoff <= now => return cutoff,
        Some(_) => faults.add("span.cutoff_time", FaultReason::TooLarge, "is in the future"),
        None => faults.add("span.cutoff_time", FaultReason::Unreadable, "is no instant"),
    }
    now
}

fn check_payers<S: Store>(engine: &Engine<S>, faults: &mut FieldFaults, payers: &[String]) {
    if payers.len() > MAX_PAYERS {
        let message = format!("holds {} payers; at most {MAX_PAYERS} are compared", payers.len());
        return faults.add("span.payers", FaultReason::TooMany, message);
    }
    for (at, payer) in payers.iter().enumerate() {
        let field = format!("span.payers[{at}]");
        if payers[..at].contains(payer) {
            faults.add(field, FaultReason::Repeated, "names a payer twice");
        } else if !engine.has_payer(payer) {
            faults.add(field, FaultReason::UnknownWord, "is no payer of the vocabulary");
        }
    }
}

/// The rows of a list as they are read from messages.
pub(super) struct RowReader {
    payers: Arc<[Arc<str>]>,
    columns: pb::ReconciledColumns,
    limits: ClaimLimits,
    rows: u64,
}

impl RowReader {
    pub(super) fn new(span: &ReconciledSpan, columns: pb::ReconciledColumns, limits: ClaimLimits) -> RowReader {
        RowReader { payers: Arc::clone(&span.payers), columns, limits, rows: 0 }
    }

    /// The number of rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// The rows of a message.
    ///
    /// # Errors
    /// Every fault of them, each with the number of its row among all, from 0.
    pub(super) fn read(&mut self, rows: Vec<pb::ListedClaim>) -> Result<Vec<ListedClaim>, CallError> {
        let mut faults = FieldFaults::default();
        let mut read = Vec::with_capacity(rows.len());
        for row in rows {
            read.extend(self.row(&mut faults, row));
            self.rows += 1;
        }
        if faults.is_empty() { Ok(read) } else { Err(CallError::InvalidMessage(faults)) }
    }

    /// `None` if it has a fault.
    fn row(&self, faults: &mut FieldFaults, row: pb::ListedClaim) -> Option<ListedClaim> {
        let field = |name: &str| format!("rows[{}].{name}", self.rows);
        let claim_id = ClaimId::parse(row.claim_id.as_str(), self.limits.id_bytes);
        let claim_id = valid_text(faults, field("claim_id"), claim_id);
        let settlement = self.settlement(faults, &field("settlement_id"), &row.settlement_id);
        let day = self.day(faults, &field("settled_on"), row.settled_on);
        let patient = self.columns.patient.then_some(row.patient_fen);
        if patient.is_none() && row.patient_fen != 0 {
            faults.add(field("patient_fen"), FaultReason::MustBeEmpty, "is given, but columns does not name it");
        }
        let amounts = StatedAmounts { total: row.total_fen, patient, payers: &row.payers };
        let amounts = amounts.read(faults, &self.payers, field);
        let number = if row.row == 0 { self.rows + 1 } else { row.row };
        Some(ListedClaim { row: number, claim_id: claim_id?, settlement: settlement?, day: day?, amounts: amounts? })
    }

    fn settlement(&self, faults: &mut FieldFaults, field: &str, text: &str) -> Option<Option<EntryId>> {
        if text.is_empty() {
            return Some(None);
        }
        let id = EntryId::parse(text);
        if id.is_none() {
            faults.add(field, FaultReason::Unreadable, "is no settlement id");
        }
        id.map(Some)
    }

    fn day(&self, faults: &mut FieldFaults, field: &str, day: Option<Date>) -> Option<Option<Day>> {
        if self.columns.settled_on {
            return required_day(faults, field, day).map(Some);
        }
        if day.is_some() {
            faults.add(field, FaultReason::MustBeEmpty, "is given, but columns does not name it");
            return None;
        }
        Some(None)
    }
}

/// Amounts as received.
pub(super) struct StatedAmounts<'a> {
    pub(super) total: i64,
    pub(super) patient: Option<i64>,
    pub(super) payers: &'a [pb::PayerShare],
}

impl StatedAmounts<'_> {
    /// The amounts, with those of the compared payers in their order; `None` if one has a fault.
    pub(super) fn read(
        &self,
        faults: &mut FieldFaults,
        compared: &[Arc<str>],
        field: impl Fn(&str) -> String,
    ) -> Option<Amounts> {
        let total = amount(faults, || field("total_fen"), self.total);
        let patient = self.patient.map(|patient| amount(faults, || field("patient_fen"), patient));
        let (mut payers, mut stated) = (vec![Money::ZERO; compared.len()], vec![false; compared.len()]);
        let mut is_sound = total.is_some() && patient != Some(None);
        for (at, share) in self.payers.iter().enumerate() {
            let position = compared.iter().position(|payer| **payer == *share.payer);
            let known = position.filter(|position| !std::mem::replace(&mut stated[*position], true));
            let paid = amount(faults, || field(&format!("payers[{at}].amount_fen")), share.amount_fen);
            match (known, paid) {
                (Some(position), Some(paid)) => payers[position] = paid,
                (None, _) => {
                    let (reason, message) = match position {
                        Some(_) => (FaultReason::Repeated, "names a payer twice"),
                        None => (FaultReason::Unreadable, "is not among the payers of the span"),
                    };
                    faults.add(field(&format!("payers[{at}].payer")), reason, message);
                    is_sound = false;
                }
                (Some(_), None) => is_sound = false,
            }
        }
        is_sound.then(|| Amounts { total: total.unwrap_or_default(), patient: patient.flatten(), payers })
    }
}

fn amount(faults: &mut FieldFaults, field: impl Fn() -> String, fen: i64) -> Option<Money> {
    if fen < 0 {
        faults.add(field(), FaultReason::Negative, "is negative; a list holds what is in force, without refunds");
        return None;
    }
    Some(Money::from_fen(fen))
}

/// The day of a field; its fault is added to the others.
pub(super) fn required_day(faults: &mut FieldFaults, field: &str, day: Option<Date>) -> Option<Day> {
    let Some(day) = day else {
        faults.add(field, FaultReason::Missing, "is missing");
        return None;
    };
    let read = Day::new(day.year, day.month, day.day);
    read.map_err(|error| faults.add(field, FaultReason::NotADay, error.to_string())).ok()
}
