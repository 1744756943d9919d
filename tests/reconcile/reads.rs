//! What a comparison reads of the store.

use std::sync::atomic::{AtomicUsize, Ordering};

use onestop::domain::claim::RawClaim;
use onestop::store::StoreError;

use super::{Books, span};
use crate::support::claims::claim;
use crate::support::intercepted_store::{Intercept, InterceptedStore, Write};

/// Counts reads.
#[derive(Default)]
struct Reads(AtomicUsize);

impl Intercept for Reads {
    fn before_read(&self) -> Result<(), StoreError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn write(
        &self,
        _kind: Write,
        work: impl Future<Output = Result<(), StoreError>> + Send,
    ) -> Result<(), StoreError> {
        work.await
    }
}

#[tokio::test]
async fn a_days_comparison_reads_the_settlements_of_the_hospitals_day_and_no_others() {
    let mut books = Books::over(InterceptedStore::<Reads>::default()).await;
    for number in 0..30 {
        let on = ["2017-07-01", "2017-07-02", "2017-07-03"][number / 10];
        let hospital_id = if number % 10 < 7 { "H3" } else { "H2" };
        let bill = claim(&format!("C{number}"), "P1", "100.00");
        books.settle(on, RawClaim { hospital_id: hospital_id.into(), ..bill }).await;
    }
    let span = span("2017-07-02", "2017-07-03", "2017-07-31");
    let reads = || books.engine.store().intercept.0.swap(0, Ordering::Relaxed);
    reads();
    assert_eq!(books.export(&span).await.len(), 7);
    assert_eq!(reads(), 1 + 2 * 7, "a page of the list, and entry and status of each settlement");
    books.engine.totals_by_day(&span).await.expect("sums");
    assert_eq!(reads(), 1 + 2 * 7);
}
