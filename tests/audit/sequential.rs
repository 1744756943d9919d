//! The audit of a log: bounded memory, damage of every kind named, an index that leads elsewhere, and copies.

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use onestop::domain::content::{RawCorrection, RawReversal};
use onestop::engine::Engine;
use onestop::engine::correct::CorrectRequest;
use onestop::engine::log_audit::{LogAuditOptions, LogAuditReport, audit_log};
use onestop::engine::retroactive::ReadjudicateRequest;
use onestop::engine::reverse::ReverseRequest;
use onestop::reference::table::ReferenceTable;
use onestop::store::Store;
use onestop::store::embedded::disk::Directory;
use onestop::store::embedded::index::{Index, IndexOptions, Key, Row};
use onestop::store::embedded::log::LogSizes;
use onestop::store::embedded::{Durability, EmbeddedStore};

use super::verify;
use crate::support::claims::{claim, settle};
use crate::support::program::run;
use crate::support::random::Random;
use crate::support::{engine, row, stamp, stored_log};

const WHOLE: LogAuditOptions = LogAuditOptions { threads: 2, memory: 64 << 20, recompute: true };

/// Every kind of commit, of four persons: settlements, a reversal that revises, a correction, a settlement again, and
/// retroactive runs, after one of which a settlement is reversed.
async fn history(place: &Path) {
    let store = EmbeddedStore::open(place, Durability::Synced).expect("a store");
    let engine: Engine<EmbeddedStore> = engine(store).await;
    for number in 1..=16 {
        let person = format!("P{}", 1 + number % 4);
        let request = settle(claim(&format!("C{number}"), &person, "40000.00"));
        engine.settle(request, stamp(number)).await.expect("a settlement");
    }
    let reversal = |claim_id: &str, person_id: &str| RawReversal {
        hospital_id: "H3".into(),
        person_id: person_id.into(),
        claim_id: claim_id.into(),
        reason: "billed twice".to_owned(),
        readjudicate: true,
    };
    for (number, claim_id, person) in [(100, "C4", "P1"), (200, "C6", "P3")] {
        let reversal = reversal(claim_id, person);
        let request = ReverseRequest { reversal, request_id: format!("V{number}"), dry_run: false };
        engine.reverse(request, stamp(number)).await.expect("a reversal");
    }
    let again = settle(claim("C4", "P1", "100.00"));
    let again = onestop::engine::settle::SettleRequest { request_id: "again".to_owned(), ..again };
    engine.settle(again, stamp(300)).await.expect("a settlement of a reversed claim");
    let correction = RawCorrection { claim: claim("C2", "P3", "30000.00"), reason: "a wrong price".to_owned() };
    let today = onestop::domain::day::Day::LAST;
    let request = CorrectRequest { correction, request_id: "K".to_owned(), dry_run: false, today };
    engine.correct(request, stamp(400)).await.expect("a correction");
    let level = ["H3", "2017-06-12", "省立医院", "secondary", "370100", "", ""];
    engine.import(vec![row(ReferenceTable::Hospitals, &level)]).await.expect("a sound row");
    for (number, person) in [(500, "P1"), (600, "P3"), (700, "P4")] {
        let (person_id, request_id) = (person.to_owned(), format!("run {number}"));
        let request = ReadjudicateRequest { person_id, benefit_year: 2017, request_id, dry_run: false };
        let run = engine.readjudicate_year(request, stamp(number)).await.expect("a run");
        assert!(run.revisions.len() > 1);
    }
    let request = ReverseRequest { reversal: reversal("C8", "P1"), request_id: "V800".to_owned(), dry_run: false };
    engine.reverse(request, stamp(800)).await.expect("a reversal");
}

/// The audit of the store in a directory; or why it does not open.
async fn audited(place: &Path, options: LogAuditOptions) -> Result<LogAuditReport, String> {
    let store = EmbeddedStore::open_existing(place, Durability::Synced).map_err(|error| error.to_string())?;
    let log = store.commit_log().expect("a log");
    audit_log(&store, &*log, options, &|_, _| false).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn persons_that_do_not_fit_into_the_memory_take_further_passes_and_none_is_missed() {
    let place = tempfile::tempdir().expect("a directory");
    history(place.path()).await;
    let whole = audited(place.path(), WHOLE).await.expect("an audit");
    assert!(whole.findings.is_empty(), "{whole:?}");
    assert_eq!((whole.chains, whole.passes), (4, 1));
    for (threads, memory) in [(1, 2_500), (2, 1), (3, 4_000)] {
        let small = audited(place.path(), LogAuditOptions { threads, memory, ..WHOLE }).await.expect("an audit");
        assert!(small.findings.is_empty(), "{small:?}");
        assert!(small.passes > 1, "{small:?}");
        assert_eq!((small.chains, small.entries, small.splits), (whole.chains, whole.entries, whole.splits));
    }
    let chains = audited(place.path(), LogAuditOptions { recompute: false, ..WHOLE }).await.expect("an audit");
    assert!(chains.findings.is_empty(), "{chains:?}");
    assert_eq!((chains.chains, chains.entries, chains.splits), (4, whole.entries, 0));
}

#[tokio::test]
async fn a_copy_with_reversals_revisions_and_corrections_passes_and_so_does_its_copy() {
    let place = tempfile::tempdir().expect("a directory");
    let [first, second, third] = ["first", "second", "third"].map(|name| place.path().join(name).display().to_string());
    history(Path::new(&first)).await;
    let (_, expected) = verify(Path::new(&first), &[]);
    for (from, to) in [(&first, &second), (&second, &third)] {
        let (code, output, errors) = run(&["copy", "--from", from, "--to", to]);
        assert_eq!(code, Some(0), "{output}{errors}");
        assert_eq!(verify(Path::new(to), &[]), (Some(0), expected.clone()));
    }
}

/// What an audit says, by words and numbers.
fn said(audited: Result<LogAuditReport, String>) -> Result<(Vec<String>, u64, [u64; 3]), String> {
    audited.map(|report| {
        let kept = report.findings.kept().map(str::to_owned).collect();
        (kept, report.findings.count(), [report.chains, report.entries, report.splits])
    })
}

#[tokio::test]
async fn one_thread_and_many_find_the_same_in_the_same_order_however_a_store_is_damaged() {
    let (place, mut random) = (tempfile::tempdir().expect("a directory"), Random(11));
    history(place.path()).await;
    let log = place.path().join("log/0000000000.log");
    let (sound, mut end) = (std::fs::read(&log).expect("the log"), 0);
    stored_log::replay(place.path(), |frame| end = frame.end(LogSizes::STORE).lsn as usize);
    let (mut most, mut opened) = (0, 0);
    for round in 0..30 {
        let file = std::fs::File::options().write(true).open(&log).expect("the log");
        let places: Vec<usize> = (0..1 + random.below(6)).map(|_| 4_096 + random.below(end - 4_096)).collect();
        for at in &places {
            file.write_all_at(&[sound[*at] ^ (1 << random.below(8))], *at as u64).expect("written");
        }
        let one = said(audited(place.path(), LogAuditOptions { threads: 1, ..WHOLE }).await);
        for (threads, memory) in [(2, WHOLE.memory), (5, WHOLE.memory), (3, 4_000)] {
            let many = said(audited(place.path(), LogAuditOptions { threads, memory, ..WHOLE }).await);
            assert_eq!(one, many, "round {round}: bytes {places:?}, {threads} threads");
        }
        if let Ok((_, count, _)) = one {
            (most, opened) = (most.max(count), opened + 1);
        }
        file.write_all_at(&sound[..end], 0).expect("written");
    }
    assert!(most > 2 && opened > 15, "{opened} opened, at most {most} findings");
}

/// What became of one damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// The store does not open, and says the file and byte.
    RefusedAndNamed,
    /// The audit names an entry of the record, its file and its frame.
    EntryNamed,
    /// The audit names the file and frame of a record without entries, or the file and byte of a frame.
    FrameNamed,
    /// The bytes are in padding, or behind the end.
    Unused,
}

/// Changes bytes of a file, judges the audit, and puts them back.
async fn damaged(place: &Path, at: u64, change: impl FnOnce(&mut [u8])) -> Option<Outcome> {
    let file = std::fs::File::options().read(true).write(true).open(place.join("log/0000000000.log")).expect("the log");
    let mut sector = [0; 512];
    file.read_exact_at(&mut sector, at).expect("a sector");
    let before = sector;
    change(&mut sector);
    if sector == before {
        return None;
    }
    file.write_all_at(&sector, at).expect("written");
    let audited = audited(place, WHOLE).await;
    file.write_all_at(&before, at).expect("written");
    let named = |text: &str| text.contains("the log file 0000000000.log is damaged at byte ");
    Some(match audited {
        Err(refused) if named(&refused) => Outcome::RefusedAndNamed,
        Err(other) => panic!("at {at}: {other}"),
        Ok(report) if report.findings.is_empty() => Outcome::Unused,
        Ok(report) => {
            let first = report.findings.kept().next().expect("a finding");
            assert!(named(first), "at {at}: {report:?}");
            if first.starts_with("entry ") && first.contains(", in the frame at byte ") {
                Outcome::EntryNamed
            } else {
                Outcome::FrameNamed
            }
        }
    })
}

#[tokio::test]
async fn flipped_bytes_and_zeroed_sectors_anywhere_in_the_log_are_named_with_file_frame_and_entry() {
    let place = tempfile::tempdir().expect("a directory");
    history(place.path()).await;
    let (mut frames, mut end) = (Vec::new(), 0);
    stored_log::replay(place.path(), |frame| {
        frames.push((frame.head().lsn, frame.head().lsn + frame.head().used() as u64));
        end = frame.end(LogSizes::STORE).lsn;
    });
    let is_used = |byte: u64| byte < 72 || frames.iter().any(|(from, until)| (*from..*until).contains(&byte));
    let (mut random, mut flips, mut zeros) = (Random(5), BTreeMap::new(), BTreeMap::new());
    for _ in 0..60 {
        let at = random.below(end as usize) as u64;
        let outcome = damaged(place.path(), at / 512 * 512, |sector| sector[at as usize % 512] ^= 1 << random.below(8));
        let outcome = outcome.await.expect("a change");
        assert!(!is_used(at) || outcome != Outcome::Unused, "byte {at} is used");
        *flips.entry(outcome).or_insert(0) += 1;
    }
    for _ in 0..24 {
        let at = random.below(end as usize / 512) as u64 * 512;
        if let Some(outcome) = damaged(place.path(), at, |sector| sector.fill(0)).await {
            assert_ne!(outcome, Outcome::Unused, "sector at byte {at}");
            *zeros.entry(outcome).or_insert(0) += 1;
        }
    }
    println!("flipped bytes: {flips:?}; zeroed sectors: {zeros:?}");
    assert!(flips[&Outcome::EntryNamed] > 10 && zeros[&Outcome::EntryNamed] > 2, "{flips:?} {zeros:?}");
    assert!(audited(place.path(), WHOLE).await.expect("an audit").findings.is_empty(), "as it was");
}

#[tokio::test]
async fn the_entries_behind_damage_are_audited_all_the_same() {
    let place = tempfile::tempdir().expect("a directory");
    history(place.path()).await;
    let whole = audited(place.path(), WHOLE).await.expect("an audit");
    let records = stored_log::records(place.path());
    let (id, row) = records.iter().find_map(|record| record.entries.first().cloned()).expect("an entry");
    stored_log::flip(place.path(), &row);
    let report = audited(place.path(), WHOLE).await.expect("an audit");
    let found: Vec<_> = report.findings.kept().collect();
    assert!(found.len() == 1 && found[0].starts_with(&format!("entry {id}: ")), "{found:?}");
    assert!(report.entries > whole.entries / 2, "{} of {}", report.entries, whole.entries);
}

/// Makes the index of a store again with the rows that `change` leaves of each commit.
fn reindex(place: &Path, mut change: impl FnMut(&mut Vec<Row>)) {
    std::fs::remove_dir_all(place.join("index")).expect("the index");
    drop(EmbeddedStore::open_existing(place, Durability::Synced).expect("the store"));
    let mut kept = Vec::new();
    {
        let disk = Arc::new(Directory::new(place.join("index")));
        let index = Index::open(disk, stored_log::identity(place), IndexOptions::default()).expect("an index").index;
        for table in onestop::store::embedded::index::Table::ALL {
            let rows = index.range(onestop::store::embedded::index::KeyRange::all(table), usize::MAX);
            kept.extend(rows.expect("rows"));
        }
    }
    change(&mut kept);
    let mut end = Default::default();
    stored_log::replay(place, |frame| end = frame.end(LogSizes::STORE));
    std::fs::remove_dir_all(place.join("index")).expect("the index");
    std::fs::create_dir(place.join("index")).expect("a directory");
    let disk = Arc::new(Directory::new(place.join("index")));
    let index = Index::open(disk, stored_log::identity(place), IndexOptions::default()).expect("an index").index;
    index.insert(&kept, end).expect("rows");
    index.checkpoint().expect("a checkpoint");
}

#[tokio::test]
async fn an_index_that_leads_to_an_older_row_or_misses_one_is_named_with_the_entry() {
    let place = tempfile::tempdir().expect("a directory");
    history(place.path()).await;
    let records = stored_log::records(place.path());
    let at = records.iter().position(|record| !record.entries.is_empty()).expect("an entry");
    let first = records[at].entries[0].0;
    let mut positions = Vec::new();
    stored_log::replay(place.path(), |frame| positions.extend(frame.records().map(|(position, _)| position)));
    let oldest = positions[at];
    let person = records[at].rows.first().map(|row| row.key.clone()).expect("a person");
    let person = Key::person(person.try_into().expect("a key"));
    reindex(place.path(), |rows| {
        let row = rows.iter_mut().find(|row| row.key == person).expect("the person");
        row.position = oldest;
    });
    let (code, output) = verify(place.path(), &[]);
    assert!(code == Some(1) && output.contains(": the index does not lead to the row of its person\n"), "{output}");
    reindex(place.path(), |rows| rows.retain(|row| row.key != Key::entry(first.0)));
    let (code, output) = verify(place.path(), &[]);
    let message = format!("differs: entry {first}: the index does not lead to the row of its entry\n");
    assert!(code == Some(1) && output.ends_with(&message), "{output}");
    reindex(place.path(), |rows| rows.push(Row { key: Key::claim([9; 16]), position: oldest }));
    let (code, output) = verify(place.path(), &[]);
    assert!(
        code == Some(1) && output.ends_with("the index has rows of table claim that no commit of the log has\n"),
        "{output}"
    );
    reindex(place.path(), |_| {});
    assert_eq!(verify(place.path(), &["--chains-only"]).0, Some(0));
}
