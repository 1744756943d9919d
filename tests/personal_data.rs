//! No id, name or line of a bill stands in a log line, a span, a metric or a key: marked ones are settled, refused, reversed and
//! imported by the real program at its most talkative, and then looked for.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use onestop::cli::client::Client;
use onestop::cli::client::import::import_table;
use onestop::domain::claim::RawClaim;
use onestop::domain::content::RawReversal;
use onestop::engine::reverse::ReverseRequest;
use onestop::engine::settle::SettleRequest;
use onestop::engine::{Engine, EngineSettings};
use onestop::policy::shipped;
use onestop::reference::table::ReferenceTable;
use onestop::store::memory::MemoryStore;
use onestop::store::{JournalStore, Scope};
use redb::{ReadableDatabase, ReadableTable, TableHandle};

use crate::support::claims::{claim, item};
use crate::support::program::onestop;
use crate::support::{row, stamp};

/// What must stand nowhere.
const MARKS: [&str; 6] = ["PERSON-MARK", "CLAIM-MARK", "REQUEST-MARK", "CODE-MARK", "NAME-MARK", "7654321.09"];

fn bill(id: &str) -> RawClaim {
    RawClaim { items: vec![item("CODE-MARK", "7654321.09")], ..claim(id, "PERSON-MARK", "1.00") }
}

fn told(id: &str) -> RawReversal {
    RawReversal {
        hospital_id: "H3".into(),
        person_id: "PERSON-MARK".into(),
        claim_id: id.into(),
        reason: "NAME-MARK was billed twice".to_owned(),
        readjudicate: true,
    }
}

/// Tables in which everything is marked.
const ROWS: &[(ReferenceTable, &[&str])] = &[
    (ReferenceTable::Hospitals, &["H3", "a hospital", "tertiary", "370100"]),
    (ReferenceTable::Designations, &["H3", "", ""]),
    (ReferenceTable::Catalogue, &["CODE-MARK", "", "", "NAME-MARK", "A", "", "", ""]),
    (ReferenceTable::Enrolments, &["PERSON-MARK", "", ""]),
    (ReferenceTable::Persons, &["PERSON-MARK", "resident", "370100"]),
];

async fn happen(client: &mut Client) {
    for (table, cells) in ROWS {
        let rows = vec![cells.iter().map(|cell| (*cell).to_owned()).collect()];
        import_table(client, *table, rows).await.expect("sound rows");
    }
    let bad = vec![["PERSON-MARK", "NAME-MARK", ""].map(str::to_owned).to_vec()];
    import_table(client, ReferenceTable::Enrolments, bad).await.expect_err("a refusal");
    for id in ["CLAIM-MARK-1", "CLAIM-MARK-2"] {
        let request = format!("REQUEST-MARK-{id}");
        client.quote(&bill(id)).await.expect("a quote");
        client.settle(&bill(id), &request, Vec::new()).await.expect("a settlement");
    }
    let unlike = RawClaim {
        items: vec![item("CODE-MARK", "7654321.09"), item("CODE-MARK", "-7654321.09")],
        ..bill("CLAIM-MARK-3")
    };
    let mut unlike = unlike;
    unlike.items[0].quantity = onestop::domain::claim::Quantity(-10_000);
    client.settle(&unlike, "REQUEST-MARK-3", Vec::new()).await.expect_err("a refusal");
    let unknown = RawClaim { person_id: "PERSON-MARK-9".into(), ..bill("CLAIM-MARK-4") };
    client.settle(&unknown, "REQUEST-MARK-4", Vec::new()).await.expect_err("a refusal");
    client.reverse(&told("CLAIM-MARK-1"), "REQUEST-MARK-5", false).await.expect("a reversal");
    client.reverse(&told("CLAIM-MARK-1"), "REQUEST-MARK-6", false).await.expect_err("a refusal");
}

fn none(place: &str, bytes: &[u8]) {
    for mark in MARKS {
        let found = bytes.windows(mark.len()).any(|window| window == mark.as_bytes());
        assert!(!found, "{mark} stands in {place}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_marked_stands_in_no_log_line_no_metric_and_no_key() {
    let place = tempfile::tempdir().expect("a directory");
    let store = place.path().join("store");
    let mut command: Command = onestop();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--operations", "127.0.0.1:0", "--store"])
        .arg(&store)
        .env("ONESTOP_LOG", "trace,h2=trace,hyper=trace");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut errors = child.stderr.take().expect("its errors");
    let log = std::thread::spawn(move || {
        let mut text = Vec::new();
        errors.read_to_end(&mut text).expect("its log");
        text
    });
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().expect("its output")), &mut line)
        .expect("a line");
    let mut urls = line.split_whitespace().filter(|word| word.starts_with("http://"));
    let [url, operations] =
        [urls.next(), urls.next()].map(|url| url.expect("an address").trim_end_matches(',').to_owned());
    happen(&mut Client::connect(&url).await.expect("it answers")).await;
    let metrics = scraped(operations.trim_start_matches("http://"));
    assert!(metrics.contains("onestop_calls_total{call=\"Settle\",code=\"OK\"} 2"), "{metrics}");
    none("a metric", metrics.as_bytes());
    assert!(Command::new("kill").arg(child.id().to_string()).status().expect("kill").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    let log = log.join().expect("its log");
    let calls = String::from_utf8_lossy(&log).matches("\"call\":").count();
    assert_eq!(calls, 14, "every call has its line");
    let frames = String::from_utf8_lossy(&log).matches("\"target\":\"h2").count();
    assert!(frames > 100, "the transport is as talkative: {frames} lines");
    none("the log", &log);
    let access = std::fs::read(store.join("access.log")).expect("the access log");
    assert_eq!(access.split(|byte| *byte == b'\n').count(), 3, "two quotes were read, and the end");
    none("the access log", &access);
    let database = redb::Database::open(store.join("redb")).expect("the database");
    let read = database.begin_read().expect("a read");
    let (mut keys, mut records) = (Vec::new(), Vec::new());
    for table in read.list_tables().expect("the tables") {
        // Hospitals and catalogue of format 1 had names for keys; nothing is written there any more.
        let table = redb::TableDefinition::<&[u8], &[u8]>::new(table.name());
        for row in read.open_table(table).expect("a table").iter().expect("rows") {
            let (key, row) = row.expect("a row");
            keys.extend_from_slice(key.value());
            records.extend_from_slice(row.value());
        }
    }
    none("a key", &keys);
    // The search can find: records do hold what was settled.
    assert!(MARKS[..5].iter().all(|mark| records.windows(mark.len()).any(|window| window == mark.as_bytes())));
}

/// The metrics of a server.
fn scraped(address: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).expect("it listens");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("written");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    text
}

/// Whatever of a claim is printed for debugging: that there is one, and nothing of it.
#[tokio::test]
async fn what_is_printed_for_debugging_names_nobody() {
    let engine = Engine::open(MemoryStore::default(), shipped::book().expect("the book"), EngineSettings::default());
    let engine = engine.await.expect("an engine");
    for (table, cells) in ROWS {
        engine.import(vec![row(*table, cells)]).await.expect("a sound row");
    }
    let told = bill("CLAIM-MARK-1");
    let printed = format!("{told:?} {:?}", told.items);
    let request = SettleRequest { claim: told, request_id: "REQUEST-MARK".into(), quote: None };
    let committed = engine.settle(request, stamp(1)).await.expect("a settlement");
    let person_id = "PERSON-MARK".into();
    let seen = engine.store().look_up(Scope::of_person(&person_id)).await.expect("a look-up");
    let asked =
        ReverseRequest { reversal: self::told("CLAIM-MARK-1"), request_id: "REQUEST-MARK-2".into(), dry_run: false };
    let reversed = engine.reverse(asked, stamp(2)).await.expect("a reversal");
    let again = SettleRequest { claim: bill("CLAIM-MARK-1"), request_id: "REQUEST-MARK-2".into(), quote: None };
    let refusal = engine.settle(again, stamp(3)).await.expect_err("a refusal");
    let printed = format!("{printed} {committed:?} {:?} {:?} {reversed:?} {refusal:?}", seen.person, seen.state);
    let ids = &MARKS[..5];
    assert!(ids.iter().all(|mark| !printed.contains(mark)), "{printed}");
    assert!(printed.contains("redacted") && printed.len() > 1_000, "it prints the rest: {printed}");
}
