//! The deployment kit: each file is checked as far as that is possible without a cluster; `deploy/README.md` says how far.

use std::collections::BTreeSet;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use onestop::access::call::CALLS;
use onestop::config::Layered;
use serde_json::Value;
use yaml_rust2::YamlLoader;

use crate::support::keys::Keys;
use crate::support::program::onestop;
use crate::support::prometheus::Prometheus;
use crate::telemetry::{LoggedServer, settle_demonstration};

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file)
}

fn text(file: &str) -> String {
    std::fs::read_to_string(deploy(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The output of a command that must succeed.
fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat();
    assert!(output.status.success(), "{command:?}: {text}");
    text
}

/// The words of a text that begin like this and consist of letters, digits and `_`.
fn words(text: &str, start: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let named = |word: &&str| word.len() > start.len() && word.starts_with(start);
    text.split(|c| !is_word(c)).filter(named).map(str::to_owned).collect()
}

#[test]
fn systemd_accepts_the_units_and_finds_them_hardened() {
    ["onestop.service", "onestop-backup.service"].into_iter().for_each(assert_accepted_and_hardened);
}

fn assert_accepted_and_hardened(name: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let unit = directory.path().join(name);
    let here = text(&format!("systemd/{name}")).replace("/usr/local/bin/onestop", env!("CARGO_BIN_EXE_onestop"));
    std::fs::write(&unit, here).expect("written");
    let verified = succeed(Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit));
    assert_eq!(verified.lines().filter(|line| line.contains(name)).collect::<Vec<_>>(), Vec::<&str>::new());
    succeed(
        Command::new("systemd-analyze").args(["security", "--no-pager", "--offline=true", "--threshold=20"]).arg(&unit),
    );
}

#[test]
fn the_service_manager_is_notified_of_start_reload_and_stop() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
    let receive = || {
        let mut bytes = [0; 256];
        let length = socket.recv(&mut bytes).expect("a notification");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    let server = LoggedServer::start(directory.path(), &[("NOTIFY_SOCKET", path.to_str().expect("a path"))]);
    assert_eq!(receive().trim(), "READY=1");
    server.signal("-HUP");
    let reloading = receive();
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(receive().trim(), "READY=1");
    server.end();
    assert_eq!(receive().trim(), "STOPPING=1");
}

#[test]
fn every_variable_and_option_of_the_kit_is_one_of_the_configuration() {
    for file in [
        "systemd/onestop.service",
        "container/Containerfile",
        "compose/compose.yaml",
        "kubernetes/embedded.yaml",
        "kubernetes/redis.yaml",
    ] {
        let variables = words(&text(file), "ONESTOP_");
        assert!(!variables.is_empty(), "{file}");
        for variable in variables {
            let asked = std::cell::Cell::new(false);
            let known = Layered::read(None, |name| {
                asked.set(asked.get() || name == variable);
                None
            });
            assert!(known.is_ok() && asked.get(), "{file} sets {variable}");
        }
    }
    for (file, documents) in [
        ("compose/compose.yaml", 1),
        ("compose/collector.yaml", 1),
        ("compose/prometheus.yml", 1),
        ("compose/grafana/datasources/prometheus.yaml", 1),
        ("compose/grafana/dashboards/onestop.yaml", 1),
        ("kubernetes/embedded.yaml", 2),
        ("kubernetes/redis.yaml", 3),
        ("monitoring/alerts.yml", 1),
    ] {
        let read = YamlLoader::load_from_str(&text(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(read.len(), documents, "{file}");
        if file.starts_with("kubernetes") {
            assert!(read.iter().all(|document| document["kind"].as_str().is_some()), "{file}");
        }
    }
}

#[test]
fn the_alert_rules_fire_for_each_fault_and_each_has_a_page_in_the_runbook() {
    let promtool = |command: &str, file: &str| {
        succeed(Command::new("promtool").args([command, "rules", file]).current_dir(deploy("monitoring")))
    };
    assert!(promtool("check", "alerts.yml").contains("SUCCESS"));
    assert!(promtool("test", "alerts_test.yml").contains("SUCCESS"));
    let rules = text("monitoring/alerts.yml");
    let alerts: BTreeSet<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let runbook = text("runbook.md");
    let headings: BTreeSet<_> = runbook.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(alerts, headings);
    let tested = text("monitoring/alerts_test.yml");
    assert!(alerts.iter().all(|alert| tested.contains(&format!("alertname=\"{alert}\""))), "each alert is tested");
}

#[test]
fn every_query_of_the_dashboard_returns_data_from_a_prometheus_that_scrapes_a_server_under_load() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = LoggedServer::start(directory.path(), &[]);
    let prometheus = Prometheus::start(&[&server.operations], "");
    let dashboard: Value = serde_json::from_str(&text("monitoring/dashboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels").clone();
    assert!(panels.len() >= 20);
    let queries = panels.iter().map(|panel| panel["targets"][0]["expr"].as_str().expect("a query").to_owned());
    let (mut unanswered, start): (Vec<_>, _) = (queries.collect(), Instant::now());
    while !unanswered.is_empty() {
        settle_demonstration(&server.url, &[]);
        std::thread::sleep(Duration::from_secs(1));
        unanswered.retain(|query| prometheus.values(query).is_empty());
        assert!(start.elapsed() < Duration::from_secs(60), "no data: {unanswered:?}");
    }
    let keys = Keys::made();
    let mut command = onestop();
    command.args(["serve", "--create", "--listen", "127.0.0.1:0", "--operations", "127.0.0.1:0", "--config"]);
    command.arg(keys.file("onestop.toml")).arg("--store").arg(directory.path().join("other"));
    let with_tls = LoggedServer::spawn(command);
    let metrics = [&server, &with_tls].map(|server| server.get("/metrics", "text/plain")).concat();
    assert!(metrics.contains("\nonestop_certificate_expiry_timestamp_seconds{certificate=\"server\"} "), "{metrics}");
    with_tls.end();
    let rules = text("monitoring/alerts.yml");
    let used = ["onestop_", "rpc_server", "process_"].map(|start| words(&rules, start));
    for metric in used.into_iter().flatten() {
        assert!(metrics.contains(&format!("\n{metric}")), "the alerts use {metric}, which no server has");
    }
    server.end();
}

#[test]
fn the_service_config_names_services_and_methods_that_exist() {
    let config: Value = serde_json::from_str(&text("grpc-service-config.json")).expect("JSON");
    let methods = config["methodConfig"].as_array().expect("methods");
    let names: Vec<_> = methods.iter().flat_map(|method| method["name"].as_array().expect("names")).collect();
    assert!(names.len() >= 3);
    for name in names {
        let (service, method) = (name["service"].as_str().expect("a service"), name["method"].as_str());
        let path = format!("/{service}/{}", method.unwrap_or_default());
        assert!(CALLS.iter().any(|call| call.path.starts_with(&path)), "{path}");
        assert!(method.is_none() || CALLS.iter().any(|call| call.path == path), "{path}");
    }
}
