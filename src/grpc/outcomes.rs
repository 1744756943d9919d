//! Counts what was committed, and what was answered again.

use std::sync::Arc;

use crate::domain::money::Money;
use crate::domain::split::{LayerSplit, Split};
use crate::engine::correct::CorrectOutcome;
use crate::engine::retroactive::ReadjudicateOutcome;
use crate::engine::reverse::ReverseOutcome;
use crate::engine::settle::SettleOutcome;
use crate::telemetry::Metrics;
use crate::telemetry::payments::{LayerAndPayer, SettlementEvent};

/// Counts a settlement, or that it was answered again.
pub(super) fn count_settled(metrics: &Metrics, settled: &SettleOutcome) {
    if settled.replay {
        return metrics.count_replay();
    }
    count_new(metrics, &settled.entry.body.split);
}

/// Counts a reversal with its revisions, or that it was answered again.
pub(super) fn count_reversed(metrics: &Metrics, reversed: &ReverseOutcome) {
    if reversed.replay {
        return metrics.count_replay();
    }
    metrics.count_settlements(SettlementEvent::Reversed, 1);
    metrics.count_settlements(SettlementEvent::Revised, reversed.revisions.len() as u64);
}

/// Counts a correction, which is a reversal and a settlement, or that it was answered again.
pub(super) fn count_corrected(metrics: &Metrics, corrected: &CorrectOutcome) {
    if corrected.replay {
        return metrics.count_replay();
    }
    metrics.count_settlements(SettlementEvent::Reversed, 1);
    metrics.count_settlements(SettlementEvent::Revised, corrected.revisions.len() as u64);
    count_new(metrics, &corrected.settlement.body.split);
}

/// Counts the revisions of a retroactive run, or that it was answered again.
pub(super) fn count_readjudicated(metrics: &Metrics, run: &ReadjudicateOutcome) {
    if run.replay {
        return metrics.count_replay();
    }
    metrics.count_settlements(SettlementEvent::Revised, run.revisions.len() as u64);
}

fn count_new(metrics: &Metrics, split: &Split) {
    metrics.count_settlements(SettlementEvent::Settled, 1);
    let layer = |layer: &LayerSplit| {
        let from =
            LayerAndPayer { layer: layer.head().id.as_smol_str().clone(), payer: Arc::clone(&layer.head().payer) };
        (from, fen(layer.pays))
    };
    metrics.count_payments(split.layers.iter().map(layer), fen(split.patient));
}

/// What is paid is never negative.
fn fen(amount: Money) -> u64 {
    u64::try_from(amount.fen()).unwrap_or(0)
}
