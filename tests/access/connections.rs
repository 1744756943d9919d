//! Connections: only with a certificate that is believed, bounded in time and number.

use std::time::Duration;

use onestop::config::ServerLimits;
use onestop::grpc::pb::policy::ListPoliciesRequest;
use onestop::grpc::pb::policy::policy_service_client::PolicyServiceClient;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Status};

use super::House;
use crate::service::refusal_details;
use crate::support::keys::{Keys, connect};

async fn ask(channel: Channel) -> Result<(), Status> {
    PolicyServiceClient::new(channel).list_policies(ListPoliciesRequest::default()).await.map(|_| ())
}

/// TLS 1.3 tells a client that its certificate is refused only when it reads: at the first call.
async fn refused(channel: Result<Channel, tonic::transport::Error>) -> bool {
    match channel {
        Err(_) => true,
        Ok(channel) => ask(channel).await.is_err_and(|status| status.code() != Code::Unauthenticated),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_certificate_that_is_believed_nobody_is_heard() {
    let (house, strangers) = (House::with(Keys::made(), ServerLimits::default()).await, Keys::made());
    let ca = || Certificate::from_pem(std::fs::read(house.keys.file("ca.pem")).expect("a file"));
    assert!(ask(house.channel("auditor").await).await.is_ok());
    assert!(refused(connect(house.port, ClientTlsConfig::new().ca_certificate(ca())).await).await, "none at all");
    let strange = strangers.tls("auditor").ca_certificate(ca());
    assert!(refused(connect(house.port, strange).await).await, "one of another authority");
    let server = house.keys.tls("server");
    assert!(refused(connect(house.port, server).await).await, "one that is for servers");
    let plain = Endpoint::from_shared(format!("http://127.0.0.1:{}", house.port)).expect("an address").connect().await;
    assert!(refused(plain).await, "without TLS");
    let told = house.metrics().await;
    assert!(told.contains("onestop_refused_connections_total{reason=\"no_certificate\"}"), "{told}");
    assert!(told.contains("{reason=\"certificate_not_believed\"}") && told.contains("{reason=\"not_tls\"}"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_believed_and_of_nobody_known_may_do_nothing() {
    let keys = Keys::made();
    let known = keys.callers().replace("onestop:auditor", "onestop:somebody-else");
    keys.put_callers(&known);
    let house = House::with(keys, ServerLimits::default()).await;
    let status = ask(house.channel("auditor").await).await.expect_err("a refusal");
    assert_eq!((status.code(), refusal_details(&status).reason.as_str()), (Code::Unauthenticated, "CALLER_UNKNOWN"));
    assert!(house.metrics().await.contains("onestop_unknown_callers_total 1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connections_of_one_caller_are_bounded_and_others_come_in() {
    let house = House::with(Keys::made(), ServerLimits { caller_connections: 2, ..ServerLimits::default() }).await;
    let held = [house.channel("hospital").await, house.channel("hospital").await];
    for channel in &held {
        ask(channel.clone()).await.expect("it is served");
    }
    assert!(refused(house.keys.channel(house.port, "hospital").await).await, "a third");
    ask(house.channel("gateway").await).await.expect("another caller is served");
    drop(held);
    // When they are closed there is room again.
    for _ in 0..100 {
        if !refused(house.keys.channel(house.port, "hospital").await).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the places of closed connections are not given back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_shake_hands_in_time_is_let_go() {
    let house = House::with(Keys::made(), ServerLimits { connections: 1, ..ServerLimits::default() }).await;
    let mut silent = TcpStream::connect(("127.0.0.1", house.port)).await.expect("a connection");
    let closed = async { silent.read(&mut [0; 1]).await.map(|read| read == 0) };
    let closed = tokio::time::timeout(Duration::from_secs(20), closed).await.expect("it is closed in time");
    assert!(matches!(closed, Ok(true) | Err(_)), "closed, and nothing sent");
    // It held the only place.
    ask(house.channel("auditor").await).await.expect("the next is served");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_above_the_limit_are_refused() {
    let house = House::with(Keys::made(), ServerLimits::default()).await;
    let mut client = PolicyServiceClient::new(house.channel("auditor").await);
    let mut request = tonic::Request::new(ListPoliciesRequest::default());
    request.metadata_mut().insert("x-long", "x".repeat(17 << 10).parse().expect("a value"));
    client.list_policies(request).await.expect_err("a refusal");
    ask(house.channel("auditor").await).await.expect("others are served");
}
