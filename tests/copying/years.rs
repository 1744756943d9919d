//! `onestop copy --move-years-before` as it is run: killed in the middle and run again, served, audited, sealed, copied.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use onestop::domain::claim::RawClaim;
use onestop::engine::Engine;
use onestop::reference::table::ReferenceTable;
use onestop::store::redis::RedisStore;
use serde_json::Value;

use super::copied;
use super::history::History;
use crate::support::claims::{claim, day, settle};
use crate::support::program::{Serve, onestop, run};
use crate::support::proxy::{Mode, Proxy};
use crate::support::redis_server::{self, DURABLE, RedisServer, SECRET};
use crate::support::{engine, row, stamp};

const SEED: u64 = 0x00c1_05ed;

/// Settlements of the store that the command is killed over: as many of each year.
const SETTLEMENTS: u64 = 2_100;
const YEARS: [&str; 3] = ["2017", "2018", "2019"];

/// A Redis with a store, and the words that name it.
struct YearPlace {
    directory: tempfile::TempDir,
    url: String,
}

impl YearPlace {
    fn on(redis: &RedisServer) -> YearPlace {
        let directory = tempfile::tempdir().expect("a directory");
        let secret = directory.path().join("secret");
        std::fs::write(&secret, SECRET.0).expect("a secret");
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).expect("for its owner alone");
        YearPlace { directory, url: redis.url() }
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// Runs a command about the store.
    fn run(&self, words: &[&str], more: &[&str]) -> (Option<i32>, String, String) {
        run(&[words, &["--store", &self.url, "--secret", &self.path("secret")], more].concat())
    }

    /// Moves years to this directory.
    fn move_years(&self, to: &str, before: &str, more: &[&str]) -> (Option<i32>, String, String) {
        let words = ["--from-secret", &self.path("secret"), "--move-years-before", before];
        copied(Path::new(&self.url), &PathBuf::from(self.path(to)), &[&words[..], more].concat())
    }
}

fn json_report((code, output, errors): (Option<i32>, String, String)) -> Value {
    assert_eq!(code, Some(0), "{output}{errors}");
    serde_json::from_str(&output).expect("JSON")
}

fn refused((code, output, errors): (Option<i32>, String, String), wanted: i32, why: &str) {
    assert!(code == Some(wanted) && errors.contains(why), "{code:?} {output}{errors}");
}

const WANTS_ARCHIVE: &str = "settlements of years before 2019 are in an archive: --archive DIR";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_served_audited_and_copied_with_its_archive_and_refused_without() {
    let redis = RedisServer::shared();
    let place = YearPlace::on(&redis);
    let before = engine(redis_server::open(&place.url).await).await;
    let history = History::play_with_runs(&before, SEED, 40).await;
    drop(before);
    let [seal, archive, back] = ["seal", "archive", "back"].map(|name| place.path(name));
    assert_eq!(place.run(&["audit", "seal"], &[&seal]).0, Some(0));
    let would = json_report(place.move_years("archive", "2019", &["--dry-run", "--json"]));
    assert!(would["entries"].as_u64() > Some(10) && !Path::new(&archive).exists(), "{would}");
    assert_eq!(json_report(place.move_years("archive", "2019", &["--json"]))["moved"], would);
    let (_, output, _) = place.move_years("archive", "2019", &["--dry-run"]);
    assert_eq!(output, "0 entries of years before 2019 would be moved, 0 bytes\n");

    refused(place.run(&["audit", "verify"], &[]), 1, WANTS_ARCHIVE);
    refused(place.run(&["serve", "--listen", "127.0.0.1:0"], &[]), 1, WANTS_ARCHIVE);
    refused(place.run(&["serve", "--listen", "127.0.0.1:0"], &["--archive", &back]), 2, "holds no store");
    let (code, output, errors) = place.run(&["audit", "verify"], &["--archive", &archive, "--against", &seal]);
    assert_eq!(code, Some(0), "{output}{errors}");

    let secret = place.path("secret");
    let configuration = place.path("onestop.toml");
    std::fs::write(&configuration, format!("access_log = '{}'\n", place.path("access.log"))).expect("written");
    let more = ["--secret", &secret, "--archive", &archive, "--config", &configuration];
    let server = Serve::start(Path::new(&place.url), &more);
    let closed = history.settled.iter().find(|(raw, ..)| raw.discharged == day("2017-06-15")).expect("a settlement");
    let (code, output, errors) = run(&["show", &closed.2.id.to_string(), "--server", &server.url]);
    assert!(code == Some(0) && output.contains("2017-06-15"), "{output}{errors}");
    refused(place.run(&["audit", "verify"], &["--archive", &archive]), 1, "is in use by another process");
    assert_eq!(server.end(), Some(0));

    let from = Path::new(&place.url);
    let words = ["--from-secret", &secret, "--archive", &archive];
    let (code, output, errors) = copied(from, Path::new(&back), &words);
    assert_eq!(code, Some(0), "{output}{errors}");
    assert_eq!(run(&["audit", "verify", "--store", &back, "--against", &seal]).0, Some(0));
}

#[test]
fn only_past_years_can_be_archived_from_a_redis_to_a_directory() {
    let redis = RedisServer::shared();
    let place = YearPlace::on(&redis);
    refused(place.move_years("archive", "2019", &[]), 2, "Redis holds no store");
    refused(place.move_years("archive", "9000", &[]), 2, "the benefit year 8999 is not over");
    assert!(!Path::new(&place.path("archive")).exists());
    let [here, there] = ["here", "there"].map(|name| place.directory.path().join(name));
    refused(copied(&here, &there, &["--move-years-before", "2019"]), 2, "--from a Redis and --to a directory");
    let directory = ["--store", &place.path("here"), "--archive", &place.path("there")];
    refused(run(&[&["serve"][..], &directory].concat()), 2, "--archive requires a store on Redis");
}

/// Many persons with a settlement of each of three years, ids that name their shards.
async fn large(url: &str) {
    let engine = engine(redis_server::open(url).await).await;
    let mut rows = Vec::new();
    for number in 0..SETTLEMENTS / 3 {
        let id = format!("K{number}");
        rows.push(row(ReferenceTable::Enrolments, &[&id, "2014-01-01", "resident", "370100", ""]));
    }
    engine.import(rows).await.expect("sound rows");
    let persons = stream::iter(0..SETTLEMENTS / 3).map(|number| of_every_year(&engine, number));
    persons.buffer_unordered(64).collect::<()>().await;
}

async fn of_every_year(engine: &Engine<RedisStore>, number: u64) {
    let person = format!("K{number}");
    for (at, year) in (0..).zip(YEARS) {
        let [admitted, discharged] = [8, 15].map(|date| day(&format!("{year}-06-{date:02}")));
        let raw_claim = RawClaim { admitted, discharged, ..claim(&format!("C{number}-{year}"), &person, "9876.54") };
        let stamp = stamp((3 * number + at + 1) << 8).for_person(&person);
        engine.settle(settle(raw_claim), stamp).await.expect("a settlement");
    }
}

/// How many entries are in the archive alone.
fn left(redis: &RedisServer) -> u64 {
    let count = "local n = 0 for _, key in ipairs(redis.call('KEYS', '*}:e*')) do \
                 if redis.call('STRLEN', key) == 1 then n = n + 1 end end return n";
    let answer = redis.ask(&["EVAL", count, "0"]);
    answer.trim_start_matches(':').trim().parse().expect("a number")
}

fn memory(redis: &RedisServer) -> u64 {
    let memory_info = redis.ask(&["INFO", "memory"]);
    let line = memory_info.lines().find_map(|line| line.strip_prefix("used_memory_dataset:")).expect("a line");
    line.trim().parse().expect("a number")
}

/// Runs the command until more than so many entries left, and kills it; gives how many had.
fn kill_after_entries(redis: &RedisServer, from: &str, place: &YearPlace, more_than: u64) -> u64 {
    let mut command = onestop();
    command.args(["copy", "--from", from, "--from-secret", &place.path("secret"), "--to", &place.path("archive")]);
    command.args(["--move-years-before", "2019"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    while left(redis) <= more_than {
        assert!(child.try_wait().expect("its state").is_none(), "it ended before it could be interrupted");
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it is gone");
    left(redis)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_archiving_loses_nothing_and_resumes_to_the_same_result() {
    let redis = RedisServer::start(DURABLE);
    let place = YearPlace::on(&redis);
    large(&place.url).await;
    let bytes =
        json_report(place.move_years("archive", "2019", &["--dry-run", "--json"]))["bytes"].as_u64().expect("a number");
    let (full, closed, mut before) = (memory(&redis), SETTLEMENTS / 3 * 2, 0);
    // Replies take their time, so that the command is seen before its end.
    let slow = Proxy::to(redis.port()).await;
    slow.set(Mode::Delays(Duration::from_millis(2)));
    let from = place.url.replace(&redis.port().to_string(), &slow.port().to_string());
    for _ in 0..2 {
        let there = kill_after_entries(&redis, &from, &place, before + (closed - before) / 4);
        assert!(before < there && there < closed, "{before}, then {there} of {closed}");
        before = there;
        refused(place.run(&["audit", "verify"], &[]), 1, WANTS_ARCHIVE);
        let verified = json_report(place.run(&["audit", "verify", "--json"], &["--archive", &place.path("archive")]));
        assert_eq!((&verified["entries"], &verified["splits"]), (&SETTLEMENTS.into(), &SETTLEMENTS.into()));
    }
    let ended = json_report(place.move_years("archive", "2019", &["--json"]));
    assert_eq!((&ended["entries"], &ended["entries_written"]), (&SETTLEMENTS.into(), &0.into()));
    assert_eq!((&ended["moved"]["entries"], left(&redis)), (&(closed - before).into(), closed));
    let verified = json_report(place.run(&["audit", "verify", "--json"], &["--archive", &place.path("archive")]));
    assert_eq!(verified["splits"], SETTLEMENTS);
    let rest = memory(&redis);
    println!("{full} bytes of memory, then {rest}; the {closed} records had {bytes}");
    assert!(full - rest > bytes / 10 * 9, "{full} bytes of memory, then {rest}; the records had {bytes}");
}
