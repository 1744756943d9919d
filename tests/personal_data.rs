//! No id, name or item of a claim appears in a log line, a span, a metric or a key. Marked data is settled, refused,
//! reversed and imported by the real program at the most verbose log level, and then searched for.

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
use crate::support::ids::id;
use crate::support::program::onestop;
use crate::support::stored_log;
use crate::support::{row, stamp};

/// Texts that must not appear.
const MARKS: [&str; 6] = ["PERSON-MARK", "CLAIM-MARK", "REQUEST-MARK", "CODE-MARK", "NAME-MARK", "7654321.09"];

fn marked_claim(id: &str) -> RawClaim {
    RawClaim { items: vec![item("CODE-MARK", "7654321.09")], ..claim(id, "PERSON-MARK", "1.00") }
}

fn marked_reversal(id: &str) -> RawReversal {
    RawReversal {
        hospital_id: "H3".into(),
        person_id: "PERSON-MARK".into(),
        claim_id: id.into(),
        reason: "NAME-MARK was billed twice".to_owned(),
        readjudicate: true,
    }
}

/// Rows with marked data.
const ROWS: &[(ReferenceTable, &[&str])] = &[
    (ReferenceTable::Hospitals, &["H3", "", "a hospital", "tertiary", "370100", "", ""]),
    (ReferenceTable::Designations, &["H3", "", ""]),
    (ReferenceTable::Catalogue, &["CODE-MARK", "", "", "NAME-MARK", "A", "", "", ""]),
    (ReferenceTable::Enrolments, &["PERSON-MARK", "", "resident", "370100", ""]),
];

/// Makes calls with marked data, some of which are refused.
async fn make_calls(client: &mut Client) {
    for (table, cells) in ROWS {
        let rows = vec![cells.iter().map(|cell| (*cell).to_owned()).collect()];
        import_table(client, *table, rows).await.expect("sound rows");
    }
    let bad = vec![["PERSON-MARK", "NAME-MARK", "resident", "370100", ""].map(str::to_owned).to_vec()];
    import_table(client, ReferenceTable::Enrolments, bad).await.expect_err("a refusal");
    for id in ["CLAIM-MARK-1", "CLAIM-MARK-2"] {
        let request = format!("REQUEST-MARK-{id}");
        client.quote(&marked_claim(id)).await.expect("a quote");
        client.settle(&marked_claim(id), &request, Vec::new()).await.expect("a settlement");
    }
    let unlike = RawClaim {
        items: vec![item("CODE-MARK", "7654321.09"), item("CODE-MARK", "-7654321.09")],
        ..marked_claim("CLAIM-MARK-3")
    };
    let mut unlike = unlike;
    unlike.items[0].quantity = onestop::domain::claim::Quantity(-10_000);
    client.settle(&unlike, "REQUEST-MARK-3", Vec::new()).await.expect_err("a refusal");
    let unknown = RawClaim { person_id: "PERSON-MARK-9".into(), ..marked_claim("CLAIM-MARK-4") };
    client.settle(&unknown, "REQUEST-MARK-4", Vec::new()).await.expect_err("a refusal");
    client.reverse(&marked_reversal("CLAIM-MARK-1"), "REQUEST-MARK-5", false).await.expect("a reversal");
    client.reverse(&marked_reversal("CLAIM-MARK-1"), "REQUEST-MARK-6", false).await.expect_err("a refusal");
    let listed = client.list_entries(String::new()).await.expect("entries");
    assert!(listed.entries.iter().any(|entry| entry.person_id == "PERSON-MARK"));
    client.list_entries("PERSON-MARK".to_owned()).await.expect_err("a refusal");
}

/// Calls what does not exist: the path is text of the caller.
async fn call_unknown_path(url: &str) {
    let channel = tonic::transport::Endpoint::from_shared(url.to_owned()).expect("an address").connect().await;
    let mut grpc = tonic::client::Grpc::new(channel.expect("a connection"));
    grpc.ready().await.expect("a connection");
    let path = tonic::codegen::http::uri::PathAndQuery::from_static("/PERSON-MARK.Service/NAME-MARK");
    let status = grpc.unary(tonic::Request::new(Vec::new()), path, crate::fuzzing::wire::Bytes).await;
    assert_eq!(status.expect_err("a refusal").code(), tonic::Code::Unimplemented);
}

/// Asserts that these bytes contain no mark.
fn assert_no_mark(location: &str, bytes: &[u8]) {
    for mark in MARKS {
        let found = bytes.windows(mark.len()).any(|window| window == mark.as_bytes());
        assert!(!found, "{mark} is in {location}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn personal_data_is_in_no_log_line_no_metric_and_no_key() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = directory.path().join("store");
    let mut command: Command = onestop();
    command
        .args(["serve", "--create", "--listen", "127.0.0.1:0", "--operations", "127.0.0.1:0", "--store"])
        .arg(&store)
        .env("ONESTOP_LOG", "trace,h2=trace,hyper=trace");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a started program");
    let mut errors = child.stderr.take().expect("standard error");
    let log = std::thread::spawn(move || {
        let mut text = Vec::new();
        errors.read_to_end(&mut text).expect("the log");
        text
    });
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().expect("standard output")), &mut line)
        .expect("a line");
    let mut urls = line.split_whitespace().filter(|word| word.starts_with("http://"));
    let [url, operations] =
        [urls.next(), urls.next()].map(|url| url.expect("an address").trim_end_matches(',').to_owned());
    make_calls(&mut Client::connect(&url).await.expect("a connection")).await;
    call_unknown_path(&url).await;
    let metrics = scrape_metrics(operations.trim_start_matches("http://"));
    assert!(metrics.contains("onestop_settlements_total{event=\"settled\"} 2"), "{metrics}");
    assert_no_mark("a metric", metrics.as_bytes());
    assert!(Command::new("kill").arg(child.id().to_string()).status().expect("kill").success());
    assert_eq!(child.wait().expect("an ended program").code(), Some(0));
    let log = log.join().expect("the log");
    let calls = String::from_utf8_lossy(&log).matches("\"call\":").count();
    assert_eq!(calls, 16, "one log line for each call");
    let frames = String::from_utf8_lossy(&log).matches("\"target\":\"h2").count();
    assert!(frames > 100, "the transport logs at the same level: {frames} lines");
    assert_no_mark("the log", &log);
    let access = std::fs::read(store.join("access.log")).expect("the access log");
    assert_eq!(
        access.split(|byte| *byte == b'\n').count(),
        6,
        "a line for each of two quotes, a list of entries and two refusals that disclose something, and the end of the file"
    );
    assert_no_mark("the access log", &access);
    let database = redb::Database::open(store.join("redb")).expect("the database");
    let read = database.begin_read().expect("a read");
    let (mut keys, mut records) = (Vec::new(), Vec::new());
    for table in read.list_tables().expect("the tables") {
        // Format 1 used names as keys of hospitals and catalogue; nothing is written to those tables any more.
        let table = redb::TableDefinition::<&[u8], &[u8]>::new(table.name());
        for row in read.open_table(table).expect("a table").iter().expect("rows") {
            let (key, row) = row.expect("a row");
            keys.extend_from_slice(key.value());
            records.extend_from_slice(row.value());
        }
    }
    for record in stored_log::records(&store) {
        keys.extend(record.rows.iter().flat_map(|row| row.key.clone()));
        records.extend(record.rows.into_iter().flat_map(|row| row.value));
        keys.extend(record.entries.iter().flat_map(|(id, _)| id.0));
        records.extend(record.entries.into_iter().flat_map(|(_, entry)| entry));
    }
    assert_no_mark("a key", &keys);
    // The search is effective: the records contain what was settled.
    assert!(MARKS[..5].iter().all(|mark| records.windows(mark.len()).any(|window| window == mark.as_bytes())));
}

/// Reads the metrics of a server.
fn scrape_metrics(address: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).expect("a connection");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("written");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("a response");
    text
}

/// Debug output redacts the values of a claim.
#[tokio::test]
async fn debug_output_contains_no_personal_data() {
    let engine = Engine::open(MemoryStore::default(), shipped::book().expect("the book"), EngineSettings::default());
    let engine = engine.await.expect("an engine");
    for (table, cells) in ROWS {
        engine.import(vec![row(*table, cells)]).await.expect("a sound row");
    }
    let claim = marked_claim("CLAIM-MARK-1");
    let printed = format!("{claim:?} {:?}", claim.items);
    let request =
        SettleRequest { claim, request_id: "REQUEST-MARK".into(), quote: None, today: onestop::domain::day::Day::LAST };
    let committed = engine.settle(request, stamp(1)).await.expect("a settlement");
    let person_id = id("PERSON-MARK");
    let seen = engine.store().look_up(Scope::of_person(&person_id)).await.expect("a look-up");
    let request = ReverseRequest {
        reversal: marked_reversal("CLAIM-MARK-1"),
        request_id: "REQUEST-MARK-2".into(),
        dry_run: false,
    };
    let reversed = engine.reverse(request, stamp(2)).await.expect("a reversal");
    let again = SettleRequest {
        claim: marked_claim("CLAIM-MARK-1"),
        request_id: "REQUEST-MARK-2".into(),
        quote: None,
        today: onestop::domain::day::Day::LAST,
    };
    let refusal = engine.settle(again, stamp(3)).await.expect_err("a refusal");
    let printed = format!("{printed} {committed:?} {:?} {:?} {reversed:?} {refusal:?}", seen.person, seen.state);
    let ids = &MARKS[..5];
    assert!(ids.iter().all(|mark| !printed.contains(mark)), "{printed}");
    assert!(printed.contains("redacted") && printed.len() > 1_000, "the other fields are printed: {printed}");
}
