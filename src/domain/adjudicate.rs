//! Adjudication: decides who pays what of a claim, from its arguments alone.
//!
//! It refuses no claim: every check is made before. It reads no clock and no table, so the same claim,
//! facts, policy, account and continued settlement give the same split, bit for bit.

use std::sync::Arc;

use super::account::Account;
use super::claim::Claim;
use super::continuation::Continued;
use super::day::Day;
use super::facts::Facts;
use super::fixed_words::SkipReason;
use super::ids::AccountKey;
use super::itemize::{Itemized, UnknownClass, itemize};
use super::layer_split::LayerInput;
use super::money::Money;
use super::policy::{Layer, Policy};
use super::pools::Pools;
use super::resolution::InexactTerms;
use super::resolved_terms::LayerTerms;
use super::split::{Circumstances, SkippedLayer, Split};
use super::stay::Stay;
use super::sums::OutOfRange;
use super::terms::TermsKey;
use super::words::{Disease, Pool, Visit, WordSet};

/// A checked claim, the facts looked up for it, the policy that governs it, and what it continues.
#[derive(Clone, Copy)]
pub struct AdjudicationInput<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// The facts.
    pub facts: &'a Facts,
    /// The policy in force.
    pub policy: &'a Policy,
    /// The settlement that it continues, if it continues one.
    pub continued: Option<Continued<'a>>,
}

/// Why a claim cannot be decided. A checked book and limits on claims leave no such claim.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdjudicationError {
    /// A sum would leave what 64 bits of fen hold.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// The terms of a layer cannot be computed exactly.
    #[error(transparent)]
    InexactTerms(#[from] InexactTerms),
    /// An item has a class that the policy's words do not hold.
    #[error(transparent)]
    UnknownClass(#[from] UnknownClass),
}

impl AdjudicationInput<'_> {
    /// The account that this claim changes.
    pub fn account_key(&self) -> AccountKey {
        AccountKey { insurance: self.facts.person.insurance.clone(), year: self.policy_day().year() }
    }

    fn policy_day(&self) -> Day {
        self.policy.policy_day(self.claim.admitted, self.claim.discharged)
    }

    fn diagnosed_diseases(&self) -> WordSet<Disease> {
        let diagnosis = self.claim.diagnosis.as_ref();
        diagnosis.map(|code| self.policy.rule.words.diseases_of(code.as_str())).unwrap_or_default()
    }

    fn circumstances(&self, account_before: &Account) -> Circumstances {
        let rule = &self.policy.rule;
        Circumstances {
            policy: self.policy.reference.clone(),
            day: self.policy_day(),
            account: self.account_key(),
            terms: TermsKey {
                level: self.facts.hospital.level.clone(),
                locality: self.facts.locality(&rule.pooling),
                referral: self.facts.referral(self.claim.emergency),
                tags: self.facts.hospital.tags.clone(),
                diseases: self.diagnosed_diseases(),
                categories: self.facts.person.categories.clone(),
            },
            admissions_before: account_before.admissions,
        }
    }
}

/// The split of a claim on an account, and the account after it.
///
/// # Errors
/// If a sum leaves its range, or the policy cannot be applied to the claim.
pub fn adjudicate(input: AdjudicationInput<'_>, account: &Account) -> Result<(Split, Account), AdjudicationError> {
    let bill = itemize(input.claim, input.facts, &input.policy.rule.words)?;
    adjudicate_bill(input, bill, account)
}

/// The same of a claim whose bill fell into these pools, in a split without lines and codes: for whoever knows that the policy
/// gives the classes the meaning that they had when the bill was distributed.
///
/// # Errors
/// As [`adjudicate`].
pub fn adjudicate_pools(
    input: AdjudicationInput<'_>,
    amounts: &[(Pool, Money)],
    account: &Account,
) -> Result<(Split, Account), AdjudicationError> {
    let mut pools = Pools::zero(&input.policy.rule.words.pools);
    amounts.iter().for_each(|(pool, amount)| pools.add(pool, *amount));
    adjudicate_bill(input, Itemized { lines: Vec::new(), codes: Vec::new(), pools }, account)
}

fn adjudicate_bill(
    input: AdjudicationInput<'_>,
    bill: Itemized,
    account: &Account,
) -> Result<(Split, Account), AdjudicationError> {
    let AdjudicationInput { claim, facts, policy, continued } = input;
    let circumstances = input.circumstances(account);
    let terms = policy.terms(&circumstances.terms)?;
    let opening = continued.map(|continued| continued.opening(policy, account.admissions)).transpose()?;
    let mut split = Split {
        total: bill.pools.total(),
        pools: bill.pools,
        lines: bill.lines,
        codes: bill.codes,
        catalogue: Arc::clone(&facts.catalogue),
        layers: Vec::with_capacity(policy.layers.len()),
        skipped: Vec::new(),
        patient: Money::ZERO,
        counted_admission: false,
        is_stay: policy.rule.words.counts_admission(&claim.visit),
        opening: opening.map(Box::new),
        circumstances,
    };
    let mut progress = LayerProgress::new(&split, account, policy.layers.len());
    for (layer, terms) in policy.layers.iter().zip(terms.iter()) {
        progress.apply_layer(layer, terms, &claim.visit, &mut split)?;
    }
    split.patient = progress.left.total();
    let counted_before = split.opening.as_ref().is_some_and(|opening| opening.stay.counted);
    split.counted_admission = split.is_stay && split.total > Money::ZERO && !counted_before;
    let after = progress.account.count_settlement(&split)?;
    Ok((split, after))
}

/// What changes from layer to layer.
struct LayerProgress {
    left: Pools,
    account: Account,
    /// What the layers had taken on the stay before this claim, with the use of limits of one claim so far.
    stay: Stay,
    /// What fell into the pools over all parts of the stay, if the claim continues one: else it is what the bill holds.
    pools_of_parts: Option<Pools>,
}

impl LayerProgress {
    fn new(split: &Split, account: &Account, layers: usize) -> LayerProgress {
        let stay = split.opening_stay();
        let pools_of_parts = split.opening.as_ref().map(|_| {
            let mut pools = split.pools.clone();
            stay.pools.iter().for_each(|(pool, amount)| pools.add(pool, amount));
            pools
        });
        LayerProgress { left: split.pools.clone(), account: account.clone_with_room(layers), stay, pools_of_parts }
    }

    /// Adds one layer to the split, as paying or as skipped.
    fn apply_layer(
        &mut self,
        layer: &Layer,
        terms: &LayerTerms,
        visit: &Visit,
        split: &mut Split,
    ) -> Result<(), OutOfRange> {
        let terms = match (layer.skip_by_visit(split.circumstances.day, visit), terms) {
            (Some(reason), _) => return skip_layer(split, layer, reason),
            (None, Err(reason)) => return skip_layer(split, layer, *reason),
            (None, Ok(terms)) => terms,
        };
        let continues = split.opening.is_some();
        let input = LayerInput {
            layer,
            terms: &terms.terms,
            of_split: &terms.of_splits,
            account: &self.account,
            stay: &self.stay,
            pools_of_stay: self.pools_of_parts.as_ref().unwrap_or(&split.pools),
            continues,
        };
        let layer_split = input.split_layer(&mut self.left)?;
        self.account.add_layer(&layer_split)?;
        self.stay.add_caps(&layer_split)?;
        split.layers.push(layer_split);
        Ok(())
    }
}

fn skip_layer(split: &mut Split, layer: &Layer, reason: SkipReason) -> Result<(), OutOfRange> {
    let (id, name) = (layer.head.id.clone(), layer.head.name.clone());
    split.skipped.push(SkippedLayer { id, name, reason });
    Ok(())
}
