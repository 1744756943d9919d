//! The groups of the statistics, by number.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::domain::money::Money;
use crate::domain::month::Month;
use crate::reports::question::CITY_DIGITS;

use super::measures::{Measures, OpenMeasures};
use super::{Group, PovertyLayer};

/// The number of a county in a month.
pub(super) type CountyInMonth = u32;

/// The number of a group.
pub(super) type GroupNumber = u32;

/// The groups with their measures.
#[derive(Default)]
pub(super) struct Groups {
    numbers: HashMap<Group, GroupNumber>,
    measures: Vec<OpenMeasures>,
    counties: HashMap<(Month, Arc<str>), CountyInMonth>,
    /// Of each county in a month the groups to which it belongs.
    groups_of_county: Vec<(Month, Arc<str>, [GroupNumber; 5])>,
}

impl Groups {
    /// The number of groups.
    pub fn len(&self) -> usize {
        self.measures.len()
    }

    /// The number of a region in a month.
    pub fn county(&mut self, month: Month, region: &Arc<str>) -> CountyInMonth {
        if let Some(known) = self.counties.get(&(month, Arc::clone(region))) {
            return *known;
        }
        let city = region.get(..CITY_DIGITS).unwrap_or(region);
        let groups = [
            Group::All,
            Group::Month(month),
            Group::City(city.into()),
            Group::County(Arc::clone(region)),
            Group::CountyInMonth(month, Arc::clone(region)),
        ];
        let number = self.groups_of_county.len() as CountyInMonth;
        let groups = groups.map(|group| self.number(group));
        self.groups_of_county.push((month, Arc::clone(region), groups));
        self.counties.insert((month, Arc::clone(region)), number);
        number
    }

    /// The month and the region of a county in a month.
    pub fn month_and_region(&self, county: CountyInMonth) -> Option<(Month, &Arc<str>)> {
        self.groups_of_county.get(county as usize).map(|(month, region, _)| (*month, region))
    }

    /// The groups to which a county in a month belongs.
    pub fn of_county(&self, county: CountyInMonth) -> [GroupNumber; 5] {
        self.groups_of_county.get(county as usize).map(|(.., groups)| *groups).unwrap_or_default()
    }

    /// Changes the measures of groups, of each once.
    pub fn change(&mut self, mut groups: Vec<GroupNumber>, change: impl Fn(&mut OpenMeasures)) {
        groups.sort_unstable();
        groups.dedup();
        groups.into_iter().for_each(|group| self.measures_of(group).into_iter().for_each(&change));
    }

    /// The measures of a group.
    pub fn measures_of(&mut self, group: GroupNumber) -> Option<&mut OpenMeasures> {
        self.measures.get_mut(group as usize)
    }

    /// The measures of every group, and of everything.
    pub fn finish(mut self, layers: &[PovertyLayer], thresholds: &[Money]) -> BTreeMap<Group, Measures> {
        self.number(Group::All);
        let measures = |number: GroupNumber| self.measures.get(number as usize);
        let finished = |number| measures(number).map(|open| open.finish(layers, thresholds)).unwrap_or_default();
        self.numbers.iter().map(|(group, number)| (group.clone(), finished(*number))).collect()
    }

    fn number(&mut self, group: Group) -> GroupNumber {
        let next = self.measures.len() as GroupNumber;
        let number = *self.numbers.entry(group).or_insert(next);
        if number == next {
            self.measures.push(OpenMeasures::default());
        }
        number
    }
}
