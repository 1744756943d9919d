//! Removing a store: every key under its prefix, on every server.

use redis::{Value, cmd, from_redis_value};
use tokio::time::Instant;

use super::failure::{Failed, Failure};
use super::link::{Access, Link, Question, within};
use super::names::Names;
use super::servers::Servers;
use crate::store::StoreError;

/// Keys that are looked at in one step.
const STEP: usize = 1_000;

/// Removes all keys of the store, and no other.
///
/// # Errors
/// If a server does not do it.
pub async fn everything(servers: &Servers, names: &Names) -> Result<(), StoreError> {
    let pattern = format!("{}:{{*", escaped(names.prefix()));
    for link in servers.all() {
        let patience = servers.settings().patience;
        let removed = of_server(&link, &pattern, || within(patience)).await;
        removed.map_err(|failure| Failed::Undone(failure.to_string()).of_read())?;
    }
    Ok(())
}

async fn of_server(link: &Link, pattern: &str, deadline: impl Fn() -> Instant) -> Result<(), Failure> {
    let mut cursor = "0".to_owned();
    loop {
        let mut scan = cmd("SCAN");
        scan.arg(&cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(STEP);
        let answer = link.send(&Question::One(scan).into(), Access::Read, deadline()).await?;
        let (next, keys): (String, Vec<Vec<u8>>) = read(answer)?;
        // Of one slot each: a Cluster takes no others at once.
        for key in keys {
            let mut unlink = cmd("UNLINK");
            unlink.arg(key);
            link.send(&Question::One(unlink).into(), Access::Write, deadline()).await?;
        }
        if next == "0" {
            return Ok(());
        }
        cursor = next;
    }
}

fn read(answer: Value) -> Result<(String, Vec<Vec<u8>>), Failure> {
    from_redis_value(answer).map_err(|error| Failure::Refused(error.to_string()))
}

/// The prefix as a pattern that means it alone.
fn escaped(prefix: &str) -> String {
    prefix.chars().flat_map(|letter| (!letter.is_alphanumeric()).then_some('\\').into_iter().chain([letter])).collect()
}
