//! The token of a quote: without an authentic one of this caller and claim, a settle reveals no split.

use onestop::access::sealed_token::{LIFETIME_SECONDS, TokenContext, TokenKey};
use onestop::domain::claim::RawClaim;
use onestop::domain::ids::Digest;
use onestop::domain::journal::Instant;
use onestop::grpc::{commit_stamp, to_proto};
use onestop::journal::content::settle_content;
use onestop::pb::settlement as pb;
use onestop::pb::settlement::settle_stream_response::Answer;
use onestop::store::JournalStore;
use prost::Message;
use tonic::{Code, Status};

use super::{Server, bill, refusal_details, settle_request};
use crate::support::claims::claim;

/// The refusals by Settle and by SettleStream of this claim with this token.
async fn refusals(server: &Server, claim: &RawClaim, token: &[u8]) -> [Status; 2] {
    let request = pb::SettleRequest { quote_digest: token.to_vec(), ..settle_request(claim, "R1") };
    let stream_request = pb::SettleStreamRequest {
        claim: Some(to_proto::claim(claim)),
        request_id: "R1".to_owned(),
        quote_digest: token.to_vec(),
        view: 0,
    };
    let unary = server.settlement_client().settle(request).await.expect_err("a refusal");
    let mut stream = server
        .settlement_client()
        .settle_stream(tokio_stream::iter([stream_request]))
        .await
        .expect("a stream")
        .into_inner();
    let answer = stream.message().await.expect("an answer").expect("an answer").answer;
    assert!(matches!(&answer, Some(Answer::Refusal(_))), "{answer:?}");
    [unary, onestop::cli::error::client::status_from_answer(answer)]
}

/// Asserts that both refusals name the token, for this reason, and hold nothing else.
fn assert_token_refused(refusals: &[Status], reason: &str, what: &str) {
    for status in refusals {
        let details = refusal_details(status);
        assert_eq!((status.code(), details.reason.as_str()), (Code::InvalidArgument, "INVALID_QUOTE"), "{what}");
        let [(field, fault, _)] = &details.faults[..] else { panic!("{what}: {details:?}") };
        assert_eq!((field.as_str(), fault.as_str()), ("quote_digest", reason), "{what}");
        let rpc = tonic_types::pb::Status::decode(status.details()).expect("a google.rpc.Status");
        assert!(rpc.details.iter().all(|any| !any.type_url.contains("QuoteChanged")), "{what}: no split");
    }
}

/// A token sealed with the key of the server for this claim and split, issued so many seconds ago.
fn token(server: &Server, caller: &str, claim: &RawClaim, split: &[u8], age: i64) -> Vec<u8> {
    let key = TokenKey::new(server.engine.store().derived_key("onestop quote tokens, version 1").0);
    let context = TokenContext { caller, call: "Quote", subject: settle_content(claim) };
    key.seal(context, split, Instant(commit_stamp::now().instant.0 - age * 1_000_000)).expect("a token")
}

#[tokio::test]
async fn a_made_up_altered_or_foreign_quote_is_refused_without_a_split() {
    let server = Server::start().await;
    let other = RawClaim { emergency: !bill().emergency, ..bill() };
    let quoted = server.quote(&bill()).await.expect("a quote").quote_digest;
    let mut altered = quoted.clone();
    *altered.last_mut().expect("a byte") ^= 1;
    let of_other_claim = server.quote(&other).await.expect("a quote").quote_digest;
    let of_other_caller = token(&server, "another caller", &bill(), &[7; 32], 0);
    let of_another_form = token(&server, "anyone", &bill(), &[7; 31], 0);
    let split = server.engine.quote(bill(), onestop::domain::day::Day::LAST).await.expect("a quote").digest.0.to_vec();
    for (what, token) in [
        ("one byte", vec![7]),
        ("a made-up digest", vec![7; 32]),
        ("the digest of the very split", split),
        ("an altered byte", altered),
        ("another claim", of_other_claim),
        ("another caller", of_other_caller),
        ("another form", of_another_form),
        ("a megabyte", vec![1; 1 << 20]),
    ] {
        assert_token_refused(&refusals(&server, &bill(), &token).await, "NOT_AUTHENTIC", what);
    }
}

#[tokio::test]
async fn a_quote_expires_after_twelve_hours() {
    let server = Server::start().await;
    let split = server.engine.quote(bill(), onestop::domain::day::Day::LAST).await.expect("a quote").digest;
    let issued = |age| token(&server, "anyone", &bill(), &split.0, age);
    assert_token_refused(&refusals(&server, &bill(), &issued(LIFETIME_SECONDS)).await, "EXPIRED", "12 hours");
    let fresh = pb::SettleRequest { quote_digest: issued(LIFETIME_SECONDS - 60), ..settle_request(&bill(), "R1") };
    assert!(server.settlement_client().settle(fresh.clone()).await.is_ok());
    let replay = pb::SettleRequest { quote_digest: issued(LIFETIME_SECONDS), ..fresh };
    let replay = server.settlement_client().settle(replay).await.expect("a replay").into_inner();
    assert!(replay.replay, "a request that has committed is answered whatever token its copy carries");
}

#[tokio::test]
async fn an_authentic_quote_whose_split_has_changed_is_refused_with_the_new_split() {
    let server = Server::start().await;
    let quoted = server.quote(&bill()).await.expect("a quote").quote_digest;
    server.settle_ok(&claim("C2", "P1", "5000.00"), "R2").await;
    for status in refusals(&server, &bill(), &quoted).await {
        assert_eq!(refusal_details(&status).reason, "QUOTE_CHANGED");
        let changed: pb::QuoteChanged = super::status_detail(&status, "QuoteChanged");
        assert_eq!(changed.split, server.quote(&bill()).await.expect("a quote").split);
        assert_ne!(changed.quote_digest, quoted);
    }
}

#[tokio::test]
async fn a_quote_reveals_no_digest_of_its_split_and_every_instance_opens_it() {
    let (one, other) = (Server::start().await, Server::start().await);
    let Digest(split) = one.engine.quote(bill(), onestop::domain::day::Day::LAST).await.expect("a quote").digest;
    let quoted = one.quote(&bill()).await.expect("a quote").quote_digest;
    assert!(!quoted.windows(8).any(|window| split.windows(8).any(|part| part == window)));
    assert_ne!(quoted, one.quote(&bill()).await.expect("a quote").quote_digest, "no two tokens are equal");
    let request = pb::SettleRequest { quote_digest: quoted, ..settle_request(&bill(), "R1") };
    assert!(other.settlement_client().settle(request).await.is_ok(), "the stores have the same secret");
}
