//! Generated scenarios, adjudicated without a store: every claim is looked up and adjudicated, one after the other.

use std::collections::HashMap;
use std::sync::Arc;

use onestop::domain::account::Account;
use onestop::domain::adjudicate::{AdjudicationInput, adjudicate};
use onestop::domain::claim::{Claim, ClaimLimits, RawClaim, RawItem};
use onestop::domain::facts::Facts;
use onestop::domain::ids::AccountKey;
use onestop::domain::ids::PersonId;
use onestop::domain::policy::Policy;
use onestop::domain::resolution::resolve_terms;
use onestop::domain::resolved_terms::ResolvedTerms;
use onestop::domain::split::{LayerSplit, Split};
use onestop::domain::terms::TermsKey;
use onestop::policy::Book;
use onestop::reference::look_up;
use onestop::reference::lookup_tables::LookupTables;
use onestop::reference::person::PersonRecord;
use onestop::reference::row::ReferenceRow;
use proptest::prelude::*;

use super::claims::{self, BillSpec, ClaimSpec, item_reaching};
use super::policies::{self, PolicySpec};
use super::policy_text::policy_files;
use super::tables::{self, CatalogueSpec, PersonSpec};
use crate::support::claims::item;

/// A policy, tables and a sequence of claims.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub policy: PolicySpec,
    pub catalogue: CatalogueSpec,
    pub persons: Vec<PersonSpec>,
    pub claims: Vec<ClaimSpec>,
}

/// Generates scenarios.
pub fn scenarios() -> impl Strategy<Value = Scenario> {
    let claims = prop::collection::vec(claims::claims(), 1..=8);
    (policies::policies(), tables::catalogues(), tables::persons(), claims)
        .prop_map(|(policy, catalogue, persons, claims)| Scenario { policy, catalogue, persons, claims })
}

impl Scenario {
    /// The book with the policy of the scenario.
    pub fn book(&self) -> Book {
        let files = policy_files(&self.policy);
        let texts = files.iter().map(|(name, text)| (*name, text.as_str()));
        Book::from_texts(texts).unwrap_or_else(|faults| panic!("{faults:?}\n{}", files[0].1))
    }

    /// The rows of the tables of the scenario.
    pub fn rows(&self) -> Vec<ReferenceRow> {
        tables::rows(&self.catalogue, &self.persons)
    }

    /// Adjudicates every claim in order.
    pub fn adjudicate_all(&self) -> Vec<Step> {
        let (tables, persons) = tables::from_rows(self.rows());
        let mut adjudicator = Adjudicator { book: self.book(), tables, persons, accounts: HashMap::new() };
        let claims = self.claims.iter().enumerate();
        claims.map(|(number, spec)| adjudicator.step(spec, number, self.persons.len())).collect()
    }
}

/// A claim with its split and its account before and after.
pub struct Step {
    pub raw_claim: RawClaim,
    pub claim: Claim,
    pub policy: Arc<Policy>,
    pub key: AccountKey,
    pub before: Account,
    pub split: Split,
    pub after: Account,
}

impl Step {
    /// The terms of a layer that applied.
    pub fn terms(&self, layer: &LayerSplit) -> Arc<ResolvedTerms> {
        let rule =
            self.policy.layers.iter().find(|known| known.head.id == layer.head().id).expect("a layer of the policy");
        rule.terms(&self.split.circumstances.terms).expect("exact terms").expect("a layer that applies")
    }
}

/// Adjudicates claims in order and keeps the accounts.
struct Adjudicator {
    book: Book,
    tables: LookupTables,
    persons: HashMap<PersonId, PersonRecord>,
    accounts: HashMap<(PersonId, AccountKey), Account>,
}

impl Adjudicator {
    fn step(&mut self, spec: &ClaimSpec, number: usize, persons: usize) -> Step {
        let raw_claim = spec.claim(number, persons, self.items(spec, persons));
        let (claim, facts, policy) = self.look_up(raw_claim.clone());
        let input = AdjudicationInput { claim: &claim, facts: &facts, policy: &policy, continued: None };
        let key = input.account_key();
        let account = self.accounts.entry((claim.person_id.clone(), key.clone())).or_default();
        let before = account.clone();
        let (split, after) = adjudicate(input, &before).expect("small amounts");
        *account = after.clone();
        Step { raw_claim, claim, policy, key, before, split, after }
    }

    fn look_up(&self, raw_claim: RawClaim) -> (Claim, Facts, Arc<Policy>) {
        let claim = raw_claim
            .validate(&ClaimLimits::default(), self.book.vocabulary(), onestop::domain::day::Day::LAST)
            .unwrap_or_else(|faults| panic!("{faults:?}"));
        let facts = look_up::facts(&claim, self.persons.get(&claim.person_id), &self.tables, self.book.vocabulary())
            .expect("known");
        let person = &facts.person;
        let policy = self.book.governing(&person.insurance, &person.insured_region, claim.admitted, claim.discharged);
        let policy = Arc::clone(policy.expect("a policy"));
        (claim, facts, policy)
    }

    fn items(&self, spec: &ClaimSpec, persons: usize) -> Vec<RawItem> {
        match &spec.bill {
            BillSpec::Lines(lines) => lines.iter().flat_map(|line| line.items()).collect(),
            BillSpec::Aimed { layer, amount, beyond } => {
                let (claim, facts, policy) = self.look_up(spec.claim(0, persons, vec![item("A", "0.00")]));
                let key =
                    AdjudicationInput { claim: &claim, facts: &facts, policy: &policy, continued: None }.account_key();
                let account = self.accounts.get(&(claim.person_id.clone(), key)).cloned().unwrap_or_default();
                let layer = &policy.layers[layer % policy.layers.len()];
                let terms = resolve_terms(&layer.rule, &terms_key(&claim, &facts)).expect("exact");
                vec![item_reaching(layer, &terms, &account, *amount, *beyond)]
            }
        }
    }
}

/// The key of the terms that apply to a claim.
fn terms_key(claim: &Claim, facts: &Facts) -> TermsKey {
    TermsKey {
        level: facts.hospital.level.clone(),
        locality: facts.locality(&[]),
        referral: facts.referral(claim.emergency),
        tags: facts.hospital.tags.clone(),
        diseases: Default::default(),
        categories: facts.person.categories.clone(),
    }
}
