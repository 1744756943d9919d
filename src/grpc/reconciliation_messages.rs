//! Differences, sums and positions of a reconciliation as messages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::day::Day;
use crate::domain::fault::FaultReason;
use crate::domain::money::Money;
use crate::domain::reconciliation::{
    BookedClaim, ClaimDifference, DifferenceCause, DifferenceClass, Figure, FigureDifference, ListedClaim, Totals,
    repair_call,
};
use crate::engine::reconcile::{ComparisonPosition, ReconciledSpan};
use crate::pb::settlement as pb;

use super::error::CallError;
use super::to_proto::{date, timestamp};

/// Sums of a day, or of the whole span.
pub(super) fn totals_message(span: &ReconciledSpan, day: Option<Day>, totals: &Totals) -> pb::Totals {
    pb::Totals {
        settled_on: day.map(date),
        settlements: totals.settlements,
        total_fen: totals.amounts.total.fen(),
        patient_fen: totals.amounts.patient.map(Money::fen),
        payers: shares(span, &totals.amounts.payers),
    }
}

/// A sum that differs.
pub(super) fn figure_difference(
    span: &ReconciledSpan,
    day: Option<Day>,
    difference: FigureDifference,
) -> pb::TotalDifference {
    let FigureDifference { figure, here, there } = difference;
    let (figure, payer) = match figure {
        Figure::Settlements => (pb::ReconciledFigure::Settlements, None),
        Figure::Total => (pb::ReconciledFigure::Total, None),
        Figure::Patient => (pb::ReconciledFigure::Patient, None),
        Figure::Payer(at) => (pb::ReconciledFigure::Payer, span.payers.get(at)),
    };
    let payer = payer.map(ToString::to_string).unwrap_or_default();
    let named = pb::TotalDifference { settled_on: day.map(date), figure: figure.into(), payer, ..Default::default() };
    match figure {
        pb::ReconciledFigure::Settlements => pb::TotalDifference {
            settlements_here: here.unsigned_abs(),
            settlements_there: there.unsigned_abs(),
            ..named
        },
        _ => pb::TotalDifference { here_fen: here, there_fen: there, ..named },
    }
}

/// A difference of a list.
pub(super) fn claim_difference(span: &ReconciledSpan, difference: &ClaimDifference) -> pb::ClaimDifference {
    let (sentences, cause) = (difference.sentences(), &difference.cause);
    let claim = difference.there.as_ref().map(|there| &there.claim_id);
    let claim = claim.or(difference.here.as_ref().map(|here| &here.claim_id));
    pb::ClaimDifference {
        class: pb::DifferenceClass::from(cause.class()).into(),
        cause: pb::DifferenceCause::from(cause).into(),
        claim_id: claim.map(|claim| claim.as_str().to_owned()).unwrap_or_default(),
        here: difference.here.as_ref().map(|here| booked_message(span, here)),
        there: difference.there.as_ref().map(|there| listed_message(span, there)),
        message: sentences.en,
        message_zh: sentences.zh,
        repair_call: repair_call(cause).to_owned(),
    }
}

fn booked_message(span: &ReconciledSpan, booked: &BookedClaim) -> pb::BookedClaim {
    pb::BookedClaim {
        settlement_id: booked.settlement.to_string(),
        settled_on: Some(date(booked.day)),
        revision: booked.revision,
        total_fen: booked.amounts.total.fen(),
        patient_fen: booked.amounts.patient.unwrap_or_default().fen(),
        payers: shares(span, &booked.amounts.payers),
        reversal_time: booked.status.reversed().map(timestamp),
    }
}

fn listed_message(span: &ReconciledSpan, listed: &ListedClaim) -> pb::ListedClaim {
    pb::ListedClaim {
        row: listed.row,
        claim_id: listed.claim_id.as_str().to_owned(),
        settlement_id: listed.settlement.map(|id| id.to_string()).unwrap_or_default(),
        settled_on: listed.day.map(date),
        total_fen: listed.amounts.total.fen(),
        patient_fen: listed.amounts.patient.unwrap_or_default().fen(),
        payers: shares(span, &listed.amounts.payers),
    }
}

fn shares(span: &ReconciledSpan, amounts: &[Money]) -> Vec<pb::PayerShare> {
    let paying = span.payers.iter().zip(amounts).filter(|(_, amount)| **amount != Money::ZERO);
    let share = |(payer, amount): (&std::sync::Arc<str>, &Money)| pb::PayerShare {
        payer: payer.to_string(),
        amount_fen: amount.fen(),
    };
    paying.map(share).collect()
}

/// The cursor of a position.
pub(super) fn cursor(position: ComparisonPosition) -> String {
    let mut bytes = position.claim.to_vec();
    bytes.extend(position.number.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The position of a cursor; `None` for an empty one.
///
/// # Errors
/// If it is none of this service.
pub(super) fn position(cursor: &str) -> Result<Option<ComparisonPosition>, CallError> {
    if cursor.is_empty() {
        return Ok(None);
    }
    let unreadable = || CallError::invalid_field("cursor", FaultReason::Unreadable, "is not a cursor of this call");
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| unreadable())?;
    let (claim, number) = bytes.split_first_chunk::<16>().ok_or_else(unreadable)?;
    let number = <[u8; 8]>::try_from(number).map_err(|_| unreadable())?;
    Ok(Some(ComparisonPosition { claim: *claim, number: u64::from_be_bytes(number) }))
}

impl From<DifferenceClass> for pb::DifferenceClass {
    fn from(class: DifferenceClass) -> Self {
        match class {
            DifferenceClass::OnlyHere => pb::DifferenceClass::OnlyHere,
            DifferenceClass::OnlyThere => pb::DifferenceClass::OnlyThere,
            DifferenceClass::AmountDiffers => pb::DifferenceClass::AmountDiffers,
            DifferenceClass::ReversedAfterCutoff => pb::DifferenceClass::ReversedAfterCutoff,
            DifferenceClass::SettledTwiceThere => pb::DifferenceClass::SettledTwiceThere,
            DifferenceClass::AnotherDay => pb::DifferenceClass::AnotherDay,
            DifferenceClass::RoundingThere => pb::DifferenceClass::RoundingThere,
        }
    }
}

impl From<&DifferenceCause> for pb::DifferenceCause {
    fn from(cause: &DifferenceCause) -> Self {
        match cause {
            DifferenceCause::NotListed => pb::DifferenceCause::NotListed,
            DifferenceCause::NeverSettled => pb::DifferenceCause::NeverSettled,
            DifferenceCause::ReversedEarlier(_) => pb::DifferenceCause::ReversedEarlier,
            DifferenceCause::SettledLater => pb::DifferenceCause::SettledLater,
            DifferenceCause::OtherClaim(_) => pb::DifferenceCause::OtherClaim,
            DifferenceCause::OtherSettlement(_) => pb::DifferenceCause::OtherSettlement,
            DifferenceCause::OtherBill => pb::DifferenceCause::OtherBill,
            DifferenceCause::OtherSplit => pb::DifferenceCause::OtherSplit,
            DifferenceCause::EarlierRevision(_) => pb::DifferenceCause::EarlierRevision,
            DifferenceCause::LaterRevision(_) => pb::DifferenceCause::LaterRevision,
            DifferenceCause::ReversedLater(_) => pb::DifferenceCause::ReversedLater,
            DifferenceCause::Repeated => pb::DifferenceCause::Repeated,
            DifferenceCause::OtherDay => pb::DifferenceCause::OtherDay,
            DifferenceCause::DayNotCompared => pb::DifferenceCause::DayNotCompared,
            DifferenceCause::Rounded => pb::DifferenceCause::Rounded,
        }
    }
}
