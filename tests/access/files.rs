//! Certificates and callers change while serving, and hold at once, also of open connections and streams.

use onestop::access::Callers;
use onestop::config::ServerLimits;
use onestop::grpc::pb::policy::ListPoliciesRequest;
use onestop::grpc::pb::policy::policy_service_client::PolicyServiceClient;
use onestop::grpc::pb::settlement as pb;
use onestop::grpc::pb::settlement::settle_stream_response::Answer;
use onestop::grpc::pb::settlement::settlement_service_client::SettlementServiceClient;
use onestop::grpc::status::Reason;
use onestop::grpc::to_proto;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::House;
use crate::support::claims::claim;
use crate::support::keys::{Keys, bounds};

async fn ask(channel: &Channel) -> Result<(), Status> {
    PolicyServiceClient::new(channel.clone()).list_policies(ListPoliciesRequest::default()).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_is_removed_is_refused_on_open_connections_and_streams() {
    let house = House::with(Keys::made(), ServerLimits::default()).await;
    let channel = house.channel("hospital").await;
    ask(&channel).await.expect("it is known");
    let (send, requests) = mpsc::channel(4);
    let request = |id: &str| pb::SettleStreamRequest {
        claim: Some(to_proto::claim(&claim(id, "P1", "1.00"))),
        request_id: id.to_owned(),
        quote_digest: Vec::new(),
    };
    send.send(request("C1")).await.expect("it is taken");
    let stream = SettlementServiceClient::new(channel.clone()).settle_stream(ReceiverStream::new(requests)).await;
    let mut answers = stream.expect("a stream").into_inner();
    let first = answers.message().await.expect("an answer").expect("an answer").answer;
    assert!(matches!(first, Some(Answer::Settlement(_))));
    house.keys.put_callers(&house.keys.callers().replace("onestop:hospital", "onestop:removed"));
    house.reload_until(async || ask(&channel).await.is_err()).await;
    assert_eq!(ask(&channel).await.expect_err("a refusal").code(), Code::Unauthenticated);
    send.send(request("C2")).await.expect("it is taken");
    match answers.message().await.expect("an answer").expect("an answer").answer {
        Some(Answer::Refusal(status)) => assert_eq!(status.code, Code::Unauthenticated as i32),
        other => panic!("a stream of nobody settles: {other:?}"),
    }
    ask(&house.channel("gateway").await).await.expect("others are known as before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_are_refused_leave_those_before_in_place() {
    let house = House::with(Keys::made(), ServerLimits::default()).await;
    let (channel, sound) = (house.channel("auditor").await, house.keys.callers());
    house.keys.put_callers("[[caller]]\nname = \"x\"\n");
    // The next reload that is heard comes after this one.
    house.reload_until(async || ask(&channel).await.is_ok()).await;
    house.keys.put_callers(&sound.replace("onestop:auditor", "onestop:other"));
    house.reload_until(async || ask(&channel).await.is_err()).await;
    house.keys.put_callers(&sound);
    house.reload_until(async || ask(&channel).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_renewed_without_a_restart_and_an_open_connection_stays() {
    let (house, renewed) = (House::with(Keys::made(), ServerLimits::default()).await, Keys::made());
    let before = house.channel("auditor").await;
    ask(&before).await.expect("it is served");
    assert!(renewed.channel(house.port, "auditor").await.is_err(), "another authority's is not believed yet");
    // A certificate whose key is another's is refused, and what was in use stays.
    std::fs::copy(renewed.file("server.pem"), house.keys.file("server.pem")).expect("copied");
    house.reload_until(async || house.keys.channel(house.port, "auditor").await.is_ok()).await;
    for file in ["server.key", "ca.pem"] {
        std::fs::copy(renewed.file(file), house.keys.file(file)).expect("copied");
    }
    house.reload_until(async || renewed.channel(house.port, "auditor").await.is_ok()).await;
    ask(&renewed.channel(house.port, "auditor").await.expect("it answers")).await.expect("it is served");
    ask(&before).await.expect("the open connection is served");
}

#[test]
fn every_fault_of_a_file_of_callers_is_named_by_its_line() {
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
    let faults = Callers::from_toml("callers.toml", text, bounds()).expect_err("faults");
    let found: Vec<_> = faults.iter().map(ToString::to_string).collect();
    let wanted = [
        (1, "`role` must be one of hospital, gateway, registrar, auditor, operator"),
        (5, "the name \"a\" is given to two callers"),
        (5, "`hospitals` of a hospital must contain exactly one id, its own"),
        (10, "`name` must be text of 1 to 100 bytes"),
        (10, "`identity` must be a URI or DNS name, as the certificate contains it"),
        (10, "`hospitals` of a gateway must contain the ids of its hospitals"),
        (10, "`rate` and `in_flight` must be at least 1"),
        (15, "`hospitals` is only for a hospital or a gateway"),
        (24, "the identity \"host.example\" is given to two callers"),
    ];
    assert_eq!(found, wanted.map(|(line, message)| format!("callers.toml:{line}: {message}")));
    let text = "[[caller]]\nname = \"a\"\nking = true\n";
    let unknown = Callers::from_toml("callers.toml", text, bounds()).expect_err("a fault");
    assert!(unknown[0].to_string().starts_with("callers.toml:3:1: unknown field `king`"), "{unknown:?}");
}

#[test]
fn the_file_that_shows_how_is_sound() {
    let callers =
        Callers::from_toml("callers.toml", include_str!("../../deploy/callers.toml"), bounds()).expect("sound");
    let gateway = callers.authenticate(&["gateway.province.example".to_owned()]).expect("it is known");
    assert_eq!((callers.count(), gateway.hospitals.len()), (Some(5), 2));
}

#[test]
fn a_certificate_of_two_callers_is_nobodys() {
    let text = "[[caller]]\nname = \"a\"\nidentity = \"onestop:a\"\nrole = \"auditor\"\n\
                [[caller]]\nname = \"b\"\nidentity = \"b.example\"\nrole = \"operator\"\n";
    let callers = Callers::from_toml("callers.toml", text, bounds()).expect("sound");
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
