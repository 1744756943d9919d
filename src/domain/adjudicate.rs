//! Adjudication: who pays what, decided from arguments alone.
//!
//! It cannot refuse a claim: what could be refused was refused before. It reads no clock and no
//! table; the same claim, facts, policy and account give the same split, bit for bit.

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

/// What is decided about: a sound claim, what was looked up for it, and the law.
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
    /// The account that this claim moves.
    pub fn account_key(&self) -> AccountKey {
        AccountKey { insurance: self.facts.person.insurance.clone(), year: self.own_day().year() }
    }

    fn own_day(&self) -> super::day::Day {
        self.policy.own_day(self.claim.admitted, self.claim.discharged)
    }

    fn judged(&self, account: &Account) -> Circumstances {
        Circumstances {
            policy: self.policy.reference.clone(),
            day: self.own_day(),
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
pub fn adjudicate(matter: AdjudicationInput<'_>, account: &Account) -> Result<(Split, Account), OutOfRange> {
    let judged = matter.judged(account);
    let bill = itemise(matter.claim, matter.facts);
    let mut split = Split {
        total: bill.pools.total(),
        pools: bill.pools,
        lines: bill.lines,
        codes: bill.codes,
        layers: Vec::with_capacity(matter.policy.layers.len()),
        skipped: Vec::new(),
        patient: Money::ZERO,
        judged,
    };
    let (mut left, mut running) = (split.pools, account.clone());
    for layer in &matter.policy.layers {
        pay(layer, &mut split, &mut left, &mut running)?;
    }
    split.patient = left.total();
    let after = running.settled(&split)?;
    Ok((split, after))
}

fn pay(layer: &Layer, split: &mut Split, left: &mut Pools, running: &mut Account) -> Result<(), OutOfRange> {
    let judged = &split.judged;
    if let Some(why) = layer.skipped(judged.day, judged.visit, judged.categories) {
        split.skipped.push((layer.head.clone(), why));
        return Ok(());
    }
    let paid = apply(layer, &judged.circumstances(), left, running)?;
    running.add(&paid)?;
    split.layers.push(paid);
    Ok(())
}

/// One layer: what enters, what the schedule gives on it, what the caps leave (`semantics`, section 4).
fn apply(layer: &Layer, on: &TermsKey, left: &mut Pools, account: &Account) -> Result<LayerSplit, OutOfRange> {
    let terms = layer.terms.get(on);
    let used = account.layer(&layer.head.id);
    let residual = left.sum_of(&layer.head.pools);
    let mut caps = vec![CapSplit::default(); terms.caps.len()];
    let base = capped(terms, CapKind::Base, account, &mut caps, entering(terms, residual));
    let c0 = match layer.head.period {
        Period::Admission => Money::ZERO,
        Period::Year => used.base,
    };
    let c1 = c0.checked_add(base).ok_or(OutOfRange)?;
    let deductible = terms.schedule.deductible(account.admissions);
    let bands = bands(terms, c0, c1, deductible);
    let scheduled = bands.iter().map(|band| band.after.pay - band.before.pay).sum();
    let pays = capped(terms, CapKind::Paid, account, &mut caps, scheduled);
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

/// What is left of a residual after the patient's first share.
fn entering(terms: &Terms, residual: Money) -> Money {
    if terms.prior_self_pay == Rate::ZERO {
        return residual;
    }
    terms.prior_self_pay.complement().share_of(residual)
}

fn bands(terms: &Terms, c0: Money, c1: Money, deductible: Money) -> Vec<BandSplit> {
    let after = terms.schedule.shares(c1, deductible);
    let before = terms.schedule.shares(c0, deductible);
    after.zip(before).map(|(after, before)| BandSplit { after, before }).collect()
}

/// What the caps of a kind leave of an amount, one after the other; notes what each cut.
fn capped(terms: &Terms, of: CapKind, account: &Account, cuts: &mut [CapSplit], amount: Money) -> Money {
    let caps = terms.caps.iter().zip(cuts).filter(|(cap, _)| cap.of == of);
    caps.fold(amount, |amount, (cap, cut)| {
        cut.before = account.cap(&cap.account);
        let left = cap.annual.map_or(amount, |annual| amount.min(annual - cut.before).or_zero());
        cut.cut = amount - left;
        left
    })
}
