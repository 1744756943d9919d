//! A Redis Cluster for tests: three primaries, each with a replica, on free ports.

use std::time::{Duration, Instant};

use super::redis_server::{DURABLE, RedisServer, free_port, prefix};

/// How long it may take until all know one another.
const FORMS: Duration = Duration::from_secs(60);

/// The servers: primaries first, then the replica of each.
pub struct RedisCluster {
    pub servers: Vec<RedisServer>,
}

/// The slots of the three primaries.
const SLOTS: [(&str, &str); 3] = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];

impl RedisCluster {
    /// Starts one, and waits until it is whole.
    pub fn start() -> RedisCluster {
        let buses: Vec<u16> = (0..6).map(|_| free_port()).collect();
        let server = |bus: &u16| {
            let bus = format!("cluster-port {bus}");
            let own = ["cluster-enabled yes", "cluster-node-timeout 2000", "repl-diskless-sync-delay 0", &bus];
            RedisServer::start(&[DURABLE, &own].concat())
        };
        let servers: Vec<RedisServer> = buses.iter().map(server).collect();
        for (server, bus) in servers.iter().zip(&buses).skip(1) {
            let (port, bus) = (server.port().to_string(), bus.to_string());
            servers[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        }
        for (server, (first, last)) in servers.iter().zip(SLOTS) {
            server.ask(&["CLUSTER", "ADDSLOTSRANGE", first, last]);
        }
        until(|| servers.iter().all(|server| server.ask(&["CLUSTER", "NODES"]).matches("connected").count() >= 6));
        for (primary, replica) in servers.iter().zip(&servers[3..]) {
            let id = primary.ask(&["CLUSTER", "MYID"]);
            let id = id.lines().nth(1).expect("an id").to_owned();
            until(|| replica.ask(&["CLUSTER", "REPLICATE", &id]).starts_with("+OK"));
        }
        let is_whole = |server: &RedisServer| {
            let info = server.ask(&["CLUSTER", "INFO"]);
            let role = server.ask(&["INFO", "replication"]);
            info.contains("cluster_state:ok")
                && (role.contains("master_link_status:up") || role.contains("state=online"))
        };
        until(|| servers.iter().all(is_whole));
        RedisCluster { servers }
    }

    /// Its address, with a prefix of its own.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.servers.iter().map(|server| format!("127.0.0.1:{}", server.port())).collect();
        format!("redis-cluster://{}?prefix={}", hosts.join(","), prefix())
    }
}

/// Waits until something holds.
pub fn until(holds: impl Fn() -> bool) {
    let end = Instant::now() + FORMS;
    while !holds() {
        assert!(Instant::now() < end, "it does not come about");
        std::thread::sleep(Duration::from_millis(20));
    }
}
