//! An import that is killed half way and run again has the same result as one that runs once.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use onestop::domain::ids::PersonId;
use onestop::store::ReferenceStore;
use onestop::store::embedded::{Durability, EmbeddedStore};

use crate::support::ids::id;
use crate::support::program::{Serve, onestop, run};

const PERSONS: usize = 60_000;

/// Two rows about every person, far apart in the file; a stored person must have both.
fn enrolments(dir: &Path) -> String {
    let mut text = "person_id,from,insurance,insured_region,until\n".to_owned();
    for year in ["2014", "2017"] {
        text.extend((0..PERSONS).map(|number| format!("N{number},{year}-01-01,resident,370100,{year}-12-31\n")));
    }
    let path = dir.join("enrolments.csv");
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

/// The number of persons by their number of enrolments.
async fn persons_by_enrolments(store: &Path) -> BTreeMap<usize, usize> {
    let store = EmbeddedStore::open(store, Durability::Synced).expect("the store");
    let ids: Vec<PersonId> = (0..PERSONS).map(|number| id(format!("N{number}"))).collect();
    let mut counts = BTreeMap::new();
    for record in store.persons(&ids).await.expect("a read") {
        let rows = record.map_or(0, |record| {
            ["2014-06-15", "2017-06-15"]
                .into_iter()
                .filter(|day| record.enrolments().on(day.parse().expect("a day")).is_some())
                .count()
        });
        *counts.entry(rows).or_default() += 1;
    }
    counts
}

/// Kills the server during an import, when the database has grown by so many bytes.
async fn kill_during_import(serve: Serve, store: &Path, path: &str, bytes: u64) {
    let size = || std::fs::metadata(store.join("redb")).expect("the database").len();
    let before = size();
    let mut child = onestop()
        .args(["import", path, "--server", &serve.url])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    while size() < before + bytes {
        assert!(child.try_wait().expect("its state").is_none(), "the import ended before it was interrupted");
        tokio::task::yield_now().await;
    }
    serve.kill();
    assert_eq!(child.wait().expect("it ends").code(), Some(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_killed_half_way_and_run_again_equals_one_run() {
    let place = tempfile::tempdir().expect("a directory");
    let (store, path) = (place.path().join("store"), enrolments(place.path()));
    kill_during_import(Serve::start(&store, &[]), &store, &path, 2 << 20).await;
    let half = persons_by_enrolments(&store).await;
    assert_eq!(half.get(&1), None, "no person is stored in part: {half:?}");
    assert!(half.get(&0).is_some_and(|absent| *absent > 0), "the import was interrupted: {half:?}");
    let serve = Serve::start(&store, &[]);
    let (code, output, errors) = run(&["import", &path, "--server", &serve.url]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(output.starts_with(&format!("enrolments: {} rows taken, ", 2 * PERSONS)), "{output}");
    let log = run(&["import", "--list", "--server", &serve.url]).1;
    let ends: Vec<_> = log.lines().map(|line| line.contains("did not end")).collect();
    assert_eq!(ends, [false, true], "{log}");
    let runs = std::fs::read_dir(&store)
        .expect("the store")
        .filter(|file| file.as_ref().is_ok_and(|file| file.file_name().to_string_lossy().starts_with("onestop-sort-")));
    assert_eq!(runs.count(), 0);
    assert_eq!(serve.end(), Some(0));
    assert_eq!(persons_by_enrolments(&store).await, BTreeMap::from([(2, PERSONS)]));
}
