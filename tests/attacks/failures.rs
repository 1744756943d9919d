//! Failures inside: a component that does not come back, and a handler that panics.

use std::process::Command;
use std::time::{Duration, Instant};

use onestop::config::ServerLimits;
use onestop::server::serve::ServeError;
use onestop::store::coordination::{ComponentFailed, Readiness};
use tonic::Code;

use super::raw::{RawConnection, ending};
use super::{Target, get, within};
use crate::service::faulty_store::StoreMode;
use crate::support::claims::claim;
use crate::support::program::Serve;

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

fn port(url: &str) -> u16 {
    url.trim_end_matches('/').rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
}

/// The program itself, from the failure to its end. The system refuses each further write to a file, as on a full disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_whose_store_can_no_longer_write_says_why_it_is_not_ready_and_ends_with_a_code_in_time() {
    let place = tempfile::tempdir().expect("a directory");
    let mut command = Command::new("bash");
    // A process that ignores the signal of the limit gets an error for the write instead.
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_onestop")]);
    command.args(["serve", "--create", "--listen", "127.0.0.1:0", "--operations", "127.0.0.1:0", "--store"]);
    command.arg(place.path().join("store"));
    let serve = Serve::spawn(command);
    let mut client = serve.with_tables().await;
    client.settle(&claim("C1", "P1", "1.00"), "R1", Vec::new()).await.expect("a settlement");
    let operations = port(serve.operations.as_deref().expect("an address"));
    assert!(get(operations, "/health/ready").await.expect("an answer").starts_with("HTTP/1.1 200"));
    // A call in flight delays the end, so that the reason can be read.
    let stalled = RawConnection::open(port(&serve.url), 1 << 16).await;
    let _call = stalled.begin("settlement.v1.SettlementService/Quote").await;
    let limit = ["--fsize=0:0", "--pid", &serve.pid().to_string()];
    assert!(Command::new("prlimit").args(limit).status().expect("prlimit").success());
    let failed = Instant::now();
    let refused = client.settle(&claim("C2", "P1", "1.00"), "R2", Vec::new()).await.expect_err("nothing is written");
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    let ready = loop {
        let ready = get(operations, "/health/ready").await.expect("an answer");
        if !ready.starts_with("HTTP/1.1 200") {
            break ready;
        }
    };
    assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
    assert!(ready.contains("not ready: COMPONENT_FAILED: the committing thread failed: a write failed"), "{ready}");
    let code = within(20, tokio::task::spawn_blocking(|| serve.ended())).await.expect("the program ends");
    assert_eq!(code, Some(3));
    assert!(failed.elapsed() < Duration::from_secs(15), "{:?}", failed.elapsed());
}
