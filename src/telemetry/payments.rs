//! What layers and patients pay: settlements and fen by layer and payer. A reversal does not subtract from them.
//!
//! The sums are whole fen and exact. The set of layers is that of the policies, so the number of series is small.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::fast::RandomState;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;
use smol_str::SmolStr;

/// What becomes of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SettlementEvent {
    /// It was committed.
    Settled,
    /// It was reversed; by a correction, too.
    Reversed,
    /// It was decided again, because an earlier one was reversed or corrected, or by a retroactive run.
    Revised,
}

impl SettlementEvent {
    /// Every event.
    pub(super) const ALL: [SettlementEvent; 3] =
        [SettlementEvent::Settled, SettlementEvent::Reversed, SettlementEvent::Revised];

    /// The word in metrics.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            SettlementEvent::Settled => "settled",
            SettlementEvent::Reversed => "reversed",
            SettlementEvent::Revised => "revised",
        }
    }
}

/// A layer and its payer. The share of the patient is that of the layer and payer `patient`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LayerAndPayer {
    /// The layer.
    pub layer: SmolStr,
    /// The payer.
    pub payer: Arc<str>,
}

/// How often a layer paid, and how much.
#[derive(Default)]
struct Payment {
    settlements: AtomicU64,
    fen: AtomicU64,
}

impl Payment {
    fn add(&self, fen: u64) {
        self.settlements.fetch_add(1, Ordering::Relaxed);
        self.fen.fetch_add(fen, Ordering::Relaxed);
    }
}

/// The payments of all layers.
#[derive(Clone, Default)]
pub(super) struct Payments(Arc<RwLock<HashMap<LayerAndPayer, Payment, RandomState>>>);

impl Payments {
    /// Adds what layers and the patient pay of a settlement.
    pub(super) fn add(&self, paid: impl Iterator<Item = (LayerAndPayer, u64)>) {
        let mut unknown = Vec::new();
        let payments = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for (from, fen) in paid {
            match payments.get(&from) {
                Some(payment) => payment.add(fen),
                None => unknown.push((from, fen)),
            }
        }
        drop(payments);
        for (from, fen) in unknown {
            self.0.write().unwrap_or_else(PoisonError::into_inner).entry(from).or_default().add(fen);
        }
    }

    /// Shows a layer before it pays.
    pub(super) fn show(&self, from: &LayerAndPayer) {
        let mut payments = self.0.write().unwrap_or_else(PoisonError::into_inner);
        payments.entry(from.clone()).or_default();
    }

    /// Registers the counters.
    pub(super) fn register(&self, meter: &Meter) {
        let (counted, summed) = (self.clone(), self.clone());
        let help = "Settlements to which a layer or the patient contributed, by layer and payer";
        let builder = meter.u64_observable_counter("onestop.payments").with_description(help);
        builder
            .with_callback(move |to| {
                counted.each(|attributes, payment| {
                    to.observe(payment.settlements.load(Ordering::Relaxed), attributes);
                });
            })
            .build();
        let help = "Yuan that a layer or the patient pays, by layer and payer";
        let builder = meter.f64_observable_counter("onestop.payments.yuan").with_description(help);
        builder
            .with_callback(move |to| {
                summed.each(|attributes, payment| {
                    to.observe(payment.fen.load(Ordering::Relaxed) as f64 / 100.0, attributes);
                });
            })
            .build();
    }

    fn each(&self, mut show: impl FnMut(&[KeyValue], &Payment)) {
        for (from, payment) in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            let attributes =
                [KeyValue::new("layer", from.layer.to_string()), KeyValue::new("payer", Arc::clone(&from.payer))];
            show(&attributes, payment);
        }
    }
}
