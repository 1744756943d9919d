//! The persons of a report by their ids.

use onestop::reference::table::ReferenceTable;
use onestop::reports::dimension::Dimension;
use onestop::reports::ledger::report;
use onestop::reports::person_names::name_persons;
use onestop::reports::question::Question;

use crate::support::claims::{claim, settle};
use crate::support::redis_server::RedisServer;
use crate::support::{engine, row, stamp};

/// A walk over the persons on Redis knows those who were there when it began.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_from_redis_names_every_person_also_those_who_came_after_another_report() {
    let redis = RedisServer::shared();
    let engine = engine(redis.store().await).await;
    let question = Question { by: vec![Dimension::Person], ..Question::default() };
    let mut settled = Vec::new();
    for (number, person) in (1..).zip(["P1", "Q2", "P2", "Q1"]) {
        if person.starts_with('Q') {
            let enrolment = row(ReferenceTable::Enrolments, &[person, "2014-01-01", "resident", "370100", ""]);
            engine.import(vec![enrolment]).await.expect("a sound row");
        }
        let request = settle(claim(&format!("C{number}"), person, "900.00"));
        engine.settle(request, stamp(number << 8).for_person(person)).await.expect("a settlement");
        settled.push(person);
        settled.sort_unstable();
        let mut found = report(engine.store(), &question).await.expect("a report").report;
        name_persons(engine.store(), &mut found).await.expect("names");
        let named: Vec<&str> = found.rows.iter().map(|row| &*row.key[0]).collect();
        assert_eq!(named, settled);
    }
}
