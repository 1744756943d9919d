//! Inspection of a Redis server: whether it could lose an acknowledged settlement.
//!
//! With `appendfsync always` Redis writes and syncs its file once per cycle of its event loop, before any reply of that
//! cycle is sent, also to readers: a reader sees nothing that is not on the disk. If the file cannot be written or
//! synced, Redis exits instead of replying. WAITAOF is not used: some servers answer it without a sync.

use std::collections::HashMap;

use redis::aio::MultiplexedConnection;
use redis::{Value, from_redis_value, pipe};

use super::call_error::AttemptError;

/// The required settings of `redis.conf`: name, value, and the consequence of another value.
const REQUIRED: &[(&str, &str, &str)] = &[
    ("appendonly", "yes", "its data is lost when the process ends"),
    ("appendfsync", "always", "a power failure loses the last second of settlements"),
    ("no-appendfsync-on-rewrite", "no", "nothing is synced while its file is rewritten"),
    ("maxmemory-policy", "noeviction", "it evicts records when memory is short"),
];

/// The result of an inspection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerReport {
    /// Why an acknowledged settlement could be lost, each with the line of `redis.conf` to change.
    pub volatile: Vec<String>,
    /// Why the server takes no writes.
    pub unfit: Vec<String>,
}

/// Inspects a server.
///
/// # Errors
/// If it does not reply, or is no primary.
pub async fn inspect(connection: &mut MultiplexedConnection, replicas: usize) -> Result<ServerReport, AttemptError> {
    let mut requests = pipe();
    for section in ["replication", "persistence", "memory"] {
        requests.cmd("INFO").arg(section);
    }
    requests.cmd("CONFIG").arg("GET");
    for (key, ..) in REQUIRED {
        requests.arg(key);
    }
    let mut replies = connection.send_packed_commands(&requests, 0, 4).await?.into_iter();
    let replication = info(replies.next())?;
    let persistence = info(replies.next())?;
    let memory = info(replies.next())?;
    if replication.get("role").map(String::as_str) != Some("master") {
        return Err(AttemptError::Retryable("it is a replica, not a primary".to_owned()));
    }
    let mut report = ServerReport { volatile: config(replies.next()), unfit: Vec::new() };
    if persistence.get("aof_last_write_status").is_some_and(|status| status != "ok") {
        report.unfit.push("the last write of its file failed (aof_last_write_status)".to_owned());
    }
    report.unfit.extend(full_memory(&memory));
    let connected = replication.get("connected_slaves").and_then(|count| count.parse().ok()).unwrap_or(0);
    if connected < replicas {
        report.unfit.push(format!("{replicas} replicas must have every settlement, but {connected} are connected"));
    }
    Ok(report)
}

/// Why it takes no writes, if its memory is full. Without a limit Redis reports `maxmemory` as 0.
fn full_memory(memory: &HashMap<String, String>) -> Option<String> {
    let bytes = |name: &str| memory.get(name).and_then(|text| text.parse::<u64>().ok());
    let (used, limit) = (bytes("used_memory")?, bytes("maxmemory")?);
    (limit > 0 && used >= limit).then(|| format!("its memory is full: {used} bytes of `maxmemory` {limit}"))
}

/// The settings that differ from the required ones. An unreadable configuration counts as the worst.
fn config(reply: Option<Value>) -> Vec<String> {
    let settings: Option<HashMap<String, String>> = reply.and_then(|value| from_redis_value(value).ok());
    let Some(settings) = settings.filter(|settings| !settings.is_empty()) else {
        return vec!["its configuration cannot be read (CONFIG GET is refused)".to_owned()];
    };
    let differs = REQUIRED.iter().filter(|(key, wanted, _)| settings.get(*key).is_none_or(|found| found != wanted));
    let line = |(key, wanted, why): &(&str, &str, &str)| {
        let found = settings.get(*key).map_or("unknown", String::as_str);
        format!("`{key}` is {found}: {why}; redis.conf wants `{key} {wanted}`")
    };
    differs.map(line).collect()
}

/// The lines of a reply to INFO by name.
fn info(reply: Option<Value>) -> Result<HashMap<String, String>, AttemptError> {
    let text: String = from_redis_value(reply.unwrap_or_default().extract_error()?)
        .map_err(|error| AttemptError::NoReply(format!("the reply to INFO cannot be decoded: {error}")))?;
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    Ok(lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

impl ServerReport {
    /// Why nothing may be written; `None` if it may. With `accept_volatile`, a possible loss is no reason.
    pub fn reason_not_writable(&self, accept_volatile: bool) -> Option<String> {
        let volatile = if accept_volatile { &[][..] } else { &self.volatile };
        let all: Vec<&str> = self.unfit.iter().chain(volatile).map(String::as_str).collect();
        if all.is_empty() { None } else { Some(all.join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(pairs: &[(&str, &str)]) -> Option<Value> {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        Some(Value::Array(pairs.iter().flat_map(|(key, value)| [text(key), text(value)]).collect()))
    }

    const RIGHT: [(&str, &str); 4] = [
        ("appendonly", "yes"),
        ("appendfsync", "always"),
        ("no-appendfsync-on-rewrite", "no"),
        ("maxmemory-policy", "noeviction"),
    ];

    #[test]
    fn the_required_configuration_passes() {
        assert_eq!(config(reply(&RIGHT)), Vec::<String>::new());
    }

    #[test]
    fn every_setting_that_could_lose_a_settlement_is_named() {
        for (at, wrong) in ["no", "everysec", "yes", "allkeys-lru"].into_iter().enumerate() {
            let mut pairs = RIGHT;
            let wanted = format!("redis.conf wants `{} {}`", pairs[at].0, pairs[at].1);
            pairs[at].1 = wrong;
            let found = config(reply(&pairs));
            assert!(found.len() == 1 && found[0].contains(wrong) && found[0].ends_with(&wanted), "{found:?}");
        }
    }

    #[test]
    fn an_unreadable_configuration_counts_as_the_worst() {
        for config_reply in [None, Some(Value::Nil), reply(&[])] {
            assert!(config(config_reply)[0].contains("CONFIG GET is refused"));
        }
        assert_eq!(config(reply(&RIGHT[..3])).len(), 1);
    }

    #[test]
    fn only_a_possible_loss_can_be_accepted() {
        let report = ServerReport { volatile: vec!["a".to_owned()], unfit: vec!["b".to_owned()] };
        assert_eq!(
            (report.reason_not_writable(false).as_deref(), report.reason_not_writable(true).as_deref()),
            (Some("b; a"), Some("b"))
        );
        assert_eq!(ServerReport::default().reason_not_writable(false), None);
    }
}
