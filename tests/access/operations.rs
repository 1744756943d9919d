//! The operations listener, with health and metrics; and draining a server.

use std::time::Duration;

use onestop::config::ServerLimits;
use onestop::pb::operations::DrainRequest;
use onestop::pb::operations::operations_service_client::OperationsServiceClient;
use onestop::pb::settlement as pb;
use onestop::pb::settlement::settlement_service_client::SettlementServiceClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::TestServer;
use crate::support::keys::Keys;

impl TestServer {
    /// The response of the operations listener to GET.
    pub async fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.operations)).await.expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("written");
        let mut response = String::new();
        stream.read_to_string(&mut response).await.expect("an answer");
        response
    }

    pub async fn metrics(&self) -> String {
        self.get("/metrics").await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operations_listener_serves_health_and_metrics_but_no_calls() {
    let server = TestServer::with_settlements().await;
    let mut client = SettlementServiceClient::new(server.channel("auditor").await);
    let list = pb::ListSettlementsRequest { hospital_id: "H1".to_owned(), ..Default::default() };
    client.list_settlements(list).await.expect("a list");
    client.quote(pb::QuoteRequest::default()).await.expect_err("a refusal");
    let metrics = server.metrics().await;
    assert!(metrics.starts_with("HTTP/1.1 200"), "{metrics}");
    for line in [
        "rpc_server_call_duration_seconds_count{rpc_method=\"onestop.settlement.v1.SettlementService/ListSettlements\",\
         rpc_response_status_code=\"OK\",rpc_system_name=\"grpc\"} 1",
        "{rpc_method=\"onestop.settlement.v1.SettlementService/Quote\",rpc_response_status_code=\"PERMISSION_DENIED\",\
         rpc_system_name=\"grpc\"} 1",
        "onestop_refusals_total{reason=\"NOT_PERMITTED\"} 1",
        "onestop_connections 1",
        "onestop_ready 1",
        "onestop_build_info{version=",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    assert!(server.get("/health/live").await.starts_with("HTTP/1.1 200"));
    assert!(server.get("/health/ready").await.starts_with("HTTP/1.1 200"));
    assert!(server.get("/onestop.settlement.v1.SettlementService/Quote").await.contains("grpc-status: 12"), "no calls");
    let channel = Endpoint::from_shared(format!("http://127.0.0.1:{}", server.operations)).expect("an address");
    let mut health = HealthClient::new(channel.connect().await.expect("it answers"));
    let status = health.check(HealthCheckRequest::default()).await.expect("a status").into_inner().status();
    assert_eq!(status.as_str_name(), "SERVING");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_server_reports_the_calls_in_flight_and_stops() {
    let server = TestServer::start(Keys::made(), ServerLimits::default()).await;
    let mut operator = OperationsServiceClient::new(server.channel("operator").await);
    let in_flight = operator.drain(DrainRequest {}).await.expect("an answer").into_inner().calls_in_flight;
    assert_eq!(in_flight, 0);
    let ended = tokio::time::timeout(Duration::from_secs(20), server.served).await.expect("the server stops");
    ended.expect("no panic").expect("no error");
}
