//! Two servers over one store, many callers, few persons, and trouble: the primary is killed and comes back on its
//! file, a replica takes its place, or the servers are cut off. Nothing that was acknowledged may be missing, nothing may
//! be there twice, and every account must be what its chain adds up to.
//!
//! `ONESTOP_ROUNDS=10`, `ONESTOP_SECONDS=60`, `ONESTOP_CALLERS=64` and `ONESTOP_PERSONS=1000` make more of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use onestop::cli::client::Client;
use onestop::cli::client::import::import_table;
use onestop::cli::error::client::leaves_outcome_unknown;
use onestop::domain::claim::RawClaim;
use onestop::domain::content::RawReversal;
use onestop::engine::administration_chain::read_administration;
use onestop::engine::audit::Audit;
use onestop::pb::settlement as pb;
use onestop::reference::table::ReferenceTable;
use onestop::store::JournalStore;
use onestop::store::pages::Pages;
use prost::Message;
use tokio::task::JoinSet;
use tonic::Code;

use crate::support::claims::claim;
use crate::support::program::Serve;
use crate::support::proxy::{Mode, Proxy};
use crate::support::random::Random;
use crate::support::redis_cluster::{RedisCluster, until};
use crate::support::redis_server::{DURABLE, RedisServer, open, prefix, secret_file};

/// Callers of each of the two servers.
fn callers() -> u64 {
    number("ONESTOP_CALLERS", 32)
}

/// Persons that all callers share.
fn persons() -> usize {
    number("ONESTOP_PERSONS", 200) as usize
}

/// One claim in so many is sent to both servers at once, and one is reversed.
const TWICE: usize = 5;
const REVERSED: usize = 20;

/// Between two attempts of a caller.
const PAUSE: Duration = Duration::from_millis(20);

/// A claim, and what was acknowledged of it.
struct Sent {
    claim: RawClaim,
    settlement: Option<pb::Settlement>,
    reversed: bool,
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().expect("a number"))
}

/// The two servers, over the store at this address.
struct Office {
    servers: [Serve; 2],
    url: String,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
    callers: JoinSet<Vec<Sent>>,
}

impl Office {
    /// Servers that go through these addresses, for a store that the auditor finds at the last.
    async fn open(place: &Path, through: &str, url: String, more: &[&str]) -> Office {
        let secret = secret_file(place);
        let config = place.join("onestop.toml");
        let log = format!("access_log = '{}'\n", place.join("access.log").display());
        std::fs::write(&config, log).expect("written");
        let config = config.display().to_string();
        let options = [&["--secret", secret.as_str(), "--config", config.as_str()], more].concat();
        let serve = || Serve::start(Path::new(through), &options);
        let servers = [serve(), serve()];
        import_persons(&mut servers[0].with_tables().await).await;
        // The other follows within a second.
        let mut client = servers[1].client().await;
        while client.settle(&claim("first", "L0", "1.00"), "first", Vec::new()).await.is_err() {
            tokio::time::sleep(PAUSE).await;
        }
        let (stop, acknowledged) = (Arc::default(), Arc::default());
        Office { servers, url, stop, acknowledged, callers: JoinSet::new() }
    }

    async fn load(&mut self) {
        let clients = [self.servers[0].client().await, self.servers[1].client().await];
        for caller in 0..2 * callers() {
            let [one, other] = clients.clone();
            let clients = if caller < callers() { [one, other] } else { [other, one] };
            let (stop, acknowledged) = (Arc::clone(&self.stop), Arc::clone(&self.acknowledged));
            self.callers.spawn(call(clients, caller, stop, acknowledged));
        }
    }

    /// Waits until so many more claims were acknowledged.
    async fn acknowledges(&self, more: u64) {
        let enough = self.acknowledged.load(Ordering::SeqCst) + more;
        let reached = async {
            while self.acknowledged.load(Ordering::SeqCst) < enough {
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(120), reached).await.expect("claims are acknowledged again");
    }

    /// Ends the load, and has everything looked at.
    async fn audited(mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let mut sent = Vec::new();
        while let Some(of_caller) = self.callers.join_next().await {
            sent.extend(of_caller.expect("no panic"));
        }
        let acknowledged = sent.iter().filter(|sent| sent.settlement.is_some()).count();
        let reversed = sent.iter().filter(|sent| sent.reversed).count();
        println!("{} sent, {acknowledged} acknowledged, {reversed} of them reversed", sent.len());
        assert!(acknowledged > 100);
        let mut client = self.servers[0].client().await;
        for sent in &sent {
            is_there(&mut client, sent).await;
        }
        chains_hold(&self.url).await;
    }
}

async fn import_persons(client: &mut Client) {
    let row = |at| [&format!("L{at}"), "2014-01-01", "resident", "370100", ""].map(str::to_owned).to_vec();
    import_table(client, ReferenceTable::Enrolments, (0..persons()).map(row).collect()).await.expect("enrolments");
}

/// One caller: claim after claim, each until it is answered.
async fn call(mut clients: [Client; 2], caller: u64, stop: Arc<AtomicBool>, acknowledged: Arc<AtomicU64>) -> Vec<Sent> {
    let (mut random, mut sent, persons) = (Random(caller), Vec::new(), persons());
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let person = format!("L{}", random.below(persons));
        let claim = claim(&format!("C-{caller}-{number}"), &person, &format!("{}.07", 1_000 + random.below(90_000)));
        let [one, other] = &mut clients;
        let settlement = if random.one_in(TWICE) {
            let (one, other) = tokio::join!(settled(one, &claim, &stop), settled(other, &claim, &stop));
            if let (Some(one), Some(other)) = (&one, &other) {
                assert_eq!(one.encode_to_vec(), other.encode_to_vec());
            }
            one.or(other)
        } else {
            settled(one, &claim, &stop).await
        };
        let reversed = settlement.is_some() && random.one_in(REVERSED) && reversed(one, &claim, &stop).await;
        acknowledged.fetch_add(u64::from(settlement.is_some()), Ordering::SeqCst);
        sent.push(Sent { claim, settlement, reversed });
    }
    sent
}

fn request(claim: &RawClaim) -> String {
    format!("r-{}", claim.claim_id)
}

/// What may be sent again, with the same request id.
fn may_be_sent_again(status: &tonic::Status) -> bool {
    leaves_outcome_unknown(status)
        || matches!(status.code(), Code::Aborted | Code::Unavailable | Code::DeadlineExceeded)
}

async fn settled(client: &mut Client, claim: &RawClaim, stop: &AtomicBool) -> Option<pb::Settlement> {
    loop {
        match client.settle(claim, &request(claim), Vec::new()).await {
            Ok(answer) => return answer.settlement,
            Err(status) => assert!(may_be_sent_again(&status), "{status}"),
        }
        if stop.load(Ordering::SeqCst) {
            return None;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Reverses a claim, unless later ones of its person stand.
async fn reversed(client: &mut Client, claim: &RawClaim, stop: &AtomicBool) -> bool {
    let raw_reversal = RawReversal {
        hospital_id: claim.hospital_id.clone(),
        person_id: claim.person_id.clone(),
        claim_id: claim.claim_id.clone(),
        reason: "a wrong bill".to_owned(),
        readjudicate: false,
    };
    loop {
        match client.reverse(&raw_reversal, &format!("v-{}", claim.claim_id), false).await {
            Ok(_) => return true,
            Err(status) if status.code() == Code::FailedPrecondition => return false,
            Err(status) => assert!(may_be_sent_again(&status), "{status}"),
        }
        if stop.load(Ordering::SeqCst) {
            return false;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What was acknowledged is answered again with the same bytes.
async fn is_there(client: &mut Client, sent: &Sent) {
    let Some(settlement) = &sent.settlement else { return };
    let again = settled(client, &sent.claim, &AtomicBool::new(false)).await.expect("an answer");
    assert_eq!(again.encode_to_vec(), settlement.encode_to_vec());
    let by_id = pb::GetSettlementRequest { settlement_id: settlement.settlement_id.clone(), ..Default::default() };
    let read = client.settlement(by_id).await.expect("the settlement is there");
    assert!(!sent.reversed || read.reversal.is_some(), "a reversal is missing");
}

/// Every chain is recomputed, and there is nothing beside them.
async fn chains_hold(url: &str) {
    let store = open(url).await;
    let (audit, mut pages, mut entries, mut claims) = (Audit::new(&store), Pages::new(100), 0, BTreeMap::new());
    while let Some(states) = pages.next_page(|after, limit| store.states(after, limit)).await.expect("states") {
        for (_, state) in states {
            let state = state.expect("a state");
            entries += audit.verify_person(&state).await.expect("a sound chain").digests.len() as u64;
            let mut next = state.head;
            while let Some(id) = next {
                let entry = store.entry(id).await.expect("a read").expect("the entry");
                next = entry.link.previous;
                if let Some(settled) = entry.as_settlement() {
                    let name = (settled.claim.hospital_id.clone(), settled.claim.claim_id.clone());
                    assert_eq!(claims.insert(name, id), None, "a claim is settled twice");
                }
            }
        }
    }
    entries += read_administration(&store).await.expect("a sound chain").len() as u64;
    assert_eq!(store.entry_count().await, Ok(entries));
    println!("{entries} entries audited, {} claims", claims.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_primary_restarts_from_its_file_without_loss() {
    let (place, server) = (tempfile::tempdir().expect("a directory"), RedisServer::start(DURABLE));
    let url = server.url();
    let mut office = Office::open(place.path(), &url, url.clone(), &[]).await;
    office.load().await;
    for _ in 0..number("ONESTOP_ROUNDS", 2) {
        office.acknowledges(150).await;
        server.kill();
        tokio::time::sleep(10 * PAUSE).await;
        server.restart();
    }
    office.acknowledges(100).await;
    office.audited().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_cut_off_from_redis_lose_nothing() {
    let (place, server) = (tempfile::tempdir().expect("a directory"), RedisServer::start(DURABLE));
    let (proxy, prefix) = (Proxy::to(server.port()).await, prefix());
    let url = |port: u16| format!("redis://127.0.0.1:{port}?prefix={prefix}");
    let mut office = Office::open(place.path(), &url(proxy.port()), url(server.port()), &[]).await;
    office.load().await;
    for round in 0..number("ONESTOP_ROUNDS", 2) {
        office.acknowledges(150).await;
        proxy.set(if round % 2 == 0 { Mode::Cuts } else { Mode::IsSilent });
        tokio::time::sleep(20 * PAUSE).await;
        proxy.set(Mode::Passes);
    }
    office.acknowledges(100).await;
    office.audited().await;
}

/// A primary of a Cluster dies, and its replica takes its place: with `--replicas 1` it has all that was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_replica_lost_nothing() {
    let (place, cluster) = (tempfile::tempdir().expect("a directory"), RedisCluster::start());
    let url = cluster.url();
    let mut office = Office::open(place.path(), &url, url.clone(), &["--replicas", "1"]).await;
    office.load().await;
    for round in 0..number("ONESTOP_ROUNDS", 1) as usize {
        office.acknowledges(150).await;
        let is_primary = |server: &&RedisServer| server.ask(&["ROLE"]).contains("master");
        let dying = cluster.servers.iter().filter(is_primary).nth(round % 3).expect("a primary");
        let primaries =
            || cluster.servers.iter().filter(|server| server.pid() != dying.pid()).filter(is_primary).count();
        dying.kill();
        until(|| primaries() == 3);
        dying.restart();
        until(|| dying.ask(&["INFO", "replication"]).contains("master_link_status:up"));
    }
    office.acknowledges(100).await;
    office.audited().await;
}

/// Two servers on one Cluster, nothing but load.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_on_one_cluster_keep_every_account_exact() {
    let (place, cluster) = (tempfile::tempdir().expect("a directory"), RedisCluster::start());
    let url = cluster.url();
    let mut office = Office::open(place.path(), &url, url.clone(), &[]).await;
    office.load().await;
    tokio::time::sleep(Duration::from_secs(number("ONESTOP_SECONDS", 3))).await;
    office.audited().await;
}
