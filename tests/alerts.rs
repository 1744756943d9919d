//! Each fault that an alert is for is produced for a real server, and a real Prometheus that scrapes it fires the alert.
//!
//! The rules are those of `deploy/monitoring`, with windows and waits of seconds. Two alerts have no fault here: no request
//! makes a check fail (OnestopInvariant), and what a disk takes in hours cannot be had in seconds (OnestopDiskFillsUp).
//! `promtool` tests them as series.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use onestop::cli::client::Client;
use onestop::store::secret_file;
use rcgen::{CertificateParams, KeyPair};

use crate::attacks::raw::RawConnection;
use crate::disk;
use crate::support::claims::claim;
use crate::support::program::{Serve, onestop};
use crate::support::prometheus::Prometheus;
use crate::support::redis_server::{DURABLE, RedisServer, free_port};
use crate::telemetry::{settle_demonstration, store_with_old_register};

/// The shipped rules, with these parts shortened.
fn shortened_rules() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/monitoring/alerts.yml");
    let rules = std::fs::read_to_string(path).expect("the rules");
    let shorter = [
        ("for: 1m", "for: 1s"),
        ("for: 5m", "for: 1s"),
        ("for: 10m", "for: 1s"),
        ("[5m]", "[10s]"),
        ("[1h]", "[20s]"),
        ("400 * 1024 * 1024", "200 * 1024"),
    ];
    shorter.iter().fold(rules, |rules, (part, short)| {
        assert!(rules.contains(part), "{part}");
        rules.replace(part, short)
    })
}

/// A server over this store.
fn serve(store: &str, more: impl FnOnce(&mut Command)) -> Serve {
    let mut command = onestop();
    command.args(["serve", "--create", "--listen", "127.0.0.1:0", "--operations", "127.0.0.1:0", "--store", store]);
    more(&mut command);
    Serve::spawn(command)
}

/// A certificate that expires in ten days, and its key.
fn write_expiring_certificate(directory: &Path) {
    let key = KeyPair::generate().expect("a key");
    let mut certificate = CertificateParams::new(vec!["localhost".to_owned()]).expect("sound names");
    certificate.not_after = (SystemTime::now() + Duration::from_secs(10 * 24 * 3_600)).into();
    let certificate = certificate.self_signed(&key).expect("signed");
    std::fs::write(directory.join("server.pem"), certificate.pem()).expect("written");
    std::fs::write(directory.join("server.key"), key.serialize_pem()).expect("written");
}

/// The shipped policies without those of a province: another book.
fn write_other_policies(directory: &Path) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/policies");
    std::fs::create_dir(directory).expect("a directory");
    for file in std::fs::read_dir(shipped).expect("the policies") {
        let file = file.expect("a file");
        if file.file_name() != "gansu-2017.toml" {
            std::fs::copy(file.path(), directory.join(file.file_name())).expect("copied");
        }
    }
}

/// Calls of a second that show what is wrong with servers only when they are called.
struct Callers {
    store_fails: Client,
    disk_full: Client,
    slow: Client,
    slow_redis: RedisServer,
    shedding: Client,
}

impl Callers {
    async fn call(&mut self, round: usize) {
        let id = format!("C{round}");
        self.store_fails.quote(&claim(&id, "P1", "1.00")).await.expect_err("its Redis is gone");
        // Refused once the server has seen that the disk is nearly full.
        let _refused = self.disk_full.settle(&claim(&id, "P1", "1.00"), &id, Vec::new()).await;
        self.slow_redis.ask(&["CLIENT", "PAUSE", "300", "ALL"]);
        self.slow.settle(&claim(&id, "P1", "1.00"), &id, Vec::new()).await.expect("a slow settlement");
        for _ in 0..20 {
            self.shedding.quote(&claim(&id, "P1", "1.00")).await.expect_err("another call has the only place");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_fires_its_alert_and_a_sound_server_fires_none() {
    let place = tempfile::tempdir().expect("a directory");
    let memory = tempfile::tempdir_in("/dev/shm").expect("a directory in memory");
    let store = |name: &str| place.path().join(name).display().to_string();
    let file = |name: &str| place.path().join(name);
    let secret = file("secret");
    secret_file::create(&secret).expect("a secret");
    let sound = serve(&store("sound"), |_| {});
    let (gone, slow_redis) = (RedisServer::start(DURABLE), RedisServer::start(DURABLE));
    let on_redis = |redis: &RedisServer| serve(&redis.url(), |command| _ = command.arg("--secret").arg(&secret));
    let (failing, slow) = (on_redis(&gone), on_redis(&slow_redis));
    let volatile = serve(&store("volatile"), |command| _ = command.arg("--accept-volatile"));
    let shedding = serve(&store("shedding"), |command| _ = command.args(["--in-flight", "1"]));
    store_with_old_register(&file("stale"), 4).await;
    let stale = serve(&store("stale"), |_| {});
    write_other_policies(&file("policies"));
    let other_book = serve(&store("other"), |command| _ = command.arg("--policies").arg(file("policies")));
    write_expiring_certificate(place.path());
    let expiring = serve(&store("expiring"), |command| {
        command.env("ONESTOP_TLS_CERTIFICATE", file("server.pem")).env("ONESTOP_TLS_KEY", file("server.key"));
    });
    let lagging = serve(&store("lagging"), |_| {});
    let (full, disk_full, _alone) = disk::nearly_full(memory.path()).await;
    let down = format!("http://127.0.0.1:{}", free_port());
    let (store_fails, slow_client) = (failing.with_tables().await, slow.with_tables().await);
    let shedding_client = shedding.client().await;
    let port = shedding.url.rsplit_once(':').expect("a port").1.parse().expect("a port");
    let connection = RawConnection::open(port, 1 << 16).await;
    let _stalled = connection.begin("settlement.v1.SettlementService/Quote").await;
    let mut callers = Callers { store_fails, disk_full, slow: slow_client, slow_redis, shedding: shedding_client };
    let servers = [&sound, &failing, &slow, &volatile, &shedding, &stale, &other_book, &expiring, &lagging, &full];
    let mut targets: Vec<&str> =
        servers.iter().map(|server| server.operations.as_deref().expect("it serves metrics")).collect();
    targets.push(&down);
    let prometheus = Prometheus::start(&targets, &shortened_rules());
    let url = lagging.url.clone();
    tokio::task::spawn_blocking(move || settle_demonstration(&url, &[])).await.expect("settled");
    disk::fill(memory.path());
    gone.kill();
    let instance = |url: &str| url.trim_start_matches("http://").to_owned();
    let of = |server: &Serve| instance(server.operations.as_deref().expect("it serves metrics"));
    let expected = BTreeSet::from([
        ("OnestopDown", instance(&down)),
        ("OnestopNotReady", of(&failing)),
        ("OnestopStoreFailing", of(&failing)),
        ("OnestopDiskFull", of(&full)),
        ("OnestopCheckpointLag", of(&lagging)),
        ("OnestopNotDurable", of(&volatile)),
        ("OnestopSlow", of(&slow)),
        ("OnestopShedding", of(&shedding)),
        ("OnestopRegisterStale", of(&stale)),
        ("OnestopBooksDiffer", String::new()),
        ("OnestopCertificateExpires", of(&expiring)),
    ]);
    let (start, mut missing) = (Instant::now(), expected.clone());
    for round in 0.. {
        callers.call(round).await;
        let firing = prometheus.firing();
        missing.retain(|(alert, at)| !firing.contains(&((*alert).to_owned(), at.clone())));
        let of_sound: Vec<_> = firing.iter().filter(|(_, at)| *at == of(&sound)).collect();
        assert_eq!(of_sound, Vec::<&(String, String)>::new());
        if missing.is_empty() {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(120), "do not fire: {missing:?}; fire: {firing:?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
