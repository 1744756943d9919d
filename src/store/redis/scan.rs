//! Looking at every key of a server, some at a time. Redis tells each at least once; one that moves meanwhile, perhaps
//! twice.

use redis::{Value, cmd, from_redis_value};
use tokio::time::Instant;

use super::failure::Failure;
use super::link::{Access, Link, Question};

/// Where a look goes on; it begins and ends at 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// The beginning.
    pub fn start() -> Cursor {
        Cursor("0".to_owned())
    }
}

/// The next keys of this pattern, about so many, and where to go on, if there may be more. The key is one of the
/// server's.
///
/// # Errors
/// If the server does not answer.
pub async fn step(
    link: &Link,
    (pattern, key): (&str, &[u8]),
    from: &Cursor,
    some: usize,
    deadline: Instant,
) -> Result<(Vec<Vec<u8>>, Option<Cursor>), Failure> {
    let mut scan = cmd("SCAN");
    scan.arg(&from.0).arg("MATCH").arg(pattern).arg("COUNT").arg(some);
    let answer = link.send(&Question::One(scan).into(), (Access::Read, key), deadline).await?;
    let (next, keys) = read(answer)?;
    Ok((keys, Some(Cursor(next)).filter(|next| *next != Cursor::start())))
}

fn read(answer: Value) -> Result<(String, Vec<Vec<u8>>), Failure> {
    from_redis_value(answer).map_err(|error| Failure::Refused(error.to_string()))
}

/// The prefix as a pattern that means it alone.
pub fn escaped(prefix: &str) -> String {
    prefix.chars().flat_map(|letter| (!letter.is_alphanumeric()).then_some('\\').into_iter().chain([letter])).collect()
}
