//! Adjudication: decides who pays what of a claim, from its arguments alone.
//!
//! It refuses no claim: every check is made before. It reads no clock and no table, so the same claim,
//! facts, policy and account give the same split, bit for bit.

use super::account::{Account, OutOfRange};
use super::claim::Claim;
use super::facts::Facts;
use super::ids::AccountKey;
use super::itemise::itemise;
use super::money::Money;
use super::policy::{Layer, Policy};
use super::pools::Pools;
use super::rate::Rate;
use super::split::{BandSplit, CapSplit, Circumstances, LayerSplit, Split};
use super::terms::{Terms, TermsKey};
use super::vocabulary::{CapKind, Period};

/// A checked claim, the facts looked up for it, and the policy that governs it.
#[derive(Clone, Copy)]
pub struct AdjudicationInput<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// The facts.
    pub facts: &'a Facts,
    /// The policy in force.
    pub policy: &'a Policy,
}

impl AdjudicationInput<'_> {
    /// The account that this claim changes.
    pub fn account_key(&self) -> AccountKey {
        AccountKey { insurance: self.facts.person.insurance.clone(), year: self.policy_day().year() }
    }

    fn policy_day(&self) -> super::day::Day {
        self.policy.policy_day(self.claim.admitted, self.claim.discharged)
    }

    fn circumstances(&self, account: &Account) -> Circumstances {
        Circumstances {
            policy: self.policy.reference.clone(),
            day: self.policy_day(),
            account: self.account_key(),
            visit: self.claim.visit,
            level: self.facts.hospital.level,
            locality: self.facts.locality(),
            referral: self.facts.referral(self.claim.emergency),
            categories: self.facts.person.categories,
            admissions_before: account.admissions,
        }
    }
}

/// The split of a claim on an account, and the account after it.
///
/// # Errors
/// If an accumulator would leave what 64 bits of fen hold.
pub fn adjudicate(input: AdjudicationInput<'_>, account: &Account) -> Result<(Split, Account), OutOfRange> {
    let circumstances = input.circumstances(account);
    let bill = itemise(input.claim, input.facts);
    let mut split = Split {
        total: bill.pools.total(),
        pools: bill.pools,
        lines: bill.lines,
        codes: bill.codes,
        layers: Vec::with_capacity(input.policy.layers.len()),
        skipped: Vec::new(),
        patient: Money::ZERO,
        circumstances,
    };
    let (mut left, mut running) = (split.pools, account.clone());
    for layer in &input.policy.layers {
        apply_layer(layer, &mut split, &mut left, &mut running)?;
    }
    split.patient = left.total();
    let after = running.count_settlement(&split)?;
    Ok((split, after))
}

/// Adds one layer to the split, as paying or as skipped.
fn apply_layer(layer: &Layer, split: &mut Split, left: &mut Pools, running: &mut Account) -> Result<(), OutOfRange> {
    let circumstances = &split.circumstances;
    if let Some(reason) = layer.skip_reason(circumstances.day, circumstances.visit, circumstances.categories) {
        split.skipped.push((layer.head.clone(), reason));
        return Ok(());
    }
    let layer_split = layer_split(layer, &circumstances.terms_key(), left, running)?;
    running.add_layer(&layer_split)?;
    split.layers.push(layer_split);
    Ok(())
}

/// One layer: its base, what the schedule pays on it, and what the caps leave of that (`semantics`, section 4).
fn layer_split(layer: &Layer, key: &TermsKey, left: &mut Pools, account: &Account) -> Result<LayerSplit, OutOfRange> {
    let terms = layer.terms.get(key);
    let used = account.layer(&layer.head.id);
    let residual = left.sum_of(&layer.head.pools);
    let mut caps = vec![CapSplit::default(); terms.caps.len()];
    let base = apply_caps(terms, CapKind::Base, account, &mut caps, after_prior_self_pay(terms, residual));
    let c0 = match layer.head.period {
        Period::Admission => Money::ZERO,
        Period::Year => used.base,
    };
    let c1 = c0.checked_add(base).ok_or(OutOfRange)?;
    let deductible = terms.schedule.deductible(account.admissions);
    let bands = band_splits(terms, c0, c1, deductible);
    let scheduled = bands.iter().map(|band| band.after.pay - band.before.pay).sum();
    let pays = apply_caps(terms, CapKind::Paid, account, &mut caps, scheduled);
    Ok(LayerSplit {
        head: layer.head.clone(),
        terms: terms.clone(),
        residual,
        base,
        c0,
        c1,
        deductible,
        deductible_taken: c1.min(deductible) - c0.min(deductible),
        bands,
        caps,
        pays,
        drawn: left.draw(&layer.head.pools, pays),
        base_before: used.base,
        paid_before: used.paid,
    })
}

/// What is left of a residual after the share that the patient bears first.
fn after_prior_self_pay(terms: &Terms, residual: Money) -> Money {
    if terms.prior_self_pay == Rate::ZERO {
        return residual;
    }
    terms.prior_self_pay.complement().share_of(residual)
}

fn band_splits(terms: &Terms, c0: Money, c1: Money, deductible: Money) -> Vec<BandSplit> {
    let after = terms.schedule.shares(c1, deductible);
    let before = terms.schedule.shares(c0, deductible);
    after.zip(before).map(|(after, before)| BandSplit { after, before }).collect()
}

/// What the caps of a kind leave of an amount, one after the other; records what each cuts.
fn apply_caps(terms: &Terms, kind: CapKind, account: &Account, cuts: &mut [CapSplit], amount: Money) -> Money {
    let caps = terms.caps.iter().zip(cuts).filter(|(cap, _)| cap.kind == kind);
    caps.fold(amount, |amount, (cap, cut)| {
        cut.before = account.cap(&cap.account);
        let left = cap.annual.map_or(amount, |annual| amount.min(annual - cut.before).at_least_zero());
        cut.cut = amount - left;
        left
    })
}
