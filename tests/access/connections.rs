//! Connections: only with a trusted certificate, limited in time and number.

use std::time::Duration;

use onestop::config::ServerLimits;
use onestop::pb::policy::ListPoliciesRequest;
use onestop::pb::policy::policy_service_client::PolicyServiceClient;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Status};

use super::TestServer;
use crate::service::refusal_details;
use crate::support::keys::{Keys, connect};

async fn ask(channel: Channel) -> Result<(), Status> {
    PolicyServiceClient::new(channel).list_policies(ListPoliciesRequest::default()).await.map(|_| ())
}

/// Whether a connection is refused. With TLS 1.3 a client learns only at its first call that its certificate was.
async fn refused(channel: Result<Channel, tonic::transport::Error>) -> bool {
    match channel {
        Err(_) => true,
        Ok(channel) => ask(channel).await.is_err_and(|status| status.code() != Code::Unauthenticated),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_a_trusted_certificate_is_refused() {
    let (server, other_keys) = (TestServer::start(Keys::made(), ServerLimits::default()).await, Keys::made());
    let ca = || Certificate::from_pem(std::fs::read(server.keys.file("ca.pem")).expect("a file"));
    assert!(ask(server.channel("auditor").await).await.is_ok());
    assert!(refused(connect(server.port, ClientTlsConfig::new().ca_certificate(ca())).await).await, "no certificate");
    let foreign = other_keys.tls("auditor").ca_certificate(ca());
    assert!(refused(connect(server.port, foreign).await).await, "a certificate of another authority");
    let server_identity = server.keys.tls("server");
    assert!(refused(connect(server.port, server_identity).await).await, "a server certificate");
    let plain = Endpoint::from_shared(format!("http://127.0.0.1:{}", server.port)).expect("an address").connect().await;
    assert!(refused(plain).await, "without TLS");
    // A refusal is counted when its connection is closed, which the peer may see before.
    let counted = async {
        for reason in ["no_certificate", "certificate_not_believed", "not_tls"] {
            let line = format!("onestop_refused_connections_total{{reason=\"{reason}\"}} ");
            while !server.metrics().await.lines().any(|found| found.starts_with(&line) && found != format!("{line}0")) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), counted).await.expect("every refusal is counted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trusted_certificate_of_an_unknown_caller_is_unauthenticated() {
    let keys = Keys::made();
    let known = keys.callers().replace("onestop:auditor", "onestop:somebody-else");
    keys.put_callers(&known);
    let server = TestServer::start(keys, ServerLimits::default()).await;
    let status = ask(server.channel("auditor").await).await.expect_err("a refusal");
    assert_eq!((status.code(), refusal_details(&status).reason.as_str()), (Code::Unauthenticated, "CALLER_UNKNOWN"));
    assert!(server.metrics().await.contains("onestop_unknown_callers_total 1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_beyond_a_callers_limit_are_closed_and_others_are_accepted() {
    let server =
        TestServer::start(Keys::made(), ServerLimits { caller_connections: 2, ..ServerLimits::default() }).await;
    let held = [server.channel("hospital").await, server.channel("hospital").await];
    for channel in &held {
        ask(channel.clone()).await.expect("it is served");
    }
    assert!(refused(server.keys.channel(server.port, "hospital").await).await, "a third connection");
    ask(server.channel("gateway").await).await.expect("another caller is served");
    drop(held);
    // Closed connections no longer count.
    for _ in 0..100 {
        if !refused(server.keys.channel(server.port, "hospital").await).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("closed connections still count");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_a_tls_handshake_is_closed_in_time() {
    let server = TestServer::start(Keys::made(), ServerLimits { connections: 1, ..ServerLimits::default() }).await;
    let mut silent = TcpStream::connect(("127.0.0.1", server.port)).await.expect("a connection");
    let closed = async { silent.read(&mut [0; 1]).await.map(|read| read == 0) };
    let closed = tokio::time::timeout(Duration::from_secs(20), closed).await.expect("it is closed in time");
    assert!(matches!(closed, Ok(true) | Err(_)), "closed without sending anything");
    // It was the only permitted connection.
    ask(server.channel("auditor").await).await.expect("the next is served");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_above_the_limit_are_refused() {
    let server = TestServer::start(Keys::made(), ServerLimits::default()).await;
    let mut client = PolicyServiceClient::new(server.channel("auditor").await);
    let mut request = tonic::Request::new(ListPoliciesRequest::default());
    request.metadata_mut().insert("x-long", "x".repeat(17 << 10).parse().expect("a value"));
    client.list_policies(request).await.expect_err("a refusal");
    ask(server.channel("auditor").await).await.expect("others are served");
}
