//! The limits of callers: no caller starves the others.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use onestop::access::allowance::{Allowance, CallerLimits};
use onestop::access::fair_limit::FairLimit;
use onestop::config::ServerLimits;
use onestop::grpc::status::Reason;
use onestop::grpc::to_proto;
use onestop::pb::policy::ListPoliciesRequest;
use onestop::pb::policy::policy_service_client::PolicyServiceClient;
use onestop::pb::settlement as pb;
use onestop::pb::settlement::settlement_service_client::SettlementServiceClient;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::TestServer;
use crate::service::refusal_details;
use crate::support::claims::claim;
use crate::support::keys::Keys;

/// The generated callers file, with additional lines in the entry of the hospital.
fn with_hospital_limits(keys: &Keys, more: &str) -> String {
    keys.callers().replace("role = \"hospital\"\n", &format!("role = \"hospital\"\n{more}\n"))
}

async fn ask(server: &TestServer, role: &str) -> Result<(), Status> {
    let mut client = PolicyServiceClient::new(server.channel(role).await);
    client.list_policies(ListPoliciesRequest::default()).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_over_its_rate_is_refused_with_a_retry_delay_and_others_are_served() {
    let keys = Keys::made();
    keys.put_callers(&with_hospital_limits(&keys, "rate = 1"));
    let server = TestServer::start(keys, ServerLimits::default()).await;
    ask(&server, "hospital").await.expect("the first call");
    let status = ask(&server, "hospital").await.expect_err("a refusal");
    assert_eq!((status.code(), refusal_details(&status).reason.as_str()), (Code::ResourceExhausted, "CALLER_LIMIT"));
    let details = status.get_error_details();
    let wait = details.retry_info().and_then(|retry| retry.retry_delay).expect("a delay");
    assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
    for _ in 0..20 {
        ask(&server, "gateway").await.expect("another is served");
    }
    tokio::time::sleep(wait).await;
    ask(&server, "hospital").await.expect("a call after the delay");
}

#[test]
fn calls_beyond_a_callers_in_flight_limit_are_refused_until_one_ends() {
    let allowance = Allowance::new(CallerLimits { rate: NonZeroU32::MAX, in_flight: 2, bytes: 1 << 20 });
    let held = [allowance.try_acquire().expect("a permit"), allowance.try_acquire().expect("a permit")];
    assert_eq!(Reason::from(&allowance.try_acquire().expect_err("a refusal")), Reason::CallerLimit);
    drop(held);
    assert!(allowance.try_acquire().is_ok(), "the permit is free again");
}

#[test]
fn a_caller_that_floods_leaves_the_others_room() {
    let limit = FairLimit::new(100);
    let [a, b, c]: [Arc<str>; 3] = ["a", "b", "c"].map(Arc::from);
    let flood = |caller| std::iter::from_fn(|| limit.try_acquire(caller)).collect::<Vec<_>>();
    let _first = limit.try_acquire(&b).expect("room");
    let flooding = flood(&a);
    assert_eq!(flooding.len(), 74, "with the one of the other, three quarters");
    let others = flood(&b);
    assert_eq!((others.len(), limit.in_flight()), (25, 100), "never more than the limit");
    drop(others);
    assert!(limit.try_acquire(&a).is_none(), "it has more than its share");
    assert!(limit.try_acquire(&c).is_some(), "one that comes later is served too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_slowed_to_its_callers_rate_and_not_refused() {
    let keys = Keys::made();
    keys.put_callers(&with_hospital_limits(&keys, "rate = 20\nin_flight = 1"));
    let server = TestServer::start(keys, ServerLimits::default()).await;
    let mut client = SettlementServiceClient::new(server.channel("hospital").await);
    let requests: Vec<_> = (0..50)
        .map(|number| pb::SettleStreamRequest {
            claim: Some(to_proto::claim(&claim(&format!("C{number}"), "P1", "1.00"))),
            request_id: format!("R{number}"),
            quote_digest: Vec::new(),
            view: 0,
        })
        .collect();
    let start = std::time::Instant::now();
    let mut answers = client.settle_stream(tokio_stream::iter(requests)).await.expect("a stream").into_inner();
    let mut settled = 0;
    while let Some(answer) = answers.message().await.expect("an answer") {
        settled += usize::from(matches!(answer.answer, Some(pb::settle_stream_response::Answer::Settlement(_))));
    }
    // The rate permits 20 at once, one of which is the call itself; the other 31 claims follow at 20 per second.
    assert_eq!(settled, 50);
    assert!(start.elapsed() >= Duration::from_millis(1_400), "{:?}", start.elapsed());
}
