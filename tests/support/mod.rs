//! What several themes need: tables, claims, engines, and the real program as a child.

#![allow(dead_code)]

pub mod as_model;
pub mod browser;
pub mod claims;
pub mod cut_connection;
pub mod ids;
pub mod intercepted_store;
pub mod keys;
pub mod otlp;
pub mod program;
pub mod prometheus;
pub mod proxy;
pub mod random;
pub mod redis_cluster;
pub mod redis_server;
pub mod seeds;
pub mod status_details;
pub mod stored_log;
pub mod table_page;

use std::time::Duration;

use onestop::domain::claim::ClaimLimits;
use onestop::domain::ids::EntryId;
use onestop::domain::journal::Instant;
use onestop::engine::{CommitStamp, Engine, EngineSettings};
use onestop::grpc::authorize::CallLimits;
use onestop::policy::shipped;
use onestop::reference::row::ReferenceRow;
use onestop::reference::table::ReferenceTable;
use onestop::store::Store;

/// The tables of most tests, as CSV rows in the order of the tables' columns.
///
/// Hospitals H1 (primary), H2 (secondary), H3 (tertiary) in 370100, H3X (tertiary) in 370200; persons
/// P1 (ordinary), P2 (registered poor), P3 (destitute), P4 (ordinary, with all approvals) of 370100;
/// codes A (class A), B10 (class B, 10%), C (class C), BED (class A, ceiling 50), SD (special).
pub const TABLES: &[(ReferenceTable, &[&[&str]])] = &[
    (
        ReferenceTable::Hospitals,
        &[
            &["H1", "", "卫生院", "primary", "370100", "", ""],
            &["H2", "", "县医院", "secondary", "370100", "", ""],
            &["H3", "", "省立医院", "tertiary", "370100", "", ""],
            &["H3X", "", "外地医院", "tertiary", "370200", "", ""],
        ],
    ),
    (
        ReferenceTable::Designations,
        &[&["H1", "2010-01-01", ""], &["H2", "2010-01-01", ""], &["H3", "2010-01-01", ""], &["H3X", "2010-01-01", ""]],
    ),
    (
        ReferenceTable::Catalogue,
        &[
            &["A", "", "", "甲类", "A", "", "", ""],
            &["B10", "", "", "乙类", "B", "0.10", "", ""],
            &["C", "", "", "丙类", "C", "", "", ""],
            &["BED", "", "", "床位费", "A", "", "50", ""],
            &["SD", "", "", "特药", "special", "", "", ""],
        ],
    ),
    (
        ReferenceTable::Enrolments,
        &[
            &["P1", "2014-01-01", "resident", "370100", ""],
            &["P2", "2014-01-01", "resident", "370100", ""],
            &["P3", "2014-01-01", "resident", "370100", ""],
            &["P4", "2014-01-01", "resident", "370100", ""],
        ],
    ),
    (
        ReferenceTable::Categories,
        &[&["P2", "registered_poor", "2016-01-01", ""], &["P3", "destitute", "2016-01-01", ""]],
    ),
    (
        ReferenceTable::Approvals,
        &[
            &["P4", "outpatient_serious", "2016-01-01", ""],
            &["P4", "outpatient_chronic", "2016-01-01", ""],
            &["P4", "cross_region", "2016-01-01", ""],
        ],
    ),
];

/// The entries of the administration once a server started and imported [`TABLES`]: the book, and the end of each import.
pub const ADMINISTRATION_ENTRIES: u64 = 1 + TABLES.len() as u64;

/// One row from its cells.
pub fn row(table: ReferenceTable, cells: &[&str]) -> ReferenceRow {
    let cells: Vec<String> = cells.iter().map(|cell| (*cell).to_owned()).collect();
    ReferenceRow::from_cells(table, &cells, ClaimLimits::default().id_bytes).expect("a sound row")
}

/// An engine over this store with the shipped book and [`TABLES`].
pub async fn engine<S: Store>(store: S) -> Engine<S> {
    let book = shipped::book().expect("the shipped book");
    let engine = Engine::open(store, book, EngineSettings::default()).await.expect("an engine");
    import_tables(&engine).await;
    engine
}

/// Imports [`TABLES`].
pub async fn import_tables<S: Store>(engine: &Engine<S>) {
    for (table, rows) in TABLES {
        let rows = rows.iter().map(|cells| row(*table, cells)).collect();
        engine.import(rows).await.expect("sound tables");
    }
}

/// The limits of calls of a service that is called without a connection.
pub fn call_limits(in_flight: usize) -> CallLimits {
    CallLimits { in_flight, caller_streams: 64, bytes: 256 << 20, duration: Duration::from_secs(60) }
}

/// A stamp by number: time-ordered and unique.
pub fn stamp(number: u64) -> CommitStamp {
    CommitStamp { id: EntryId(u128::from(number).to_be_bytes()), instant: Instant(number as i64) }
}
