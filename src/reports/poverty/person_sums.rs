//! The settlements of persons and what they paid, by county and month, for a part of the persons.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::money::Money;
use crate::reports::chunk::ChunkLine;
use crate::store::keys::StoreKey;

use super::groups::{CountyInMonth, GroupNumber, Groups};
use super::measures::{OpenMeasures, PersonSum};

/// As what a person was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum SettledAs {
    /// As registered.
    Registered,
    /// As ordinary, although a register has the person.
    Ordinary,
}

/// A person who was settled as ordinary, with the region of the last month in which that was.
pub(super) struct OrdinaryPerson {
    pub key: StoreKey,
    pub region: Arc<str>,
    pub sum: PersonSum,
}

/// The sums of a part of the persons.
#[derive(Default)]
pub(super) struct PersonSums(HashMap<(StoreKey, SettledAs, CountyInMonth), PersonSum>);

impl PersonSums {
    /// The number of sums.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds a line.
    pub fn add(&mut self, person: StoreKey, settled_as: SettledAs, county: CountyInMonth, line: &ChunkLine) {
        let factor = line.sign.factor();
        let sum = PersonSum { settlements: factor, patient: factor.saturating_mul(line.patient) };
        self.0.entry((person, settled_as, county)).or_default().add(sum);
    }

    /// Counts every person in each group to which one of the person's counties belongs, and gives those who were settled as
    /// ordinary, in the order of keys.
    pub fn count(self, groups: &mut Groups, thresholds: &[Money]) -> Vec<OrdinaryPerson> {
        let mut sums: Vec<_> = self.0.into_iter().collect();
        sums.sort_unstable_by_key(|(key, _)| *key);
        let mut ordinary = Vec::new();
        for of_person in
            sums.chunk_by(|((one, as_one, _), _), ((other, as_other, _), _)| (one, as_one) == (other, as_other))
        {
            let Some(((key, settled_as, _), _)) = of_person.first() else { continue };
            let counts = |measures: &mut OpenMeasures, sum| match settled_as {
                SettledAs::Registered => measures.treated.add(sum, thresholds),
                SettledAs::Ordinary => measures.ordinary.add(sum, &[]),
            };
            let counties = of_person.iter().map(|((.., county), sum)| (*county, *sum));
            for (group, sum) in sums_by_group(counties.clone(), groups) {
                groups.measures_of(group).into_iter().for_each(|measures| counts(measures, sum));
            }
            if *settled_as == SettledAs::Ordinary {
                ordinary.extend(ordinary_person(*key, counties, groups));
            }
        }
        ordinary
    }
}

fn sums_by_group(
    counties: impl Iterator<Item = (CountyInMonth, PersonSum)>,
    groups: &Groups,
) -> Vec<(GroupNumber, PersonSum)> {
    let of_groups = counties.flat_map(|(county, sum)| groups.of_county(county).map(|group| (group, sum)));
    let mut sums: Vec<(GroupNumber, PersonSum)> = of_groups.collect();
    sums.sort_unstable_by_key(|(group, _)| *group);
    sums.dedup_by(|(group, sum), (kept, kept_sum)| {
        let is_same = group == kept;
        if is_same {
            kept_sum.add(*sum);
        }
        is_same
    });
    sums
}

/// A person with settlements as ordinary that were not reversed.
fn ordinary_person(
    key: StoreKey,
    counties: impl Iterator<Item = (CountyInMonth, PersonSum)>,
    groups: &Groups,
) -> Option<OrdinaryPerson> {
    let (mut last, mut sum) = (None, PersonSum::default());
    for (county, of_county) in counties.filter(|(_, sum)| sum.settlements > 0) {
        last = last.max(groups.month_and_region(county));
        sum.add(of_county);
    }
    last.map(|(_, region)| OrdinaryPerson { key, region: Arc::clone(region), sum })
}
