//! Certificates and callers are reloaded while the server runs, and apply at once, to open connections and streams too.

use onestop::access::Callers;
use onestop::config::ServerLimits;
use onestop::grpc::status::Reason;
use onestop::grpc::to_proto;
use onestop::pb::policy::ListPoliciesRequest;
use onestop::pb::policy::policy_service_client::PolicyServiceClient;
use onestop::pb::settlement as pb;
use onestop::pb::settlement::settle_stream_response::Answer;
use onestop::pb::settlement::settlement_service_client::SettlementServiceClient;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::TestServer;
use crate::support::claims::claim;
use crate::support::keys::{Keys, bounds};

async fn ask(channel: &Channel) -> Result<(), Status> {
    PolicyServiceClient::new(channel.clone()).list_policies(ListPoliciesRequest::default()).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_caller_is_refused_on_open_connections_and_streams() {
    let server = TestServer::start(Keys::made(), ServerLimits::default()).await;
    let channel = server.channel("hospital").await;
    ask(&channel).await.expect("a known caller");
    let (send, requests) = mpsc::channel(4);
    let request = |id: &str| pb::SettleStreamRequest {
        claim: Some(to_proto::claim(&claim(id, "P1", "1.00"))),
        request_id: id.to_owned(),
        quote_digest: Vec::new(),
        view: 0,
    };
    send.send(request("C1")).await.expect("the claim is sent");
    let stream = SettlementServiceClient::new(channel.clone()).settle_stream(ReceiverStream::new(requests)).await;
    let mut answers = stream.expect("a stream").into_inner();
    let first = answers.message().await.expect("an answer").expect("an answer").answer;
    assert!(matches!(first, Some(Answer::Settlement(_))));
    server.keys.put_callers(&server.keys.callers().replace("onestop:hospital", "onestop:removed"));
    server.reload_until(async || ask(&channel).await.is_err()).await;
    assert_eq!(ask(&channel).await.expect_err("a refusal").code(), Code::Unauthenticated);
    send.send(request("C2")).await.expect("the claim is sent");
    match answers.message().await.expect("an answer").expect("an answer").answer {
        Some(Answer::Refusal(status)) => assert_eq!(status.code, Code::Unauthenticated as i32),
        other => panic!("the stream of a removed caller settles: {other:?}"),
    }
    ask(&server.channel("gateway").await).await.expect("other callers are still known");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_callers_file_leaves_the_previous_callers_in_place() {
    let server = TestServer::start(Keys::made(), ServerLimits::default()).await;
    let (channel, sound) = (server.channel("auditor").await, server.keys.callers());
    server.keys.put_callers("[[caller]]\nname = \"x\"\n");
    // A later reload is handled after this one.
    server.reload_until(async || ask(&channel).await.is_ok()).await;
    server.keys.put_callers(&sound.replace("onestop:auditor", "onestop:other"));
    server.reload_until(async || ask(&channel).await.is_err()).await;
    server.keys.put_callers(&sound);
    server.reload_until(async || ask(&channel).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renewed_certificates_apply_without_a_restart_and_open_connections_stay() {
    let (server, renewed) = (TestServer::start(Keys::made(), ServerLimits::default()).await, Keys::made());
    let before = server.channel("auditor").await;
    ask(&before).await.expect("it is served");
    assert!(
        renewed.channel(server.port, "auditor").await.is_err(),
        "the server does not present the new certificate yet"
    );
    // A certificate with the key of another is refused, and the previous one stays in use.
    std::fs::copy(renewed.file("server.pem"), server.keys.file("server.pem")).expect("copied");
    server.reload_until(async || server.keys.channel(server.port, "auditor").await.is_ok()).await;
    for file in ["server.key", "ca.pem"] {
        std::fs::copy(renewed.file(file), server.keys.file(file)).expect("copied");
    }
    server.reload_until(async || renewed.channel(server.port, "auditor").await.is_ok()).await;
    ask(&renewed.channel(server.port, "auditor").await.expect("it answers")).await.expect("it is served");
    ask(&before).await.expect("the open connection is served");
}

#[test]
fn every_fault_of_a_callers_file_is_reported_with_its_line() {
    let text = r#"[[caller]]
name = "a"
identity = "onestop:a"
role = "king"
[[caller]]
name = "a"
identity = "onestop:a"
role = "hospital"
hospitals = ["H1", "H2"]
[[caller]]
name = ""
identity = "two words"
role = "gateway"
rate = 0
[[caller]]
name = "b"
identity = "onestop:b"
role = "auditor"
hospitals = ["H1"]
[[caller]]
name = "c"
identity = "host.example"
role = "operator"
[[caller]]
name = "d"
identity = "HOST.example"
role = "operator"
"#;
    let faults = Callers::from_toml("callers.toml", text, bounds(), 64).expect_err("faults");
    let found: Vec<_> = faults.iter().map(ToString::to_string).collect();
    let wanted = [
        (1, "`role` must be one of hospital, gateway, registrar, auditor, operator, backup"),
        (5, "the name \"a\" is given to two callers"),
        (5, "`hospitals` of a hospital must contain exactly one id, its own"),
        (10, "`name` is missing"),
        (10, "`identity` must be a URI or DNS name, as the certificate contains it"),
        (10, "`hospitals` of a gateway must contain at least one id"),
        (10, "`rate` and `in_flight` must be at least 1"),
        (15, "`hospitals` is only for a hospital or a gateway"),
        (24, "the identity \"host.example\" is given to two callers"),
    ];
    assert_eq!(found, wanted.map(|(line, message)| format!("callers.toml:{line}: {message}")));
    let text = "[[caller]]\nname = \"a\"\nking = true\n";
    let unknown = Callers::from_toml("callers.toml", text, bounds(), 64).expect_err("a fault");
    assert!(unknown[0].to_string().starts_with("callers.toml:3:1: unknown field `king`"), "{unknown:?}");
}

#[test]
fn the_shipped_example_of_a_callers_file_is_valid() {
    let callers =
        Callers::from_toml("callers.toml", include_str!("../../deploy/callers.toml"), bounds(), 64).expect("sound");
    let gateway = callers.authenticate(&["gateway.province.example".to_owned()]).expect("a known caller");
    assert_eq!((callers.count(), gateway.hospitals.len()), (Some(6), 2));
}

#[test]
fn a_certificate_with_the_names_of_two_callers_is_refused() {
    let text = "[[caller]]\nname = \"a\"\nidentity = \"onestop:a\"\nrole = \"auditor\"\n\
                [[caller]]\nname = \"b\"\nidentity = \"b.example\"\nrole = \"operator\"\n";
    let callers = Callers::from_toml("callers.toml", text, bounds(), 64).expect("sound");
    let named = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        callers
            .authenticate(&names)
            .map(|caller| caller.name.to_string())
            .map_err(|error| Reason::from(&error).as_str())
    };
    assert_eq!(named(&["onestop:a"]), Ok("a".to_owned()));
    assert_eq!(named(&["unknown.example", "b.example"]), Ok("b".to_owned()));
    assert_eq!(named(&["onestop:a", "b.example"]), Err("CALLER_UNKNOWN"));
    assert_eq!(named(&[]), Err("CALLER_UNKNOWN"));
}
