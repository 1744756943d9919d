//! Every split adds up to the fen and follows its schedule, and the generated sequences reach every rule.
//!
//! The figures are computed and rounded independently: only the amounts come from the code under test.

use std::cell::RefCell;
use std::collections::BTreeMap;

use onestop::domain::fixed_words::Period;
use onestop::domain::invariants;
use onestop::domain::money::Money;
use onestop::domain::schedule::{Band, Deductible};
use onestop::domain::split::{LayerSplit, Split};
use onestop::domain::words::Pool;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::coverage::Coverage;
use super::scenario::{Step, scenarios};
use super::{CASES_WITHOUT_STORE, case_count, check_property};

/// With this many scenarios every rule is reached many times.
const CASES_FOR_COVERAGE: u32 = 1_000;

#[test]
fn payers_and_patient_pay_the_total_to_the_fen() {
    check_property(case_count(CASES_WITHOUT_STORE), &scenarios(), |scenario| {
        for step in scenario.adjudicate_all() {
            prop_assert_eq!(invariants::check(&step.split), Ok(()));
            check_totals(&step)?;
            check_draws(&step.split)?;
        }
        Ok(())
    });
}

#[test]
fn every_layer_pays_according_to_its_schedule_and_caps() {
    check_property(case_count(CASES_WITHOUT_STORE), &scenarios(), |scenario| {
        for step in scenario.adjudicate_all() {
            for layer in &step.split.layers {
                check_start(layer, &step)?;
                check_base(layer)?;
                check_payment(layer)?;
            }
        }
        Ok(())
    });
}

#[test]
fn the_generated_sequences_reach_every_rule() {
    let coverage = RefCell::new(Coverage::default());
    check_property(case_count(CASES_FOR_COVERAGE).max(CASES_FOR_COVERAGE), &scenarios(), |scenario| {
        let steps = scenario.adjudicate_all();
        steps.iter().for_each(|step| coverage.borrow_mut().step(&scenario, step));
        Ok(())
    });
    coverage.into_inner().print_and_check();
}

fn fen(amounts: impl Iterator<Item = Money>) -> i128 {
    amounts.map(|amount| i128::from(amount.fen())).sum()
}

/// Pools, payers and patient add up to the items, and no amount is negative.
fn check_totals(step: &Step) -> TestCaseResult {
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

/// Each layer receives what earlier layers left, draws from its pools in their order, and no pool becomes negative.
fn check_draws(split: &Split) -> TestCaseResult {
    let mut left: BTreeMap<Pool, i64> = split.pools.iter().map(|(pool, amount)| (pool.clone(), amount.fen())).collect();
    for layer in &split.layers {
        let residual: i64 = layer.head().pools.iter().map(|pool| left[pool]).sum();
        prop_assert_eq!(layer.residual.fen(), residual);
        let mut rest = layer.pays.fen();
        for (pool, drawn) in layer.drawn() {
            prop_assert_eq!(drawn.fen(), rest.min(left[pool]));
            rest -= drawn.fen();
            *left.entry(pool.clone()).or_default() -= drawn.fen();
        }
        prop_assert_eq!(rest, 0);
    }
    prop_assert_eq!(left.values().sum::<i64>(), split.patient.fen());
    Ok(())
}

/// The cumulative amount and the deductible follow from the account before the claim.
fn check_start(layer: &LayerSplit, step: &Step) -> TestCaseResult {
    let (before, terms) = (&step.before, step.terms(layer));
    let (used, paid) = (before.ledger(layer.head().ledger()), before.paid(&layer.head().id));
    let c0 = if layer.head().period == Period::Year { used.base } else { Money::ZERO };
    prop_assert_eq!((layer.c0, layer.ledger_before, layer.paid_before), (c0, used, paid));
    let Deductible::Amounts(listed) = &terms.terms.schedule.deductible else { panic!("no share is generated") };
    prop_assert_eq!(layer.deductible, listed[(before.admissions as usize).min(listed.len() - 1)]);
    Ok(())
}

/// The base is the residual less prior self-pay and less the cuts of the caps on the base.
fn check_base(layer: &LayerSplit) -> TestCaseResult {
    let (prior, unit) = decimal_parts(&layer.terms.prior_self_pay.to_string());
    let uncapped = half_up(i128::from(layer.residual.fen()) * (unit - prior), unit);
    prop_assert_eq!(i128::from(layer.base.fen()), apply_caps(layer, "base", uncapped));
    prop_assert_eq!(layer.c1 - layer.c0, layer.base);
    Ok(())
}

/// The payment is `F(c1) - F(c0)` less the cuts of the caps on the payment.
fn check_payment(layer: &LayerSplit) -> TestCaseResult {
    let scheduled = schedule_payment(&layer.terms.bands, layer.c1, layer.deductible)
        - schedule_payment(&layer.terms.bands, layer.c0, layer.deductible);
    prop_assert_eq!(i128::from(layer.pays.fen()), apply_caps(layer, "paid", scheduled));
    let taken = layer.c1.min(layer.deductible) - layer.c0.min(layer.deductible);
    prop_assert_eq!(layer.deductible_taken, taken);
    Ok(())
}

/// The amount that the caps of this kind allow.
fn apply_caps(layer: &LayerSplit, kind: &str, amount: i128) -> i128 {
    let caps = layer.caps().filter(|(cap, _)| cap.kind.as_str() == kind);
    caps.fold(amount, |amount, (_, split)| {
        let room = split.limit.map(|annual| i128::from(annual.fen() - split.before.fen()));
        room.map_or(amount, |room| amount.min(room).max(0))
    })
}

/// F: the payment of the schedule on a cumulative amount, in fen.
fn schedule_payment(bands: &[Band], cumulative: Money, deductible: Money) -> i128 {
    let (mut below, mut sum) = (deductible.fen(), 0);
    for band in bands {
        let top = band.upto.map_or(cumulative.fen(), |upto| upto.fen().min(cumulative.fen()));
        let (rate, unit) = decimal_parts(&band.rate.to_string());
        sum += half_up(i128::from((top - below).max(0)) * rate, unit);
        below = below.max(band.upto.map_or(below, Money::fen));
    }
    sum
}

/// The digits of a decimal as an integer, and its denominator.
fn decimal_parts(text: &str) -> (i128, i128) {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction}").parse().expect("digits");
    (digits, 10i128.pow(fraction.len() as u32))
}

fn half_up(amount: i128, unit: i128) -> i128 {
    (amount * 2 + unit) / (unit * 2)
}
