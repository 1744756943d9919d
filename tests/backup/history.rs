//! A store with everything that its journal can hold: settlements, reversals, retroactive runs, closed months and activated
//! books. It is restored from a full backup, from an incremental one and from a copy that followed, and each is audited
//! against seals.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use onestop::cli::client::Client;
use onestop::cli::client::import::import_table;
use onestop::domain::journal::{AdministrationAct, EntryKind};
use onestop::engine::{Engine, EngineSettings};
use onestop::journal::{CommittedEntry, decode_committed};
use onestop::policy::shipped;
use onestop::reference::table::ReferenceTable;
use onestop::store::JournalStore;
use onestop::store::embedded::EmbeddedStore;
use onestop::store::rows::CommitPosition;

use super::follow::Follower;
use super::{audited, backed_up, blocking, restored, text};
use crate::closing::{reversal, stamp_on};
use crate::store_contract::open;
use crate::support::claims::{claim, settle};
use crate::support::import_tables;
use crate::support::program::{Serve, run};

/// The shipped policies in a directory, each with this changed.
fn put_book(directory: &Path, (find, put): (&str, &str)) {
    std::fs::create_dir_all(directory).expect("a directory");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/policies");
    for file in std::fs::read_dir(shipped).expect("the policies").map(|file| file.expect("a file").path()) {
        let text = std::fs::read_to_string(&file).expect("a policy").replace(find, put);
        std::fs::write(directory.join(file.file_name().expect("a name")), text).expect("written");
    }
}

/// Settlements of June 2017 of three persons.
async fn settled_in_june(store: &Path) {
    let book = shipped::book().expect("the shipped book");
    let engine = Engine::open(open(store).expect("a store"), book, EngineSettings::default()).await.expect("an engine");
    import_tables(&engine).await;
    for (number, person) in [(1, "P1"), (2, "P1"), (3, "P2"), (4, "P3")] {
        let request = settle(claim(&format!("J{number}"), person, "50000.00"));
        engine.settle(request, stamp_on("2017-06-20", number)).await.expect("a settlement");
    }
}

/// Runs a command that must succeed against a server.
async fn done(serve: &Serve, words: &[&str]) -> String {
    let words: Vec<String> = words.iter().chain(&["--server", &serve.url]).map(|word| (*word).to_owned()).collect();
    let run = move || run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let (code, output, errors) = blocking(run).await;
    assert_eq!(code, Some(0), "{output}{errors}");
    output
}

/// Decides the year 2017 of three persons again.
async fn readjudicated(serve: &Serve, place: &Path, request: &str) -> String {
    let persons = place.join("persons.txt");
    std::fs::write(&persons, "P1\nP2\nP3\n").expect("a file");
    done(serve, &["readjudicate", "--persons", &text(&persons), "--year", "2017", "--request", request]).await
}

async fn categorized(client: &mut Client, person: &str, category: &str) {
    let row = [person, category, "2017-01-01", ""].map(str::to_owned).to_vec();
    import_table(client, ReferenceTable::Categories, vec![row]).await.expect("a category");
}

/// Every entry of a store as stored, in the order of commits.
async fn records(store: &EmbeddedStore) -> Vec<Vec<u8>> {
    let page = store.entries_after(CommitPosition::FIRST, 10_000).await.expect("the entries");
    assert!(page.is_end);
    page.entries.into_iter().map(|stored| stored.record.expect("a record")).collect()
}

/// How many entries of each kind there are.
fn kinds(records: &[Vec<u8>]) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    for record in records {
        let kind = match decode_committed(record).expect("an entry").0 {
            CommittedEntry::Person(entry) => match &entry.body {
                EntryKind::Settlement(_) => "settlement",
                EntryKind::Reversal(_) => "reversal",
                EntryKind::Revision(_) if entry.retroactive_run().is_some() => "first of a run",
                EntryKind::Revision(_) => "later of a run",
                EntryKind::Fence(_) => "fence",
            },
            CommittedEntry::Administration(entry) => match entry.act {
                AdministrationAct::PolicyActivation(_) => "activation",
                AdministrationAct::ImportEnd(_) => "import",
                AdministrationAct::MonthClosing(_) => "closing",
            },
        };
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

fn sealed(store: &Path, seal: PathBuf) -> PathBuf {
    let (code, _, errors) = run(&["audit", "seal", "--store", &text(store), &text(&seal)]);
    assert_eq!(code, Some(0), "{errors}");
    seal
}

/// The lines of a seal, but for the day on which it was made and the digest over it.
fn chain_ends(seal: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(seal).expect("a seal");
    text.lines().filter(|line| !line.starts_with("sealed ")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_closings_and_activations_are_restored_whole_from_every_kind_of_backup() {
    let place = tempfile::tempdir().expect("a directory");
    let [store, law, backup, copy] = ["store", "law", "backup", "copy"].map(|name| place.path().join(name));
    settled_in_june(&store).await;
    let early = sealed(&store, place.path().join("early-seal"));
    put_book(&law, ("", ""));
    let serve = Serve::start(&store, &["--policies", &text(&law)]);
    let mut client = serve.client().await;
    // A full backup, once a month is closed.
    done(&serve, &["close", "2017-06"]).await;
    let (url, to) = (serve.url.clone(), backup.clone());
    let back_up = move || backed_up(&url, &to);
    let full = blocking(back_up.clone()).await;
    let [from_full, from_second, from_copy] = ["full", "second", "followed"].map(|name| place.path().join(name));
    assert_eq!(restored(&backup, &from_full)["entries"], full["entries"]);
    // A further one, after a retroactive run for a category that came late, and another book.
    categorized(&mut client, "P1", "registered_poor").await;
    let output = readjudicated(&serve, place.path(), "a late category").await;
    assert!(output.contains("J1") || output.contains("in all 3 persons"), "{output}");
    put_book(&law, ("rate = \"55%\"", "rate = \"65%\""));
    done(&serve, &["policy", "activate"]).await;
    let second = blocking(back_up).await;
    assert!(second["new_entries"].as_u64().is_some_and(|new| (4..10).contains(&new)), "{second}");
    assert_eq!(restored(&backup, &from_second)["entries"], second["entries"]);
    // A copy that follows all that comes then: a run under the other book, a reversal and a further closing.
    let mut follower = Follower::start(&serve.url, &copy);
    readjudicated(&serve, place.path(), "another book").await;
    client.reverse(&reversal("J4", "P3").reversal, "V1", false).await.expect("a reversal");
    done(&serve, &["close", "2017-07"]).await;
    client.settle(&claim("L1", "P2", "10.00"), "L1", Vec::new()).await.expect("a settlement");
    drop(client);
    let (held, ended) = blocking(move || {
        let entries = serve.entry_count();
        follower.wait_for(entries);
        (follower.interrupt(), serve.end())
    })
    .await;
    assert_eq!(ended, Some(0));
    assert_eq!(restored(&copy, &from_copy)["entries"].as_u64(), Some(held));
    // Everything is there, byte for byte.
    let late = sealed(&store, place.path().join("late-seal"));
    let original = records(&open(&store).expect("the store")).await;
    println!("{:?}", kinds(&original));
    let wanted = [("closing", 2), ("activation", 2), ("reversal", 1), ("settlement", 5)];
    assert!(wanted.iter().all(|(kind, count)| kinds(&original).get(kind) == Some(count)), "{:?}", kinds(&original));
    assert!(["first of a run", "later of a run"].iter().all(|kind| kinds(&original).contains_key(kind)));
    for (path, entries) in [(&from_full, &full["entries"]), (&from_second, &second["entries"])] {
        let count = entries.as_u64().expect("a number");
        let held = records(&open(path).expect("a restored store")).await;
        assert_eq!(held, original[..count as usize]);
        assert_eq!(audited(path, &["--against", &text(&early)]), count);
        let (code, output, _) = run(&["audit", "verify", "--store", &text(path), "--against", &text(&late)]);
        assert!(code == Some(1) && output.contains("entries when it was sealed, and has"), "{output}");
    }
    assert_eq!(records(&open(&from_copy).expect("a restored store")).await, original);
    for seal in [&early, &late] {
        assert_eq!(audited(&from_copy, &["--against", &text(seal)]), held);
    }
    assert_eq!(chain_ends(&sealed(&from_copy, place.path().join("seal-of-the-copy"))), chain_ends(&late));
    goes_on_where_it_was(&from_copy, &law).await;
}

/// The restored store knows which months are closed and which book is in use, and answers what was done before again.
async fn goes_on_where_it_was(store: &Path, law: &Path) {
    let serve = Serve::start(store, &["--policies", &text(law)]);
    let entries = serve.entry_count();
    assert!(done(&serve, &["close", "2017-07"]).await.contains("closed through 2017-07"));
    assert!(done(&serve, &["policy", "activate"]).await.starts_with("no change: "));
    let again = readjudicated(&serve, store.parent().expect("a directory"), "another book").await;
    assert!(again.contains("(a replay: it was done before)"), "{again}");
    assert_eq!(serve.entry_count(), entries, "nothing was added");
}
