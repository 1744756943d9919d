//! The terms of a layer for one set of circumstances, fully resolved, and the table of all of them.
//!
//! The circumstances of a claim are few: three levels, two localities, three referrals and sixteen sets
//! of categories. So every combination is resolved when the policy is read, where a figure that cannot
//! be held exactly is refused; a claim only looks its terms up.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::money::Money;
use super::rate::Rate;
use super::schedule::Schedule;
use super::vocabulary::{CapKind, Categories, Level, Locality, Referral};

/// An annual limit (封顶线) on one account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cap {
    /// The account; layers that name the same one share it.
    pub account: Arc<str>,
    /// What it limits.
    pub of: CapKind,
    /// The most in a benefit year; `None` where the cap is lifted.
    pub annual: Option<Money>,
}

/// Where a rule stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cite {
    /// The policy file and the key in its `[sources]`: `shandong-2017#circular-37`.
    pub source: Arc<str>,
    /// The document's title and clause.
    pub text: Arc<str>,
}

/// A key of a layer whose figure no public text gives.
pub type AssumedKey = Arc<str>;

/// What holds for a claim in this layer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Terms {
    /// The share of the residual that the patient bears before the schedule applies.
    pub prior_self_pay: Rate,
    /// The schedule.
    pub schedule: Schedule,
    /// The caps, in order.
    pub caps: Vec<Cap>,
    /// The rules that gave these terms.
    pub cites: Vec<Cite>,
    /// The figures in use that are assumptions.
    pub assumed: Vec<AssumedKey>,
}

/// What decides which terms hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermsKey {
    /// The hospital's level.
    pub level: Level,
    /// Within the insured city or not.
    pub locality: Locality,
    /// With what leave.
    pub referral: Referral,
    /// The categories the person holds.
    pub categories: Categories,
}

impl TermsKey {
    /// How many there are.
    pub const COUNT: usize = Level::ALL.len() * Locality::ALL.len() * Referral::ALL.len() * Categories::COUNT;

    /// Its number below [`TermsKey::COUNT`].
    pub const fn number(&self) -> usize {
        let visit = (self.level as usize * Locality::ALL.len() + self.locality as usize) * Referral::ALL.len()
            + self.referral as usize;
        visit * Categories::COUNT + self.categories.number()
    }

    /// All of them, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = TermsKey> {
        (0..Self::COUNT).map(|number| {
            let visit = number / Categories::COUNT;
            TermsKey {
                level: Level::ALL[visit / Referral::ALL.len() / Locality::ALL.len()],
                locality: Locality::ALL[visit / Referral::ALL.len() % Locality::ALL.len()],
                referral: Referral::ALL[visit % Referral::ALL.len()],
                categories: Categories::numbered(number % Categories::COUNT),
            }
        })
    }
}

/// The terms for every set of circumstances.
#[derive(Clone, Debug)]
pub struct TermsTable {
    distinct: Vec<Arc<Terms>>,
    of: Vec<u16>,
}

impl TermsTable {
    /// Resolves every set of circumstances; those with the same key have the same terms, which are
    /// resolved once.
    ///
    /// # Errors
    /// The first error of `resolve`.
    pub fn build<K: Hash + Eq, E>(
        key: impl Fn(&TermsKey) -> K,
        mut resolve: impl FnMut(&TermsKey) -> Result<Terms, E>,
    ) -> Result<Self, E> {
        let mut table = TermsTable { distinct: Vec::new(), of: Vec::with_capacity(TermsKey::COUNT) };
        let mut known = HashMap::new();
        for circumstances in TermsKey::all() {
            let at = match known.entry(key(&circumstances)) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => {
                    table.distinct.push(Arc::new(resolve(&circumstances)?));
                    *new.insert(table.distinct.len() as u16 - 1)
                }
            };
            table.of.push(at);
        }
        Ok(table)
    }

    /// The terms that hold.
    pub fn get(&self, circumstances: &TermsKey) -> &Arc<Terms> {
        &self.distinct[usize::from(self.of[circumstances.number()])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_circumstances_run_without_a_gap() {
        let numbers: Vec<_> = TermsKey::all().map(|c| c.number()).collect();
        assert_eq!(numbers, (0..288).collect::<Vec<_>>());
    }
}
