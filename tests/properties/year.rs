//! Over a year: no cap is exceeded, and the number of bills makes no difference to a yearly layer.

use std::collections::HashMap;

use onestop::domain::account::Account;
use onestop::domain::adjudicate::{AdjudicationInput, adjudicate};
use onestop::domain::claim::{Claim, ClaimLimits};
use onestop::domain::facts::{Facts, HospitalFacts, PersonFacts, Region};
use onestop::domain::ids::PersonId;
use onestop::domain::money::Money;
use onestop::domain::policy::Policy;
use onestop::domain::split::Split;
use onestop::domain::vocabulary::{CapKind, Categories, Level, Period, Visit};
use onestop::policy::resolve::resolve;
use onestop::policy::rule::PolicyRule;
use proptest::prelude::*;

use super::play::{Scenario, Step, scenarios};
use super::{PURE, SLOW, cases, holds};
use crate::support::claims::{day, item};

/// For each account of a person and cap account: what moved it, and the caps that it moved under.
type Moved = HashMap<(PersonId, i32, String), (i64, Vec<Option<i64>>)>;

#[test]
fn no_cap_is_exceeded_by_all_the_settlements_of_a_year() {
    holds(cases(PURE), &scenarios(), |scenario| {
        for (account, (sum, annuals)) in moved(&scenario.play()) {
            // Under terms that do not change there is one figure; where they do, the highest bounds the sum.
            let most = annuals.iter().copied().collect::<Option<Vec<_>>>().and_then(|known| known.into_iter().max());
            prop_assert!(most.is_none_or(|most| sum <= most), "{}: {sum} of {annuals:?}", account.2);
        }
        Ok(())
    });
}

fn moved(steps: &[Step]) -> Moved {
    let mut moved = Moved::new();
    for step in steps {
        for layer in &step.split.layers {
            for cap in &layer.terms.caps {
                let by = if cap.of == CapKind::Base { layer.base } else { layer.pays };
                let key = (step.claim.person_id.clone(), step.key.year, cap.account.to_string());
                let account = moved.entry(key).or_default();
                account.0 += by.fen();
                account.1.push(cap.annual.map(Money::fen));
            }
        }
    }
    moved
}

#[test]
fn a_yearly_layer_pays_the_same_in_one_bill_as_in_forty() {
    let bills = prop::collection::vec(prop_oneof![0..500_i64, 0..40_000_i64], 1..=40);
    holds(cases(SLOW), &(scenarios(), bills), |(scenario, bills)| {
        let rule = yearly(&scenario);
        let many = settle(&resolve(&rule).expect("exact"), &bills);
        for (at, layer) in many[0].layers.iter().enumerate() {
            let base: i64 = many.iter().map(|split| split.layers[at].base.fen()).sum();
            let paid: i64 = many.iter().map(|split| split.layers[at].pays.fen()).sum();
            let one = settle(&resolve(&alone(&rule, at)).expect("exact"), &[base]);
            prop_assert_eq!(one[0].layers[0].base.fen(), base, "what enters {}", layer.head.id);
            prop_assert_eq!(one[0].layers[0].pays.fen(), paid, "what {} pays", layer.head.id);
        }
        Ok(())
    });
}

/// The scenario's policy with yearly layers for every visit, each with cap accounts of its own.
fn yearly(scenario: &Scenario) -> PolicyRule {
    let book = scenario.book();
    let mut rule = PolicyRule::clone(book.get("gen").expect("the policy").1);
    for layer in &mut rule.layers {
        layer.period = Period::Year;
        layer.visits = Visit::ALL.to_vec();
        layer.only = Vec::new();
        layer.in_force = rule.in_force;
        let accounts = layer.caps.iter_mut();
        accounts.for_each(|cap| cap.account = format!("{}-{}", layer.id, cap.account).into());
    }
    rule
}

/// That one layer, on eligible costs and without prior self-pay, so that a bill is its base.
fn alone(rule: &PolicyRule, at: usize) -> PolicyRule {
    let mut layer = rule.layers[at].clone();
    layer.pools = vec![onestop::domain::vocabulary::Pool::Eligible];
    layer.prior_self_pay = onestop::domain::decimal::ExactDecimal::ZERO;
    layer.when.iter_mut().chain(&mut layer.for_).for_each(|entry| entry.prior_self_pay = None);
    PolicyRule { layers: vec![layer], ..rule.clone() }
}

/// Outpatient bills of class A, in a year: no admission is counted, so every term stays as it is.
fn settle(policy: &Policy, bills: &[i64]) -> Vec<Split> {
    let mut account = Account::default();
    let settle = |fen: &i64| {
        let (claim, facts) = bill(Money::from_fen(*fen));
        let (split, after) =
            adjudicate(AdjudicationInput { claim: &claim, facts: &facts, policy }, &account).expect("small");
        account = after;
        split
    };
    bills.iter().map(settle).collect()
}

fn bill(amount: Money) -> (Claim, Facts) {
    let mut told = crate::support::claims::claim("C1", "P1", &amount.to_string());
    (told.visit, told.items) = (Some(Visit::OutpatientSerious), vec![item("A", &amount.to_string())]);
    (told.admitted, told.discharged) = (day("2017-03-01"), day("2017-03-01"));
    (told.check(&ClaimLimits::default()).expect("a sound claim"), facts())
}

fn facts() -> Facts {
    let region = || Region::parse("370100").expect("a region");
    let entry = onestop::domain::facts::CatalogueEntry {
        code: "A".into(),
        name: "an item".into(),
        class: onestop::domain::facts::Class::A,
        price_ceiling: None,
    };
    Facts {
        person: PersonFacts {
            insurance: "resident".into(),
            insured_region: region(),
            categories: Categories::numbered(1),
            cross_region_approved: false,
        },
        hospital: HospitalFacts { level: Level::Tertiary, region: region() },
        catalogue: vec![entry.into()],
        entry_of_item: vec![0],
    }
}
