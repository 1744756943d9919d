//! What a Redis says of itself: whether it could lose a settlement that was answered.
//!
//! With `appendfsync always` Redis writes and syncs its file once per turn of its event loop, before any reply of that
//! turn leaves, those to readers included: a reader sees nothing that is not on the disk. If the file cannot be written
//! or synced, it ends instead of replying. WAITAOF is not asked: there are servers that answer it without a sync.

use std::collections::HashMap;

use redis::aio::MultiplexedConnection;
use redis::{Value, from_redis_value, pipe};

use super::failure::Failure;

/// What must stand in `redis.conf`, and what is lost otherwise.
const WANTED: &[(&str, &str, &str)] = &[
    ("appendonly", "yes", "what it holds is gone with the process"),
    ("appendfsync", "always", "a power cut takes the last second of settlements"),
    ("no-appendfsync-on-rewrite", "no", "nothing is synced while its file is rewritten"),
    ("maxmemory-policy", "noeviction", "it throws records away when memory is short"),
];

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Why a settlement that was answered could be lost, each with the line of `redis.conf` to change.
    pub volatile: Vec<String>,
    /// Why it cannot be written to as it is.
    pub unfit: Vec<String>,
}

/// Asks a server.
///
/// # Errors
/// If it does not answer, or is no primary.
pub async fn report(connection: &mut MultiplexedConnection, replicas: usize) -> Result<Report, Failure> {
    let mut questions = pipe();
    questions.cmd("INFO").arg("replication").cmd("INFO").arg("persistence").cmd("CONFIG").arg("GET");
    for (key, ..) in WANTED {
        questions.arg(key);
    }
    let mut answers = connection.send_packed_commands(&questions, 0, 3).await?.into_iter();
    let replication = info(answers.next())?;
    let persistence = info(answers.next())?;
    if replication.get("role").map(String::as_str) != Some("master") {
        return Err(Failure::Elsewhere("it is a replica, not a primary".to_owned()));
    }
    let mut report = Report { volatile: config(answers.next()), unfit: Vec::new() };
    if persistence.get("aof_last_write_status").is_some_and(|status| status != "ok") {
        report.unfit.push("the last write of its file failed (aof_last_write_status)".to_owned());
    }
    let connected = replication.get("connected_slaves").and_then(|count| count.parse().ok()).unwrap_or(0);
    if connected < replicas {
        report.unfit.push(format!("{replicas} replicas are to have every settlement, and {connected} are connected"));
    }
    Ok(report)
}

/// What of the configuration is not as wanted. That it is not told counts as the worst.
fn config(answer: Option<Value>) -> Vec<String> {
    let told: Option<HashMap<String, String>> = answer.and_then(|value| from_redis_value(value).ok());
    let Some(told) = told.filter(|told| !told.is_empty()) else {
        return vec!["it does not tell its configuration (CONFIG GET is refused)".to_owned()];
    };
    let differs = WANTED.iter().filter(|(key, wanted, _)| told.get(*key).is_none_or(|found| found != wanted));
    let line = |(key, wanted, why): &(&str, &str, &str)| {
        let found = told.get(*key).map_or("unknown", String::as_str);
        format!("`{key}` is {found}: {why}; redis.conf wants `{key} {wanted}`")
    };
    differs.map(line).collect()
}

/// The lines of an INFO by their names.
fn info(answer: Option<Value>) -> Result<HashMap<String, String>, Failure> {
    let text: String = from_redis_value(answer.unwrap_or_default().extract_error()?)
        .map_err(|error| Failure::Lost(format!("what INFO said cannot be read: {error}")))?;
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    Ok(lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

impl Report {
    /// Why nothing may be written, if so; with `accept_volatile` that it could be lost does not count.
    pub fn forbids(&self, accept_volatile: bool) -> Option<String> {
        let volatile = if accept_volatile { &[][..] } else { &self.volatile };
        let all: Vec<&str> = self.unfit.iter().chain(volatile).map(String::as_str).collect();
        if all.is_empty() { None } else { Some(all.join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pairs: &[(&str, &str)]) -> Option<Value> {
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
    fn a_right_configuration_is_found_right() {
        assert_eq!(config(told(&RIGHT)), Vec::<String>::new());
    }

    #[test]
    fn each_line_that_could_lose_a_settlement_is_named() {
        for (at, wrong) in ["no", "everysec", "yes", "allkeys-lru"].into_iter().enumerate() {
            let mut pairs = RIGHT;
            let wanted = format!("redis.conf wants `{} {}`", pairs[at].0, pairs[at].1);
            pairs[at].1 = wrong;
            let found = config(told(&pairs));
            assert!(found.len() == 1 && found[0].contains(wrong) && found[0].ends_with(&wanted), "{found:?}");
        }
    }

    #[test]
    fn a_configuration_that_is_not_told_counts_as_the_worst() {
        for answer in [None, Some(Value::Nil), told(&[])] {
            assert!(config(answer)[0].contains("CONFIG GET is refused"));
        }
        assert_eq!(config(told(&RIGHT[..3])).len(), 1);
    }

    #[test]
    fn only_what_could_be_lost_can_be_accepted() {
        let report = Report { volatile: vec!["a".to_owned()], unfit: vec!["b".to_owned()] };
        assert_eq!((report.forbids(false).as_deref(), report.forbids(true).as_deref()), (Some("b; a"), Some("b")));
        assert_eq!(Report::default().forbids(false), None);
    }
}
