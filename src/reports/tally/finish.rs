//! The report of a tally: its groups as rows, in the order of their keys.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::domain::money::Money;
use crate::reports::chunk::WordNumber;
use crate::reports::dimension::Dimension;
use crate::reports::error::ReportError;
use crate::reports::report::{Report, ReportRow};
use crate::store::keys::StoreKey;

use super::group::{Amounts, Group};
use super::words::Words;
use super::{GroupKey, Tally};

/// The columns of amounts, with the numbers of their words.
enum Columns {
    /// What is paid.
    Payments,
    /// Whole bills: pools and payers.
    Bills { pools: Vec<(Arc<str>, WordNumber)>, payers: Vec<(Arc<str>, WordNumber)> },
}

impl Tally<'_> {
    /// The report.
    ///
    /// # Errors
    /// [`ReportError::TooLarge`] if more would be held than is allowed.
    pub fn finish(self) -> Result<Report, ReportError> {
        if !self.is_within_limit() {
            return Err(ReportError::TooLarge(self.limit));
        }
        let Tally { question, is_of_payments, words, persons, mut groups, everything, .. } = self;
        groups.retain(|_, group| !group.is_zero());
        let columns = if is_of_payments { Columns::Payments } else { Columns::of_bills(&groups, &words) };
        let persons = keys_by_number(&persons);
        let value = |dimension: Dimension, number: u32| match dimension {
            Dimension::Person => persons.get(number as usize).map_or_else(Arc::default, hex),
            _ => words.word(number),
        };
        let values = |key: &GroupKey| question.by.iter().zip(key).map(|(by, number)| value(*by, *number)).collect();
        let mut rows: Vec<_> = groups.iter().map(|(key, group)| columns.row(values(key), group)).collect();
        rows.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        let total = columns.row(Vec::new(), &everything);
        Ok(Report { by: question.by.clone(), columns: columns.names(), rows, total })
    }
}

impl Columns {
    /// The columns of every pool and payer that has an amount in a group.
    fn of_bills(groups: &HashMap<GroupKey, Group>, words: &Words) -> Columns {
        let used = |of: fn(&Group) -> &Amounts| -> Vec<(Arc<str>, WordNumber)> {
            let numbers: BTreeSet<WordNumber> = groups.values().flat_map(|group| of(group).words()).collect();
            let mut columns: Vec<_> = numbers.into_iter().map(|number| (words.word(number), number)).collect();
            columns.sort();
            columns
        };
        Columns::Bills { pools: used(|group| &group.pools), payers: used(|group| &group.payers) }
    }

    fn names(&self) -> Vec<String> {
        let Columns::Bills { pools, payers } = self else { return vec!["paid".to_owned()] };
        let mut names = vec!["total".to_owned()];
        names.extend(pools.iter().map(|(pool, _)| format!("pool_{pool}")));
        names.extend(payers.iter().map(|(payer, _)| format!("payer_{payer}")));
        names.push("patient".to_owned());
        names
    }

    fn row(&self, key: Vec<Arc<str>>, group: &Group) -> ReportRow {
        let amounts = self.amounts(group).into_iter().map(Money::from_fen).collect();
        ReportRow { key, settlements: group.settlements, persons: group.persons(), amounts }
    }

    fn amounts(&self, group: &Group) -> Vec<i64> {
        let Columns::Bills { pools, payers } = self else { return vec![group.paid] };
        let mut amounts = vec![group.total];
        amounts.extend(pools.iter().map(|(_, pool)| group.pools.of(*pool)));
        amounts.extend(payers.iter().map(|(_, payer)| group.payers.of(*payer)));
        amounts.push(group.patient);
        amounts
    }
}

fn keys_by_number(persons: &HashMap<StoreKey, u32>) -> Vec<StoreKey> {
    let mut keys: Vec<(u32, StoreKey)> = persons.iter().map(|(key, number)| (*number, *key)).collect();
    keys.sort_unstable();
    keys.into_iter().map(|(_, key)| key).collect()
}

fn hex(key: &StoreKey) -> Arc<str> {
    key.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}
