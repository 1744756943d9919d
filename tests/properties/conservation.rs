//! Every split adds up to the fen, is what the schedule says, and the generated sequences reach every rule.
//!
//! The figures are added up and rounded here once more, with nothing of the code under test but the
//! amounts themselves.

use std::cell::RefCell;
use std::collections::BTreeMap;

use onestop::domain::account::Account;
use onestop::domain::invariants;
use onestop::domain::money::Money;
use onestop::domain::split::{LayerSplit, Split};
use onestop::domain::terms::Terms;
use onestop::domain::vocabulary::{Period, Pool};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::coverage::Coverage;
use super::play::{Step, scenarios};
use super::{PURE, cases, holds};

/// With so many scenarios every rule is reached many times over.
const ENOUGH: u32 = 1_000;

#[test]
fn payers_and_patient_pay_the_total_to_the_fen() {
    holds(cases(PURE), &scenarios(), |scenario| {
        for step in scenario.play() {
            prop_assert_eq!(invariants::check(&step.split), Ok(()));
            conserved(&step)?;
            drawn_from_what_was_left(&step.split)?;
        }
        Ok(())
    });
}

#[test]
fn every_layer_pays_what_its_schedule_and_caps_say() {
    holds(cases(PURE), &scenarios(), |scenario| {
        for step in scenario.play() {
            for layer in &step.split.layers {
                stood(layer, &step.before)?;
                entered(layer)?;
                paid(layer)?;
            }
        }
        Ok(())
    });
}

#[test]
fn the_generated_sequences_reach_every_rule() {
    let coverage = RefCell::new(Coverage::default());
    holds(cases(ENOUGH).max(ENOUGH), &scenarios(), |scenario| {
        let steps = scenario.play();
        steps.iter().for_each(|step| coverage.borrow_mut().step(&scenario, step));
        Ok(())
    });
    coverage.into_inner().print_and_check();
}

fn fen(amounts: impl Iterator<Item = Money>) -> i128 {
    amounts.map(|amount| i128::from(amount.fen())).sum()
}

fn conserved(step: &Step) -> TestCaseResult {
    let split = &step.split;
    let total = fen(step.claim.items.iter().map(|item| item.amount));
    let layers = fen(split.layers.iter().map(|layer| layer.pays));
    prop_assert_eq!(fen(std::iter::once(split.total)), total);
    prop_assert_eq!(fen(split.pools.iter().map(|(_, amount)| amount)), total);
    prop_assert_eq!(fen(split.payers().into_iter().map(|(_, amount)| amount)), layers);
    prop_assert_eq!(layers + i128::from(split.patient.fen()), total);
    let parts = split.layers.iter().flat_map(|layer| [layer.pays, layer.base, layer.residual, layer.deductible_taken]);
    let negative = parts.chain([split.patient]).chain(split.pools.iter().map(|(_, amount)| amount));
    prop_assert_eq!(negative.filter(|amount| *amount < Money::ZERO).count(), 0);
    prop_assert!(split.layers.iter().all(|layer| layer.pays <= layer.base && layer.base <= layer.residual));
    Ok(())
}

/// Each layer finds what earlier ones left, draws its pools in their order, and no pool goes below zero.
fn drawn_from_what_was_left(split: &Split) -> TestCaseResult {
    let mut left: BTreeMap<Pool, i64> = split.pools.iter().map(|(pool, amount)| (pool, amount.fen())).collect();
    for layer in &split.layers {
        let residual: i64 = layer.head.pools.iter().map(|pool| left[pool]).sum();
        prop_assert_eq!(layer.residual.fen(), residual);
        let mut rest = layer.pays.fen();
        for (pool, drawn) in &layer.drawn {
            prop_assert_eq!(drawn.fen(), rest.min(left[pool]));
            rest -= drawn.fen();
            *left.entry(*pool).or_default() -= drawn.fen();
        }
        prop_assert_eq!(rest, 0);
    }
    prop_assert_eq!(left.values().sum::<i64>(), split.patient.fen());
    Ok(())
}

/// The cumulative amount and the deductible that the year so far gives.
fn stood(layer: &LayerSplit, before: &Account) -> TestCaseResult {
    let used = before.layer(&layer.head.id);
    let c0 = if layer.head.period == Period::Year { used.base } else { Money::ZERO };
    prop_assert_eq!((layer.c0, layer.base_before, layer.paid_before), (c0, used.base, used.paid));
    let listed = &layer.terms.schedule.deductibles;
    prop_assert_eq!(layer.deductible, listed[(before.admissions as usize).min(listed.len() - 1)]);
    Ok(())
}

/// The base: the residual less prior self-pay, less what the caps on the base cut.
fn entered(layer: &LayerSplit) -> TestCaseResult {
    let (prior, unit) = share(&layer.terms.prior_self_pay.to_string());
    let wanted = half_up(i128::from(layer.residual.fen()) * (unit - prior), unit);
    prop_assert_eq!(i128::from(layer.base.fen()), under_caps(layer, "base", wanted));
    prop_assert_eq!(layer.c1 - layer.c0, layer.base);
    Ok(())
}

/// What is paid: `F(c1) - F(c0)`, less what the caps on the payment cut.
fn paid(layer: &LayerSplit) -> TestCaseResult {
    let scheduled = f(&layer.terms, layer.c1, layer.deductible) - f(&layer.terms, layer.c0, layer.deductible);
    prop_assert_eq!(i128::from(layer.pays.fen()), under_caps(layer, "paid", scheduled));
    let taken = layer.c1.min(layer.deductible) - layer.c0.min(layer.deductible);
    prop_assert_eq!(layer.deductible_taken, taken);
    Ok(())
}

fn under_caps(layer: &LayerSplit, kind: &str, amount: i128) -> i128 {
    let caps = layer.terms.caps.iter().zip(&layer.caps).filter(|(cap, _)| cap.of.as_str() == kind);
    caps.fold(amount, |amount, (cap, did)| {
        let room = cap.annual.map(|annual| i128::from(annual.fen() - did.before.fen()));
        room.map_or(amount, |room| amount.min(room).max(0))
    })
}

fn f(terms: &Terms, cumulative: Money, deductible: Money) -> i128 {
    let (mut below, mut sum) = (deductible.fen(), 0);
    for band in &terms.schedule.bands {
        let top = band.upto.map_or(cumulative.fen(), |upto| upto.fen().min(cumulative.fen()));
        let (rate, unit) = share(&band.rate.to_string());
        sum += half_up(i128::from((top - below).max(0)) * rate, unit);
        below = below.max(band.upto.map_or(below, Money::fen));
    }
    sum
}

/// The digits of a decimal, and the power of ten that they are counted in.
fn share(text: &str) -> (i128, i128) {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction}").parse().expect("digits");
    (digits, 10i128.pow(fraction.len() as u32))
}

fn half_up(amount: i128, unit: i128) -> i128 {
    (amount * 2 + unit) / (unit * 2)
}
