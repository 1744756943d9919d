//! Responses that nobody reads: their memory is limited, and the peer is disconnected.

use std::process::Stdio;
use std::time::{Duration, Instant};

use onestop::cli::client::import::import_table;
use onestop::config::ServerLimits;
use onestop::domain::claim::RawClaim;
use onestop::pb::settlement as pb;
use onestop::reference::table::ReferenceTable;
use onestop::store::StoreError;
use tonic::Code;

use super::raw::{RawConnection, ending, refusal, trailing};
use super::{Target, within};
use crate::service::faulty_store::StoreMode;
use crate::service::settle_request;
use crate::support::claims::{claim, item};
use crate::support::program::{Serve, onestop};

const GET_SETTLEMENT: &str = "settlement.v1.SettlementService/GetSettlement";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unread_response_keeps_its_permit_until_its_connection_is_closed() {
    let limits = ServerLimits { in_flight: 2, unread_seconds: 1, ..ServerLimits::default() };
    let target = Target::start(limits).await;
    let read = target.settled(100).await;
    let unread = RawConnection::open(target.port, 0).await;
    let held = [unread.call(GET_SETTLEMENT, &read).await, unread.call(GET_SETTLEMENT, &read).await];
    let mut bodies = Vec::new();
    for response in held {
        // The head of the response has come; its body cannot.
        bodies.push(response.await.expect("a response").into_body());
    }
    let other = RawConnection::open(target.port, 1 << 16).await;
    let shed = ending(other.call(GET_SETTLEMENT, &read).await).await;
    assert_eq!(shed, (Code::ResourceExhausted, "OVERLOADED".to_owned()));
    within(10, unread.ended).await.expect("it is closed");
    target.wait_for_metric("onestop_closed_connections_total{reason=\"response_unread\"} 1").await;
    assert_eq!(within(10, ending(other.call(GET_SETTLEMENT, &read).await)).await.1, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_that_makes_progress_reads_to_the_end() {
    let target = Target::start(ServerLimits { unread_seconds: 1, ..ServerLimits::default() }).await;
    let read = target.settled(2_000).await;
    let slow = RawConnection::open(target.port, 2 << 10).await;
    let mut body = slow.call(GET_SETTLEMENT, &read).await.await.expect("a response").into_body();
    let (mut received, start) = (0, Instant::now());
    while let Some(data) = within(10, body.data()).await {
        let data = data.expect("the connection stays open");
        received += data.len();
        tokio::time::sleep(Duration::from_millis(100)).await;
        body.flow_control().release_capacity(data.len()).expect("capacity");
    }
    assert!(received > 32 << 10 && start.elapsed() > Duration::from_secs(1), "{received}, {:?}", start.elapsed());
    assert!(body.trailers().await.expect("trailers").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_beyond_the_memory_of_its_connection_is_refused_and_others_are_served() {
    let limits = ServerLimits { connection_memory_bytes: 1 << 20, ..ServerLimits::default() };
    let target = Target::start(limits).await;
    let read = target.settled(2_000).await;
    let unread = RawConnection::open(target.port, 0).await;
    let mut held = Vec::new();
    let refused = loop {
        let response = unread.call(GET_SETTLEMENT, &read).await.await.expect("a response");
        if response.headers().contains_key("grpc-status") {
            break refusal(response.headers()).expect("a refusal");
        }
        let mut body = response.into_body();
        // A refused response has trailers and no data, which the window does not hold back.
        match tokio::time::timeout(Duration::from_millis(300), body.data()).await {
            Ok(None) => break trailing(body).await,
            Ok(Some(data)) => panic!("{data:?}"),
            Err(_waits) => held.push(body),
        }
        assert!(held.len() < 50, "more than the limit is held");
    };
    assert_eq!(refused, (Code::ResourceExhausted, "CALLER_LIMIT".to_owned()));
    assert!(!held.is_empty());
    let other = RawConnection::open(target.port, 1 << 16).await;
    assert_eq!(within(10, ending(other.call(GET_SETTLEMENT, &read).await)).await.1, "");
}

/// Two million empty items fit into a message of 4 MiB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_of_millions_of_empty_items_is_refused_before_it_waits_for_the_store() {
    let target = Target::start(ServerLimits::default()).await;
    target.store.set_mode(StoreMode::FailReads(StoreError::Unavailable("not to be asked".to_owned())));
    let connection = RawConnection::open(target.port, 1 << 16).await;
    let claim = Some(pb::Claim { items: vec![pb::Item::default(); 2_000_000], ..Default::default() });
    let call = connection.call("settlement.v1.SettlementService/Quote", &pb::QuoteRequest { claim }).await;
    assert_eq!(within(20, ending(call)).await, (Code::InvalidArgument, "INVALID_REQUEST".to_owned()));
}

/// The resident memory of a process, and its peak, in bytes.
fn memory(pid: u32) -> (usize, usize) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).expect("a field");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok()).expect("a number") << 10
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// The program with a settlement of the largest size, and the bill of it.
struct Program {
    serve: Serve,
    port: u16,
    bill: RawClaim,
    read: pb::GetSettlementRequest,
    _place: tempfile::TempDir,
}

impl Program {
    /// With this much memory for calls.
    async fn start(memory: usize) -> Program {
        let place = tempfile::tempdir().expect("a directory");
        let config = place.path().join("onestop.toml");
        let limits = format!("[limits]\nmemory_bytes = {memory}\n");
        std::fs::write(&config, format!("listen = \"127.0.0.1:0\"\n{limits}")).expect("written");
        let mut command = onestop();
        command.args(["serve", "--create", "--config"]).arg(&config).arg("--store").arg(place.path().join("store"));
        command.stderr(Stdio::null());
        let serve = Serve::spawn(command);
        let port: u16 = serve.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        let mut client = serve.with_tables().await;
        let codes: Vec<_> = (0..5_000).map(|number| format!("{number:064}")).collect();
        let row = |code: &String| [code, "", "", "甲类", "A", "", "", ""].map(str::to_owned).to_vec();
        let rows = codes.iter().map(row).collect();
        import_table(&mut client, ReferenceTable::Catalogue, rows).await.expect("a sound table");
        let mut bill = claim("C1", "P1", "1.00");
        bill.items = codes.iter().map(|code| item(code, "1234.56")).collect();
        let settled = client.settle(&bill, "R1", Vec::new()).await.expect("a settlement").settlement;
        let settlement_id = settled.expect("a settlement").settlement_id;
        let read = pb::GetSettlementRequest { settlement_id, ..Default::default() };
        Program { serve, port, bill, read, _place: place }
    }

    /// How much memory the program took beyond what it had before, at the peak.
    async fn peak_of(&self, attack: impl Future<Output = ()>) -> usize {
        let (before, _) = memory(self.serve.pid());
        attack.await;
        let (_, peak) = memory(self.serve.pid());
        println!("{} MiB before, {} MiB at the peak", before >> 20, peak >> 20);
        peak - before
    }
}

/// What the allocator keeps beyond the memory of calls, and connections take.
const ALLOWANCE: usize = 48 << 20;

/// Six connections with forty calls each, of which no response is read: without the limit 250 MiB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_reads_of_the_largest_settlement_take_no_more_memory_than_the_limit() {
    let memory = 16 << 20;
    let program = Program::start(memory).await;
    let (mut held, mut bodies) = (Vec::new(), Vec::new());
    let peak = program.peak_of(async {
        for _ in 0..6 {
            let connection = RawConnection::open(program.port, 0).await;
            for _ in 0..40 {
                held.push(connection.call(GET_SETTLEMENT, &program.read).await);
            }
        }
        for response in held {
            // A connection of which nothing is read is closed, and its last calls with it.
            bodies.extend(within(60, response).await);
        }
    });
    assert!(peak.await < memory + ALLOWANCE);
    println!("{} responses were begun", bodies.len());
}

/// Eight connections with eight claims each, all at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_claims_at_once_take_no_more_memory_than_the_limit_and_the_others_are_shed() {
    let memory = 32 << 20;
    let program = Program::start(memory).await;
    let (mut settled, mut shed) = (0, 0);
    let peak = program.peak_of(async {
        let mut calls = Vec::new();
        for number in 0..8 {
            let connection = RawConnection::open(program.port, 1 << 20).await;
            for at in 0..8 {
                let mut bill = program.bill.clone();
                bill.claim_id = format!("C-{number}-{at}").as_str().into();
                let request = settle_request(&bill, &format!("R-{number}-{at}"));
                calls.push(connection.call("settlement.v1.SettlementService/Settle", &request).await);
            }
        }
        for call in calls {
            match within(100, ending(call)).await {
                (Code::Ok, _) => settled += 1,
                (Code::ResourceExhausted, _) => shed += 1,
                other => panic!("{other:?}"),
            }
        }
    });
    let peak = peak.await;
    println!("{settled} settled, {shed} shed");
    assert!(peak < memory + ALLOWANCE, "{} MiB", peak >> 20);
    assert!(settled > 0 && shed > 0);
}
