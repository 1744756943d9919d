//! Properties of a year: no cap is exceeded, and a yearly layer pays the same however its bills are divided.

use std::collections::HashMap;

use onestop::domain::account::Account;
use onestop::domain::adjudicate::{AdjudicationInput, adjudicate};
use onestop::domain::claim::{Claim, ClaimLimits};
use onestop::domain::facts::{Facts, HospitalFacts, PersonFacts, Region};
use onestop::domain::fixed_words::{DeductiblePer, Period};
use onestop::domain::ids::PersonId;
use onestop::domain::money::Money;
use onestop::domain::policy::Policy;
use onestop::domain::rule::PolicyRule;
use onestop::domain::split::Split;
use proptest::prelude::*;

use onestop::policy::shipped;

use super::policies::VISITS;
use super::scenario::{Scenario, Step, scenarios};
use super::{CASES_WITH_STORE, CASES_WITHOUT_STORE, case_count, check_property};
use crate::support::claims::{day, item};
use crate::support::ids::id;

/// By person, year and cap account: the sum charged, and the annual cap of each charge.
type ChargedCaps = HashMap<(PersonId, i32, String), (i64, Vec<Option<i64>>)>;

#[test]
fn no_cap_is_exceeded_by_all_the_settlements_of_a_year() {
    check_property(case_count(CASES_WITHOUT_STORE), &scenarios(), |scenario| {
        for (account, (sum, annuals)) in charged_caps(&scenario.adjudicate_all()) {
            // The caps differ only if the terms change during the year; then the highest cap bounds the sum.
            let highest = annuals.iter().copied().collect::<Option<Vec<_>>>().and_then(|known| known.into_iter().max());
            prop_assert!(highest.is_none_or(|highest| sum <= highest), "{}: {sum} of {annuals:?}", account.2);
        }
        Ok(())
    });
}

fn charged_caps(steps: &[Step]) -> ChargedCaps {
    let mut charged = ChargedCaps::new();
    for step in steps {
        for layer in &step.split.layers {
            for (cap, split) in layer.caps() {
                let amount = layer.amount_of(cap.kind);
                let key = (step.claim.person_id.clone(), step.key.year, cap.account.to_string());
                let account = charged.entry(key).or_default();
                account.0 += amount.fen();
                account.1.push(split.limit.map(Money::fen));
            }
        }
    }
    charged
}

#[test]
fn a_yearly_layer_pays_the_same_for_one_bill_as_for_many() {
    let bills = prop::collection::vec(prop_oneof![0..500_i64, 0..40_000_i64], 1..=40);
    check_property(case_count(CASES_WITH_STORE), &(scenarios(), bills), |(scenario, bills)| {
        let rule = with_yearly_layers(&scenario);
        let many = adjudicate_bills(&Policy::new(rule.clone()).expect("a policy"), &bills);
        for (at, layer) in many[0].layers.iter().enumerate() {
            let base: i64 = many.iter().map(|split| split.layers[at].base.fen()).sum();
            let paid: i64 = many.iter().map(|split| split.layers[at].pays.fen()).sum();
            let one = adjudicate_bills(&Policy::new(with_layer_alone(&rule, at)).expect("a policy"), &[base]);
            prop_assert_eq!(one[0].layers[0].base.fen(), base, "base of {}", layer.head().id);
            prop_assert_eq!(one[0].layers[0].pays.fen(), paid, "payment of {}", layer.head().id);
        }
        Ok(())
    });
}

/// The policy of the scenario with yearly layers for every visit, each with separate cap accounts.
fn with_yearly_layers(scenario: &Scenario) -> PolicyRule {
    let book = scenario.book();
    let mut rule = PolicyRule::clone(&book.get("gen").expect("the policy").rule);
    for layer in &mut rule.layers {
        layer.period = Period::Year;
        layer.deductible_per = DeductiblePer::Year;
        layer.visits = VISITS.iter().map(|visit| (*visit).into()).collect();
        layer.only = Vec::new();
        layer.in_force = rule.in_force;
        let accounts = layer.caps.iter_mut();
        accounts.for_each(|cap| cap.account = format!("{}-{}", layer.id, cap.account).into());
    }
    rule
}

/// The policy with this layer alone, on eligible costs and without prior self-pay, so that its base is the bill.
fn with_layer_alone(rule: &PolicyRule, at: usize) -> PolicyRule {
    let mut layer = rule.layers[at].clone();
    layer.pools = vec!["eligible".into()];
    layer.prior_self_pay = onestop::domain::decimal::ExactDecimal::ZERO;
    let changes = layer.when.iter_mut().map(|entry| &mut entry.change);
    changes.chain(layer.for_.iter_mut().map(|entry| &mut entry.change)).for_each(|change| change.prior_self_pay = None);
    PolicyRule { layers: vec![layer], ..rule.clone() }
}

/// Adjudicates outpatient bills of class A within a year; no admission is counted, so the terms stay the same.
fn adjudicate_bills(policy: &Policy, bills: &[i64]) -> Vec<Split> {
    let mut account = Account::default();
    let adjudicate_bill = |fen: &i64| {
        let (claim, facts) = bill(Money::from_fen(*fen));
        let (split, after) =
            adjudicate(AdjudicationInput { claim: &claim, facts: &facts, policy, continued: None }, &account)
                .expect("small");
        account = after;
        split
    };
    bills.iter().map(adjudicate_bill).collect()
}

fn bill(amount: Money) -> (Claim, Facts) {
    let mut raw_claim = crate::support::claims::claim("C1", "P1", &amount.to_string());
    (raw_claim.visit, raw_claim.items) = ("outpatient_serious".to_owned(), vec![item("A", &amount.to_string())]);
    (raw_claim.admitted, raw_claim.discharged) = (day("2017-03-01"), day("2017-03-01"));
    (
        raw_claim
            .validate(
                &ClaimLimits::default(),
                shipped::book().expect("the shipped book").vocabulary(),
                onestop::domain::day::Day::LAST,
            )
            .expect("a sound claim"),
        facts(),
    )
}

fn facts() -> Facts {
    let region = || Region::parse("370100").expect("a region");
    let entry = onestop::domain::facts::CatalogueEntry {
        code: id("A"),
        name: "an item".into(),
        class: onestop::domain::facts::Class { word: "A".into(), self_pay_ratio: None },
        price_ceiling: None,
    };
    Facts {
        person: PersonFacts {
            insurance: "resident".into(),
            insured_region: region(),
            categories: ["registered_poor".into()].into_iter().collect(),
            cross_region_approved: false,
        },
        hospital: HospitalFacts { level: "tertiary".into(), region: region(), tags: Default::default() },
        catalogue: [entry.into()].into(),
        entry_of_item: vec![0],
    }
}
