//! Refusals that the framework makes in place of a handler: each has a reason of this service, in streams too.

use onestop::config::ServerLimits;
use onestop::pb::settlement as pb;
use prost::Message;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::{Server, refusal_details};
use crate::fuzzing::wire::Bytes;

/// The status with which a stream of these messages ends.
async fn end_of_stream(server: &Server, path: &'static str, messages: Vec<Vec<u8>>) -> Status {
    let mut grpc = Grpc::new(server.channel.clone());
    grpc.ready().await.expect("a connection");
    let request = Request::new(tokio_stream::iter(messages));
    let answers = grpc.streaming(request, PathAndQuery::from_static(path), Bytes).await;
    let mut answers = match answers {
        Ok(answers) => answers.into_inner(),
        Err(status) => return status,
    };
    loop {
        match answers.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended without a refusal"),
            Err(status) => return status,
        }
    }
}

fn assert_reason(status: &Status, code: Code, reason: &str) {
    let details = refusal_details(status);
    assert_eq!((details.code, details.reason.as_str()), (code, reason), "{status:?}");
}

#[tokio::test]
async fn a_message_of_a_stream_that_cannot_be_decoded_or_is_too_large_is_refused_with_a_reason() {
    let server = Server::start_with_limits(ServerLimits { message_bytes: 4_096, ..ServerLimits::default() }).await;
    for path in [
        "/onestop.settlement.v1.SettlementService/SettleStream",
        "/onestop.reference.v1.ReferenceService/ImportReference",
    ] {
        let status = end_of_stream(&server, path, vec![vec![0xff; 9]]).await;
        assert_reason(&status, Code::InvalidArgument, "UNDECODABLE_MESSAGE");
        let status = end_of_stream(&server, path, vec![vec![0; 5_000]]).await;
        assert_reason(&status, Code::OutOfRange, "MESSAGE_TOO_LARGE");
    }
}

#[tokio::test]
async fn a_unary_call_without_a_message_is_refused_with_a_reason() {
    let server = Server::start().await;
    let status = end_of_stream(&server, "/onestop.settlement.v1.SettlementService/Settle", Vec::new()).await;
    assert_reason(&status, Code::InvalidArgument, "UNDECODABLE_MESSAGE");
}

#[tokio::test]
async fn a_refusal_by_the_health_service_has_a_reason() {
    let server = Server::start().await;
    let mut health = HealthClient::new(server.channel.clone());
    let request = HealthCheckRequest { service: "another".to_owned() };
    assert_reason(&health.check(request).await.expect_err("a refusal"), Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn headers_up_to_the_limit_are_accepted_and_above_it_refused() {
    let server = Server::start().await;
    let claim = super::bill();
    for (bytes, accepted) in [(15 << 10, true), (17 << 10, false), (65 << 10, false), (1_000 << 10, false)] {
        let mut request = Request::new(super::settle_request(&claim, "R1"));
        request.metadata_mut().insert("note", "x".repeat(bytes).parse().expect("a header"));
        match server.settlement_client().settle(request).await {
            Ok(_) => assert!(accepted, "{bytes}"),
            Err(status) => {
                assert!(!accepted, "{bytes}: {status:?}");
                assert_reason(&status, Code::OutOfRange, "HEADERS_TOO_LARGE");
            }
        }
    }
}

/// The decoder's text names fields and wire types; nothing of what the caller sent.
#[tokio::test]
async fn the_refusal_of_an_undecodable_message_repeats_nothing_of_it() {
    let server = Server::start().await;
    let claim = pb::Claim { person_id: "PERSON-MARK".to_owned(), ..pb::Claim::default() };
    let mut bytes = pb::SettleRequest { claim: Some(claim), ..Default::default() }.encode_to_vec();
    bytes.extend([0x12, 3, 0xff, b'M', 0xfe]);
    let status = end_of_stream(&server, "/onestop.settlement.v1.SettlementService/Settle", vec![bytes]).await;
    assert_reason(&status, Code::InvalidArgument, "UNDECODABLE_MESSAGE");
    assert!(!status.message().contains("MARK") && !status.message().contains('\u{fffd}'), "{}", status.message());
}
