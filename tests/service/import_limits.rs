//! Imports that stand still: they hold no thread, few of one caller are open, and they end in time.

use std::time::{Duration, Instant};

use onestop::config::ServerLimits;
use onestop::pb::reference::reference_service_client::ReferenceServiceClient;
use onestop::pb::reference::{ImportReferenceRequest, ImportReferenceResponse, ListImportsRequest, Table};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::importing::import_message;
use super::{Server, code_and_reason};
use crate::access::TestServer;
use crate::support::keys::Keys;

type Import = Result<ImportReferenceResponse, Status>;

/// An import whose sender stays open.
struct OpenImport {
    rows: mpsc::Sender<ImportReferenceRequest>,
    response: JoinHandle<Import>,
}

fn row_message(commit: bool) -> ImportReferenceRequest {
    import_message(Table::Enrolments, &[&["P1", "2014-01-01", "resident", "370100", ""]], commit)
}

/// Opens an import, which has sent a row and waits.
async fn open(channel: Channel) -> OpenImport {
    let (rows, stream) = mpsc::channel(4);
    rows.send(row_message(false)).await.expect("room");
    let import = async move {
        ReferenceServiceClient::new(channel).import_reference(ReceiverStream::new(stream)).await.map(|r| r.into_inner())
    };
    OpenImport { rows, response: tokio::spawn(import) }
}

async fn import_one_row(channel: Channel) -> Import {
    let stream = tokio_stream::iter([row_message(true)]);
    ReferenceServiceClient::new(channel).import_reference(stream).await.map(|response| response.into_inner())
}

/// The runtime has one blocking thread, which a single import that kept it while it waits would take.
#[test]
fn imports_that_wait_for_rows_hold_no_thread() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).max_blocking_threads(1).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let limits = ServerLimits { caller_imports: 3, ..ServerLimits::default() };
        let server = Server::start_with_limits(limits).await;
        let waiting = [open(server.channel.clone()).await, open(server.channel.clone()).await];
        let third = tokio::time::timeout(Duration::from_secs(10), import_one_row(server.channel.clone())).await;
        assert_eq!(third.expect("it does not wait for the others").expect("an import").taken, 1);
        for import in waiting {
            import.rows.send(row_message(true)).await.expect("it listens");
            drop(import.rows);
            assert_eq!(import.response.await.expect("no panic").expect("an import").taken, 2);
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_hundred_open_imports_of_one_caller_delay_no_import_of_another() {
    let keys = Keys::made();
    keys.put_callers(&keys.callers().replace("role = \"auditor\"", "role = \"registrar\""));
    let server = TestServer::start(keys, ServerLimits::default()).await;
    let (channel, other) = (server.channel("registrar").await, server.channel("auditor").await);
    let mut waiting = Vec::new();
    for _ in 0..600 {
        waiting.push(open(channel.clone()).await);
    }
    let start = Instant::now();
    assert_eq!(import_one_row(other).await.expect("an import").taken, 1);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let mut refused = 0;
    while refused < 598 {
        let at = waiting.iter().position(|import| import.response.is_finished());
        let Some(at) = at else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let response = waiting.swap_remove(at).response.await.expect("no panic");
        assert_eq!(code_and_reason(response), (Code::ResourceExhausted, "CALLER_LIMIT".to_owned()));
        refused += 1;
    }
    for import in waiting {
        import.rows.send(row_message(true)).await.expect("it listens");
        drop(import.rows);
        assert_eq!(import.response.await.expect("no panic").expect("an import").taken, 2);
    }
}

#[tokio::test]
async fn an_import_ends_in_time_and_makes_room_for_the_next() {
    let limits = ServerLimits { imports: 1, import_seconds: 1, import_idle_seconds: 3_600, ..ServerLimits::default() };
    let server = Server::start_with_limits(limits).await;
    let waiting = open(server.channel.clone()).await;
    let ended = tokio::time::timeout(Duration::from_secs(10), waiting.response).await.expect("it ends in time");
    let ended = code_and_reason(ended.expect("no panic"));
    assert_eq!(ended, (Code::DeadlineExceeded, "REQUEST_TIMED_OUT".to_owned()));
    assert_eq!(import_one_row(server.channel.clone()).await.expect("an import").taken, 1);
}

/// One import has further rows after its caller was removed, the other only its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_whose_caller_is_removed_while_it_lasts_is_refused_and_nothing_of_it_is_taken() {
    let server = TestServer::start(Keys::made(), ServerLimits::default()).await;
    let channel = server.channel("registrar").await;
    let before = server.engine.imports(None, 10).await.expect("the log").len();
    let [going_on, complete] = [open(channel.clone()).await, open(channel.clone()).await];
    complete.rows.send(row_message(true)).await.expect("it listens");
    while going_on.rows.capacity() < 4 || complete.rows.capacity() < 4 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.keys.put_callers(&server.keys.callers().replace("onestop:registrar", "onestop:removed"));
    let list = async || ReferenceServiceClient::new(channel.clone()).list_imports(ListImportsRequest::default()).await;
    server.reload_until(async || list().await.is_err()).await;
    going_on.rows.send(row_message(true)).await.expect("it listens");
    for import in [going_on, complete] {
        drop(import.rows);
        let refused = code_and_reason(import.response.await.expect("no panic"));
        assert_eq!(refused, (Code::Unauthenticated, "CALLER_UNKNOWN".to_owned()));
    }
    assert_eq!(server.engine.imports(None, 10).await.expect("the log").len(), before);
}
