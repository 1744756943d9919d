//! A report: rows of sums, in the order of what they stand for.

use std::sync::Arc;

use crate::domain::money::Money;

use super::dimension::Dimension;

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What the rows stand for, from the left.
    pub by: Vec<Dimension>,
    /// The names of the amounts: `total`, `pool_…`, `payer_…` and `patient`; or `paid`, where rows stand for what is paid.
    pub columns: Vec<String>,
    /// The rows, in the order of their keys.
    pub rows: Vec<ReportRow>,
    /// The sums over everything, without a key. Persons and settlements count once, in however many rows they are.
    pub total: ReportRow,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRow {
    /// The values of what it stands for.
    pub key: Vec<Arc<str>>,
    /// The settlements, less those that were reversed.
    pub settlements: i64,
    /// The persons who have a settlement among these that was not reversed.
    pub persons: u64,
    /// The amounts.
    pub amounts: Vec<Money>,
}

impl Report {
    /// The names of all columns.
    pub fn header(&self) -> Vec<&str> {
        let by = self.by.iter().map(|dimension| dimension.word());
        by.chain(["settlements", "persons"]).chain(self.columns.iter().map(String::as_str)).collect()
    }
}

impl ReportRow {
    /// The cells of the row, in the order of the columns: amounts in yuan.
    pub fn cells(&self) -> Vec<String> {
        let key = self.key.iter().map(|value| value.to_string());
        let counts = [self.settlements.to_string(), self.persons.to_string()];
        key.chain(counts).chain(self.amounts.iter().map(Money::to_string)).collect()
    }
}
