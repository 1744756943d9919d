//! The resolved terms of a layer, and the table of the terms for all circumstances.
//!
//! Three levels, two localities, three referrals and sixteen sets of categories make few combinations, so
//! all of them are resolved when a policy is read, and a figure that cannot be exact is refused there. A
//! claim only looks its terms up.

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
    pub kind: CapKind,
    /// The limit of a benefit year; `None` if the cap is lifted.
    pub annual: Option<Money>,
}

/// The source of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cite {
    /// The policy file and the key in its `[sources]`: `shandong-2017#circular-37`.
    pub source: Arc<str>,
    /// The document's title and clause.
    pub text: Arc<str>,
}

/// A key of a layer with a figure that no public text gives.
pub type AssumedKey = Arc<str>;

/// The terms of a layer for a claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Terms {
    /// The share of the residual that the patient bears before the schedule applies.
    pub prior_self_pay: Rate,
    /// The schedule.
    pub schedule: Schedule,
    /// The caps, in order.
    pub caps: Vec<Cap>,
    /// The sources of these terms.
    pub cites: Vec<Cite>,
    /// The keys of figures in use that are assumptions.
    pub assumed: Vec<AssumedKey>,
}

/// The circumstances that decide which terms apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermsKey {
    /// The hospital's level.
    pub level: Level,
    /// Whether the hospital lies in the insured city.
    pub locality: Locality,
    /// The referral.
    pub referral: Referral,
    /// The categories the person holds.
    pub categories: Categories,
}

impl TermsKey {
    /// The number of different keys.
    pub const COUNT: usize = Level::ALL.len() * Locality::ALL.len() * Referral::ALL.len() * Categories::COUNT;

    /// Its index, below [`TermsKey::COUNT`].
    pub const fn index(&self) -> usize {
        let visit = (self.level as usize * Locality::ALL.len() + self.locality as usize) * Referral::ALL.len()
            + self.referral as usize;
        visit * Categories::COUNT + self.categories.number()
    }

    /// All keys, in the order of their indices.
    pub fn all() -> impl Iterator<Item = TermsKey> {
        (0..Self::COUNT).map(|index| {
            let visit = index / Categories::COUNT;
            TermsKey {
                level: Level::ALL[visit / Referral::ALL.len() / Locality::ALL.len()],
                locality: Locality::ALL[visit / Referral::ALL.len() % Locality::ALL.len()],
                referral: Referral::ALL[visit % Referral::ALL.len()],
                categories: Categories::from_number(index % Categories::COUNT),
            }
        })
    }
}

/// The terms of a layer for every key.
#[derive(Clone, Debug)]
pub struct TermsTable {
    distinct: Vec<Arc<Terms>>,
    /// For each key, the position in `distinct`.
    positions: Vec<u16>,
}

impl TermsTable {
    /// Resolves the terms for every key; keys with the same `group` share terms, which are resolved once.
    ///
    /// # Errors
    /// The first error of `resolve`.
    pub fn build<G: Hash + Eq, E>(
        group: impl Fn(&TermsKey) -> G,
        mut resolve: impl FnMut(&TermsKey) -> Result<Terms, E>,
    ) -> Result<Self, E> {
        let mut table = TermsTable { distinct: Vec::new(), positions: Vec::with_capacity(TermsKey::COUNT) };
        let mut known = HashMap::new();
        for key in TermsKey::all() {
            let position = match known.entry(group(&key)) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => {
                    table.distinct.push(Arc::new(resolve(&key)?));
                    *new.insert(table.distinct.len() as u16 - 1)
                }
            };
            table.positions.push(position);
        }
        Ok(table)
    }

    /// The terms of a key.
    pub fn get(&self, key: &TermsKey) -> &Arc<Terms> {
        &self.distinct[usize::from(self.positions[key.index()])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_indices_of_all_keys_have_no_gap() {
        let indices: Vec<_> = TermsKey::all().map(|key| key.index()).collect();
        assert_eq!(indices, (0..288).collect::<Vec<_>>());
    }
}
