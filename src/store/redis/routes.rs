//! Which host has which shard, as the address says it, the sentinels, or the Cluster.

use redis::{Client, Cmd, Value, cmd, from_redis_value};

use super::OpenError;
use super::address::{Address, Host, Layout};
use super::keys::slot;
use super::open::Opener;
use crate::store::shard::{SHARDS, Shard};

/// The host of each shard, in the order of shards; of a Cluster, those that are known already are asked first.
///
/// # Errors
/// Why nobody could tell.
pub async fn of(address: &Address, known: &[Host], opener: &Opener) -> Result<Vec<Host>, String> {
    match &address.layout {
        Layout::Single(host) => Ok(vec![host.clone(); SHARDS as usize]),
        Layout::Sentinel(sentinels, name) => {
            let mut question = cmd("SENTINEL");
            question.arg("get-master-addr-by-name").arg(name);
            let client = |host: &Host| opener.sentinel(host);
            let primary = first(sentinels.iter(), opener, client, &question, |answer, _| primary(answer)).await?;
            Ok(vec![primary; SHARDS as usize])
        }
        Layout::Cluster(seeds) => {
            let mut question = cmd("CLUSTER");
            question.arg("SLOTS");
            let client = |host: &Host| opener.client(host);
            first(known.iter().chain(seeds), opener, client, &question, of_slots).await
        }
    }
}

/// What the first host answers that can be understood.
async fn first<'a, T>(
    hosts: impl Iterator<Item = &'a Host>,
    opener: &Opener,
    client: impl Fn(&Host) -> Result<Client, OpenError>,
    question: &Cmd,
    read: impl Fn(Value, &Host) -> Result<T, String>,
) -> Result<T, String> {
    let mut told = Vec::new();
    for host in hosts {
        let asked = match client(host) {
            Ok(client) => ask(&client, opener, question).await.and_then(|answer| read(answer, host)),
            Err(error) => Err(error.to_string()),
        };
        match asked {
            Ok(found) => return Ok(found),
            Err(why) => told.push(format!("{host}: {why}")),
        }
    }
    Err(told.join("; "))
}

async fn ask(client: &Client, opener: &Opener, question: &Cmd) -> Result<Value, String> {
    let connection = client.get_multiplexed_async_connection_with_config(&opener.connections()).await;
    let mut connection = connection.map_err(|error| error.to_string())?;
    question.query_async(&mut connection).await.map_err(|error| error.to_string())
}

fn primary(answer: Value) -> Result<Host, String> {
    let told: Option<(String, u16)> = from_redis_value(answer).map_err(|error| error.to_string())?;
    let (name, port) = told.ok_or("knows no primary of this name")?;
    Ok(Host { name, port })
}

/// A range of slots as `CLUSTER SLOTS` tells it: first, last, its primary, its replicas.
fn range(told: &Value, asked: &Host) -> Option<(u16, u16, Host)> {
    let Value::Array(parts) = told else { return None };
    let (Value::Int(first), Value::Int(last), Value::Array(primary)) = (parts.first()?, parts.get(1)?, parts.get(2)?)
    else {
        return None;
    };
    let (name, Value::Int(port)) = (primary.first()?, primary.get(1)?) else { return None };
    // A server that does not know its own name leaves it out: it is the one that was asked.
    let name: Option<String> = from_redis_value(name.clone()).ok().filter(|name: &String| !name.is_empty());
    let name = name.filter(|name| name != "?").unwrap_or_else(|| asked.name.clone());
    Some((u16::try_from(*first).ok()?, u16::try_from(*last).ok()?, Host { name, port: u16::try_from(*port).ok()? }))
}

fn of_slots(answer: Value, asked: &Host) -> Result<Vec<Host>, String> {
    let Value::Array(told) = answer else { return Err("does not tell its slots".to_owned()) };
    let ranges: Vec<_> = told.iter().filter_map(|part| range(part, asked)).collect();
    let host = |shard: Shard| {
        let slot = slot(shard);
        let found = ranges.iter().find(|(first, last, _)| (*first..=*last).contains(&slot));
        found.map(|(_, _, host)| host.clone()).ok_or_else(|| format!("no server has slot {slot}"))
    };
    Shard::all().map(host).collect()
}
