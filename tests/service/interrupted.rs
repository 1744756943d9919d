//! A call that has begun is finished even if its caller cancels or its deadline passes, and the outcome call reports it.

use std::sync::Arc;
use std::time::Duration;

use onestop::domain::claim::RawClaim;
use onestop::pb::reference as pb;
use onestop::pb::settlement::outcome::Outcome;
use onestop::server::serve as server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::faulty_store::{StoreMode, WriteEvent};
use super::{Server, bill, reverse_request, settle_request, with_timeout};
use crate::support::claims::claim;

/// Makes several round trips on the connection, after which the server has received the cancellation of an earlier call.
async fn wait_until_cancellation_arrives(server: &Server) {
    for _ in 0..8 {
        let mut client = HealthClient::new(server.channel.clone());
        client.check(HealthCheckRequest::default()).await.expect("a health status");
    }
}

#[tokio::test]
async fn a_settlement_is_committed_although_its_caller_cancels() {
    let server = Server::start().await;
    server.store.set_mode(StoreMode::HoldWrites);
    let (mut client, request) = (server.settlement_client(), settle_request(&bill(), "R1"));
    let call = tokio::spawn(async move { client.settle(request).await });
    assert_eq!(server.store.next_write_event().await, WriteEvent::Started);
    call.abort();
    assert!(call.await.expect_err("a cancelled call").is_cancelled());
    wait_until_cancellation_arrives(&server).await;
    assert!(matches!(server.outcome(&bill(), "R1").await, Outcome::NotSeen(_)));
    server.store.release_write();
    assert_eq!(server.store.next_write_event().await, WriteEvent::Done);
    assert!(matches!(server.outcome(&bill(), "R1").await, Outcome::Committed(_)));
    assert!(server.settle(&bill(), "R1").await.expect("a replay").replay);
}

#[tokio::test]
async fn a_settlement_is_committed_although_its_deadline_passes() {
    let server = Server::start().await;
    server.store.set_mode(StoreMode::HoldWrites);
    let request = with_timeout(Duration::from_millis(200), settle_request(&bill(), "R1"));
    server.settlement_client().settle(request).await.expect_err("the deadline passes");
    assert_eq!(server.store.next_write_event().await, WriteEvent::Started);
    server.store.release_write();
    assert_eq!(server.store.next_write_event().await, WriteEvent::Done);
    assert!(matches!(server.outcome(&bill(), "R1").await, Outcome::Committed(_)));
    assert!(server.settle(&bill(), "R1").await.expect("a replay").replay);
}

#[tokio::test]
async fn a_reversal_is_committed_although_its_caller_cancels() {
    let server = Server::start().await;
    server.settle_ok(&bill(), "R1").await;
    server.store.set_mode(StoreMode::HoldWrites);
    let (mut client, request) = (server.settlement_client(), reverse_request(&bill(), "R2"));
    let call = tokio::spawn(async move { client.reverse(request).await });
    assert_eq!(server.store.next_write_event().await, WriteEvent::Started);
    call.abort();
    wait_until_cancellation_arrives(&server).await;
    server.store.release_write();
    assert_eq!(server.store.next_write_event().await, WriteEvent::Done);
    assert!(matches!(server.outcome(&bill(), "R2").await, Outcome::Reversed(_)));
}

#[tokio::test]
async fn a_fence_is_committed_although_its_caller_cancels() {
    let server = Server::start().await;
    server.store.set_mode(StoreMode::HoldWrites);
    let (hospital_id, person_id) = ("H3".to_owned(), "P1".to_owned());
    let request = onestop::pb::settlement::FenceRequest {
        hospital_id,
        person_id,
        request_id: "R1".to_owned(),
        of_readjudicate: false,
    };
    let mut client = server.settlement_client();
    let call = tokio::spawn(async move { client.fence(request).await });
    assert_eq!(server.store.next_write_event().await, WriteEvent::Started);
    call.abort();
    wait_until_cancellation_arrives(&server).await;
    server.store.release_write();
    assert_eq!(server.store.next_write_event().await, WriteEvent::Done);
    assert!(matches!(server.outcome(&bill(), "R1").await, Outcome::Fenced(_)));
}

#[tokio::test]
async fn a_cancelled_call_keeps_its_permit_until_it_is_done() {
    let limits = onestop::config::ServerLimits { in_flight: 1, ..Default::default() };
    let server = Server::start_with_limits(limits).await;
    server.store.set_mode(StoreMode::HoldWrites);
    let (mut client, request) = (server.settlement_client(), settle_request(&bill(), "R1"));
    let call = tokio::spawn(async move { client.settle(request).await });
    assert_eq!(server.store.next_write_event().await, WriteEvent::Started);
    call.abort();
    wait_until_cancellation_arrives(&server).await;
    assert_eq!(super::code_and_reason(server.quote(&claim("C2", "P1", "1.00")).await).1, "OVERLOADED");
    server.store.release_write();
    assert_eq!(server.store.next_write_event().await, WriteEvent::Done);
}

/// Rows written by a cancelled import must also enter the tables in memory; otherwise they would appear only after a
/// restart, although no earlier settlement saw them.
#[tokio::test]
async fn an_import_is_visible_to_settlements_although_its_caller_cancels() {
    let server = Server::start().await;
    server.store.set_mode(StoreMode::HoldWrites);
    let cells = ["NEW", "", "", "新药", "A", "", "", ""].map(str::to_owned).to_vec();
    let message = pb::ImportReferenceRequest {
        table: pb::Table::Catalogue.into(),
        columns: onestop::grpc::imports::column_names(onestop::reference::table::ReferenceTable::Catalogue),
        rows: vec![pb::Row { cells }],
        commit: true,
        ..pb::ImportReferenceRequest::default()
    };
    let mut client = server.reference_client();
    let call = tokio::spawn(async move { client.import_reference(tokio_stream::iter([message])).await });
    assert_eq!(server.store.next_write_event().await, WriteEvent::Started);
    call.abort();
    wait_until_cancellation_arrives(&server).await;
    // The start record, the rows and the end record of the import.
    for write in 0..3 {
        if write > 0 {
            assert_eq!(server.store.next_write_event().await, WriteEvent::Started);
        }
        server.store.release_write();
        assert_eq!(server.store.next_write_event().await, WriteEvent::Done, "the import continues to its end");
    }
    server.store.set_mode(StoreMode::Healthy);
    let items = vec![crate::support::claims::item("NEW", "100.00")];
    let visible = async {
        while server.quote(&RawClaim { items: items.clone(), ..bill() }).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(10), visible).await.is_ok(), "the rows become visible");
}

/// The client connects, sends the HTTP/2 preface and then never responds to a frame.
#[tokio::test]
async fn a_silent_client_does_not_block_shutdown() {
    let (store, _control) = super::faulty_store::FaultyStore::with_control();
    let engine = Arc::new(crate::support::engine(store).await);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut silent_client = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = server::serve(engine, listener, onestop::config::ServerLimits::default(), async {
        stopped.await.expect("a stop signal")
    });
    let server = tokio::spawn(served);
    silent_client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("a sent preface");
    assert_ne!(silent_client.read(&mut [0; 64]).await.expect("the settings frame"), 0, "the server sees the client");
    stop.send(()).expect("a running server");
    let ended = tokio::time::timeout(Duration::from_secs(15), server).await;
    assert!(ended.expect("the server stops, for no call is in flight").expect("no panic").is_ok());
}
