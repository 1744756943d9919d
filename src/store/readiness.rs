//! What a store says of itself while it serves: whether it takes commits, and what its instances share.

use crate::domain::ids::Digest;

/// Whether a store takes commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It does, and keeps what it took.
    Ready,
    /// It does, and could lose what it took: why, in words for the operator. Somebody accepted that.
    Volatile(String),
    /// It does not: why, in words for the operator.
    NotReady(String),
}

/// What several instances over one store share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shared {
    /// The version of hospitals and catalogue; it moves when an import ended.
    pub tables: u64,
    /// The book that all instances are to apply, if one was announced.
    pub book: Option<Digest>,
}

/// Why an instance announces its book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookAnnouncement {
    /// It begins to serve under it; if another was announced before, that one stays.
    Joins,
    /// Somebody put it in force.
    Changes,
}
