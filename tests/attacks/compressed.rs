//! Requests compressed with gzip: read like others, and limited by their size after decompression.

use onestop::config::ServerLimits;
use onestop::grpc::to_proto;
use onestop::pb::settlement as pb;
use onestop::pb::settlement::settlement_service_client::SettlementServiceClient;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};

use super::raw::{RawConnection, ending};
use super::{Target, within};
use crate::fuzzing::wire::Bytes;
use crate::service::{code_and_reason, settle_request};
use crate::support::claims::{claim, item};

const QUOTE: &str = "settlement.v1.SettlementService/Quote";
const QUOTE_PATH: &str = "/onestop.settlement.v1.SettlementService/Quote";
const SETTLE_STREAM_PATH: &str = "/onestop.settlement.v1.SettlementService/SettleStream";

async fn channel(target: &Target) -> Channel {
    let url = format!("http://127.0.0.1:{}", target.port);
    Endpoint::from_shared(url).expect("an address").connect().await.expect("a connection")
}

/// A quote of 5,000 lines, each with a code of 64 bytes that no catalogue holds: half a megabyte of a few letters.
fn large_quote() -> pb::QuoteRequest {
    let mut claim = claim("C", "P1", "1.00");
    claim.items = vec![item(&"N".repeat(64), "1.00"); 5_000];
    pb::QuoteRequest { claim: Some(to_proto::claim(&claim)) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gzip_requests_of_calls_and_streams_are_answered_like_others() {
    let target = Target::start(ServerLimits::default()).await;
    let channel = channel(&target).await;
    let request = settle_request(&claim("C", "P1", "1.00"), "R");
    let mut client = SettlementServiceClient::new(channel.clone()).send_compressed(Gzip);
    let settled = client.settle(request.clone()).await.expect("a settlement").into_inner();
    let plain = SettlementServiceClient::new(channel).settle(request.clone()).await.expect("a replay").into_inner();
    assert_eq!((settled.settlement, plain.replay), (plain.settlement, true));
    let pb::SettleRequest { claim, request_id, quote_digest, view } = request;
    let streamed = pb::SettleStreamRequest { claim, request_id, quote_digest, view };
    let mut answers = client.settle_stream(tokio_stream::iter([streamed])).await.expect("a stream").into_inner();
    assert!(answers.message().await.expect("an answer").expect("an answer").replay);
}

/// 64 MiB of zeros, which are 64 KiB of gzip.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_grows_above_the_limit_when_it_is_decompressed_is_too_large() {
    let target = Target::start(ServerLimits::default()).await;
    let mut grpc = Grpc::new(channel(&target).await).send_compressed(Gzip);
    let bomb = || Request::new(vec![0; 64 << 20]);
    grpc.ready().await.expect("a connection");
    let answer = grpc.unary(bomb(), PathAndQuery::from_static(QUOTE_PATH), Bytes).await;
    let expected = (Code::OutOfRange, "MESSAGE_TOO_LARGE".to_owned());
    assert_eq!(code_and_reason(answer), expected);
    grpc.ready().await.expect("a connection");
    let messages = Request::new(tokio_stream::iter([bomb().into_inner()]));
    let answers = grpc.streaming(messages, PathAndQuery::from_static(SETTLE_STREAM_PATH), Bytes).await;
    let answer = match answers {
        Ok(mut answers) => answers.get_mut().message().await,
        Err(refusal) => Err(refusal),
    };
    assert_eq!(code_and_reason(answer), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_not_compressed_as_its_header_says_is_undecodable() {
    let target = Target::start(ServerLimits::default()).await;
    let connection = RawConnection::open(target.port, 1 << 16).await;
    let mut call = connection.begin_with(QUOTE, &[("grpc-encoding", "gzip")]).await;
    call.request.send_data(vec![1, 0, 0, 0, 4, 9, 9, 9, 9].into(), true).expect("sent");
    let undecodable = (Code::InvalidArgument, "UNDECODABLE_MESSAGE".to_owned());
    assert_eq!(within(10, ending(call.response)).await, undecodable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compressed_message_takes_the_memory_of_its_true_size() {
    let target = Target::start(ServerLimits { memory_bytes: 1 << 20, ..ServerLimits::default() }).await;
    let mut client = SettlementServiceClient::new(channel(&target).await).send_compressed(Gzip);
    let mut quoted = async || code_and_reason(client.quote(large_quote()).await);
    assert_eq!(quoted().await, (Code::InvalidArgument, "UNKNOWN_ITEM".to_owned()), "there is room for one call");
    let connection = RawConnection::open(target.port, 1 << 16).await;
    let mut stalled = connection.begin(QUOTE).await;
    stalled.request.send_data(vec![0, 0, 0, 1, 0, 10].into(), false).expect("sent");
    // The stalled call holds its memory once a later one on its connection is answered.
    let read = target.settled(1).await;
    let reads = ending(connection.call("settlement.v1.SettlementService/GetSettlement", &read).await).await;
    assert_eq!(reads.0, Code::Ok, "{reads:?}");
    assert_eq!(quoted().await, (Code::ResourceExhausted, "OVERLOADED".to_owned()));
}
