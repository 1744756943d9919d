//! Merges a list with the settlements of its days, claim by claim.

use std::collections::BTreeMap;

use crate::domain::reconciliation::{BookedClaim, ClaimDifference, DifferenceClass, ListedClaim, Totals};
use crate::engine::{Engine, EngineError};
use crate::store::Store;
use crate::store::keys::StoreKey;
use crate::store::sorted_runs::SortedRuns;

use super::group::Group;
use super::{ReconciledSpan, row_form};

/// The rows and settlements after which a batch ends even if it has no difference.
const STEPS: usize = 2_000;

/// A comparison in progress.
pub struct Comparison {
    span: ReconciledSpan,
    listed: SortedRuns,
    booked: SortedRuns,
    group: Option<Group>,
    rows_compared: u64,
    agreeing: u64,
    classes: BTreeMap<DifferenceClass, u64>,
    sums: ComparisonSums,
}

/// The sums of both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparisonSums {
    /// Of the settlements that count.
    pub here: Totals,
    /// Of the rows of the list.
    pub there: Totals,
}

/// The position of a difference among all of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ComparisonPosition {
    /// The key of its claim.
    pub claim: StoreKey,
    /// Its number among the differences of the claim, from 1.
    pub number: u64,
}

/// Further differences, each with its position.
pub struct Batch {
    /// The differences.
    pub differences: Vec<(ComparisonPosition, ClaimDifference)>,
    /// The rows that were compared so far.
    pub rows_compared: u64,
}

impl Comparison {
    pub(super) fn new(span: ReconciledSpan, [listed, booked]: [SortedRuns; 2], sums: ComparisonSums) -> Comparison {
        let (group, classes) = (None, BTreeMap::new());
        Comparison { span, listed, booked, group, rows_compared: 0, agreeing: 0, classes, sums }
    }

    /// Up to `limit` further differences, in the order of positions; `None` after the last ones. A batch may have none.
    ///
    /// # Errors
    /// If the store or a file cannot be read.
    pub async fn next_batch<S: Store>(
        &mut self,
        engine: &Engine<S>,
        limit: usize,
    ) -> Result<Option<Batch>, EngineError> {
        let mut differences = Vec::new();
        for _ in 0..STEPS {
            let Some(mut group) = self.take_group()? else {
                return Ok((!differences.is_empty()).then_some(self.batch(differences)));
            };
            let found = match self.next_listed(group.key)? {
                Some(row) => self.compare(engine, &mut group, row).await?,
                None => match group.next_unlisted() {
                    None => continue,
                    unlisted => unlisted,
                },
            };
            differences.extend(found.map(|difference| self.numbered(&mut group, difference)));
            self.group = Some(group);
            if differences.len() >= limit {
                break;
            }
        }
        Ok(Some(self.batch(differences)))
    }

    fn batch(&self, differences: Vec<(ComparisonPosition, ClaimDifference)>) -> Batch {
        Batch { differences, rows_compared: self.rows_compared }
    }

    /// The claim that is being compared, or the next one; `None` after the last one.
    fn take_group(&mut self) -> Result<Option<Group>, EngineError> {
        if let Some(group) = self.group.take() {
            return Ok(Some(group));
        }
        let keys = self.listed.peek_key().into_iter().chain(self.booked.peek_key());
        let Some(key) = keys.min() else { return Ok(None) };
        let mut booked: Vec<BookedClaim> = Vec::new();
        while self.booked.peek_key() == Some(key) {
            booked.extend(self.booked.next_row(row_form::decode_booked).map_err(EngineError::from_read_error)?);
        }
        Ok(Some(Group::new(key, booked)))
    }

    /// The next row of this claim.
    fn next_listed(&mut self, key: StoreKey) -> Result<Option<ListedClaim>, EngineError> {
        if self.listed.peek_key() != Some(key) {
            return Ok(None);
        }
        self.listed.next_row(row_form::decode_listed).map_err(EngineError::from_read_error)
    }

    async fn compare<S: Store>(
        &mut self,
        engine: &Engine<S>,
        group: &mut Group,
        row: ListedClaim,
    ) -> Result<Option<ClaimDifference>, EngineError> {
        let found = engine.compare_row(&self.span, group, row).await?;
        self.rows_compared += 1;
        self.agreeing += u64::from(found.is_none());
        Ok(found)
    }

    fn numbered(&mut self, group: &mut Group, difference: ClaimDifference) -> (ComparisonPosition, ClaimDifference) {
        *self.classes.entry(difference.cause.class()).or_default() += 1;
        group.differences += 1;
        (ComparisonPosition { claim: group.key, number: group.differences }, difference)
    }

    /// The number of rows that agree with a settlement.
    pub fn agreeing(&self) -> u64 {
        self.agreeing
    }

    /// The number of differences of each class so far.
    pub fn classes(&self) -> &BTreeMap<DifferenceClass, u64> {
        &self.classes
    }

    /// The sums of both sides.
    pub fn sums(&self) -> &ComparisonSums {
        &self.sums
    }
}
