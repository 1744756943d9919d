//! `onestop policy impact` on a store in a directory and on Redis: table, CSV, NDJSON and persons.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use onestop::policy::shipped;
use onestop::store::embedded::{Durability, EmbeddedStore};
use serde_json::Value;

use super::changed_files;
use super::history::{engine_with, person_rows, play};
use crate::command_line::unused_address;
use crate::support::program::run;
use crate::support::redis_server::RedisServer;

const PERSONS: usize = 30;

/// A store with a history, and the directory of the changed book.
pub async fn prepared(place: &Path) -> (PathBuf, PathBuf) {
    let (store, policies) = (place.join("store"), place.join("policies"));
    std::fs::create_dir(&policies).expect("a directory");
    for (name, text) in changed_files() {
        let name = Path::new(name).file_name().expect("a name");
        std::fs::write(policies.join(name), text).expect("a file");
    }
    let opened = EmbeddedStore::open(&store, Durability::Synced).expect("a store");
    let engine = engine_with(opened, shipped::book().expect("the book"), person_rows(PERSONS)).await;
    play(&engine, 7, PERSONS).await;
    (store, policies)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[tokio::test]
async fn the_command_prints_and_writes_the_same_sums_from_a_directory_and_from_redis() {
    let (redis, place) = (RedisServer::shared(), tempfile::tempdir().expect("a directory"));
    let (store, policies) = prepared(place.path()).await;
    let [store, policies, csv, persons, log, seal, secret] = [
        store,
        policies,
        place.path().join("impact.csv"),
        place.path().join("persons.csv"),
        place.path().join("access.log"),
        place.path().join("seal"),
        place.path().join("secret"),
    ]
    .map(|path| text(&path));
    assert_eq!(run(&["audit", "seal", "--store", &store, &seal]).0, Some(0));
    let command = ["policy", "impact", "--policies", &policies, "--store", &store, "--lang", "en"];
    let (code, table, errors) = run(&[&command[..], &["--csv", &csv]].concat());
    assert_eq!(code, Some(0), "{errors}");
    assert!(table.contains("decided again under book") && table.contains("persons pay less"), "{table}");
    let written = std::fs::read_to_string(&csv).expect("the file");
    assert!(written.starts_with("\u{feff}by,group,settlements,payer,before,after,difference\ntotal,,"), "{written}");
    // Persons are written only for an auditor, with a line in the access log.
    assert_eq!(run(&[&command[..], &["--persons", &persons]].concat()).0, Some(2));
    assert!(!Path::new(&persons).exists());
    // A file that others could read is there: with persons in it they cannot.
    std::fs::write(&persons, "").expect("a file");
    std::fs::set_permissions(&persons, std::fs::Permissions::from_mode(0o644)).expect("a mode");
    // The file behind a link is replaced, not the link.
    let link = text(&place.path().join("link.csv"));
    std::os::unix::fs::symlink(&persons, &link).expect("a link");
    let auditor = ["--persons", &link, "--auditor", "audit-1", "--access-log", &log, "--json"];
    let (code, output, errors) = run(&[&command[..], &auditor].concat());
    assert_eq!(code, Some(0), "{errors}");
    let lines = std::fs::read_to_string(&log).expect("the log");
    let line: Value = serde_json::from_str(lines.trim_end()).expect("one line");
    assert_eq!(
        (&line["caller"], &line["call"], &line["person"]),
        (&"audit-1".into(), &"policy impact".into(), &"*".into())
    );
    let rows: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let (summary, rows) = rows.split_last().expect("a summary");
    assert_eq!(rows.len(), written.lines().count() - 1);
    let of_persons = std::fs::read_to_string(&persons).expect("the file");
    assert_eq!(std::fs::symlink_metadata(&persons).expect("the file").permissions().mode() & 0o777, 0o600);
    assert!(std::fs::symlink_metadata(&link).expect("the link").is_symlink());
    let fen = |cell: &str| cell.replace('.', "").parse::<i64>().expect("an amount");
    let patients: i64 = of_persons.lines().skip(1).map(|line| fen(line.split(',').nth(4).expect("a difference"))).sum();
    let total = rows.iter().find(|row| row["by"] == "total" && row["payer"] == "patient").expect("a row");
    assert_eq!(fen(total["difference"].as_str().expect("an amount")), patients);
    let count = |word: &str| summary["persons"][word].as_u64().expect("a number");
    // Whoever has no settlement in force any more is not compared.
    let compared = of_persons.lines().count() as u64 - 1;
    assert!(compared > PERSONS as u64 / 2);
    assert_eq!(count("gain") + count("lose") + count("same"), compared);
    // Nothing was committed, and a copy on Redis gives the same.
    assert_eq!(run(&["audit", "verify", "--store", &store, "--against", &seal]).0, Some(0));
    let url = redis.url();
    assert_eq!(run(&["secret", &secret]).0, Some(0));
    let (code, output, errors) = run(&["copy", "--from", &store, "--to", &url, "--to-secret", &secret]);
    assert_eq!(code, Some(0), "{output}{errors}");
    let on_redis = ["policy", "impact", "--policies", &policies, "--store", &url, "--secret", &secret, "--lang", "en"];
    let (code, same, errors) = run(&on_redis);
    assert_eq!((code, same), (Some(0), table), "{errors}");
}

#[test]
fn a_book_with_faults_is_refused_before_the_store_is_opened() {
    let place = tempfile::tempdir().expect("a directory");
    std::fs::write(place.path().join("a.toml"), "format = 2\n").expect("a file");
    let (code, output, errors) = run(&["policy", "impact", "--policies", &text(place.path()), "--store", "nowhere"]);
    assert_eq!((code, output.as_str()), (Some(1), ""));
    assert!(errors.contains("a.toml:"), "{errors}");
}

#[tokio::test]
async fn a_file_of_persons_stays_as_it_was_until_the_impact_is_whole() {
    let place = tempfile::tempdir().expect("a directory");
    let (_, policies) = prepared(place.path()).await;
    let persons = place.path().join("persons.csv");
    std::fs::write(&persons, "of an earlier impact\n").expect("a file");
    let server = unused_address();
    let [policies, file, log, missing] =
        [policies, persons.clone(), place.path().join("access.log"), place.path().join("missing")]
            .map(|path| text(&path));
    let command = ["policy", "impact", "--policies", &policies, "--persons", &file];
    let of_server = ["--server", &server];
    let of_store = ["--store", &missing, "--auditor", "audit-1", "--access-log", &log];
    for options in [&of_server[..], &of_store] {
        let (code, _, errors) = run(&[&command[..], options].concat());
        assert!(code.is_some_and(|code| code != 0), "{errors}");
        assert_eq!(std::fs::read_to_string(&persons).expect("the file"), "of an earlier impact\n");
        assert!(!place.path().join("persons.csv.part").exists(), "{options:?}");
    }
}
