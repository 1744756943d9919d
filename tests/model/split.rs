//! The split: pools, then layer by layer, and the account and the stay afterwards.

use std::collections::BTreeMap;

use super::layer::adjudicate_layer;
use super::policy::LayerRule;
use super::pools::divide_into_pools;
use super::terms::{Circumstances, is_considered, terms};
use super::{Account, Bill, Book, CatalogueRow, Facts, Hospital, Person, Refusal, Refusals, Stay};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Split {
    pub policy: String,
    pub insurance: String,
    /// The benefit year.
    pub year: i32,
    pub total: i64,
    /// The amounts that fell into the pools, zero included.
    pub pools: BTreeMap<String, i64>,
    /// The considered layers in order.
    pub layers: Vec<Layer>,
    /// The amount of every payer of a considered layer, zero included.
    pub payers: BTreeMap<String, i64>,
    pub patient: i64,
    pub counts_admission: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layer {
    pub id: String,
    pub payer: String,
    pub ledger: String,
    /// The cumulative amount before this claim.
    pub c0: i64,
    pub base: i64,
    pub deductible: i64,
    pub deductible_taken: i64,
    pub pays: i64,
    /// The ends of the closed bands, in the cumulative amount.
    pub edges: Vec<i64>,
    /// In order of application: those on the base, then those on what is paid.
    pub caps: Vec<AppliedCap>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppliedCap {
    pub account: String,
    pub on_base: bool,
    pub per_claim: bool,
    /// `None` if the cap is lifted.
    pub limit: Option<i64>,
    pub used: i64,
    pub cut: i64,
}

/// A split with the state after it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    pub split: Split,
    pub account: Account,
    pub stay: Stay,
}

impl Book {
    /// The split of a bill that continues none, and the account after it, from these rows of the tables.
    pub fn settle(
        &self,
        bill: &Bill,
        person: &Person,
        hospital: &Hospital,
        catalogue: &[CatalogueRow],
        account: impl Fn(i32) -> Account,
    ) -> Result<(Split, Account), Refusals> {
        let facts = Facts::look_up(bill, person, hospital, catalogue, &self.vocabulary)?;
        let decision = self.decide(bill, &facts, None, |_, year| account(year))?;
        Ok((decision.split, decision.account))
    }

    /// Decides a bill. `continued` is the kind and the close of what it continues; `account` returns the account of
    /// the person in an insurance and benefit year.
    pub fn decide(
        &self,
        bill: &Bill,
        facts: &Facts,
        continued: Option<(&str, &Stay)>,
        account: impl Fn(&str, i32) -> Account,
    ) -> Result<Decision, Refusals> {
        let pools = divide_into_pools(bill, &facts.rows, &self.vocabulary)?;
        let (policy, day) = self
            .governing_policy(bill, &facts.enrolment)
            .ok_or_else(|| vec![Refusal::failed_precondition("NO_POLICY_IN_FORCE")])?;
        let insurance = &facts.enrolment.insurance;
        let year = day[..4].parse().expect("a year");
        let mut account = account(insurance, year);
        let file_credits = policy.rules.iter().any(|rule: &LayerRule| rule.credits_transfers);
        let mut stay = match continued {
            None => Stay::first(account.admissions),
            Some(("interim", before)) => before.interim(),
            Some((_, before)) => before.transfer(account.admissions, &policy.rules),
        };
        stay.add_pools(&pools);
        let circumstances = Circumstances::new(bill, facts, policy, &self.vocabulary);
        let fell_into = stay.fell_into().clone();
        let (mut left, mut layers) = (pools.clone(), Vec::new());
        for rule in policy.rules.iter().filter(|rule| is_considered(rule, day, &circumstances)) {
            let terms = terms(rule, &circumstances, stay.opening(rule).admissions, &fell_into);
            layers.push(adjudicate_layer(rule, &terms, &mut left, &mut account, &mut stay));
        }
        let countable = self.vocabulary.visits[&bill.visit].counts_admission && pools.values().sum::<i64>() > 0;
        let counts_admission = stay.count_admission(continued.map(|(kind, _)| kind), file_credits, countable);
        account.admissions += u32::from(counts_admission);
        let mut payers = BTreeMap::new();
        for layer in &layers {
            *payers.entry(layer.payer.clone()).or_default() += layer.pays;
        }
        let split = Split {
            policy: policy.id.clone(),
            insurance: insurance.clone(),
            year,
            total: pools.values().sum(),
            pools,
            layers,
            payers,
            patient: left.values().sum(),
            counts_admission,
        };
        assert_invariants(bill, &split);
        Ok(Decision { split, account, stay })
    }
}

/// Asserts that payers and patient pay the total, and that no amount is negative.
fn assert_invariants(bill: &Bill, split: &Split) {
    assert_eq!(split.total, bill.lines.iter().map(|line| line.amount_fen).sum::<i64>());
    assert_eq!(split.total, split.payers.values().sum::<i64>() + split.patient);
    assert!(split.patient >= 0 && split.pools.values().all(|amount| *amount >= 0));
    assert!(split.layers.iter().all(|layer| 0 <= layer.pays && layer.pays <= layer.base));
}
