//! The cache of a store's ledger: it changes what is read, and never what is reported.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use onestop::domain::claim::RawClaim;
use onestop::domain::content::RawReversal;
use onestop::domain::day::Day;
use onestop::domain::ids::EntryId;
use onestop::domain::journal::Instant;
use onestop::engine::reverse::ReverseRequest;
use onestop::engine::settle::SettleRequest;
use onestop::engine::{CommitStamp, Engine};
use onestop::reports::cache::ReportCache;
use onestop::reports::dimension::Dimension;
use onestop::reports::error::ReportError;
use onestop::reports::ledger::{Reported, report};
use onestop::reports::question::{DayOf, Question};
use onestop::store::embedded::EmbeddedStore;
use onestop::store::memory::MemoryStore;
use onestop::store::{Store, StoreError};

use crate::copying::history::History;
use crate::copying::{copy_directory, open};
use crate::support::claims::{claim, settle};
use crate::support::engine;
use crate::support::intercepted_store::{Intercept, InterceptedStore, Write};
use crate::support::random::Random;
use crate::support::redis_server::RedisServer;
use crate::support::stamp;

/// Few lines a chunk, so that a short history has many.
const LINES: usize = 9;

fn questions() -> Vec<Question> {
    let day = |text: &str| Some(text.parse::<Day>().expect("a day"));
    let by = |by: &[Dimension]| by.to_vec();
    vec![
        Question { by: by(&[Dimension::Hospital]), ..Question::default() },
        Question { by: by(&[Dimension::Payer, Dimension::Day]), day_of: DayOf::Commit, ..Question::default() },
        Question {
            by: by(&[Dimension::Month, Dimension::Category]),
            day_of: DayOf::Discharge,
            from: day("2018-01-01"),
            until: day("2019-01-01"),
            ..Question::default()
        },
        Question {
            by: by(&[Dimension::Person]),
            from: day("1970-01-05"),
            until: day("1970-01-06"),
            ..Question::default()
        },
        Question { by: by(&[Dimension::Month, Dimension::Level]), day_of: DayOf::Booked, ..Question::default() },
    ]
}

async fn cached<S: Store>(store: &S, place: &Path, question: &Question) -> Reported {
    let mut cache = ReportCache::open(store, place, LINES).await.expect("a cache");
    cache.report(question).await.expect("a report")
}

async fn equals_from_scratch<S: Store>(store: &S, place: &Path) {
    for question in questions() {
        let (cached, scratch) = (cached(store, place, &question).await, report(store, &question).await.expect("one"));
        assert_eq!((cached.report, cached.end), (scratch.report, scratch.end), "{question:?}");
    }
}

async fn grows_with_the_journal<S: Store>(store: S) {
    let place = tempfile::tempdir().expect("a directory");
    let engine = engine(store).await;
    let mut history = History::play(&engine, 31, 0).await;
    equals_from_scratch(engine.store(), place.path()).await;
    for things in [1, 7, 25, 40] {
        history.go_on(&engine, things).await;
        equals_from_scratch(engine.store(), place.path()).await;
        let again = cached(engine.store(), place.path(), &questions()[0]).await;
        assert_eq!(again.read.entries, 0, "nothing is read of a journal that did not grow");
    }
    let chunks = fs::read_dir(place.path()).expect("files").count();
    assert!(chunks > 6, "{chunks} files");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_that_grows_with_the_journal_reports_as_from_scratch_in_memory() {
    grows_with_the_journal(MemoryStore::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_that_grows_with_the_journal_reports_as_from_scratch_in_a_directory() {
    let place = tempfile::tempdir().expect("a directory");
    grows_with_the_journal(open(place.path())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_that_grows_with_the_journal_reports_as_from_scratch_on_redis() {
    grows_with_the_journal(RedisServer::shared().store().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_report_of_a_day_reads_the_files_with_lines_of_that_day_alone() {
    let place = tempfile::tempdir().expect("a directory");
    let engine = engine(MemoryStore::default()).await;
    let history = History::play(&engine, 32, 200).await;
    let whole = cached(engine.store(), place.path(), &questions()[0]).await;
    let last = history.now().china_day();
    for day_of in [DayOf::Settlement, DayOf::Commit] {
        let question = Question { day_of, from: Some(last), until: last.next(), ..questions()[0].clone() };
        let of_day = cached(engine.store(), place.path(), &question).await;
        assert_eq!(of_day.read.entries, 0);
        assert!(of_day.read.lines <= 4 * LINES as u64 && whole.read.lines > 150, "{:?}", of_day.read);
        assert_eq!(of_day.report, report(engine.store(), &question).await.expect("a report").report);
    }
}

/// Settlements a day of a year, of four persons at three hospitals.
async fn year<S: Store>(engine: &Engine<S>, each_day: usize) -> (Day, u64) {
    let (mut day, mut number): (Day, u64) = ("2018-01-01".parse().expect("a day"), 0);
    loop {
        for _ in 0..each_day {
            number += 1;
            let bill =
                claim(&format!("C{number}"), &format!("P{}", 1 + number % 4), &format!("{}.00", 100 + number % 900));
            let hospital_id = ["H1", "H2", "H3"][number as usize % 3].into();
            let id = EntryId(u128::from(number).to_be_bytes());
            let stamp = CommitStamp { id, instant: Instant(day.start_in_china_micros() + number as i64) };
            engine.settle(settle(RawClaim { hospital_id, ..bill }), stamp).await.expect("a settlement");
        }
        match day.next() {
            Some(next) if next.year() == 2018 => day = next,
            _ => return (day, number),
        }
    }
}

/// With ONESTOP_SETTLEMENTS_A_DAY it is a measurement: of the entries and lines that are read, and the time that it takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_report_of_a_day_of_a_year_reads_no_entry_and_the_lines_of_two_files_at_the_most() {
    let each_day = std::env::var("ONESTOP_SETTLEMENTS_A_DAY").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let place = tempfile::tempdir().expect("a directory");
    let engine = engine(MemoryStore::default()).await;
    let (last, settlements) = year(&engine, each_day).await;
    let lines = 40 * each_day;
    let ask = async |from: Option<Day>| {
        let question = Question { from, until: from.and_then(Day::next), ..questions()[0].clone() };
        let begun = std::time::Instant::now();
        let mut cache = ReportCache::open(engine.store(), place.path(), lines).await.expect("a cache");
        let reported = cache.report(&question).await.expect("a report");
        println!("{from:?}: {:?} in {:?}", reported.read, begun.elapsed());
        reported
    };
    let first = ask(None).await;
    assert_eq!((first.read.entries, first.report.total.settlements), (settlements, settlements as i64));
    for day in [last, "2018-07-01".parse().expect("a day")] {
        let of_day = ask(Some(day)).await;
        assert_eq!((of_day.read.entries, of_day.report.total.settlements), (0, each_day as i64));
        assert!(of_day.read.lines <= 2 * lines as u64, "{:?}", of_day.read);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_or_damaged_is_made_again_and_the_report_stays_the_same() {
    let place = tempfile::tempdir().expect("a directory");
    let engine = engine(MemoryStore::default()).await;
    History::play(&engine, 33, 40).await;
    let question = &questions()[0];
    let whole = cached(engine.store(), place.path(), question).await;
    let mut files: Vec<_> = fs::read_dir(place.path()).expect("files").map(|file| file.expect("one").path()).collect();
    files.sort();
    let mut random = Random(33);
    for file in files.iter().filter(|file| !file.ends_with("lock")) {
        let bytes = fs::read(file).expect("bytes");
        let mut damages: Vec<Vec<u8>> = (0..12)
            .map(|_| {
                let mut damaged = bytes.clone();
                let at = random.below(bytes.len());
                // The identity of the store in the manifest is not damaged: then it is the cache of another store.
                let at = if (16..32).contains(&at) && file.ends_with("manifest") { 0 } else { at };
                damaged[at] ^= 1 << random.below(8);
                damaged
            })
            .collect();
        damages.extend([Vec::new(), bytes[..bytes.len() / 2].to_vec(), [&bytes[..], b"x"].concat()]);
        for damaged in damages {
            fs::write(file, damaged).expect("damaged");
            let found = cached(engine.store(), place.path(), question).await;
            assert_eq!(found.report, whole.report, "{}", file.display());
            assert_eq!(fs::read(file).expect("bytes"), bytes, "{} is as it was", file.display());
        }
        fs::remove_file(file).expect("removed");
        assert_eq!(cached(engine.store(), place.path(), question).await.report, whole.report);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cache_of_another_store_is_refused() {
    let place = tempfile::tempdir().expect("a directory");
    let (one, other) = (open(&place.path().join("one")), open(&place.path().join("other")));
    let (one, other) = (engine(one).await, engine(other).await);
    let cache = place.path().join("cache");
    History::play(&one, 34, 10).await;
    cached(one.store(), &cache, &questions()[0]).await;
    let refused = ReportCache::open(other.store(), &cache, LINES).await.err();
    assert!(matches!(&refused, Some(ReportError::ForeignCache(named)) if *named == cache), "{refused:?}");
}

async fn reopened(place: &Path) -> Engine<EmbeddedStore> {
    let book = onestop::policy::shipped::book().expect("the shipped book");
    Engine::open(open(place), book, onestop::engine::EngineSettings::default()).await.expect("an engine")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_of_a_moment_equals_the_report_of_a_copy_that_was_taken_then() {
    let place = tempfile::tempdir().expect("a directory");
    let (store, copy) = (place.path().join("store"), place.path().join("copy"));
    let first = engine(open(&store)).await;
    let mut history = History::play(&first, 35, 30).await;
    let then = history.now();
    drop(first);
    copy_directory(&store, &copy);
    let live = reopened(&store).await;
    history.go_on(&live, 30).await;
    let copied = open(&copy);
    for question in questions() {
        let asked = Question { as_of: Some(then), ..question.clone() };
        let (of_copy, of_then) = (report(&copied, &question).await.expect("one"), report(live.store(), &asked).await);
        assert_eq!(of_then.expect("one").report, of_copy.report, "{question:?}");
        assert_eq!(cached(live.store(), &place.path().join("cache"), &asked).await.report, of_copy.report);
    }
    let now = report(live.store(), &questions()[0]).await.expect("one");
    assert_ne!(now.report, report(&copied, &questions()[0]).await.expect("one").report, "it changed since");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_from_before_a_restore_is_not_used() {
    let place = tempfile::tempdir().expect("a directory");
    let (store, earlier, cache) =
        (place.path().join("store"), place.path().join("earlier"), place.path().join("cache"));
    let first = engine(open(&store)).await;
    let mut history = History::play(&first, 36, 20).await;
    drop(first);
    copy_directory(&store, &earlier);
    let live = reopened(&store).await;
    history.go_on(&live, 20).await;
    equals_from_scratch(live.store(), &cache).await;
    drop(live);
    let restored = reopened(&earlier).await;
    equals_from_scratch(restored.store(), &cache).await;
    let mut other = History::play(&restored, 37, 0).await;
    other.number_from(1_000);
    other.go_on(&restored, 40).await;
    drop(restored);
    let (live, restored) = (reopened(&store).await, reopened(&earlier).await);
    equals_from_scratch(live.store(), &cache).await;
    equals_from_scratch(restored.store(), &cache).await;
}

/// Reads that are left, or no limit.
#[derive(Default)]
struct ReadsLeft(Mutex<Option<usize>>);

impl Intercept for ReadsLeft {
    fn before_read(&self) -> Result<(), StoreError> {
        match &mut *self.0.lock().expect("a lock") {
            Some(0) => Err(StoreError::Unavailable("a test".to_owned())),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    async fn write(
        &self,
        _: Write,
        work: impl Future<Output = Result<(), StoreError>> + Send,
    ) -> Result<(), StoreError> {
        work.await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_was_interrupted_anywhere_goes_on_with_what_it_had_read() {
    let engine = engine(InterceptedStore::<ReadsLeft>::default()).await;
    History::play(&engine, 38, 50).await;
    let (store, question) = (engine.store(), &questions()[0]);
    let whole = report(store, question).await.expect("a report");
    let (mut interrupted, mut least) = (0, whole.read.entries);
    for reads in (0..200).step_by(7) {
        let place = tempfile::tempdir().expect("a directory");
        let limit = |left: Option<usize>| *store.intercept.0.lock().expect("a lock") = left;
        limit(Some(reads));
        let mut cache = ReportCache::open(store, place.path(), LINES).await.expect("a cache");
        let broken = cache.report(question).await;
        drop(cache);
        limit(None);
        if broken.is_ok() {
            break;
        }
        interrupted += 1;
        let resumed = cached(store, place.path(), question).await;
        assert_eq!(resumed.report, whole.report, "interrupted after {reads} reads");
        assert!(resumed.read.entries <= least, "{} entries after {reads} reads", resumed.read.entries);
        least = resumed.read.entries;
    }
    assert!(interrupted > 4 && least < whole.read.entries / 3, "{interrupted} interruptions, {least} entries");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_repeated_exactly_although_a_commit_that_was_stamped_before_came_after_it() {
    let place = tempfile::tempdir().expect("a directory");
    let engine = engine(MemoryStore::default()).await;
    let day: Day = "2018-06-15".parse().expect("a day");
    let commit = async |number: u64, stamped: i64| {
        let stamp = CommitStamp {
            id: EntryId(u128::from(number).to_be_bytes()),
            instant: Instant(day.start_in_china_micros() + stamped),
        };
        engine.settle(settle(claim(&format!("C{number}"), "P1", "900.00")), stamp).await.expect("a settlement");
    };
    let store = engine.store();
    for (number, stamped) in [(1, 10), (2, 30)] {
        commit(number, stamped).await;
    }
    let question = &questions()[0];
    let (first, from_scratch) = (cached(store, place.path(), question).await, report(store, question).await);
    let first_from_scratch = from_scratch.expect("a report");
    for (number, stamped) in [(3, 20), (4, 40), (5, 25)] {
        commit(number, stamped).await;
    }
    let again = Question { as_of: first.end.as_of, first_lines: Some(first.end.lines), ..question.clone() };
    let repeated = [cached(store, place.path(), &again).await, report(store, &again).await.expect("a report")];
    for repeated in repeated {
        assert_eq!((&repeated.report, repeated.end), (&first.report, first.end));
        assert_eq!((&repeated.report, repeated.end), (&first_from_scratch.report, first_from_scratch.end));
    }
    // As of the moment alone, the first later commit is left out with all that follow it.
    for (stamped, settlements) in [(5, 0), (15, 1), (30, 3), (35, 3), (40, 5)] {
        let asked = Question { as_of: Some(Instant(day.start_in_china_micros() + stamped)), ..question.clone() };
        for found in [cached(store, place.path(), &asked).await, report(store, &asked).await.expect("a report")] {
            assert_eq!(
                (found.report.total.settlements, found.end.lines),
                (settlements, settlements as u64),
                "{stamped}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_end_within_a_revision_are_refused() {
    let place = tempfile::tempdir().expect("a directory");
    let engine = engine(MemoryStore::default()).await;
    let bills = ["C1", "C2"].map(|id| claim(id, "P1", "50000.00"));
    for (number, bill) in (1..).zip(&bills) {
        engine.settle(settle(bill.clone()), stamp(number << 8).for_person("P1")).await.expect("a settlement");
    }
    let [RawClaim { hospital_id, person_id, claim_id, .. }, _] = bills;
    let reversal = RawReversal { hospital_id, person_id, claim_id, reason: "a test".to_owned(), readjudicate: true };
    let request = ReverseRequest { reversal, request_id: "v".to_owned(), dry_run: false };
    engine.reverse(request, stamp(3 << 8).for_person("P1")).await.expect("a reversal");
    let (store, question) = (engine.store(), &questions()[0]);
    // Two settlements, a reversal, and the two lines of a revision.
    assert_eq!(report(store, question).await.expect("a report").end.lines, 5);
    for lines in 0..=6 {
        let asked = Question { first_lines: Some(lines), ..question.clone() };
        let mut cache = ReportCache::open(store, place.path(), LINES).await.expect("a cache");
        for found in [cache.report(&asked).await, report(store, &asked).await] {
            match found {
                Ok(found) => assert_eq!((lines == 4, found.end.lines), (false, lines.min(5))),
                Err(ReportError::EndsWithinRevision) => assert_eq!(lines, 4),
                Err(error) => panic!("{lines} lines: {error}"),
            }
        }
    }
}

/// A clock that is behind stamps what follows as it stamped the newest commit: the lines of a reversal and of the next settlement
/// then have the values of the two lines of a revision.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_end_between_a_reversal_and_a_settlement_of_the_same_moment_are_reported() {
    let place = tempfile::tempdir().expect("a directory");
    let engine = engine(MemoryStore::default()).await;
    let at_once = |number: u64| CommitStamp { instant: Instant(7), ..stamp(number << 8).for_person("P1") };
    let bill = claim("C1", "P1", "50000.00");
    engine.settle(settle(bill.clone()), at_once(1)).await.expect("a settlement");
    let RawClaim { hospital_id, person_id, claim_id, .. } = bill.clone();
    let reversal = RawReversal { hospital_id, person_id, claim_id, reason: "a test".to_owned(), readjudicate: false };
    let request = ReverseRequest { reversal, request_id: "v".to_owned(), dry_run: false };
    engine.reverse(request, at_once(2)).await.expect("a reversal");
    let again = SettleRequest { request_id: "again".to_owned(), ..settle(bill) };
    engine.settle(again, at_once(3)).await.expect("a settlement");
    let (store, question) = (engine.store(), &questions()[0]);
    for (lines, settlements) in [(0, 0), (1, 1), (2, 0), (3, 1)] {
        let asked = Question { first_lines: Some(lines), ..question.clone() };
        for found in [cached(store, place.path(), &asked).await, report(store, &asked).await.expect("a report")] {
            assert_eq!((found.end.lines, found.report.total.settlements), (lines, settlements));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_for_a_cache_that_another_one_uses_can_be_interrupted() {
    let place = tempfile::tempdir().expect("a directory");
    let store = MemoryStore::default();
    let used = ReportCache::open(&store, place.path(), LINES).await.expect("a cache");
    let waiting = std::time::Duration::from_millis(100);
    let waited = tokio::time::timeout(waiting, ReportCache::open(&store, place.path(), LINES)).await;
    assert!(waited.is_err(), "the cache is used");
    drop(used);
    ReportCache::open(&store, place.path(), LINES).await.expect("a cache");
}
