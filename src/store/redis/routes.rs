//! Routes: which host serves which shard, according to the address, the sentinels or the Cluster.

use redis::{Client, Cmd, RedisError, Value, cmd, from_redis_value};

use super::address::{Address, Host, Layout};
use super::connector::{Connector, ConnectorError};
use super::keys::slot;
use crate::store::shard::{SHARDS, Shard};

/// Why the hosts of the shards cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// No client can be made for a host.
    #[error("{0}")]
    Client(#[from] ConnectorError),
    /// A host does not reply, or with an error.
    #[error("{0}")]
    Redis(#[from] RedisError),
    /// A reply cannot be decoded.
    #[error("{0}")]
    Decode(#[from] redis::ParsingError),
    /// A sentinel does not know the primary.
    #[error("knows no primary of this name")]
    UnknownPrimary,
    /// A server of a Cluster reports no slots.
    #[error("reports no slots")]
    NoSlots,
    /// No server of a Cluster serves a slot.
    #[error("no server serves slot {0}")]
    UnservedSlot(u16),
    /// Every host failed.
    #[error("{}", .0.iter().map(|(host, error)| format!("{host}: {error}")).collect::<Vec<_>>().join("; "))]
    Hosts(Vec<(Host, RouteError)>),
}

/// The host of each shard, in the order of shards; of a Cluster, the `known` hosts are asked first.
///
/// # Errors
/// Why each host could not tell.
pub async fn shard_hosts(address: &Address, known: &[Host], connector: &Connector) -> Result<Vec<Host>, RouteError> {
    match &address.layout {
        Layout::Single(host) => Ok(vec![host.clone(); SHARDS as usize]),
        Layout::Sentinel(sentinels, name) => {
            let mut request = cmd("SENTINEL");
            request.arg("get-master-addr-by-name").arg(name);
            let client = |host: &Host| connector.sentinel(host);
            let primary =
                first_reply(sentinels.iter(), connector, client, &request, |reply, _| parse_sentinel_primary(reply))
                    .await?;
            Ok(vec![primary; SHARDS as usize])
        }
        Layout::Cluster(seeds) => {
            let mut request = cmd("CLUSTER");
            request.arg("SLOTS");
            let client = |host: &Host| connector.client(host);
            first_reply(known.iter().chain(seeds), connector, client, &request, hosts_by_slot).await
        }
    }
}

/// The first reply of a host that `decode` accepts.
async fn first_reply<'a, T>(
    hosts: impl Iterator<Item = &'a Host>,
    connector: &Connector,
    client: impl Fn(&Host) -> Result<Client, ConnectorError>,
    request: &Cmd,
    decode: impl Fn(Value, &Host) -> Result<T, RouteError>,
) -> Result<T, RouteError> {
    let mut errors = Vec::new();
    for host in hosts {
        let reply = match client(host) {
            Ok(client) => query(&client, connector, request).await.and_then(|reply| decode(reply, host)),
            Err(error) => Err(error.into()),
        };
        match reply {
            Ok(decoded) => return Ok(decoded),
            Err(error) => errors.push((host.clone(), error)),
        }
    }
    Err(RouteError::Hosts(errors))
}

async fn query(client: &Client, connector: &Connector, request: &Cmd) -> Result<Value, RouteError> {
    let mut connection = client.get_multiplexed_async_connection_with_config(&connector.connections()).await?;
    Ok(request.query_async(&mut connection).await?)
}

fn parse_sentinel_primary(reply: Value) -> Result<Host, RouteError> {
    let host: Option<(String, u16)> = from_redis_value(reply)?;
    let (name, port) = host.ok_or(RouteError::UnknownPrimary)?;
    Ok(Host { name, port })
}

/// Decodes a range of slots of `CLUSTER SLOTS`: first, last, primary, replicas.
fn slot_range(range: &Value, asked: &Host) -> Option<(u16, u16, Host)> {
    let Value::Array(parts) = range else { return None };
    let (Value::Int(first), Value::Int(last), Value::Array(primary)) = (parts.first()?, parts.get(1)?, parts.get(2)?)
    else {
        return None;
    };
    let (name, Value::Int(port)) = (primary.first()?, primary.get(1)?) else { return None };
    // A server that does not know its own name omits it: it is the one that replied.
    let name: Option<String> = from_redis_value(name.clone()).ok().filter(|name: &String| !name.is_empty());
    let name = name.filter(|name| name != "?").unwrap_or_else(|| asked.name.clone());
    Some((u16::try_from(*first).ok()?, u16::try_from(*last).ok()?, Host { name, port: u16::try_from(*port).ok()? }))
}

fn hosts_by_slot(reply: Value, asked: &Host) -> Result<Vec<Host>, RouteError> {
    let Value::Array(ranges) = reply else { return Err(RouteError::NoSlots) };
    let ranges: Vec<_> = ranges.iter().filter_map(|range| slot_range(range, asked)).collect();
    let host = |shard: Shard| {
        let slot = slot(shard);
        let found = ranges.iter().find(|(first, last, _)| (*first..=*last).contains(&slot));
        found.map(|(_, _, host)| host.clone()).ok_or(RouteError::UnservedSlot(slot))
    };
    Shard::all().map(host).collect()
}
