//! Continuing a settlement (`semantics`, section 4.3): the values with which a further part of a stay, or a stay after a
//! transfer, begins.
//!
//! They are read from the continued settlement alone: its opening values plus its own amounts.

use super::fixed_words::ContinueKind;
use super::ids::EntryId;
use super::money::Money;
use super::policy::Policy;
use super::pools::Pools;
use super::split::{LayerSplit, Split};
use super::stay::{Opening, Stay, StayUse};
use super::sums::{OutOfRange, update};

/// The settlement that a claim continues.
#[derive(Clone, Copy)]
pub struct Continued<'a> {
    /// How.
    pub kind: ContinueKind,
    /// The settlement.
    pub settlement: EntryId,
    /// Its split in force.
    pub split: &'a Split,
}

impl Continued<'_> {
    /// The values with which the continuing claim begins, after so many admissions of the year.
    ///
    /// # Errors
    /// If a sum would leave its range.
    pub fn opening(&self, policy: &Policy, admissions: u32) -> Result<Opening, OutOfRange> {
        let closing = self.split.closing_stay()?;
        let stay = match self.kind {
            ContinueKind::Interim => closing,
            ContinueKind::Transfer => closing.after_transfer(policy, admissions)?,
        };
        Ok(Opening { kind: self.kind, settlement: self.settlement, stay })
    }
}

impl Stay {
    /// Adds a layer of the claim.
    ///
    /// # Errors
    /// If a sum would leave its range.
    pub fn add_layer(&mut self, layer: &LayerSplit) -> Result<(), OutOfRange> {
        let before = self.layer_use(layer.head());
        let sum = |sum: Money, amount: Money| sum.checked_add(amount).ok_or(OutOfRange);
        let uses = StayUse {
            base: sum(before.base, layer.base)?,
            taken: sum(before.taken, layer.deductible_taken)?,
            taken_on_stay: sum(before.taken_on_stay, layer.deductible_taken)?,
            ..before
        };
        update(&mut self.layers, &layer.head().id, |_| Ok(uses))?;
        self.add_caps(layer)
    }

    /// Adds a layer of the claim to the limits of one claim alone.
    ///
    /// # Errors
    /// If a sum would leave its range.
    pub fn add_caps(&mut self, layer: &LayerSplit) -> Result<(), OutOfRange> {
        for cap in layer.terms.caps.iter().filter(|cap| cap.is_per_claim) {
            let amount = layer.amount_of(cap.kind);
            update(&mut self.caps, &cap.account, |used| used.checked_add(amount).ok_or(OutOfRange))?;
        }
        Ok(())
    }

    /// The values with which a stay after a transfer begins. Every layer of its file begins here, also one that is not
    /// considered: what it took before, and how it read a list of deductibles, count if it credits transfers. Those of
    /// a layer that the file does not hold pass on unchanged until it takes part again, and count then if it credits
    /// transfers there. The admissions, and whether one was counted, pass only through a transfer whose file credits:
    /// any other is a stay of its own.
    fn after_transfer(self, policy: &Policy, admissions: u32) -> Result<Stay, OutOfRange> {
        let before =
            |uses: StayUse| StayUse { base: Money::ZERO, taken_on_stay: Money::ZERO, before_transfer: true, ..uses };
        let credits = policy.credits_transfers();
        let mut stay = Stay {
            layers: self.layers.into_iter().map(|(id, uses)| (id, before(uses))).collect(),
            caps: Vec::new(),
            pools: Pools::default(),
            admissions,
            credited_admissions: if credits { self.credited_admissions } else { admissions },
            counted: self.counted && credits,
        };
        for layer in &policy.layers {
            let uses = stay.layer_use(&layer.head);
            update(&mut stay.layers, &layer.head.id, |_| Ok(uses))?;
        }
        Ok(stay)
    }
}

impl Split {
    /// The values with which this claim begins.
    pub(super) fn opening_stay(&self) -> Stay {
        let first = || Stay::first(self.circumstances.admissions_before);
        self.opening.as_ref().map_or_else(first, |opening| opening.stay.clone())
    }

    /// The values over this claim and all that it continues, with which a further part of its stay begins.
    ///
    /// # Errors
    /// If a sum would leave its range.
    pub fn closing_stay(&self) -> Result<Stay, OutOfRange> {
        let mut stay = self.opening_stay();
        self.layers.iter().try_for_each(|layer| stay.add_layer(layer))?;
        for (pool, amount) in self.pools.iter() {
            stay.pools.add(pool, amount);
        }
        stay.counted |= self.counted_admission;
        Ok(stay)
    }
}
