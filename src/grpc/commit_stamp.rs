//! The one place where a clock and randomness enter: the stamp of a commit.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::domain::day::Day;
use crate::domain::ids::EntryId;
use crate::domain::journal::Instant;
use crate::engine::CommitStamp;

/// A stamp of now: a time-ordered id (UUID version 7) and the instant.
pub fn now() -> CommitStamp {
    CommitStamp { id: EntryId(uuid::Uuid::now_v7().into_bytes()), instant: instant() }
}

/// This instant.
pub fn instant() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// The day in China.
pub fn today() -> Day {
    instant().china_day()
}

/// A stamp of now for a commit about this person.
pub fn for_person(person_id: &str) -> CommitStamp {
    now().for_person(person_id)
}
