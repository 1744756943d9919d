//! The columns of an impact: with them it is the same as from the log, only new entries are read, and what is damaged or of
//! another store is found and made again.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex};

use onestop::domain::claim::RawClaim;
use onestop::domain::ids::{HospitalId, PersonId, RequestId};
use onestop::engine::fence::RequestName;
use onestop::engine::impact::{Impact, ImpactColumns, ImpactQuestion, PersonChange, PersonImpact, PersonSink, impact};
use onestop::engine::{CommitStamp, Engine, EngineSettings};
use onestop::policy::{Book, shipped};
use onestop::store::embedded::{Durability, EmbeddedStore};
use onestop::store::memory::MemoryStore;
use onestop::store::{JournalStore, Store};

use super::history::{engine_with, person_rows, play, play_from, settle_claim};
use super::{changed_book, changed_files};
use crate::copying::copy_directory;
use crate::support::claims::claim;
use crate::support::program::run;
use crate::support::random::Random;
use crate::support::redis_server::RedisServer;
use crate::support::stamp;

const SEED: u64 = 0xc01;

/// The rows of a file, so few that there are several.
const ROWS: u64 = 64;

const THREADS: NonZero<usize> = NonZero::<usize>::MIN.saturating_add(1);

type Changes = BTreeMap<String, PersonChange>;

/// Receives what changes for persons.
fn sink() -> (Arc<Mutex<Changes>>, PersonSink) {
    let changes = Arc::new(Mutex::new(Changes::new()));
    let shared = Arc::clone(&changes);
    let sink = move |PersonImpact { person_id, change }: PersonImpact| {
        let earlier = shared.lock().expect("no panic").insert(person_id.as_str().to_owned(), change);
        assert!(earlier.is_none(), "each person comes once");
    };
    (changes, Arc::new(sink))
}

fn taken(changes: &Mutex<Changes>) -> Changes {
    std::mem::take(&mut *changes.lock().expect("no panic"))
}

async fn from_log<S: Store>(store: &S, book: &Arc<Book>, question: &ImpactQuestion) -> (Impact, Changes) {
    let (changes, sink) = sink();
    let found = impact(store, Arc::clone(book), question.clone(), Some(sink)).await.expect("an impact");
    (found, taken(&changes))
}

/// The impact from columns, and the entries of the journal that were read for it.
async fn from_columns<S: Store>(
    store: &S,
    directory: &Path,
    book: &Arc<Book>,
    question: &ImpactQuestion,
) -> ((Impact, Changes), u64) {
    let (changes, sink) = sink();
    let mut columns = ImpactColumns::open(store, directory, ROWS).await.expect("columns");
    let found = columns.impact(book, question, Some(sink), THREADS).await.expect("an impact");
    ((found, taken(&changes)), columns.entries_read())
}

fn all() -> ImpactQuestion {
    ImpactQuestion::default()
}

/// The changed book with a class more, so that no class means what it meant when bills were distributed.
fn book_with_other_classes() -> Book {
    let mut files = changed_files();
    let vocabulary = files.iter_mut().find(|(name, _)| name.ends_with("vocabulary.toml")).expect("the vocabulary");
    vocabulary.1 = vocabulary.1.replace("[class]\n", "[class]\nUNUSED = { pool = \"excluded\" }\n");
    Book::from_texts(files.iter().map(|(name, text)| (*name, text.as_str()))).expect("sound files")
}

#[tokio::test]
async fn with_columns_an_impact_is_that_from_the_log_and_only_what_is_new_is_read() {
    let place = tempfile::tempdir().expect("a directory");
    let engine = engine_with(MemoryStore::default(), shipped::book().expect("the book"), person_rows(120)).await;
    let (store, directory) = (engine.store(), place.path().join("impact"));
    let book = Arc::new(changed_book());
    let mut known = 0;
    // Each round goes on with the histories of further persons, and so in the middle of a file.
    for round in 1..=4 {
        play_from(&engine, SEED + round, 30 * round as usize - 30, 30).await;
        let entries = store.entry_count().await.expect("a number");
        let log = from_log(store, &book, &all()).await;
        let (columns, read) = from_columns(store, &directory, &book, &all()).await;
        assert_eq!(columns, log, "round {round}");
        assert_eq!(read, entries - known, "only the entries of the round are read");
        known = entries;
        assert!(log.0.persons.gain > 0 && log.1.len() > 10);
    }
    assert!(fs::read_dir(&directory).expect("files").count() > 4, "several files");
    let [years, regions] = [(vec![2016], vec![]), (vec![2017], vec!["3702".to_owned()])]
        .map(|(years, regions)| ImpactQuestion { years, regions });
    for question in [years, regions] {
        let (columns, read) = from_columns(store, &directory, &book, &question).await;
        assert_eq!(columns, from_log(store, &book, &question).await, "{question:?}");
        assert_eq!(read, 0);
    }
    // Another book is asked of the same columns; and one whose classes mean something else gets the bills from the log.
    for book in [Arc::new(shipped::book().expect("the book")), Arc::new(book_with_other_classes())] {
        assert_eq!(from_columns(store, &directory, &book, &all()).await.0, from_log(store, &book, &all()).await);
    }
}

/// A walk over the persons on Redis knows those who were there when it began.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_columns_of_redis_every_person_is_named_also_those_who_came_after_another_impact() {
    let (redis, place) = (RedisServer::shared(), tempfile::tempdir().expect("a directory"));
    let engine = engine_with(redis.store().await, shipped::book().expect("the book"), person_rows(20)).await;
    let (store, book, mut known) = (engine.store(), Arc::new(changed_book()), 0);
    for round in 0..2 {
        engine.import(person_rows(20 * round + 20)).await.expect("sound rows");
        play_from(&engine, SEED + round as u64, 20 * round, 20).await;
        let (columns, _) = from_columns(store, place.path(), &book, &all()).await;
        assert!(columns.1.len() > known, "{} persons after {known}", columns.1.len());
        known = columns.1.len();
        assert_eq!(columns, from_log(store, &book, &all()).await, "round {round}");
    }
}

#[tokio::test]
async fn a_flipped_byte_anywhere_in_the_columns_is_found_and_mended() {
    let place = tempfile::tempdir().expect("a directory");
    let engine = engine_with(MemoryStore::default(), shipped::book().expect("the book"), person_rows(60)).await;
    play(&engine, SEED, 60).await;
    let (store, book) = (engine.store(), Arc::new(changed_book()));
    let whole = from_columns(store, place.path(), &book, &all()).await.0;
    let mut files: Vec<_> = fs::read_dir(place.path()).expect("files").map(|file| file.expect("one").path()).collect();
    files.retain(|file| !file.ends_with("lock"));
    files.sort();
    assert!(files.len() > 3);
    let mut random = Random(SEED);
    for file in &files {
        let bytes = fs::read(file).expect("bytes");
        let mut damages: Vec<Option<Vec<u8>>> = (0..24)
            .map(|at| {
                let mut damaged = bytes.clone();
                // The first bytes of a file, its last, and any others.
                let at = [0, 20, bytes.len() - 1].get(at).copied().unwrap_or_else(|| random.below(bytes.len()));
                damaged[at] ^= 1 << random.below(8);
                Some(damaged)
            })
            .collect();
        damages.extend([Some(Vec::new()), Some(bytes[..bytes.len() / 2].to_vec()), None]);
        for damaged in damages {
            match damaged {
                Some(damaged) => fs::write(file, damaged).expect("damaged"),
                None => fs::remove_file(file).expect("removed"),
            }
            let (found, read) = from_columns(store, place.path(), &book, &all()).await;
            assert_eq!(found, whole, "{}", file.display());
            assert!(read > 0, "{} was made again", file.display());
            assert_eq!(fs::read(file).expect("bytes"), bytes, "{} is as it was", file.display());
        }
    }
}

#[tokio::test]
async fn the_columns_of_another_store_are_made_again() {
    let place = tempfile::tempdir().expect("a directory");
    let mut stores = Vec::new();
    for (at, name) in ["one", "other"].into_iter().enumerate() {
        let book = shipped::book().expect("the book");
        let engine = engine_with(opened(&place.path().join(name)), book, person_rows(20)).await;
        play(&engine, SEED + at as u64, 20).await;
        stores.push(engine);
    }
    let (columns, book) = (place.path().join("columns"), Arc::new(changed_book()));
    for engine in [&stores[0], &stores[1], &stores[0]] {
        let log = from_log(engine.store(), &book, &all()).await;
        let (found, read) = from_columns(engine.store(), &columns, &book, &all()).await;
        assert_eq!(found, log);
        assert_eq!(read, engine.store().entry_count().await.expect("a number"));
    }
    assert_ne!(from_log(stores[0].store(), &book, &all()).await, from_log(stores[1].store(), &book, &all()).await);
}

#[tokio::test]
async fn the_command_prints_the_same_bytes_with_columns_and_without() {
    let place = tempfile::tempdir().expect("a directory");
    let (store, policies) = super::program::prepared(place.path()).await;
    let columns = store.join("reports").join("impact");
    let [store, policies] = [&store, &policies].map(|path| path.display().to_string());
    for form in [&["--json"][..], &["--lang", "zh"]] {
        let command = [&["policy", "impact", "--policies", &policies, "--store", &store][..], form].concat();
        let _missing = fs::remove_dir_all(&columns);
        let (code, without, errors) = run(&command);
        assert_eq!(code, Some(0), "{errors}");
        assert!(columns.join("manifest").exists());
        assert_eq!(run(&command).1, without);
    }
}

fn opened(path: &Path) -> EmbeddedStore {
    EmbeddedStore::open(path, Durability::Volatile).expect("a store")
}

#[tokio::test]
async fn columns_that_cover_what_a_restored_store_does_not_hold_are_made_again() {
    let place = tempfile::tempdir().expect("a directory");
    let (path, earlier, columns) =
        (place.path().join("store"), place.path().join("earlier"), place.path().join("columns"));
    let book = || shipped::book().expect("the book");
    let engine = engine_with(opened(&path), book(), person_rows(60)).await;
    play(&engine, SEED, 20).await;
    drop(engine);
    copy_directory(&path, &earlier);
    let changed = Arc::new(changed_book());
    let engine = Engine::open(opened(&path), book(), EngineSettings::default()).await.expect("an engine");
    play_from(&engine, SEED + 1, 20, 20).await;
    from_columns(engine.store(), &columns, &changed, &all()).await;
    let restored = Engine::open(opened(&earlier), book(), EngineSettings::default()).await.expect("an engine");
    for more in [0, 20] {
        // Other persons than those of the journal that was lost.
        play_from(&restored, SEED + 2, 40, more).await;
        let (found, read) = from_columns(restored.store(), &columns, &changed, &all()).await;
        assert_eq!(found, from_log(restored.store(), &changed, &all()).await);
        let entries = restored.store().entry_count().await.expect("a number");
        assert!(more > 0 || read == entries, "{read} of {entries} entries");
    }
    let (found, _) = from_columns(engine.store(), &columns, &changed, &all()).await;
    assert_eq!(found, from_log(engine.store(), &changed, &all()).await);
}

async fn fence<S: Store>(engine: &Engine<S>, person: &str, request: &str, stamp: CommitStamp) {
    let name = RequestName {
        hospital_id: Some(HospitalId::parse("H1", usize::MAX).expect("an id")),
        person_id: PersonId::parse(person, usize::MAX).expect("an id"),
        request_id: RequestId::parse(request, usize::MAX).expect("an id"),
    };
    engine.fence(&name, stamp).await.expect("fenced");
}

#[tokio::test]
async fn an_impact_is_of_the_entries_that_were_there_when_its_columns_were_opened() {
    let place = tempfile::tempdir().expect("a directory");
    let engine = engine_with(MemoryStore::default(), shipped::book().expect("the book"), person_rows(20)).await;
    play(&engine, SEED, 20).await;
    // A fence, then a settlement of two persons, and a fence after them.
    let later = async |number: u64| {
        let at = |step: u64| stamp((10_000 * number + step) << 8);
        for (person, step) in [("Q3", 1), ("Q4", 4)] {
            fence(&engine, person, &format!("before{number}"), at(step).for_person(person)).await;
            let raw = RawClaim { hospital_id: "H1".into(), ..claim(&format!("L{number}{person}"), person, "5000.00") };
            settle_claim(&engine, raw, format!("l{number}"), at(step + 1).for_person(person)).await;
            fence(&engine, person, &format!("after{number}"), at(step + 2).for_person(person)).await;
        }
    };
    for (number, book) in [changed_book(), book_with_other_classes()].into_iter().enumerate() {
        let book = Arc::new(book);
        let log = from_log(engine.store(), &book, &all()).await;
        let mut columns = ImpactColumns::open(engine.store(), place.path(), ROWS).await.expect("columns");
        later(number as u64 + 1).await;
        let (changes, sink) = sink();
        let found = columns.impact(&book, &all(), Some(sink), THREADS).await.expect("an impact");
        assert_eq!((found, taken(&changes)), log);
        assert_ne!(from_log(engine.store(), &book, &all()).await, log);
    }
}
