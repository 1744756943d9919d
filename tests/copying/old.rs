//! What earlier releases stored is copied as they stored it.

use std::path::Path;

use onestop::domain::account::Account;
use onestop::domain::journal::EntryKind;
use onestop::engine::import::Imported;
use onestop::engine::{Engine, EngineSettings};
use onestop::policy::Book;
use onestop::reference::table::ReferenceTable;
use onestop::store::keys::Secret;
use onestop::store::memory::MemoryStore;
use onestop::store::rows::{ClaimRow, PersonState};
use onestop::store::{Commit, JournalStore, ReferenceStore, codec};

use super::history::History;
use super::{copied, copy, open};
use crate::records::{FORMAT_1, POLICY, fixtures};
use crate::support::{TABLES, engine, row};

type RedbTable = redb::TableDefinition<'static, &'static [u8], &'static [u8]>;

/// A store with the chain of the fixtures, a settlement, its reversal and a fence, as format 1 committed it.
async fn of_format_1() -> Engine<MemoryStore> {
    let book = Book::from_texts([("fixture.toml", POLICY)]).expect("a sound policy");
    let engine = Engine::open(MemoryStore::default(), book, EngineSettings::default()).await.expect("an engine");
    for (table, rows) in TABLES {
        engine.import(rows.iter().map(|cells| row(*table, cells)).collect()).await.expect("sound tables");
    }
    let (mut state, mut moved) = (PersonState::default(), None);
    for record in fixtures(FORMAT_1).into_iter().take(3) {
        let (entry, digest) = codec::decode_entry(&record).expect("the format is read");
        let mut commit = Commit::from_record(state, &entry, record, digest);
        match &entry.body {
            EntryKind::Settlement(settled) => {
                let mut row = ClaimRow::unsettled(settled.claim.person_id.clone());
                row.settled(entry.id);
                commit.set_claim(settled.claim.hospital_id.clone(), settled.claim.claim_id.clone(), row.clone());
                let account = Account::default().with_settlement(&settled.split).expect("in range");
                commit.set_account(settled.split.circumstances.account.clone(), account.clone());
                moved = Some((row, account, settled.split.clone()));
            }
            EntryKind::Reversal(reversed) => {
                let (mut row, account, split) = moved.take().expect("a settlement before");
                row.settlements[0].reversal = Some(entry.id);
                commit.set_claim(reversed.hospital_id.clone(), reversed.claim_id.clone(), row);
                commit.set_account(reversed.account.clone(), account.without_settlement(&split).expect("in range"));
            }
            _ => {}
        }
        state = commit.state.clone();
        engine.store().commit(commit).await.expect("a commit");
    }
    engine
}

#[tokio::test]
async fn entries_of_format_1_are_copied_byte_for_byte_and_verified() {
    let place = tempfile::tempdir().expect("a directory");
    let (source, target) = (of_format_1().await, open(place.path()));
    let copied = copy(source.store(), &target).await.expect("a copy");
    assert_eq!((copied.chains, copied.entries.total, copied.settlements, copied.splits), (1, 3, 1, 1));
    for record in fixtures(FORMAT_1).into_iter().take(3) {
        let (entry, _) = codec::decode_entry(&record).expect("the format is read");
        assert!(target.record(entry.id).await == Ok(Some(record)));
    }
    let back = MemoryStore::default();
    copy(&target, &back).await.expect("a copy");
    assert!(back.settled_fingerprint() == source.store().settled_fingerprint());
}

/// Writes rows directly into the database.
fn written(place: &Path, table: &'static str, rows: &[(&[u8], &[u8])]) {
    let database = redb::Database::open(place.join("redb")).expect("the database");
    let write = database.begin_write().expect("a write");
    for (key, row) in rows {
        write.open_table(RedbTable::new(table)).expect("a table").insert(*key, *row).expect("a row");
    }
    write.commit().expect("a commit");
}

#[tokio::test]
async fn a_person_record_without_id_is_reported_by_key_and_copied_after_an_import() {
    let place = tempfile::tempdir().expect("a directory");
    let [from, to] = ["from", "to"].map(|name| place.path().join(name));
    drop(engine(open(&from)).await);
    let secret = std::fs::read(from.join("secret")).expect("a secret").try_into().expect("32 bytes");
    let key = Secret(secret).person(&"DEMO-P-0017".into());
    let [nameless] = fixtures(["person-v2.bin"]);
    written(&from, "persons", &[(&key, &nameless)]);
    let (code, output, errors) = copied(&from, &to, &[]);
    assert!(code == Some(1) && output.is_empty() && errors.contains("import its persons.csv again"), "{errors}");
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(errors.contains(&hex) && !errors.contains("DEMO"), "{errors}");
    let book = onestop::policy::shipped::book().expect("the book");
    let engine = Engine::open(open(&from), book, EngineSettings::default()).await.expect("an engine");
    let same = vec![row(ReferenceTable::Persons, &["DEMO-P-0017", "resident", "370812"])];
    let imported = engine.import(same).await.expect("sound rows");
    assert_eq!(imported, Imported { changed: 0, unchanged: 1 });
    drop(engine);
    let (code, output, errors) = copied(&from, &to, &[]);
    assert!(code == Some(0) && output.contains("5 persons (5 written now)"), "{output}{errors}");
    let person = open(&to).persons(&["DEMO-P-0017".into()]).await.expect("a read").pop().flatten();
    let day = "2017-06-15".parse().expect("a day");
    assert!(person.is_some_and(|person| person.categories().on(day).count() == 1));
}

/// A directory as format 1 left it has no list: opening it lists, and the copy has the same.
#[tokio::test]
async fn a_directory_of_format_1_is_copied_with_the_list_that_its_upgrade_builds() {
    let place = tempfile::tempdir().expect("a directory");
    let [from, to] = ["from", "to"].map(|name| place.path().join(name));
    let original = engine(open(&from)).await;
    let history = History::play(&original, 0x0f01, 60).await;
    drop(original);
    let database = redb::Database::open(from.join("redb")).expect("the database");
    let write = database.begin_write().expect("a write");
    write.delete_table(RedbTable::new("listed")).expect("the table is gone");
    write.commit().expect("a commit");
    drop(database);
    std::fs::write(from.join("FORMAT"), "onestop-store 1\n").expect("a write");
    let (code, _, errors) = copied(&from, &to, &[]);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(std::fs::read_to_string(to.join("FORMAT")).expect("a read"), "onestop-store 3\n");
    let [source, back] = [MemoryStore::default(), MemoryStore::default()];
    copy(&open(&from), &source).await.expect("a copy");
    copy(&open(&to), &back).await.expect("a copy");
    assert!(source.settled_fingerprint() == back.settled_fingerprint());
    let book = onestop::policy::shipped::book().expect("the book");
    history.goes_on(&Engine::open(open(&to), book, EngineSettings::default()).await.expect("an engine")).await;
}
