//! Reading of the chain of the administration: every record is checked against the digest that the next entry carries, and the
//! last one, with what all of them add up to, against the state.

use crate::domain::ids::{Digest, EntryId};
use crate::domain::journal::AdministrationEntry;
use crate::journal::{CommittedEntry, decode_committed};
use crate::store::administration::AdministrationState;
use crate::store::{JournalStore, StoreError};

use super::chain::AuditFinding;

/// An entry of the administration with the digest of its record.
pub struct ChainedAdministration {
    /// The entry.
    pub entry: AdministrationEntry,
    /// The digest of its record.
    pub digest: Digest,
}

/// Reads the chain of the administration, oldest first, and checks it.
///
/// # Errors
/// The first finding.
pub async fn read_administration<S: JournalStore>(store: &S) -> Result<Vec<ChainedAdministration>, AuditFinding> {
    let about_state = |error: StoreError| AuditFinding { entry: None, message: error.to_string() };
    let state = store.administration().await.map_err(about_state)?;
    let mut chain = Vec::new();
    let (mut next, mut chained, mut number) = (state.head, state.chained, state.version);
    while let Some(id) = next {
        let found = read(store, id).await.map_err(|error| AuditFinding::about_entry(id, error))?;
        let found = found.ok_or_else(|| AuditFinding::about_entry(id, "is missing"))?;
        let link = found.entry.link;
        if found.digest != chained {
            return Err(AuditFinding::about_entry(id, "is not the record that the next entry is chained to"));
        }
        if found.entry.id != id || link.number != number || number == 0 {
            return Err(AuditFinding::about_entry(id, "is at another position of the chain"));
        }
        (next, chained, number) = (link.previous, link.chained, number - 1);
        chain.push(found);
    }
    chain.reverse();
    let mut replayed = AdministrationState::default();
    chain.iter().for_each(|one| replayed.follow(&one.entry, one.digest));
    if number == 0 && chained == Digest::default() && replayed == state {
        return Ok(chain);
    }
    let message = "the state of the administration differs from what its chain adds up to".to_owned();
    Err(AuditFinding { entry: state.head, message })
}

async fn read<S: JournalStore>(store: &S, id: EntryId) -> Result<Option<ChainedAdministration>, StoreError> {
    let Some(record) = store.record(id).await? else { return Ok(None) };
    match decode_committed(&record)? {
        (CommittedEntry::Administration(entry), digest) => Ok(Some(ChainedAdministration { entry: *entry, digest })),
        (CommittedEntry::Person(_), _) => Err(StoreError::Damaged("it is an entry of a person".to_owned())),
    }
}
