//! Reconciliation of a hospital's list or sums with its settlements.
//!
//! A list and the settlements of its days are both sorted by claim, in bounded memory, and then merged. The settlements are
//! read from the list of the hospital's days, and nothing else of the year is. Nothing is changed.

mod booked;
mod comparison;
mod group;
mod row_form;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::domain::day::Day;
use crate::domain::ids::HospitalId;
use crate::domain::journal::Instant;
use crate::domain::reconciliation::{Amounts, BookedClaim, ListedClaim, Totals};
use crate::domain::split::Split;
use crate::domain::vocabulary_section::Section;
use crate::store::sorted_runs::{RunSort, SortLimits};
use crate::store::{Store, StoreError};

use super::{Engine, EngineError};

pub use comparison::{Batch, Comparison, ComparisonPosition, ComparisonSums};

/// The limits of a list, and of the settlements that it is compared with.
const LIMITS: SortLimits = SortLimits { run_bytes: 8 << 20, file_bytes: 16 << 30 };

/// What is compared.
#[derive(Clone, Debug)]
pub struct ReconciledSpan {
    /// The hospital.
    pub hospital_id: HospitalId,
    /// The first day of settlement.
    pub from: Day,
    /// The first day that is no longer compared.
    pub until: Day,
    /// What was committed by this instant counts.
    pub cutoff: Instant,
    /// The payers whose amounts are compared.
    pub payers: Arc<[Arc<str>]>,
}

/// A list as its rows come.
pub struct ReceivedList {
    span: ReconciledSpan,
    rows: RunSort,
    sums: Totals,
}

impl ReceivedList {
    /// Adds a row.
    ///
    /// # Errors
    /// If it cannot be put aside.
    pub fn add(&mut self, claim: &ListedClaim) -> Result<(), EngineError> {
        self.sums.add(&claim.amounts);
        let key = row_form::key(&claim.claim_id);
        let added = self.rows.add(key, |bytes| row_form::encode_listed(bytes, claim));
        added.map_err(EngineError::from_read_error)
    }
}

impl<S: Store> Engine<S> {
    /// Whether the vocabulary or a policy in use has this payer.
    pub fn has_payer(&self, payer: &str) -> bool {
        let book = self.book();
        let layers = || book.policies().iter().flat_map(|policy| &policy.layers);
        book.vocabulary().name_in(Section::Payer, payer).is_some() || layers().any(|layer| *layer.head.payer == *payer)
    }

    /// A list without rows yet.
    pub fn receive_list(&self, span: ReconciledSpan) -> ReceivedList {
        let sums = Totals::of_payers(span.payers.len());
        ReceivedList { span, rows: self.store.external_sort().for_rows(LIMITS), sums }
    }

    /// The sums of the settlements that count, by day of settlement.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn totals_by_day(&self, span: &ReconciledSpan) -> Result<BTreeMap<Day, Totals>, EngineError> {
        let mut days = BTreeMap::new();
        let add = |booked: BookedClaim| {
            if booked.status.counts() {
                let totals = days.entry(booked.day).or_insert_with(|| Totals::of_payers(span.payers.len()));
                totals.add(&booked.amounts);
            }
            Ok(())
        };
        let _all = self.each_booked(span, &|_| ControlFlow::Continue(()), add).await?;
        Ok(days)
    }

    /// Compares a list; `progress` is given the number of settlements read so far. `None` if it says that nobody wants
    /// the comparison any more.
    ///
    /// # Errors
    /// If the store or a file cannot be read.
    pub async fn compare_list(
        &self,
        list: ReceivedList,
        progress: &(dyn Fn(u64) -> ControlFlow<()> + Sync),
    ) -> Result<Option<Comparison>, EngineError> {
        let ReceivedList { span, rows, sums } = list;
        let mut booked_rows = self.store.external_sort().for_rows(LIMITS);
        let mut here = Totals::of_payers(span.payers.len());
        let add = |booked: BookedClaim| {
            if booked.status.counts() {
                here.add(&booked.amounts);
            }
            booked_rows.add(row_form::key(&booked.claim_id), |bytes| row_form::encode_booked(bytes, &booked))
        };
        if self.each_booked(&span, progress, add).await?.is_break() {
            return Ok(None);
        }
        let sorted = |rows: RunSort| rows.sorted().map_err(EngineError::from_read_error);
        let sums = ComparisonSums { here, there: sums };
        Ok(Some(Comparison::new(span, [sorted(rows)?, sorted(booked_rows)?], sums)))
    }

    /// Hands every settlement of the span to `add`, in the order of days and commits, until `progress` stops it.
    async fn each_booked(
        &self,
        span: &ReconciledSpan,
        progress: &(dyn Fn(u64) -> ControlFlow<()> + Sync),
        mut add: impl FnMut(BookedClaim) -> Result<(), StoreError> + Send,
    ) -> Result<ControlFlow<()>, EngineError> {
        let (mut pages, mut read) = (booked::BookedPages::new(span), 0);
        while let Some(page) = pages.next_page(self).await? {
            read += page.len() as u64;
            page.into_iter().try_for_each(&mut add).map_err(EngineError::from_read_error)?;
            if progress(read).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl ReconciledSpan {
    /// The amounts of a split that are compared.
    fn amounts(&self, split: &Split) -> Amounts {
        let paid = |payer: &Arc<str>| {
            let layers = split.layers.iter().filter(|layer| layer.head().payer == *payer);
            layers.map(|layer| layer.pays).sum()
        };
        Amounts { total: split.total, patient: Some(split.patient), payers: self.payers.iter().map(paid).collect() }
    }
}
