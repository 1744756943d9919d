//! A scan over all keys of a server, page by page. Redis returns every key that exists throughout the scan at least once,
//! and may return a key twice.

use redis::{Value, cmd, from_redis_value};
use tokio::time::Instant;

use super::call_error::AttemptError;
use super::request::{Access, Request};
use super::server::Server;

/// The cursor with which a scan starts and ends.
const START: &str = "0";

/// A scan over the keys that match a pattern.
pub struct Scan<'a> {
    pattern: &'a str,
    routing_key: &'a [u8],
    count: usize,
    cursor: Option<String>,
}

impl<'a> Scan<'a> {
    /// A scan of about `count` keys a page; `routing_key` is any key of the server.
    pub fn new(pattern: &'a str, routing_key: &'a [u8], count: usize) -> Scan<'a> {
        Scan { pattern, routing_key, count, cursor: Some(START.to_owned()) }
    }

    /// The next keys, perhaps none; `None` after the last page.
    ///
    /// # Errors
    /// If the server does not reply.
    pub async fn next_page(
        &mut self,
        server: &Server,
        deadline: Instant,
    ) -> Result<Option<Vec<Vec<u8>>>, AttemptError> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(self.pattern).arg("COUNT").arg(self.count);
        let reply = server.send(&Request::Command(scan).into(), (Access::Read, self.routing_key), deadline).await?;
        let (next, keys) = read(reply)?;
        self.cursor = Some(next).filter(|next| next != START);
        Ok(Some(keys))
    }
}

fn read(reply: Value) -> Result<(String, Vec<Vec<u8>>), AttemptError> {
    from_redis_value(reply).map_err(|error| AttemptError::Refused(error.to_string()))
}

/// The prefix as a pattern that matches only itself.
pub fn escaped(prefix: &str) -> String {
    prefix.chars().flat_map(|letter| (!letter.is_alphanumeric()).then_some('\\').into_iter().chain([letter])).collect()
}
