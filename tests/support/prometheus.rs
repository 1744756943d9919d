//! A real Prometheus that scrapes servers every second and evaluates rules.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A Prometheus; it ends when it is dropped.
pub struct Prometheus {
    child: Child,
    address: String,
    _directory: tempfile::TempDir,
}

impl Prometheus {
    /// Starts one that scrapes these operations listeners and evaluates these rules.
    pub fn start(servers: &[&str], rules: &str) -> Prometheus {
        let directory = tempfile::tempdir().expect("a directory");
        let config = directory.path().join("prometheus.yml");
        let targets: Vec<_> = servers.iter().map(|server| server.trim_start_matches("http://")).collect();
        let job = format!("scrape_configs: [{{ job_name: onestop, static_configs: [{{ targets: {targets:?} }}] }}]");
        let global = "global: { scrape_interval: 1s, evaluation_interval: 1s }";
        std::fs::write(directory.path().join("rules.yml"), rules).expect("written");
        std::fs::write(&config, format!("{global}\nrule_files: [rules.yml]\n{job}\n")).expect("written");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address").to_string();
        drop(free);
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()));
        command.arg(format!("--web.listen-address={address}")).arg("--log.level=error");
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("prometheus is installed");
        Prometheus { child, address, _directory: directory }
    }

    /// The series of a query; empty while it has none.
    pub fn series(&self, query: &str) -> Vec<Value> {
        let Ok(mut stream) = TcpStream::connect(&self.address) else { return Vec::new() };
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let request = format!("GET /api/v1/query?query={encoded} HTTP/1.0\r\nHost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("written");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("an answer");
        let body = response.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
        let Ok(answer) = serde_json::from_str::<Value>(body) else { return Vec::new() };
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }

    /// The values of the series of a query that are numbers.
    pub fn values(&self, query: &str) -> Vec<f64> {
        let series = self.series(query);
        let values = series.iter().filter_map(|one| one["value"][1].as_str()?.parse().ok());
        values.filter(|value: &f64| value.is_finite()).collect()
    }

    /// The alerts that fire: each with its instance, which is empty if the alert is about all.
    pub fn firing(&self) -> Vec<(String, String)> {
        let label = |series: &Value, name: &str| series["metric"][name].as_str().unwrap_or_default().to_owned();
        let firing = self.series("ALERTS{alertstate=\"firing\"}");
        firing.iter().map(|alert| (label(alert, "alertname"), label(alert, "instance"))).collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // A test that failed leaves no process behind.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
