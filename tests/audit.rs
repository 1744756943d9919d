//! The audit: it passes an intact store, and names every entry that was changed, rewritten or cut off.

mod sequential;

use std::path::Path;

use onestop::domain::ids::{Digest, EntryId};
use onestop::domain::journal::{Entry, EntryKind};
use onestop::domain::money::Money;
use onestop::engine::Engine;
use onestop::engine::reverse::ReverseRequest;
use onestop::journal::{CommittedEntry, decode_committed, decode_entry, encode_administration, encode_entry, record};
use onestop::store::JournalStore;
use onestop::store::embedded::{Durability, EmbeddedStore};
use onestop::store::rows::{CommitPosition, PersonState};

use crate::support::claims::{claim, settle};
use crate::support::program::run;
use crate::support::stored_log;
use crate::support::{engine, stamp};

/// A store in which P1 has four settlements, one of them reversed with the later ones re-adjudicated, and P2 two.
async fn history(place: &Path) {
    let store = EmbeddedStore::open(place, Durability::Synced).expect("a store");
    let engine: Engine<EmbeddedStore> = engine(store).await;
    for number in 1..=4 {
        let request = settle(claim(&format!("C{number}"), "P1", "50000.00"));
        engine.settle(request, stamp(number)).await.expect("a settlement");
    }
    let reversal = onestop::domain::content::RawReversal {
        hospital_id: "H3".into(),
        person_id: "P1".into(),
        claim_id: "C2".into(),
        reason: "billed twice".to_owned(),
        readjudicate: true,
    };
    let request = ReverseRequest { reversal, request_id: "V2".into(), dry_run: false };
    engine.reverse(request, stamp(5)).await.expect("a reversal");
    for number in 6..=7 {
        let request = settle(claim(&format!("C{number}"), "P2", "90000.00"));
        engine.settle(request, stamp(number)).await.expect("a settlement");
    }
}

fn verify(place: &Path, more: &[&str]) -> (Option<i32>, String) {
    let at = place.display().to_string();
    let (code, output, _) = run(&[&["audit", "verify", "--store", &at][..], more].concat());
    (code, output)
}

/// An entry as a forger would have it: other content, with every checksum of the log right.
fn forged(place: &Path, id: EntryId, change: impl FnOnce(&mut Entry)) -> Digest {
    let (mut digest, mut change) = (Digest::default(), Some(change));
    stored_log::rewrite(place, |record| {
        for (found, row) in record.entries.iter_mut().filter(|(found, _)| *found == id) {
            let (mut entry, _) = decode_entry(row).expect("an entry");
            change.take().expect("one entry")(&mut entry);
            (*row, digest) = encode_entry(&entry);
            assert_eq!(*found, id);
        }
    });
    digest
}

/// Makes the state that ends with this entry say that its record has this digest.
fn continued(place: &Path, head: EntryId, digest: Digest) {
    stored_log::rewrite(place, |record| {
        for row in record.rows.iter_mut().filter(|row| row.table == stored_log::PERSON) {
            let mut state: PersonState = record::decode(&row.value).expect("a state");
            if state.head == Some(head) {
                state.chained = digest;
                row.value = record::encode(&state);
            }
        }
    });
}

#[tokio::test]
async fn an_intact_store_passes_and_every_entry_is_recomputed() {
    let place = tempfile::tempdir().expect("a directory");
    history(place.path()).await;
    let (code, output) = verify(place.path(), &[]);
    assert_eq!((code, output.as_str()), (Some(0), "2 chains, 9 entries, 8 splits recomputed\n"));
    let (code, output) = verify(place.path(), &["--json"]);
    let report: serde_json::Value = serde_json::from_str(&output).expect("JSON");
    assert_eq!((code, &report["differences"], &report["entries"]), (Some(0), &serde_json::json!([]), &9.into()));
    assert_eq!(verify(&place.path().join("nowhere"), &[]).0, Some(2));
}

/// Records the book in use, as a server does.
async fn administered(place: &Path) -> Vec<EntryId> {
    let store = EmbeddedStore::open(place, Durability::Synced).expect("a store");
    let engine: Engine<EmbeddedStore> = engine(store).await;
    assert_eq!(engine.put_own_book_in_use(&|| stamp(1_000)).await, Ok(Vec::new()));
    assert_eq!(engine.put_own_book_in_use(&|| stamp(2_000)).await, Ok(Vec::new()), "nothing new");
    let page = engine.store().entries_after(CommitPosition::FIRST, 1_000).await.expect("entries");
    let ids = page.entries.into_iter().map(|entry| entry.id);
    let administered: Vec<_> = ids.skip(9).collect();
    assert!(!administered.is_empty());
    administered
}

#[tokio::test]
async fn a_changed_entry_of_the_administration_is_reported() {
    let place = tempfile::tempdir().expect("a directory");
    history(place.path()).await;
    let ids = administered(place.path()).await;
    let (code, output) = verify(place.path(), &[]);
    let entries = 9 + ids.len();
    assert_eq!((code, output), (Some(0), format!("2 chains, {entries} entries, 8 splits recomputed\n")));
    let id = ids[ids.len() - 1];
    stored_log::rewrite(place.path(), |record| {
        for (_, row) in record.entries.iter_mut().filter(|(found, _)| *found == id) {
            let Ok((CommittedEntry::Administration(mut entry), _)) = decode_committed(row) else { panic!("an entry") };
            entry.committed.0 += 1;
            (*row, _) = encode_administration(&entry);
        }
    });
    let (code, output) = verify(place.path(), &[]);
    assert_eq!(code, Some(1));
    assert!(output.contains(&format!("entry {id}: is not the record that the next entry is chained to")), "{output}");
}

/// Two months of a person's settlements, the first of them closed before a reversal.
#[tokio::test]
async fn an_entry_that_is_booked_in_another_month_than_the_closings_say_is_reported() {
    let place = tempfile::tempdir().expect("a directory");
    let store = EmbeddedStore::open(place.path(), Durability::Synced).expect("a store");
    let engine: Engine<EmbeddedStore> = engine(store).await;
    let on = |day: &str, number: u64| {
        let day: onestop::domain::day::Day = day.parse().expect("a day");
        let instant = onestop::domain::journal::Instant(day.start_in_china_micros());
        onestop::engine::CommitStamp { instant, ..stamp(number << 8) }.for_person("P1")
    };
    engine.settle(settle(claim("C1", "P1", "100.00")), on("2017-06-20", 1)).await.expect("a settlement");
    let month = "2017-06".parse().expect("a month");
    engine.close_month(month, "an operator", &|| on("2017-07-05", 2)).await.expect("closed");
    let reversed = engine.reverse(crate::closing::reversal("C1", "P1"), on("2017-07-06", 3)).await;
    let last = reversed.expect("a reversal").entry.id;
    drop(engine);
    assert_eq!(verify(place.path(), &[]), (Some(0), "1 chains, 3 entries, 1 splits recomputed\n".to_owned()));
    let digest = forged(place.path(), last, |entry| {
        let EntryKind::Reversal(reversal) = &mut entry.body else { panic!("no reversal") };
        reversal.booking_month = month;
    });
    continued(place.path(), last, digest);
    let (code, output) = verify(place.path(), &[]);
    let found = format!("entry {last}: is booked in another month than the closed months say");
    assert!(code == Some(1) && output.contains(&found), "{output}");
}

#[tokio::test]
async fn a_changed_byte_in_any_entry_is_reported_with_the_entry() {
    let place = tempfile::tempdir().expect("a directory");
    history(place.path()).await;
    for number in [1, 3, 5, 7] {
        let id = stamp(number).id;
        let records = stored_log::records(place.path());
        // The entries of a commit share one checksum, and the newest of them is read first.
        let commit = records.iter().find(|record| record.entries.iter().any(|(found, _)| *found == id));
        let entries = &commit.expect("the commit").entries;
        let ((_, row), (newest, _)) =
            (entries.iter().find(|(found, _)| *found == id).expect("the entry"), entries.last().expect("an entry"));
        stored_log::flip(place.path(), row);
        let (code, output) = verify(place.path(), &[]);
        assert_eq!(code, Some(1));
        assert!(
            output.contains(&format!(
                "differs: entry {newest}: a stored record is damaged: the log file 0000000000.log is damaged at byte "
            )),
            "{output}"
        );
        let mut damaged = row.clone();
        damaged[row.len() / 2] ^= 1;
        stored_log::flip(place.path(), &damaged);
    }
    assert_eq!(verify(place.path(), &[]).0, Some(0), "as it was");
}

/// A year's accounts taken from a person: the chain is whole under another key, and the person has none.
#[tokio::test]
async fn a_chain_that_its_person_no_longer_leads_to_is_reported() {
    let place = tempfile::tempdir().expect("a directory");
    history(place.path()).await;
    let mut moved = None;
    stored_log::rewrite(place.path(), |record| {
        for row in record.rows.iter_mut().filter(|row| row.table == stored_log::PERSON) {
            if moved.get_or_insert_with(|| row.key.clone()) == &row.key {
                row.key[15] ^= 1;
            }
        }
    });
    let (code, output) = verify(place.path(), &[]);
    assert!(code == Some(1) && output.contains(": the row of its person belongs to another chain\n"), "{output}");
}

#[tokio::test]
async fn a_forged_entry_is_reported_by_its_chain_and_by_its_split() {
    let place = tempfile::tempdir().expect("a directory");
    history(place.path()).await;
    let fen_more = |entry: &mut Entry| {
        let EntryKind::Settlement(settled) = &mut entry.body else { panic!("a settlement") };
        let layer = &mut settled.split.layers[0];
        layer.pays += Money::from_fen(1);
        settled.split.patient -= Money::from_fen(1);
    };
    // In the middle of a chain, the next entry was continued from another record.
    let middle = stamp(6).id;
    forged(place.path(), middle, fen_more);
    let (code, output) = verify(place.path(), &[]);
    let message = format!("differs: entry {middle}: is not the record that the next entry is chained to\n");
    assert!(code == Some(1) && output.ends_with(&message), "{output}");
    // At its end the state can be forged too; the split still is not what the law gives.
    let place = tempfile::tempdir().expect("a directory");
    history(place.path()).await;
    let last = stamp(7).id;
    let digest = forged(place.path(), last, fen_more);
    continued(place.path(), last, digest);
    let (code, output) = verify(place.path(), &[]);
    assert!(code == Some(1) && output.contains(&format!("differs: entry {last}: ")), "{output}");
}

#[tokio::test]
async fn a_seal_reveals_a_rewritten_or_truncated_history_but_accepts_a_longer_one() {
    let place = tempfile::tempdir().expect("a directory");
    let (store, early, seal) = (place.path().join("store"), place.path().join("early"), place.path().join("seal"));
    history(&store).await;
    let copied = std::process::Command::new("cp").arg("-r").arg(&store).arg(&early).status();
    assert!(copied.expect("cp").success());
    let more = |number: u64| settle(claim(&format!("D{number}"), "P2", "100.00"));
    let settled = async |number: u64| {
        let open = EmbeddedStore::open(&store, Durability::Synced).expect("the store");
        let book = onestop::policy::shipped::book().expect("the book");
        let engine = Engine::open(open, book, Default::default()).await.expect("an engine");
        engine.settle(more(number), stamp(10 + number)).await.expect("a settlement");
    };
    settled(1).await;
    let at = store.display().to_string();
    let (code, output, _) = run(&["audit", "seal", "--store", &at, &seal.display().to_string()]);
    assert!(code == Some(0) && output.starts_with("2 chains sealed on "), "{output}");
    let text = std::fs::read_to_string(&seal).expect("the seal");
    assert!(["P1", "P2", "H3", "C1"].iter().all(|name| !text.contains(name)), "it names nobody: {text}");
    let against = ["--against", &seal.display().to_string()];
    assert_eq!(verify(&store, &against).0, Some(0));
    settled(2).await;
    assert_eq!(verify(&store, &against).0, Some(0), "what grew since stands");
    // An older copy put back is sound by itself, and shorter than what was sealed.
    let (code, output) = verify(&early, &[]);
    assert_eq!(code, Some(0), "{output}");
    let (code, output) = verify(&early, &against);
    assert!(code == Some(1) && output.contains("had 3 entries when it was sealed, and has 2"), "{output}");
    let early_seal = place.path().join("early-seal");
    let text = text.lines().map(|line| line.to_owned() + "\n").collect::<String>();
    std::fs::write(&early_seal, text.replacen(' ', "  ", 1)).expect("written");
    let (code, _) = verify(&store, &["--against", &early_seal.display().to_string()]);
    assert_eq!(code, Some(2), "a seal that was changed is none");
}

#[tokio::test]
async fn a_seal_reveals_an_entry_rewritten_with_all_its_digests() {
    let place = tempfile::tempdir().expect("a directory");
    let (store, seal) = (place.path().join("store"), place.path().join("seal").display().to_string());
    history(&store).await;
    assert_eq!(run(&["audit", "seal", "--store", &store.display().to_string(), &seal]).0, Some(0));
    let last = stamp(7).id;
    let digest = forged(&store, last, |entry| entry.committed.0 += 1);
    continued(&store, last, digest);
    assert_eq!(verify(&store, &[]).0, Some(0), "sound by itself");
    let (code, output) = verify(&store, &["--against", &seal]);
    assert!(code == Some(1) && output.contains("its entry 2 is not the one that was sealed"), "{output}");
}
