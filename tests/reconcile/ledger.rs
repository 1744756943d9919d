//! Sums of a reconciliation equal those of the ledgers, which are derived from the journal in the order of commits.

use std::collections::BTreeMap;
use std::sync::Arc;

use onestop::domain::day::Day;
use onestop::domain::journal::Instant;
use onestop::engine::reconcile::ReconciledSpan;
use onestop::reports::dimension::Dimension;
use onestop::reports::ledger::report;
use onestop::reports::question::{Condition, Question};
use onestop::store::memory::MemoryStore;

use super::PAYERS;
use crate::copying::history::History;
use crate::support::engine;
use crate::support::ids::id;

/// Settlements, total, patient and payers, in fen, of each day.
type Sums = BTreeMap<String, (i64, Vec<i64>)>;

#[tokio::test]
async fn the_sums_of_every_hospital_and_day_equal_the_ledger_as_of_any_moment() {
    let engine = engine(MemoryStore::default()).await;
    let history = History::play(&engine, 7, 200).await;
    assert!(history.readjudications() > 0 && !history.reversed.is_empty());
    let end = history.now();
    let mut compared = 0;
    for hospital in ["H1", "H2", "H3", "H3X"] {
        for cutoff in [end, Instant(end.0 / 2), Instant(end.0 / 5)] {
            let only = Condition::new(Dimension::Hospital, vec![hospital.to_owned()]).expect("a condition");
            let (by, only) = (vec![Dimension::Day], vec![only]);
            let question = Question { by, only, as_of: Some(cutoff), ..Question::default() };
            let ledger = report(engine.store(), &question).await.expect("a report").report;
            let names: Vec<String> = ["total".to_owned(), "patient".to_owned()]
                .into_iter()
                .chain(PAYERS.iter().map(|payer| format!("payer_{payer}")))
                .collect();
            let amount = |row: &onestop::reports::report::ReportRow, name: &String| {
                let at = ledger.columns.iter().position(|column| column == name);
                at.map_or(0, |at| row.amounts[at].fen())
            };
            let sums = |row: &onestop::reports::report::ReportRow| {
                (row.settlements, names.iter().map(|name| amount(row, name)).collect())
            };
            let wanted: Sums = ledger.rows.iter().map(|row| (row.key[0].to_string(), sums(row))).collect();
            let wanted: Sums = wanted.into_iter().filter(|(_, (settlements, _))| *settlements != 0).collect();
            let payers: Vec<Arc<str>> = PAYERS.map(Arc::from).to_vec();
            let span = ReconciledSpan {
                hospital_id: id(hospital),
                from: Day::FIRST,
                until: Day::LAST,
                cutoff,
                payers: payers.into(),
            };
            let days = engine.totals_by_day(&span).await.expect("sums");
            let found: Sums = days
                .into_iter()
                .map(|(day, totals)| {
                    let first = [totals.amounts.total, totals.amounts.patient.expect("a sum")];
                    let amounts = first.iter().chain(&totals.amounts.payers).map(|amount| amount.fen()).collect();
                    (day.to_string(), (totals.settlements.expect("a number") as i64, amounts))
                })
                .collect();
            assert_eq!(found, wanted, "{hospital} at {cutoff:?}");
            compared += found.len();
        }
    }
    assert!(compared > 100, "{compared} days");
}
