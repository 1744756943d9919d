//! Behind TLS and a password, and a primary that sentinels name.

use onestop::store::redis::RedisSettings;
use onestop::store::redis::address::{Address, AddressFault, Layout};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::settles;
use crate::support::engine;
use crate::support::redis_cluster::until;
use crate::support::redis_server::{DURABLE, RedisServer, free_port, open, open_with, prefix};

/// A certificate for 127.0.0.1 in this directory, and the authority that signed it.
fn certificates(place: &std::path::Path) {
    let mut authority = CertificateParams::new(Vec::new()).expect("sound names");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let (signs, key) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
    let root = authority.self_signed(&signs).expect("signed");
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("sound names");
    let server = server.signed_by(&key, &Issuer::new(authority, signs)).expect("signed");
    for (name, text) in [("ca.pem", root.pem()), ("cert.pem", server.pem()), ("key.pem", key.serialize_pem())] {
        std::fs::write(place.join(name), text).expect("written");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_with_tls_and_password_accepts_only_the_right_credentials() {
    let place = tempfile::tempdir().expect("a directory");
    certificates(place.path());
    let (port, at) = (free_port(), place.path().display());
    let own = [
        format!("tls-port {port}"),
        format!("tls-cert-file {at}/cert.pem"),
        format!("tls-key-file {at}/key.pem"),
        format!("tls-ca-cert-file {at}/ca.pem"),
        "tls-auth-clients no".to_owned(),
        "requirepass p@ss".to_owned(),
    ];
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let _server = RedisServer::start(&[DURABLE, &own].concat());
    let (host, prefix) = (format!("127.0.0.1:{port}"), prefix());
    for (file, password) in [("password", "p@ss\n"), ("other", "other\n")] {
        std::fs::write(place.path().join(file), password).expect("written");
    }
    let right = format!("rediss://{host}?prefix={prefix}&ca={at}/ca.pem&password_file={at}/password");
    settles(&engine(open(&right).await).await, 1).await.expect("settled");
    for wrong in [
        format!("rediss://{host}?ca={at}/ca.pem&password_file={at}/other"),
        format!("rediss://{host}?ca={at}/ca.pem&password_file={at}/missing"),
        format!("rediss://{host}?ca={at}/ca.pem"),
        format!("rediss://{host}?password_file={at}/password"),
        format!("redis://{host}?password_file={at}/password"),
    ] {
        let settings = RedisSettings { timeout: std::time::Duration::from_millis(500), ..RedisSettings::default() };
        let message = open_with(&wrong, settings).await.err().expect("refused").to_string();
        assert!(!message.contains("p@ss"), "{message}");
    }
}

/// Redis would refuse the command in the middle of a commit, and keep what was written before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_may_not_execute_a_command_of_a_commit_is_refused() {
    let server = RedisServer::start(DURABLE);
    let place = tempfile::tempdir().expect("a directory");
    let (file, prefix) = (place.path().join("password"), prefix());
    std::fs::write(&file, "p@ss").expect("written");
    let url = format!("redis://office@127.0.0.1:{}?prefix={prefix}&password_file={}", server.port(), file.display());
    let keys = format!("~{prefix}:*");
    let user = ["ACL", "SETUSER", "office", "on", ">p@ss", &keys, "+@all"];
    assert_eq!(server.ask(&[&user[..], &["-zadd"]].concat()), "+OK\r\n");
    let message = open_with(&url, RedisSettings::default()).await.err().expect("refused").to_string();
    assert!(message.contains("may not execute ZADD"), "{message}");
    assert_eq!(server.ask(&["DBSIZE"]), ":0\r\n");
    assert_eq!(server.ask(&user), "+OK\r\n");
    settles(&engine(open(&url).await).await, 1).await.expect("settled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_primary_named_by_the_sentinel_is_found_and_followed() {
    let primary = RedisServer::start(DURABLE);
    let replica = RedisServer::start(DURABLE);
    replica.ask(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    until(|| replica.ask(&["INFO", "replication"]).contains("master_link_status:up"));
    let monitor = format!("sentinel monitor office 127.0.0.1 {} 1", primary.port());
    let sentinel = RedisServer::start(&[&monitor, "sentinel down-after-milliseconds office 60000"]);
    until(|| sentinel.ask(&["SENTINEL", "REPLICAS", "office"]).contains("slave"));
    let url = format!("redis-sentinel://127.0.0.1:{}/office?prefix={}", sentinel.port(), prefix());
    let engine = engine(open(&url).await).await;
    let before = settles(&engine, 1).await.expect("settled").entry;
    until(|| sentinel.ask(&["SENTINEL", "FAILOVER", "office"]).starts_with("+OK"));
    until(|| replica.ask(&["ROLE"]).contains("master") && primary.ask(&["ROLE"]).contains("slave"));
    let again = settles(&engine, 1).await.expect("the same");
    assert!(again.replay && again.entry == before);
    settles(&engine, 2).await.expect("settled");
}

#[test]
fn addresses_are_parsed_and_printed_without_secrets() {
    let parsed = |text: &str| Address::parse(text).map(|address| address.to_string());
    assert_eq!(parsed("redis://h").as_deref(), Ok("redis://h:6379/0"));
    assert_eq!(parsed("rediss://u@h:1/3").as_deref(), Ok("rediss://h:1/3"));
    assert_eq!(parsed("redis://[::1]:7").as_deref(), Ok("redis://[::1]:7/0"));
    assert_eq!(parsed("redis-cluster://a:1,b").as_deref(), Ok("redis-cluster://a:1,b:6379"));
    assert_eq!(parsed("rediss-sentinel://a,b:1/m").as_deref(), Ok("rediss-sentinel://a:26379,b:1/m"));
    let full = Address::parse("redis://us%65r@h?prefix=x&password_file=f&ca=c").expect("sound");
    assert_eq!((full.user.as_deref(), full.prefix.as_str(), full.ca), (Some("user"), "x", Some("c".into())));
    assert!(matches!(full.layout, Layout::Single(_)) && full.password_file == Some("f".into()));
    for (text, fault) in [
        ("http://h", AddressFault::Scheme),
        ("redis-ring://h", AddressFault::Scheme),
        ("redis://", AddressFault::NoHost),
        ("redis://h:x", AddressFault::Port("x".to_owned())),
        ("redis://h?speed=1", AddressFault::UnknownParameter("speed".to_owned())),
        ("redis://a,b", AddressFault::SeveralHosts),
        ("redis://h/x", AddressFault::Database),
        ("redis-sentinel://h", AddressFault::NoPrimary),
        ("redis-cluster://h/1", AddressFault::ClusterDatabase),
        ("redis://h?prefix={", AddressFault::Prefix),
        ("redis://%4@h", AddressFault::Escape),
        ("redis://u:secret@h", AddressFault::Password),
    ] {
        assert_eq!(parsed(text), Err(fault), "{text}");
    }
}
