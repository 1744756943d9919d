//! The listener of operators: health and metrics; and a drained server.

use std::time::Duration;

use onestop::config::ServerLimits;
use onestop::grpc::pb::operations::DrainRequest;
use onestop::grpc::pb::operations::operations_service_client::OperationsServiceClient;
use onestop::grpc::pb::settlement as pb;
use onestop::grpc::pb::settlement::settlement_service_client::SettlementServiceClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::House;
use crate::support::keys::Keys;

impl House {
    /// What the listener of operators answers to GET.
    pub async fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.operations)).await.expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }

    pub async fn metrics(&self) -> String {
        self.get("/metrics").await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_and_metrics_are_answered_beside_the_calls() {
    let house = House::settled().await;
    let mut client = SettlementServiceClient::new(house.channel("auditor").await);
    let list = pb::ListSettlementsRequest { hospital_id: "H1".to_owned(), ..Default::default() };
    client.list_settlements(list).await.expect("a list");
    client.quote(pb::QuoteRequest::default()).await.expect_err("a refusal");
    let told = house.metrics().await;
    assert!(told.starts_with("HTTP/1.1 200"), "{told}");
    for line in [
        "onestop_calls_total{call=\"ListSettlements\",code=\"OK\"} 1",
        "onestop_calls_total{call=\"Quote\",code=\"PERMISSION_DENIED\"} 1",
        "onestop_call_duration_seconds_count{call=\"ListSettlements\"} 1",
        "onestop_connections 1",
        "onestop_ready 1",
        "onestop_build_info{version=",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
    assert!(house.get("/health/live").await.starts_with("HTTP/1.1 200"));
    assert!(house.get("/health/ready").await.starts_with("HTTP/1.1 200"));
    assert!(house.get("/onestop.settlement.v1.SettlementService/Quote").await.contains("grpc-status: 12"), "no calls");
    let channel = Endpoint::from_shared(format!("http://127.0.0.1:{}", house.operations)).expect("an address");
    let mut health = HealthClient::new(channel.connect().await.expect("it answers"));
    let status = health.check(HealthCheckRequest::default()).await.expect("a status").into_inner().status();
    assert_eq!(status.as_str_name(), "SERVING");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_server_says_so_and_ends() {
    let house = House::with(Keys::made(), ServerLimits::default()).await;
    let mut operator = OperationsServiceClient::new(house.channel("operator").await);
    let beside = operator.drain(DrainRequest {}).await.expect("an answer").into_inner().calls_in_flight;
    assert_eq!(beside, 0);
    let ended = tokio::time::timeout(Duration::from_secs(20), house.served).await.expect("it ends");
    ended.expect("no panic").expect("as it should");
}
