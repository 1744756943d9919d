//! The sums of an impact: by payer, hospital, category and region, and how many persons gain or lose.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compared::{PersonChange, UndecidedReason};
use super::group::ImpactGroup;
use super::live::LiveSettlement;
use crate::domain::money::Money;
use crate::journal::recorded::DecidedAmounts;

/// What a book changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impact {
    /// The entries that were read.
    pub entries: u64,
    /// All settlements that were compared.
    pub total: ImpactGroup,
    /// By hospital.
    pub hospitals: BTreeMap<Arc<str>, ImpactGroup>,
    /// By category that the person held; under an empty word those of persons without one. A settlement of a person with
    /// several counts under each.
    pub categories: BTreeMap<Arc<str>, ImpactGroup>,
    /// By the region in which the person was insured.
    pub regions: BTreeMap<Arc<str>, ImpactGroup>,
    /// The persons.
    pub persons: PersonChanges,
    /// The settlements that cannot be decided under the book and are in no other sum, by reason, as committed.
    pub undecided: BTreeMap<UndecidedReason, ImpactGroup>,
}

/// What changes for persons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonChanges {
    /// Those who pay less.
    pub gain: u64,
    /// Those who pay more.
    pub lose: u64,
    /// Those who pay the same.
    pub same: u64,
    /// The number of persons by what they pay more, in the ranges that [`PersonChanges::BOUNDS`] separates; those who pay the
    /// same are in the fifth.
    pub by_change: [u64; 9],
    /// Those for whom a cap cuts something off.
    pub capped: Crossing,
    /// Those who pass a deductible.
    pub past_deductible: Crossing,
}

/// How many persons are beyond a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crossing {
    /// As committed, and not any more.
    pub before_only: u64,
    /// Only under the other book.
    pub after_only: u64,
    /// In both.
    pub both: u64,
}

impl Crossing {
    fn add(&mut self, [before, after]: [bool; 2]) {
        match (before, after) {
            (true, true) => self.both += 1,
            (true, false) => self.before_only += 1,
            (false, true) => self.after_only += 1,
            (false, false) => {}
        }
    }

    fn merge(&mut self, other: Crossing) {
        self.before_only += other.before_only;
        self.after_only += other.after_only;
        self.both += other.both;
    }
}

impl PersonChanges {
    /// The amounts, in yuan, between the ranges on each side of no change.
    pub const BOUNDS: [i64; 3] = [100, 1_000, 10_000];

    fn add(&mut self, person: &PersonChange) {
        let change = person.patient.difference();
        match change.cmp(&Money::ZERO) {
            std::cmp::Ordering::Less => self.gain += 1,
            std::cmp::Ordering::Greater => self.lose += 1,
            std::cmp::Ordering::Equal => self.same += 1,
        }
        self.by_change[range_of(change)] += 1;
        self.capped.add(person.is_capped);
        self.past_deductible.add(person.passes_deductible);
    }

    fn merge(&mut self, other: &PersonChanges) {
        self.gain += other.gain;
        self.lose += other.lose;
        self.same += other.same;
        self.by_change.iter_mut().zip(other.by_change).for_each(|(count, more)| *count += more);
        self.capped.merge(other.capped);
        self.past_deductible.merge(other.past_deductible);
    }

    /// The number of persons that were compared.
    pub fn count(&self) -> u64 {
        self.gain + self.lose + self.same
    }
}

/// The range of a change: 0 to 3 pays less, 4 the same, 5 to 8 more.
fn range_of(change: Money) -> usize {
    let size = change.fen().unsigned_abs();
    let beyond = PersonChanges::BOUNDS.iter().filter(|yuan| size > yuan.unsigned_abs() * 100).count();
    match change.cmp(&Money::ZERO) {
        std::cmp::Ordering::Less => 3 - beyond,
        std::cmp::Ordering::Equal => 4,
        std::cmp::Ordering::Greater => 5 + beyond,
    }
}

impl Impact {
    /// Adds a settlement with what it would be.
    pub(super) fn add(&mut self, one: &LiveSettlement, after: &Result<DecidedAmounts, UndecidedReason>) {
        let (before, facts) = (&one.amounts, &one.facts);
        let after = match after {
            Ok(after) => after,
            Err(reason) => return self.undecided.entry(*reason).or_default().add(before, &DecidedAmounts::default()),
        };
        self.total.add(before, after);
        group(&mut self.hospitals, one.claim.hospital_id.as_str()).add(before, after);
        group(&mut self.regions, facts.person.insured_region.as_str()).add(before, after);
        if facts.person.categories.iter().next().is_none() {
            group(&mut self.categories, "").add(before, after);
        }
        for category in facts.person.categories.iter() {
            group(&mut self.categories, category.as_str()).add(before, after);
        }
    }

    /// Counts a person.
    pub(super) fn add_person(&mut self, person: &PersonChange) {
        self.persons.add(person);
    }

    /// Adds the sums of another part.
    pub(super) fn merge(&mut self, other: Impact) {
        self.entries += other.entries;
        self.total.merge(other.total);
        merge_groups(&mut self.hospitals, other.hospitals);
        merge_groups(&mut self.categories, other.categories);
        merge_groups(&mut self.regions, other.regions);
        merge_groups(&mut self.undecided, other.undecided);
        self.persons.merge(&other.persons);
    }
}

fn group<'g>(groups: &'g mut BTreeMap<Arc<str>, ImpactGroup>, key: &str) -> &'g mut ImpactGroup {
    // A key is allocated once.
    let key = groups.get_key_value(key).map_or_else(|| Arc::from(key), |(known, _)| Arc::clone(known));
    groups.entry(key).or_default()
}

fn merge_groups<K: Ord>(groups: &mut BTreeMap<K, ImpactGroup>, others: BTreeMap<K, ImpactGroup>) {
    for (key, other) in others {
        groups.entry(key).or_default().merge(other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_in_the_range_of_its_size_and_direction() {
        for (fen, range) in [
            (0, 4),
            (1, 5),
            (10_000, 5),
            (10_001, 6),
            (100_000, 6),
            (1_000_001, 8),
            (-1, 3),
            (-10_000, 3),
            (-10_001, 2),
            (-1_000_001, 0),
        ] {
            assert_eq!(range_of(Money::from_fen(fen)), range, "{fen}");
        }
    }
}
