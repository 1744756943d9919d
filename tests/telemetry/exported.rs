//! Traces, metrics and logs over OTLP, as a collector receives them.

use std::collections::BTreeSet;
use std::time::Duration;

use onestop::cli::client::Client;
use onestop::store::secret_file;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::receiver::{Collector, attribute};
use super::{LoggedServer, settle_demonstration};
use crate::support::claims::claim;
use crate::support::program::onestop;
use crate::support::redis_server::RedisServer;

/// Texts of the demonstration claims and of the first claim of the tests that name a person, a claim or a request.
const MARKS: [&str; 4] = ["DEMO-P-", "ZY2017", "3701001-2017", "MARK-"];

/// The variables that make a process export often.
fn exporting<'a>(endpoint: &'a str, service: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_SERVICE_NAME", service),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "100"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
        ("ONESTOP_LOG", "info"),
    ]
}

const SETTLE_STREAM: &str = "onestop.settlement.v1.SettlementService/SettleStream";

/// The spans of this service and name.
fn named<'a>(spans: &'a [(String, Span)], service: &str, name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|(own, span)| own == service && span.name == name).map(|(_, span)| span).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_leads_from_the_client_through_the_server_to_the_sync_of_the_store() {
    let (collector, endpoint) = Collector::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let server = LoggedServer::start(directory.path(), &exporting(&endpoint, "the-server"));
    let (url, to) = (server.url.clone(), endpoint.clone());
    let settled = tokio::task::spawn_blocking(move || settle_demonstration(&url, &exporting(&to, "the-client")));
    settled.await.expect("settled");
    collector
        .until("the call and its sync", |received| {
            let spans = received.spans();
            !named(&spans, "the-server", SETTLE_STREAM).is_empty()
                && !named(&spans, "the-client", SETTLE_STREAM).is_empty()
                && !named(&spans, "the-server", "sync").is_empty()
        })
        .await;
    let log = server.end();
    let spans = collector.spans();
    let (request, call) =
        (named(&spans, "the-client", SETTLE_STREAM)[0].clone(), named(&spans, "the-server", SETTLE_STREAM)[0].clone());
    assert_eq!((request.kind(), call.kind()), (SpanKind::Client, SpanKind::Server));
    assert_eq!((&call.trace_id, &call.parent_span_id), (&request.trace_id, &request.span_id), "one trace");
    for (key, value) in [
        ("rpc.system.name", "grpc"),
        ("rpc.method", SETTLE_STREAM),
        ("rpc.response.status_code", "OK"),
        ("onestop.caller", "anyone"),
    ] {
        assert_eq!(attribute(&call.attributes, key), value, "{key}");
    }
    let of_trace: Vec<&Span> =
        spans.iter().map(|(_, span)| span).filter(|span| span.trace_id == call.trace_id).collect();
    let names: BTreeSet<&str> = of_trace.iter().map(|span| &*span.name).collect();
    for name in ["claim", "look_up", "adjudicate", "commit", "encode"] {
        assert!(names.contains(name), "{name} in {names:?}");
    }
    let commits: BTreeSet<_> = of_trace.iter().filter(|span| span.name == "commit").map(|span| &span.span_id).collect();
    let syncs = named(&spans, "the-server", "sync");
    let linked: BTreeSet<_> = syncs.iter().flat_map(|sync| &sync.links).map(|link| &link.span_id).collect();
    assert!(commits.is_subset(&linked), "every commit is linked by the batch that it was in");
    let ids: BTreeSet<_> = of_trace.iter().map(|span| &span.span_id).collect();
    let orphans = of_trace.iter().filter(|span| span.span_id != request.span_id && !ids.contains(&span.parent_span_id));
    assert_eq!(orphans.count(), 0, "every span of the trace has its parent in it");
    let trace_id: String = call.trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(log.contains(&format!("\"trace_id\":\"{trace_id}\"")), "the line of the call names its trace");
    let exported: BTreeSet<_> = collector.metrics().into_iter().map(|metric| metric.name).collect();
    for name in ["rpc.server.call.duration", "onestop.settlements", "onestop.payments.yuan", "process.cpu"] {
        assert!(exported.contains(name), "{name} in {exported:?}");
    }
    let records = collector.logs();
    assert!(records.iter().any(|record| record.trace_id == call.trace_id), "a record of the call");
    assert!(format!("{records:?}").contains("stopped"), "the last line of the server is exported");
    let received = collector.text();
    for mark in MARKS {
        assert!(!received.contains(mark) && !log.contains(mark), "{mark} was exported");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_decision_of_the_caller_and_the_configured_share_decide_which_calls_are_traced() {
    let (collector, endpoint) = Collector::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let mut variables = exporting(&endpoint, "the-server");
    variables.extend([("ONESTOP_OTLP_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.0")]);
    let server = LoggedServer::start(directory.path(), &variables);
    let mut client = Client::connect(&server.url).await.expect("a connection");
    client.settle(&claim("MARK-1", "MARK-P", "1.00"), "MARK-R", Vec::new()).await.expect_err("an unknown person");
    let quoted = |parent: &'static str| {
        let url = server.url.clone();
        async move {
            use onestop::pb::settlement as pb;
            use onestop::pb::settlement::settlement_service_client::SettlementServiceClient;
            let mut client = SettlementServiceClient::connect(url).await.expect("a connection");
            let mut request = tonic::Request::new(pb::QuoteRequest::default());
            request.metadata_mut().insert("traceparent", parent.parse().expect("a header"));
            client.quote(request).await.expect_err("a refusal");
        }
    };
    quoted("00-11111111111111111111111111111111-2222222222222222-00").await;
    quoted("no traceparent at all").await;
    quoted("00-33333333333333333333333333333333-4444444444444444-01").await;
    collector.until("the sampled call", |received| !received.spans().is_empty()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let log = server.end();
    let spans = collector.spans();
    assert_eq!(spans.len(), 1, "{spans:?}");
    let span = &spans[0].1;
    assert_eq!((span.trace_id[0], span.parent_span_id[0]), (0x33, 0x44));
    assert_eq!(attribute(&span.attributes, "rpc.response.status_code"), "INVALID_ARGUMENT");
    assert_eq!(attribute(&span.attributes, "onestop.reason"), "INVALID_REQUEST");
    let unsampled = "\"trace_id\":\"11111111111111111111111111111111\"";
    assert!(log.contains(unsampled), "a call that is not traced is logged with the caller's trace: {log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_to_redis_are_spans_of_the_call_that_makes_them() {
    let (collector, endpoint) = Collector::start().await;
    let (directory, redis) = (tempfile::tempdir().expect("a directory"), RedisServer::shared());
    let secret = directory.path().join("secret");
    secret_file::create(&secret).expect("a secret");
    let mut command = onestop();
    command.args(["serve", "--create", "--listen", "127.0.0.1:0", "--operations", "127.0.0.1:0", "--store"]);
    command.arg(redis.url()).arg("--secret").arg(secret).envs(exporting(&endpoint, "the-server"));
    let server = LoggedServer::spawn(command);
    let url = server.url.clone();
    tokio::task::spawn_blocking(move || settle_demonstration(&url, &[])).await.expect("settled");
    collector.until("the stream", |received| !named(&received.spans(), "the-server", SETTLE_STREAM).is_empty()).await;
    let log = server.end();
    let spans = collector.spans();
    let call = named(&spans, "the-server", SETTLE_STREAM)[0];
    let of_trace: Vec<&Span> =
        spans.iter().map(|(_, span)| span).filter(|span| span.trace_id == call.trace_id).collect();
    let parent =
        |span: &Span| of_trace.iter().find(|parent| parent.span_id == span.parent_span_id).map(|span| &*span.name);
    let parents: BTreeSet<_> = of_trace.iter().filter(|span| span.name == "redis").map(|span| parent(span)).collect();
    assert_eq!(parents, BTreeSet::from([Some("look_up"), Some("commit")]), "{log}");
    let received = collector.text();
    assert!(!MARKS.iter().any(|mark| received.contains(mark)), "a key or an id was exported");
}

#[test]
fn without_an_endpoint_nothing_is_exported_and_with_a_wrong_one_the_server_does_not_start() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = LoggedServer::start(directory.path(), &[("ONESTOP_LOG", "trace")]);
    let threads = std::fs::read_dir(format!("/proc/{}/task", server.pid())).expect("a process");
    let names: Vec<_> = threads
        .map(|thread| std::fs::read_to_string(thread.expect("a thread").path().join("comm")).expect("a name"))
        .collect();
    assert!(!names.iter().any(|name| name.starts_with("telemetry") || name.contains("OpenTelemetry")), "{names:?}");
    server.end();
    let mut command = onestop();
    command.args(["serve", "--store"]).arg(directory.path().join("store"));
    let output = command.env("ONESTOP_OTLP_ENDPOINT", "not a URL").output().expect("the program runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("telemetry cannot be exported"), "{errors}");
}
