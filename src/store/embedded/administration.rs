//! The chain of the administration in the log: its state is a row of the record of each of its commits.

use super::EmbeddedStore;
use super::commit_record::RecordBuilder;
use super::index::{ADMINISTRATION_KEY, Key, Table};
use super::job::{CommitCondition, Job, PreparedCommit};
use super::journal::Seen;
use super::{reference, reference_record};
use crate::domain::month::ClosedMonths;
use crate::journal::record;
use crate::store::StoreError;
use crate::store::administration::{AdministrationCommit, AdministrationEffect, AdministrationState};
use crate::store::imports::ImportEvent;

impl EmbeddedStore {
    /// The end of the chain, and the record that holds it.
    pub(super) fn administration_as_read(&self) -> Result<(AdministrationState, Seen), StoreError> {
        let seen = self.journal.see(Key::administration())?;
        let Some(at) = seen.position else { return Ok((AdministrationState::default(), seen)) };
        let commit = self.journal.commit_at(at)?;
        Ok((record::decode(commit.value(Table::Administration, &ADMINISTRATION_KEY)?)?, seen))
    }

    /// The record with the closed months, which must be these.
    pub(super) fn see_closed_months(&self, expected: ClosedMonths) -> Result<Seen, StoreError> {
        let (state, seen) = self.administration_as_read()?;
        if state.closed_months == expected { Ok(seen) } else { Err(StoreError::Conflict) }
    }

    /// Writes a commit: the end of an import through the thread of the reference tables, which its rows go through.
    pub(super) async fn submit_administration(&self, commit: AdministrationCommit) -> Result<(), StoreError> {
        let (state, seen) = self.administration_as_read()?;
        if state.version != commit.expected {
            return Err(StoreError::Conflict);
        }
        let (mut record, mut rows) = (RecordBuilder::default(), Vec::new());
        if let AdministrationEffect::ImportEnd(number, end) = &commit.effect {
            rows.push(reference::event_row(*number, ImportEvent::End(end.clone())));
        }
        for row in &rows {
            reference_record::add_row(&mut record, row)?;
        }
        record.keyed(Table::Administration, &ADMINISTRATION_KEY, |rows| record::append(rows, &commit.state));
        let condition = CommitCondition {
            day: commit.committed.china_day(),
            origin: commit.origin,
            chain: seen,
            administration: None,
            first_claims: Vec::new(),
            entries: vec![commit.id],
        };
        let prepared = Box::new(PreparedCommit {
            record: record.finish(&[(commit.id, commit.record)])?,
            condition: Some(condition),
        });
        if rows.is_empty() {
            self.submit(|reply| Job::Commit(prepared, reply)).await
        } else {
            self.submit_rows(rows, Some(prepared)).await
        }
    }
}
