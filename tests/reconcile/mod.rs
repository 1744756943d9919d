//! Reconciliation of a hospital's list and sums: on every store, over gRPC, and with the program.

mod broken;
mod classes;
mod ledger;
mod planted;
mod program;
mod reads;
mod service;

use std::ops::ControlFlow;
use std::sync::Arc;

use onestop::domain::claim::RawClaim;
use onestop::domain::content::RawReversal;
use onestop::domain::day::Day;
use onestop::domain::ids::EntryId;
use onestop::domain::journal::Instant;
use onestop::domain::reconciliation::{BookedClaim, ClaimDifference, DifferenceCause, ListedClaim};
use onestop::engine::reconcile::{ComparisonSums, ReconciledSpan};
use onestop::engine::reverse::ReverseRequest;
use onestop::engine::settle::SettleRequest;
use onestop::engine::{CommitStamp, Engine};
use onestop::store::Store;

use crate::support::claims::settle;
use crate::support::ids::id;

/// The payers that the tests compare.
pub const PAYERS: [&str; 2] = ["basic_fund", "critical_illness_insurance"];

/// An engine, and the number of commits so far.
pub struct Books<S> {
    pub engine: Engine<S>,
    commits: u64,
}

/// The day with this text.
pub fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

impl<S: Store> Books<S> {
    pub async fn over(store: S) -> Books<S> {
        Books { engine: crate::support::engine(store).await, commits: 0 }
    }

    fn stamp(&mut self, on: &str, person: &str) -> CommitStamp {
        self.commits += 1;
        let instant = Instant(day(on).start_in_china_micros() + 1_000 * self.commits as i64);
        let id = EntryId((u128::from(self.commits) << 8).to_be_bytes());
        CommitStamp { id, instant }.for_person(person)
    }

    /// Settles a claim of a person on a day; gives its id.
    pub async fn settle(&mut self, on: &str, claim: RawClaim) -> EntryId {
        let stamp = self.stamp(on, claim.person_id.as_str());
        self.engine.settle(settle(claim), stamp).await.expect("a settlement").entry.id
    }

    /// Settles a reversed claim again on a day.
    pub async fn settle_again(&mut self, on: &str, claim: RawClaim, request_id: &str) {
        let stamp = self.stamp(on, claim.person_id.as_str());
        let request = SettleRequest { request_id: request_id.to_owned(), ..settle(claim) };
        self.engine.settle(request, stamp).await.expect("a settlement");
    }

    /// Reverses a claim on a day, and decides later ones again.
    pub async fn reverse(&mut self, on: &str, claim: &RawClaim) {
        self.reverse_as(on, claim, &format!("v-{}", claim.claim_id.as_str())).await;
    }

    /// The same under a request id.
    pub async fn reverse_as(&mut self, on: &str, claim: &RawClaim, request_id: &str) {
        let reversal = RawReversal {
            hospital_id: claim.hospital_id.as_str().to_owned(),
            person_id: claim.person_id.as_str().to_owned(),
            claim_id: claim.claim_id.as_str().to_owned(),
            reason: "a wrong bill".to_owned(),
            readjudicate: true,
        };
        let stamp = self.stamp(on, claim.person_id.as_str());
        let request = ReverseRequest { reversal, request_id: request_id.to_owned(), dry_run: false };
        self.engine.reverse(request, stamp).await.expect("a reversal");
    }

    /// Compares these rows; gives the differences in their order, and the sums.
    pub async fn compare(
        &self,
        span: &ReconciledSpan,
        rows: &[ListedClaim],
    ) -> (Vec<ClaimDifference>, ComparisonSums, u64) {
        let mut list = self.engine.receive_list(span.clone());
        rows.iter().for_each(|row| list.add(row).expect("room"));
        let comparison = self.engine.compare_list(list, &|_| ControlFlow::Continue(())).await;
        let mut comparison = comparison.expect("a comparison").expect("nobody stopped it");
        let mut found = Vec::new();
        while let Some(batch) = comparison.next_batch(&self.engine, 3).await.expect("a batch") {
            let positions: Vec<_> = batch.differences.iter().map(|(position, _)| *position).collect();
            assert!(positions.is_sorted() && batch.differences.len() <= 3);
            found.extend(batch.differences.into_iter().map(|(_, difference)| difference));
        }
        (found, comparison.sums().clone(), comparison.agreeing())
    }

    /// The settlements of a span that count, as rows with every column.
    pub async fn export(&self, span: &ReconciledSpan) -> Vec<ListedClaim> {
        let (found, ..) = self.compare(span, &[]).await;
        let booked = found.into_iter().map(|difference| difference.here.expect("a settlement"));
        booked.zip(1..).map(|(booked, row)| listed(&booked, row)).collect()
    }
}

/// The hospital H3 from a day until another, with a cutoff at the end of a day.
pub fn span(from: &str, until: &str, cutoff: &str) -> ReconciledSpan {
    let end = day(cutoff).next().expect("a day after").start_in_china_micros() - 1;
    let payers: Vec<Arc<str>> = PAYERS.map(Arc::from).to_vec();
    ReconciledSpan {
        hospital_id: id("H3"),
        from: day(from),
        until: day(until),
        cutoff: Instant(end),
        payers: payers.into(),
    }
}

/// The row of a hospital that has taken a settlement over as it is.
pub fn listed(booked: &BookedClaim, row: u64) -> ListedClaim {
    ListedClaim {
        row,
        claim_id: booked.claim_id.clone(),
        settlement: Some(booked.settlement),
        day: Some(booked.day),
        amounts: booked.amounts.clone(),
    }
}

/// Claim, cause, and whether the list has a row of it.
pub fn causes(differences: &[ClaimDifference]) -> Vec<(String, DifferenceCause, bool)> {
    let mut causes: Vec<_> = differences
        .iter()
        .map(|difference| {
            let claim = difference.there.as_ref().map(|there| &there.claim_id);
            let claim = claim.or(difference.here.as_ref().map(|here| &here.claim_id)).expect("a claim");
            (claim.as_str().to_owned(), difference.cause.clone(), difference.there.is_some())
        })
        .collect();
    causes.sort_by(|one, other| (&one.0, one.2).cmp(&(&other.0, other.2)));
    causes
}
