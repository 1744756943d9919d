//! One layer of a split (`semantics`, sections 4.2 and 4.3): its base, what the schedule pays on it, and what the caps
//! leave of that.

use std::sync::Arc;

use super::account::Account;
use super::fixed_words::{CapKind, DeductiblePer, Period};
use super::money::Money;
use super::policy::Layer;
use super::pools::Pools;
use super::rate::Rate;
use super::resolved_terms::SplitTerms;
use super::split::{BandSplit, BandSplits, CapSplit, CapSplits, LayerSplit};
use super::stay::{Stay, StayUse};
use super::sums::{LedgerUse, OutOfRange};
use super::terms::{Cap, Limit, Terms};

/// What decides the split of one layer.
pub(super) struct LayerInput<'a> {
    /// The layer.
    pub layer: &'a Layer,
    /// Its terms.
    pub terms: &'a Terms,
    /// What a split repeats of them.
    pub of_split: &'a Arc<SplitTerms>,
    /// The account before this layer.
    pub account: &'a Account,
    /// The stay before this claim, with the use of limits of one claim before this layer.
    pub stay: &'a Stay,
    /// What fell into the pools over all parts of the stay.
    pub pools_of_stay: &'a Pools,
    /// Whether the claim continues a settlement.
    pub continues: bool,
}

/// The position of a claim on a layer's cumulative amount and its deductible.
struct SchedulePosition {
    c0: Money,
    c1: Money,
    deductible: Money,
    credited: Money,
    taken: Money,
}

impl LayerInput<'_> {
    /// The split of this layer; draws what it pays from the pools, and moves what its caps let overflow.
    pub(super) fn split_layer(&self, left: &mut Pools) -> Result<LayerSplit, OutOfRange> {
        let (head, terms) = (&self.layer.head, self.terms);
        let residual = left.sum_at(&self.layer.pools);
        let ledger = self.account.ledger(head.ledger());
        let stay = if self.continues { self.stay.layer_use(head) } else { StayUse::default() };
        let mut caps = self.caps_before_cut()?;
        let base = self.apply_caps(CapKind::Base, &mut caps, after_prior_self_pay(terms, residual));
        self.move_overflow(&caps, left);
        let position = self.schedule_position(base, ledger, stay)?;
        let bands = self.band_splits(&position, stay);
        let scheduled: Money = bands.iter().map(|band| band.after.pay - band.before.pay).sum();
        let pays = self.apply_caps(CapKind::Paid, &mut caps, scheduled.at_least_zero().min(base));
        Ok(LayerSplit {
            terms: Arc::clone(self.of_split),
            residual,
            base,
            c0: position.c0,
            c1: position.c1,
            deductible: position.deductible,
            deductible_credited: position.credited,
            deductible_taken: position.taken,
            stay,
            bands,
            caps,
            pays,
            drawn: left.draw(&self.layer.pools, pays),
            ledger_before: ledger,
            paid_before: self.account.paid(&head.id),
        })
    }

    /// The limit and the use of each cap before this layer.
    fn caps_before_cut(&self) -> Result<CapSplits, OutOfRange> {
        let one = |cap: &Cap| {
            let (limit, before) = match &cap.limit {
                Limit::Annual(limit) => (*limit, self.account.cap_used(&cap.account)),
                Limit::PerClaim(limit) => (Some(*limit), self.stay.cap_used(&cap.account)),
                Limit::ShareOfClaim(share) => {
                    (Some(share.amount(self.pools_of_stay).ok_or(OutOfRange)?), self.stay.cap_used(&cap.account))
                }
            };
            Ok(CapSplit { limit, before, cut: Money::ZERO })
        };
        self.terms.caps.iter().map(one).collect()
    }

    /// Moves what caps of kind base cut off into the pools that they name.
    fn move_overflow(&self, caps: &[CapSplit], left: &mut Pools) {
        for (cap, split) in self.terms.caps.iter().zip(caps) {
            if let (Some(into), [from]) = (&cap.overflow, &self.layer.head.pools[..]) {
                left.move_amount(from, into, split.cut);
            }
        }
    }

    /// What the caps of a kind leave of an amount, one after the other; records what each cuts.
    fn apply_caps(&self, kind: CapKind, caps: &mut [CapSplit], amount: Money) -> Money {
        let caps = self.terms.caps.iter().zip(caps).filter(|(cap, _)| cap.kind == kind);
        caps.fold(amount, |amount, (_, split)| {
            let left = split.limit.map_or(amount, |limit| amount.min(limit - split.before).at_least_zero());
            split.cut = amount - left;
            left
        })
    }

    fn schedule_position(&self, base: Money, ledger: LedgerUse, stay: StayUse) -> Result<SchedulePosition, OutOfRange> {
        let head = &self.layer.head;
        let admissions = stay.admissions.unwrap_or(self.stay.admissions);
        let deductible = self.terms.schedule.deductible.amount(admissions, self.pools_of_stay).ok_or(OutOfRange)?;
        let c0 = match head.period {
            Period::Year => ledger.base,
            Period::Admission => stay.base,
        };
        let c1 = c0.checked_add(base).ok_or(OutOfRange)?;
        let credited = match head.deductible_per {
            DeductiblePer::Year => Money::ZERO,
            DeductiblePer::Claim => stay.taken,
            DeductiblePer::Credited => ledger.taken,
        };
        let taken = match head.deductible_per {
            DeductiblePer::Year => c1.min(deductible) - c0.min(deductible),
            DeductiblePer::Claim | DeductiblePer::Credited => base.min((deductible - credited).at_least_zero()),
        };
        Ok(SchedulePosition { c0, c1, deductible, credited, taken })
    }

    /// What each band pays.
    fn band_splits(&self, position: &SchedulePosition, stay: StayUse) -> BandSplits {
        let head = &self.layer.head;
        let SchedulePosition { c0, c1, deductible, taken, .. } = *position;
        let shift = if head.bands_over_excess { deductible } else { Money::ZERO };
        let shares = |cumulative: Money, floor: Money| self.terms.schedule.band_shares(cumulative, floor, shift);
        let (after, before) = match (head.period, head.deductible_per) {
            (_, DeductiblePer::Year) => (shares(c1, deductible), shares(c0, deductible)),
            // Nothing lies above the greatest amount: this claim's own part stands alone.
            (Period::Year, _) => (shares(c1, c0 + taken), shares(Money::ZERO, Money::ZERO)),
            (Period::Admission, _) => (shares(c1, stay.taken_on_stay + taken), shares(c0, stay.taken_on_stay)),
        };
        after.zip(before).map(|(after, before)| BandSplit { after, before }).collect()
    }
}

/// What is left of a residual after the share that the patient bears first.
fn after_prior_self_pay(terms: &Terms, residual: Money) -> Money {
    if terms.prior_self_pay == Rate::ZERO {
        return residual;
    }
    terms.prior_self_pay.complement().share_of(residual)
}
