//! During an import readers see whole persons, settlements continue, and tables change all at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use onestop::domain::journal::Instant;
use onestop::engine::Engine;
use onestop::engine::import::{ImportContext, ImportSource};
use onestop::reference::cells::KeySelection;
use onestop::reference::table::ReferenceTable;
use onestop::store::embedded::{Durability, EmbeddedStore};
use onestop::store::{ReferenceStore, Store};
use proptest::prelude::*;

use crate::support::claims::{claim, settle};
use crate::support::ids::id;
use crate::support::{engine, stamp};

const PERSONS: usize = 4_000;

fn cells(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

async fn import<S: Store>(engine: &Engine<S>, table: ReferenceTable, rows: &[Vec<String>]) {
    let mut incoming = engine.incoming();
    rows.iter().for_each(|row| incoming.add(table, row).expect("room"));
    let outside = ImportContext { now: &|| Instant(1), stamps: None, stop: &|| false };
    engine
        .import_rows(engine.acquire_import_permit().await, incoming, table.as_str(), ImportSource::default(), &outside)
        .await
        .expect("sound rows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_whole_persons_and_settlements_continue_during_an_import() {
    let place = tempfile::tempdir().expect("a directory");
    let store = EmbeddedStore::open(place.path(), Durability::Synced).expect("a store");
    let engine = Arc::new(engine(store).await);
    let categories = ["registered_poor", "destitute"];
    let rows: Vec<_> = categories
        .iter()
        .flat_map(|category| (0..PERSONS).map(move |number| cells(&[&format!("N{number}"), category, "", ""])))
        .collect();
    let done = Arc::new(AtomicBool::new(false));
    let (reader, over) = (Arc::clone(&engine), Arc::clone(&done));
    let reader = tokio::spawn(async move {
        let (mut both, mut settled) = (0, 0u64);
        let ids: Vec<_> = (0..PERSONS).map(|number| id(format!("N{number}"))).collect();
        let mut is_over = false;
        // The last round begins after the import.
        while !is_over {
            is_over = over.load(Ordering::Relaxed);
            let day = "2017-06-15".parse().expect("a day");
            for record in reader.store().persons(&ids).await.expect("a read").into_iter().flatten() {
                assert_eq!(record.categories().on(day).count(), 2, "neither row or both");
                both += 1;
            }
            settled += 1;
            let request = settle(claim(&format!("C{settled}"), "P1", "1.00"));
            reader.settle(request, stamp(settled)).await.expect("a settlement");
        }
        (both, settled)
    });
    import(&engine, ReferenceTable::Categories, &rows).await;
    done.store(true, Ordering::Relaxed);
    let (both, settled) = reader.await.expect("no reader saw a person in part");
    assert!(both > 0 && settled > 1, "{both} read, {settled} settled meanwhile");
}

#[tokio::test]
async fn a_reopened_store_lacks_the_catalogue_of_an_unfinished_import() {
    let place = tempfile::tempdir().expect("a directory");
    let open = || EmbeddedStore::open(place.path(), Durability::Synced).expect("a store");
    let engine = engine(open()).await;
    let rows: Vec<_> =
        (0..1_200).map(|number| cells(&[&format!("N{number}"), "", "", "药", "A", "", "", ""])).collect();
    import(&engine, ReferenceTable::Catalogue, &rows).await;
    let ended = engine.imports(None, 1).await.expect("the log")[0].number;
    // What an interrupted import leaves: its start and some of its parts.
    let start = onestop::store::imports::ImportEvent::Start(Default::default());
    engine.store().log_import(ended + 1, start).await.expect("a note");
    let row = |text: &[&str]| match crate::support::row(ReferenceTable::Catalogue, text) {
        onestop::reference::row::ReferenceRow::Catalogue(row) => row,
        _ => panic!("a row of the catalogue"),
    };
    let catalogue = vec![row(&["HALF", "", "", "药", "A", "", "", ""])];
    let write = onestop::store::ReferenceWrite { catalogue, ..Default::default() };
    engine.store().write_reference(ended + 1, 0, write).await.expect("a write");
    drop(engine);
    let book = onestop::policy::shipped::book().expect("the book");
    let engine = Engine::open(open(), book, Default::default()).await.expect("an engine");
    let rows_of = |code: &str| {
        engine
            .page_of_table(ReferenceTable::Catalogue, KeySelection::One(code), "2017-06-15".parse().expect("a day"), 10)
            .0
    };
    assert_eq!((rows_of("N0").len(), rows_of("N1199").len(), rows_of("HALF").len(), rows_of("A").len()), (1, 1, 0, 1));
}

/// Rows with few persons and values, so that keys repeat from one import to the next; within one each key comes once.
fn rows() -> impl Strategy<Value = Vec<Vec<String>>> {
    let row = (0..40u32, 0..3usize, 2014..2018u32, 0..3u32).prop_map(|(person, category, from, length)| {
        let category = ["registered_poor", "destitute", "subsistence_allowance"][category];
        let until = if length == 0 { String::new() } else { format!("{}-01-01", from + length) };
        vec![format!("N{person}"), category.to_owned(), format!("{from}-01-01"), until]
    });
    let distinct = |rows: Vec<Vec<String>>| {
        let mut keys = std::collections::BTreeSet::new();
        rows.into_iter().filter(|row| keys.insert(row[..3].to_vec())).collect()
    };
    prop::collection::vec(row, 1..200).prop_map(distinct)
}

#[test]
fn an_import_equals_its_rows_applied_in_order() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let config = proptest::test_runner::Config { cases: 64, failure_persistence: None, ..Default::default() };
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let held = runner.run(&(rows(), rows()), |(first, second)| {
        runtime.block_on(async {
            let engine = engine(onestop::store::memory::MemoryStore::default()).await;
            import(&engine, ReferenceTable::Categories, &first).await;
            import(&engine, ReferenceTable::Categories, &second).await;
            for person in 0..40 {
                let person = format!("N{person}");
                let person_id = id(&person);
                // The last row with a key applies.
                let mut model = std::collections::BTreeMap::new();
                for row in first.iter().chain(&second).filter(|row| row[0] == person) {
                    model.insert((row[1].clone(), row[2].clone()), row.clone());
                }
                for day in ["2013-12-31", "2014-01-01", "2015-06-15", "2017-12-31", "2019-01-01"] {
                    let on = |row: &&Vec<String>| *row[2] <= *day && (row[3].is_empty() || *day < *row[3]);
                    let wanted: std::collections::BTreeSet<_> = model.values().filter(on).cloned().collect();
                    let read =
                        engine.rows_of_person(ReferenceTable::Categories, &person_id, day.parse().expect("a day"));
                    let read: std::collections::BTreeSet<_> = read.await.expect("a read").into_iter().collect();
                    prop_assert_eq!(read, wanted, "{} on {}", person, day);
                }
            }
            Ok(())
        })
    });
    assert!(held.is_ok(), "{held:?}");
}
