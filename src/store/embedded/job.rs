//! Jobs for the committing thread.

use tracing::Span;

use super::index::Key;
use super::journal::Seen;
use super::log::EncodedRecord;
use super::reply::ReplySender;
use crate::domain::day::Day;
use crate::domain::ids::EntryId;
use crate::store::commit::CommitOrigin;

/// A job for the committing thread.
pub enum Job {
    /// Appends a record if what it depends on is unchanged.
    Commit(Box<PreparedCommit>, ReplySender),
    /// Panics.
    #[cfg(test)]
    Panic(ReplySender),
}

/// A job, and the span of the call that waits for it.
pub struct TracedJob {
    pub job: Job,
    pub span: Span,
}

/// A record, and what it depends on.
pub struct PreparedCommit {
    /// The record, with its checksums.
    pub record: EncodedRecord,
    /// What must be unchanged; `None` for rows that depend on nothing.
    pub condition: Option<CommitCondition>,
}

/// What must be unchanged for a commit.
pub struct CommitCondition {
    /// The day of the commit.
    pub day: Day,
    /// Where the commit comes from.
    pub origin: CommitOrigin,
    /// The record of the state whose version was compared.
    pub chain: Seen,
    /// The record of the end of the administration's chain that was read for the closed months, if they count.
    pub administration: Option<Seen>,
    /// The claims that did not exist yet.
    pub first_claims: Vec<Seen>,
    /// The entries, which must not exist yet.
    pub entries: Vec<EntryId>,
}

impl Job {
    /// Who waits for the outcome.
    pub fn into_reply(self) -> ReplySender {
        match self {
            Job::Commit(_, reply) => reply,
            #[cfg(test)]
            Job::Panic(reply) => reply,
        }
    }
}

impl CommitCondition {
    /// The keys that it changes.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        let seen = [&self.chain].into_iter().chain(&self.first_claims).map(|seen| seen.key);
        seen.chain(self.entries.iter().map(|EntryId(id)| Key::entry(*id)))
    }
}
