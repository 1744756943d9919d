//! What a copy does not do: write over something else, pass on what is damaged, or take a store that another has.

use std::collections::BTreeMap;
use std::path::Path;

use onestop::domain::account::Account;
use onestop::domain::ids::{Digest, EntryId};
use onestop::domain::journal::Entry;
use onestop::engine::chain::AuditFinding;
use onestop::engine::copy::{CopyError, StoreRole};
use onestop::engine::{Engine, EngineSettings};
use onestop::policy::shipped;
use onestop::reference::person::PersonRecord;
use onestop::reference::table::ReferenceTable;
use onestop::store::commit::CommitOrigin;
use onestop::store::imports::ImportEvent;
use onestop::store::memory::MemoryStore;
use onestop::store::{Commit, EncodedPerson, JournalStore, PolicyStore, ReferenceStore, ReferenceWrite};
use redb::ReadableTable;

use super::history::History;
use super::{copied, copy, open};
use crate::service::faulty_store::{FaultyStore, StoreMode};
use crate::support::claims::{claim, settle};
use crate::support::ids::id;
use crate::support::stored_log;
use crate::support::{engine, row, stamp};

const SEED: u64 = 0x5e1f;

async fn history(seed: u64) -> Engine<MemoryStore> {
    let engine = engine(MemoryStore::default()).await;
    History::play(&engine, seed, 40).await;
    engine
}

/// The copy is refused as foreign, and the target is left as it was.
async fn foreign(source: &MemoryStore, target: &MemoryStore, message: &str) {
    let (before, log) = (target.settled_fingerprint(), target.imports(u64::MAX, 100).await);
    let refused = copy(source, target).await;
    assert!(matches!(&refused, Err(CopyError::ForeignContent(why)) if why.contains(message)), "{message}: {refused:?}");
    assert!(target.settled_fingerprint() == before && target.imports(u64::MAX, 100).await == log, "{message}");
}

#[tokio::test]
async fn a_target_with_other_content_is_refused_and_unchanged() {
    let (one, other) = (history(SEED).await, history(SEED + 1).await);
    // The same log, tables and persons, and other chains.
    foreign(one.store(), other.store(), "is not in the source").await;
    // A copy that was served: it has a settlement more.
    let target = MemoryStore::default();
    copy(one.store(), &target).await.expect("a copy");
    let book = shipped::book().expect("the shipped book");
    let served = Engine::open(target, book, EngineSettings::default()).await.expect("an engine");
    let settled = served.settle(settle(claim("NEW", "P1", "100.00")), stamp(1)).await.expect("a settlement");
    foreign(one.store(), served.store(), &settled.entry.id.to_string()).await;
    // Another policy, another import, another record of a person.
    let target = MemoryStore::default();
    let digest = Digest::blake3(b"another law");
    target.put_policy(digest, "another law".to_owned()).await.expect("a write");
    foreign(one.store(), &target, &format!("policy {digest}")).await;
    let target = MemoryStore::default();
    let import = ImportEvent::Start(Default::default());
    target.log_import(3, import).await.expect("a write");
    foreign(one.store(), &target, "import 3 of its log").await;
    let target = MemoryStore::default();
    let persons = vec![EncodedPerson::new(target.person_key(&id("P2")), &PersonRecord::new(id("P2")))];
    target.write_reference(1, 0, ReferenceWrite { persons, ..ReferenceWrite::default() }).await.expect("a write");
    foreign(one.store(), &target, "the record of person").await;
}

/// The source went on after a copy that did not end was begun: what is new of the chains is copied too.
#[tokio::test]
async fn a_source_that_grew_is_copied_completely() {
    let (source, target) = (history(SEED).await, MemoryStore::default());
    copy(source.store(), &target).await.expect("a copy");
    source.settle(settle(claim("NEW", "P1", "100.00")), stamp(1)).await.expect("a settlement");
    let copied = copy(source.store(), &target).await.expect("a copy");
    assert_eq!(copied.entries.written, 1);
    assert!(target.settled_fingerprint() == source.store().settled_fingerprint());
}

/// The source was served meanwhile, and imported: its log goes on under the number that the copy has.
#[tokio::test]
async fn a_started_copy_is_refused_after_an_import_into_the_source() {
    let source = history(SEED).await;
    let (target, control) = FaultyStore::with_control();
    control.set_mode(StoreMode::FailAfter(20));
    assert!(matches!(copy(source.store(), &target).await, Err(CopyError::Store(StoreRole::Target, _))));
    control.set_mode(StoreMode::Healthy);
    source
        .import(vec![row(ReferenceTable::Enrolments, &["P5", "", "resident", "370100", ""])])
        .await
        .expect("a sound row");
    let refused = copy(source.store(), &target).await;
    assert!(matches!(&refused, Err(CopyError::ForeignContent(why)) if why == "import 7 of its log"), "{refused:?}");
    // Nor is what there is of it a source.
    let refused = copy(&target, &MemoryStore::default()).await;
    assert_eq!(refused, Err(CopyError::IncompleteSource));
}

type RedbTable = redb::TableDefinition<'static, &'static [u8], &'static [u8]>;

/// Flips a bit in the middle of a person's reference record, the n-th.
fn damaged_person(place: &Path, at: usize) -> Vec<u8> {
    let database = redb::Database::open(place.join("redb")).expect("the database");
    let write = database.begin_write().expect("a write");
    let key = {
        let mut rows = write.open_table(RedbTable::new("persons")).expect("a table");
        let (key, mut row) = {
            let (key, row) = rows.iter().expect("rows").nth(at).expect("a row").expect("a row");
            (key.value().to_vec(), row.value().to_vec())
        };
        let middle = row.len() / 2;
        row[middle] ^= 1;
        rows.insert(&key[..], &row[..]).expect("a write");
        key
    };
    write.commit().expect("a commit");
    key
}

/// Flips a bit in the middle of an entry in the log.
fn damaged_entry(place: &Path, at: usize) -> Vec<u8> {
    let records = stored_log::records(place);
    let entries: Vec<_> = records.iter().flat_map(|record| record.entries.first()).collect();
    let (id, row) = entries[at];
    stored_log::flip(place, row);
    id.0.to_vec()
}

/// Flips a bit in the middle of a person's newest state in the log.
fn damaged_state(place: &Path, at: usize) -> Vec<u8> {
    let records = stored_log::records(place);
    let states = records.iter().flat_map(|record| &record.rows).filter(|row| row.table == stored_log::PERSON);
    let newest: BTreeMap<_, _> = states.map(|row| (&row.key, &row.value)).collect();
    let (key, state) = newest.into_iter().nth(at).expect("a state");
    stored_log::flip(place, state);
    key.clone()
}

/// Damages the n-th row of a table in a store; returns its key.
type Damage = fn(&Path, usize) -> Vec<u8>;

/// The tables that are damaged, and how.
const DAMAGE: [(&str, Damage); 3] =
    [("journal", damaged_entry), ("states", damaged_state), ("persons", damaged_person)];

#[tokio::test]
async fn damage_in_the_source_is_reported_and_stops_the_copy() {
    for (table, damage) in DAMAGE {
        let place = tempfile::tempdir().expect("a directory");
        let [from, to] = ["from", "to"].map(|name| place.path().join(name));
        let original = engine(open(&from)).await;
        History::play(&original, SEED, 40).await;
        drop(original);
        let key = damage(&from, 2);
        let (code, output, errors) = copied(&from, &to, &[]);
        assert_eq!((code, output.as_str()), (Some(1), ""), "{errors}");
        let why =
            if table == "persons" { "its checksum differs" } else { "the log file 0000000000.log is damaged at byte " };
        assert!(errors.contains("a stored record is damaged: ") && errors.contains(why), "{errors}");
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        match table {
            "journal" => {
                let id = EntryId(key.try_into().expect("an id"));
                assert!(errors.contains(&format!("the source, entry {id}: ")), "{errors}");
            }
            _ => assert!(errors.contains(&hex), "{table}: {errors}"),
        }
    }
}

/// The source's rows beside the journal are not what its entries add up to: the copy says so, before it writes them.
#[tokio::test]
async fn an_account_that_differs_from_its_chain_is_not_copied() {
    let (source, target) = (history(SEED).await, MemoryStore::default());
    let states = source.store().states(None, 1).await.expect("a state");
    let mut state = states[0].1.clone().expect("a state");
    let head = state.head.expect("a head");
    let entry = source.store().entry(head).await.expect("a read").expect("the entry");
    let (key, _) = state.accounts()[0].clone();
    state.put(key, Account::default());
    let mut forged = Commit::new(state.clone(), &Entry { request_id: id("forged"), ..entry });
    forged.entries.clear();
    forged.origin = CommitOrigin::Copied;
    forged.state = state;
    source.store().commit(forged).await.expect("a commit without an entry");
    let refused = copy(source.store(), &target).await;
    let is_expected = |why: &AuditFinding| why.entry == Some(head) && why.message.contains("adds up to");
    assert!(matches!(&refused, Err(CopyError::Entry(StoreRole::Source, why)) if is_expected(why)), "{refused:?}");
}

#[tokio::test]
async fn stores_in_use_missing_or_identical_are_refused() {
    let place = tempfile::tempdir().expect("a directory");
    let [from, to, nowhere] = ["from", "to", "nowhere"].map(|name| place.path().join(name));
    let held = open(&from);
    let (code, _, errors) = copied(&from, &to, &[]);
    assert!(code == Some(1) && errors.contains("is in use by another process"), "{errors}");
    drop(held);
    let held = open(&to);
    let (code, _, errors) = copied(&from, &to, &[]);
    assert!(code == Some(1) && errors.contains("is in use by another process"), "{errors}");
    drop(held);
    let (code, _, errors) = copied(&from, &from.join("../from"), &[]);
    assert!(code == Some(2) && errors.contains("name the same store"), "{errors}");
    let (code, _, errors) = copied(&nowhere, &to, &[]);
    assert!(code == Some(2) && errors.contains("holds no store") && !nowhere.exists(), "{errors}");
    std::fs::write(place.path().join("letter.txt"), "of another").expect("a write");
    let (code, _, errors) = copied(&from, place.path(), &[]);
    assert!(code == Some(1) && errors.contains("holds no store"), "{errors}");
}
