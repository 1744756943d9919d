//! Failures inside: a component that does not come back, and a handler that panics.

use onestop::config::ServerLimits;
use onestop::server::serve::ServeError;
use onestop::store::coordination::{ComponentFailed, Readiness};
use tonic::Code;

use super::raw::{RawConnection, ending};
use super::{Target, within};
use crate::service::faulty_store::StoreMode;

const GET_SETTLEMENT: &str = "settlement.v1.SettlementService/GetSettlement";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_fails_makes_the_server_not_ready_with_the_reason_and_ends_it() {
    let target = Target::start(ServerLimits::default()).await;
    let connection = RawConnection::open(target.port, 1 << 16).await;
    // A call in flight delays the end, so that the reason can be read.
    let _stalled = connection.begin("settlement.v1.SettlementService/Quote").await;
    let read = target.settled(1).await;
    assert_eq!(ending(connection.call(GET_SETTLEMENT, &read).await).await.1, "");
    assert!(target.get("/health/ready").await.starts_with("HTTP/1.1 200"));
    let failed = ComponentFailed { component: "the committing thread", why: "it panicked".to_owned() };
    target.store.readiness.send_replace(Readiness::Failed(failed.clone()));
    let ready = loop {
        let ready = target.get("/health/ready").await;
        if !ready.starts_with("HTTP/1.1 200") {
            break ready;
        }
    };
    assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
    assert!(ready.ends_with("not ready: COMPONENT_FAILED: the committing thread failed: it panicked\n"), "{ready}");
    let ended = within(10, target.served).await.expect("no panic").expect_err("the failure");
    let ServeError::ComponentFailed(component) = ended;
    assert_eq!(component, failed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_not_ready_is_named_by_the_readiness_endpoint() {
    let target = Target::start(ServerLimits::default()).await;
    target.store.readiness.send_replace(Readiness::NotReady("the disk is full".to_owned()));
    target.wait_for_metric("onestop_ready 0").await;
    let ready = target.get("/health/ready").await;
    assert!(ready.ends_with("not ready: STORE_NOT_READY: the disk is full\n"), "{ready}");
    target.store.readiness.send_replace(Readiness::Ready);
    target.wait_for_metric("onestop_ready 1").await;
    assert!(target.get("/health/ready").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_panics_answers_internal_and_is_counted() {
    let target = Target::start(ServerLimits::default()).await;
    let read = target.settled(1).await;
    let connection = RawConnection::open(target.port, 1 << 16).await;
    target.store.set_mode(StoreMode::PanicOnRead);
    let panicked = ending(connection.call(GET_SETTLEMENT, &read).await).await;
    assert_eq!(panicked, (Code::Internal, "PANICKED".to_owned()));
    target.store.set_mode(StoreMode::Healthy);
    assert_eq!(ending(connection.call(GET_SETTLEMENT, &read).await).await.1, "", "the connection goes on");
    target.wait_for_metric("onestop_panics_total 1").await;
}
