//! A caller that goes away, or whose deadline passes, tears nothing: what has begun is finished, and the
//! outcome says so.

use std::sync::Arc;
use std::time::Duration;

use onestop::domain::claim::RawClaim;
use onestop::grpc::pb::reference as pb;
use onestop::grpc::pb::settlement::outcome::Outcome;
use onestop::server::serve as server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::trial_store::{Event, Mode};
use super::{Server, reverse, settle, within};
use crate::support::claims::claim;

fn bill() -> RawClaim {
    claim("C1", "P1", "5000.00")
}

/// Calls answered on the connection after a call on it was given up: the server has heard of that.
async fn heard(server: &Server) {
    for _ in 0..8 {
        let mut client = HealthClient::new(server.channel.clone());
        client.check(HealthCheckRequest::default()).await.expect("it is healthy");
    }
}

#[tokio::test]
async fn a_settlement_whose_caller_goes_away_is_committed() {
    let server = Server::start().await;
    server.store.set(Mode::Holds);
    let (mut client, request) = (server.settlements(), settle(&bill(), "R1"));
    let call = tokio::spawn(async move { client.settle(request).await });
    assert_eq!(server.store.event().await, Event::Started);
    call.abort();
    assert!(call.await.expect_err("it is given up").is_cancelled());
    heard(&server).await;
    assert!(matches!(server.outcome(&bill(), "R1").await, Outcome::NotSeen(_)));
    server.store.release();
    assert_eq!(server.store.event().await, Event::Done);
    assert!(matches!(server.outcome(&bill(), "R1").await, Outcome::Committed(_)));
    assert!(server.settle(&bill(), "R1").await.expect("a replay").replay);
}

#[tokio::test]
async fn a_settlement_whose_deadline_passes_is_committed() {
    let server = Server::start().await;
    server.store.set(Mode::Holds);
    let request = within(Duration::from_millis(200), settle(&bill(), "R1"));
    server.settlements().settle(request).await.expect_err("the deadline passes");
    assert_eq!(server.store.event().await, Event::Started);
    server.store.release();
    assert_eq!(server.store.event().await, Event::Done);
    assert!(matches!(server.outcome(&bill(), "R1").await, Outcome::Committed(_)));
    assert!(server.settle(&bill(), "R1").await.expect("a replay").replay);
}

#[tokio::test]
async fn a_reversal_whose_caller_goes_away_is_committed() {
    let server = Server::start().await;
    server.settled(&bill(), "R1").await;
    server.store.set(Mode::Holds);
    let (mut client, request) = (server.settlements(), reverse(&bill(), "R2"));
    let call = tokio::spawn(async move { client.reverse(request).await });
    assert_eq!(server.store.event().await, Event::Started);
    call.abort();
    heard(&server).await;
    server.store.release();
    assert_eq!(server.store.event().await, Event::Done);
    assert!(matches!(server.outcome(&bill(), "R2").await, Outcome::Reversed(_)));
}

#[tokio::test]
async fn a_fence_whose_caller_goes_away_holds() {
    let server = Server::start().await;
    server.store.set(Mode::Holds);
    let (hospital_id, person_id) = ("H3".to_owned(), "P1".to_owned());
    let request = onestop::grpc::pb::settlement::FenceRequest { hospital_id, person_id, request_id: "R1".to_owned() };
    let mut client = server.settlements();
    let call = tokio::spawn(async move { client.fence(request).await });
    assert_eq!(server.store.event().await, Event::Started);
    call.abort();
    heard(&server).await;
    server.store.release();
    assert_eq!(server.store.event().await, Event::Done);
    assert!(matches!(server.outcome(&bill(), "R1").await, Outcome::Fenced(_)));
}

#[tokio::test]
async fn a_call_whose_caller_went_away_keeps_its_place_until_it_is_done() {
    let limits = server::ServerLimits { in_flight: 1, ..Default::default() };
    let server = Server::within(limits).await;
    server.store.set(Mode::Holds);
    let (mut client, request) = (server.settlements(), settle(&bill(), "R1"));
    let call = tokio::spawn(async move { client.settle(request).await });
    assert_eq!(server.store.event().await, Event::Started);
    call.abort();
    heard(&server).await;
    assert_eq!(super::refused(server.quote(&claim("C2", "P1", "1.00")).await).1, "OVERLOADED");
    server.store.release();
    assert_eq!(server.store.event().await, Event::Done);
}

/// Held rows must not be written behind the back of the tables in memory: after a restart they would be
/// there, although no settlement before it saw them.
#[tokio::test]
async fn an_import_whose_caller_goes_away_is_seen_by_settlements() {
    let server = Server::start().await;
    server.store.set(Mode::Holds);
    let cells = ["NEW", "", "", "新药", "A", "", "", ""].map(str::to_owned).to_vec();
    let message = pb::ImportReferenceRequest {
        table: pb::Table::Catalogue.into(),
        rows: vec![pb::Row { cells }],
        commit: true,
        ..pb::ImportReferenceRequest::default()
    };
    let mut client = server.references();
    let call = tokio::spawn(async move { client.import_reference(tokio_stream::iter([message])).await });
    assert_eq!(server.store.event().await, Event::Started);
    call.abort();
    heard(&server).await;
    // Its begin, its rows, its end.
    for write in 0..3 {
        if write > 0 {
            assert_eq!(server.store.event().await, Event::Started);
        }
        server.store.release();
        assert_eq!(server.store.event().await, Event::Done, "the import is run to its end");
    }
    server.store.set(Mode::Works);
    let items = vec![crate::support::claims::item("NEW", "100.00")];
    let seen = async {
        while server.quote(&RawClaim { items: items.clone(), ..bill() }).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(10), seen).await.is_ok(), "it is seen");
}

/// A client that is connected and silent, and answers nothing that it is told.
#[tokio::test]
async fn a_client_that_says_nothing_does_not_keep_a_server_from_ending() {
    let (store, _control) = super::trial_store::TrialStore::with_control();
    let engine = Arc::new(crate::support::engine(store).await);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut mute = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let served =
        server::serve(engine, listener, server::ServerLimits::default(), async { ended.await.expect("told to") });
    let server = tokio::spawn(served);
    mute.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("a preface and no settings");
    assert_ne!(mute.read(&mut [0; 64]).await.expect("its settings"), 0, "the server has seen it");
    end.send(()).expect("it serves");
    let ended = tokio::time::timeout(Duration::from_secs(15), server).await;
    assert!(ended.expect("no call is in flight, so it ends").expect("no panic").is_ok());
}
