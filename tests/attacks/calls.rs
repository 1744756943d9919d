//! Calls that are never sent whole, and streams without claims.

use std::time::{Duration, Instant};

use onestop::config::ServerLimits;
use onestop::pb::settlement as pb;
use onestop::pb::settlement::settlement_service_client::SettlementServiceClient;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic::transport::Endpoint;

use super::raw::{RawConnection, ending};
use super::{Target, within};
use crate::service::{code_and_reason, settle_request};
use crate::support::claims::claim;
use crate::support::program::{Serve, onestop};

const QUOTE: &str = "settlement.v1.SettlementService/Quote";
const GET_SETTLEMENT: &str = "settlement.v1.SettlementService/GetSettlement";

fn timed_out() -> (Code, String) {
    (Code::DeadlineExceeded, "REQUEST_TIMED_OUT".to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_body_never_arrives_ends_at_its_deadline_and_frees_its_permit() {
    let target = Target::start(ServerLimits { in_flight: 1, call_seconds: 1, ..ServerLimits::default() }).await;
    let read = target.settled(1).await;
    let connection = RawConnection::open(target.port, 1 << 16).await;
    let stalled = connection.begin(QUOTE).await;
    let mut shed = 0;
    // The stalled call, which came first, has the only permit until it is ended.
    while !ending(connection.call(GET_SETTLEMENT, &read).await).await.1.is_empty() {
        shed += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(shed < 500, "the stalled call keeps its permit");
    }
    assert_eq!((shed > 0, within(10, ending(stalled.response)).await), (true, timed_out()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_stops_in_the_middle_ends_at_the_callers_own_deadline() {
    let target = Target::start(ServerLimits::default()).await;
    let connection = RawConnection::open(target.port, 1 << 16).await;
    let mut stalled = connection.begin_with(QUOTE, &[("grpc-timeout", "300m")]).await;
    stalled.request.send_data(vec![0, 0, 0, 1, 0, 10].into(), false).expect("sent");
    assert_eq!(within(10, ending(stalled.response)).await, timed_out());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_ends_at_its_limit_though_a_call_is_stalled() {
    let mut target = Target::start(ServerLimits { drain_seconds: 1, ..ServerLimits::default() }).await;
    let connection = RawConnection::open(target.port, 1 << 16).await;
    let stalled = connection.begin(QUOTE).await;
    // The call is in flight once a later one on the connection is answered.
    let read = target.settled(1).await;
    assert_eq!(ending(connection.call(GET_SETTLEMENT, &read).await).await.1, "");
    drop(target.stop.take());
    within(4, target.served).await.expect("no panic").expect("no failure");
    within(4, connection.ended).await.expect("the connection is closed");
    assert!(stalled.response.await.is_err(), "the call is broken off");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_without_claims_ends_in_time_and_its_answers_stand() {
    let target = Target::start(ServerLimits { stream_idle_seconds: 1, ..ServerLimits::default() }).await;
    let channel = Endpoint::from_shared(format!("http://127.0.0.1:{}", target.port)).expect("an address");
    let mut client = SettlementServiceClient::new(channel.connect().await.expect("a connection"));
    let (requests, stream) = mpsc::channel(4);
    let pb::SettleRequest { claim, request_id, quote_digest, view } = settle_request(&claim("C1", "P1", "1.00"), "R1");
    requests.send(pb::SettleStreamRequest { claim, request_id, quote_digest, view }).await.expect("room");
    let mut responses = client.settle_stream(ReceiverStream::new(stream)).await.expect("a stream").into_inner();
    assert_eq!(responses.message().await.expect("an answer").expect("an answer").position, 0);
    let end = within(10, responses.message()).await;
    assert_eq!(code_and_reason(end), timed_out());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_beyond_a_callers_limit_are_refused() {
    let target = Target::start(ServerLimits { caller_streams: 2, ..ServerLimits::default() }).await;
    let connection = RawConnection::open(target.port, 1 << 16).await;
    let held = [
        connection.begin("settlement.v1.SettlementService/SettleStream").await,
        connection.begin("settlement.v1.SettlementService/SettleStream").await,
    ];
    let third = connection.begin("settlement.v1.SettlementService/SettleStream").await;
    assert_eq!(within(10, ending(third.response)).await, (Code::ResourceExhausted, "CALLER_LIMIT".to_owned()));
    drop(held);
}

/// The program with a stalled call, ended by SIGTERM: how long it takes, and what it logs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_with_a_stalled_call_ends_at_the_drain_limit_and_logs_it() {
    let place = tempfile::tempdir().expect("a directory");
    let (config, log) = (place.path().join("onestop.toml"), place.path().join("log"));
    std::fs::write(&config, "listen = \"127.0.0.1:0\"\n[limits]\ndrain_seconds = 1\n").expect("written");
    let mut command = onestop();
    command.args(["serve", "--create", "--config"]).arg(&config).arg("--store").arg(place.path().join("store"));
    command.stderr(std::fs::File::create(&log).expect("a file"));
    let serve = Serve::spawn(command);
    let port = serve.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let connection = RawConnection::open(port, 1 << 16).await;
    let _stalled = connection.begin(QUOTE).await;
    // The call is in flight once a later one on the connection is answered.
    ending(connection.call(GET_SETTLEMENT, &pb::GetSettlementRequest::default()).await).await;
    let start = Instant::now();
    assert_eq!(serve.end(), Some(0));
    let (took, log) = (start.elapsed(), std::fs::read_to_string(&log).expect("a log"));
    println!("a drain with a stalled call took {took:?}");
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert!(log.contains("the drain limit has passed") && log.contains("\"connections\":1"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_its_caller_cancels_is_counted_as_cancelled_and_as_nothing_else() {
    let target = Target::start(ServerLimits::default()).await;
    let read = target.settled(1).await;
    let connection = RawConnection::open(target.port, 1 << 16).await;
    let methods =
        [QUOTE, "settlement.v1.SettlementService/SettleStream", "reference.v1.ReferenceService/ImportReference"];
    for method in methods {
        let mut call = connection.begin(method).await;
        call.request.send_data(vec![0, 0, 0, 1, 0, 10].into(), false).expect("sent");
        // The call is in flight once a later one on the connection is answered.
        assert_eq!(ending(connection.call(GET_SETTLEMENT, &read).await).await.1, "");
        call.request.send_reset(h2::Reason::CANCEL);
        let labels =
            format!("rpc_method=\"onestop.{method}\",rpc_response_status_code=\"CANCELLED\",rpc_system_name=\"grpc\"");
        target.wait_for_metric(&format!("rpc_server_call_duration_seconds_count{{{labels}}} 1")).await;
    }
    let metrics = target.get("/metrics").await;
    assert!(metrics.contains("onestop_refusals_total{reason=\"CANCELLED\"} 3"), "{metrics}");
    for method in methods {
        let counts = format!("rpc_server_call_duration_seconds_count{{rpc_method=\"onestop.{method}\"");
        let counted = metrics.lines().filter(|line| line.starts_with(&counts) && !line.ends_with(" 0"));
        assert_eq!(counted.count(), 1, "{metrics}");
    }
}

/// HTTP/2 ends a connection on which 1,024 messages arrived for calls that were answered before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_outlives_thousands_of_calls_that_are_refused_before_their_messages_arrive() {
    let target = Target::start(ServerLimits { in_flight: 1, ..ServerLimits::default() }).await;
    let connection = RawConnection::open(target.port, 1 << 20).await;
    let _stalled = connection.begin(QUOTE).await;
    for _ in 0..4 {
        let mut calls = Vec::new();
        for _ in 0..500 {
            calls.push(connection.begin(QUOTE).await);
        }
        // All of their headers have been read once this is answered.
        let unknown = ending(connection.call("no.Service/Call", &pb::QuoteRequest::default()).await).await;
        assert_eq!(unknown.0, Code::Unimplemented);
        for mut call in calls {
            call.request.send_data(vec![0; 5].into(), true).expect("an open connection");
            assert_eq!(within(10, ending(call.response)).await, (Code::ResourceExhausted, "OVERLOADED".to_owned()));
        }
    }
}
