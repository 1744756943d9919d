//! Connections that say nothing, and more connections than there are file descriptors.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use onestop::access::Callers;
use onestop::access::log::AccessLog;
use onestop::config::{ServerLimits, TlsFiles};
use onestop::server::access_setup::AccessSetup;
use onestop::server::tls::Tls;
use rcgen::{BasicConstraints, Certificate, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tonic::transport::{ClientTlsConfig, Identity};

use super::raw::{RawConnection, ending};
use super::{Target, get, within};
use crate::access::TestServer;
use crate::support::keys::{Keys, connect};
use crate::support::program::{Serve, onestop};

/// Whether the server closes this socket in time without sending anything but HTTP/2 settings.
async fn is_closed(mut stream: TcpStream) -> bool {
    let mut received = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut received)).await.is_ok()
}

async fn socket(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.expect("a connection")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_the_preface_is_closed_in_time() {
    let target = Target::start(ServerLimits { handshake_seconds: 1, ..ServerLimits::default() }).await;
    assert!(is_closed(socket(target.port).await).await);
    target.wait_for_metric("onestop_closed_connections_total{reason=\"no_preface\"} 1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_calls_is_closed_in_time_and_one_with_a_call_is_not() {
    let target = Target::start(ServerLimits { idle_seconds: 1, ..ServerLimits::default() }).await;
    let busy = RawConnection::open(target.port, 1 << 16).await;
    let _stream = busy.begin("settlement.v1.SettlementService/SettleStream").await;
    let idle = RawConnection::open(target.port, 1 << 16).await;
    within(10, idle.ended).await.expect("it is closed");
    target.wait_for_metric("onestop_closed_connections_total{reason=\"idle\"} 1").await;
    let read = target.settled(1).await;
    let read = busy.call("settlement.v1.SettlementService/GetSettlement", &read).await;
    assert_eq!(within(10, ending(read)).await.1, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_beyond_the_limit_of_an_address_are_closed_and_finished_ones_do_not_count() {
    let limits = ServerLimits { address_handshakes: 2, handshake_seconds: 60, ..ServerLimits::default() };
    let target = Target::start(limits).await;
    let finished = [RawConnection::open(target.port, 1 << 16).await, RawConnection::open(target.port, 1 << 16).await];
    let read = target.settled(1).await;
    for connection in &finished {
        ending(connection.call("settlement.v1.SettlementService/GetSettlement", &read).await).await;
    }
    // Two of the three wait; which one is refused depends on their tasks.
    let _silent = [socket(target.port).await, socket(target.port).await, socket(target.port).await];
    target.wait_for_metric("onestop_refused_connections_total{reason=\"too_many_handshakes\"} 1").await;
}

/// An authority that issues certificates with any names.
struct Authority {
    place: tempfile::TempDir,
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let place = tempfile::tempdir().expect("a directory");
        Authority { place, certificate, issuer: Issuer::new(params, key) }
    }

    /// A certificate with these names, and its key.
    fn issue(&self, names: &[&str], usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("parameters");
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().expect("a key");
        (params.signed_by(&key, &self.issuer).expect("a certificate").pem(), key.serialize_pem())
    }

    /// Access with this authority for server and callers; no caller is known by name.
    fn access(&self) -> AccessSetup {
        let file = |name: &str, text: &str| {
            let path = self.place.path().join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        let (certificate, key) = self.issue(&["localhost"], ExtendedKeyUsagePurpose::ServerAuth);
        let client_ca = Some(file("ca.pem", &self.certificate.pem()));
        let files =
            TlsFiles { certificate: file("server.pem", &certificate), key: file("server.key", &key), client_ca };
        let tls = Some(std::sync::Arc::new(Tls::open(files).expect("sound files")));
        AccessSetup { tls, callers: Callers::open(), load_callers: None, log: AccessLog::Disabled }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_without_a_name_count_as_one_caller() {
    let authority = Authority::new();
    let limits = ServerLimits { caller_connections: 2, ..ServerLimits::default() };
    let server = TestServer::with_access(Keys::made(), authority.access(), limits).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let (certificate, key) = authority.issue(&[], ExtendedKeyUsagePurpose::ClientAuth);
        let ca = tonic::transport::Certificate::from_pem(authority.certificate.pem());
        let tls = ClientTlsConfig::new().ca_certificate(ca).identity(Identity::from_pem(certificate, key));
        // With TLS 1.3 a client learns only later that it was refused.
        open.push(connect(server.port, tls).await);
    }
    let start = Instant::now();
    while !server.metrics().await.contains("{reason=\"too_many_of_one_caller\"} 1") {
        assert!(start.elapsed() < Duration::from_secs(10), "{}", server.metrics().await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The file descriptors that the process has open.
fn descriptors(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).expect("a process").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_answers_though_connections_have_used_up_the_file_descriptors() {
    let place = tempfile::tempdir().expect("a directory");
    let operations = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 120; exec \"$0\" \"$@\""]).arg(onestop().get_program());
    command.args(["serve", "--create", "--listen", "127.0.0.1:0", "--operations", &operations.to_string(), "--store"]);
    let serve = Serve::spawn({
        command.arg(place.path().join("store")).stderr(Stdio::null());
        command
    });
    let port: u16 = serve.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let before = descriptors(serve.pid());
    let mut sockets = Vec::new();
    for _ in 0..200 {
        sockets.push(socket(port).await);
    }
    let start = Instant::now();
    while descriptors(serve.pid()) < before + 60 {
        assert!(start.elapsed() < Duration::from_secs(5), "{} descriptors", descriptors(serve.pid()));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for _ in 0..10 {
        let ready = within(3, get(operations.port(), "/health/ready")).await.expect("an answer");
        assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    }
    assert!(descriptors(serve.pid()) <= before + 61);
    drop(sockets);
    assert_eq!(serve.end(), Some(0));
}
