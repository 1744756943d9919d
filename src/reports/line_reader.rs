//! The reader of the journal for reports: entries in the order of commits, as signed lines.
//!
//! A settlement is added; a reversal takes away the revision that was in force; a revision takes away what it replaces and adds
//! what it decides. So the sum over all lines up to a position is the sum over the settlements that were in force there, and a
//! revision that changes the circumstances of a claim moves it from one group to another.

use crate::domain::facts::Facts;
use crate::domain::ids::{Digest, EntryId};
use crate::domain::journal::{Entry, EntryKind, Reversal, Revision, Settlement};
use crate::domain::split::Split;
use crate::journal::{CommittedEntry, decode_committed};
use crate::store::derived_files::LastEntry;
use crate::store::entry_page::StoredEntry;
use crate::store::rows::CommitPosition;
use crate::store::{JournalStore, Scope, StoreError};

use super::ledger_line::{Decided, LedgerLine, LineKind, Sign};

/// After so many entries others get their turn.
const PAUSE: usize = 32;

/// A part of the ledger.
#[derive(Debug)]
pub struct LinePage {
    /// The lines of the entries that were read, in the order of commits.
    pub lines: Vec<LedgerLine>,
    /// The entries that were read, those without lines among them.
    pub entries: u64,
    /// The last entry that was read; none if there was none.
    pub last: Option<LastEntry>,
    /// Whether there was no further entry.
    pub is_end: bool,
}

/// The lines of up to `limit` entries after a position.
///
/// # Errors
/// If the position is not one of this store, the store cannot be read, or an entry is damaged.
pub async fn lines_after<S: JournalStore>(
    store: &S,
    after: CommitPosition,
    limit: usize,
) -> Result<LinePage, StoreError> {
    let found = store.entries_after(after, limit).await?;
    let mut page = LinePage {
        lines: Vec::with_capacity(found.entries.len()),
        entries: found.entries.len() as u64,
        last: None,
        is_end: found.is_end,
    };
    for (read, stored) in found.entries.into_iter().enumerate() {
        if (read + 1).is_multiple_of(PAUSE) {
            tokio::task::yield_now().await;
        }
        let (position, id) = (stored.position, stored.id);
        let digest = push_lines(store, stored, &mut page.lines).await?;
        let before = page.last.map_or(after, |last| last.position);
        page.last = Some(LastEntry { before, position, id, digest });
    }
    Ok(page)
}

async fn push_lines<S: JournalStore>(
    store: &S,
    StoredEntry { position, id, record }: StoredEntry,
    lines: &mut Vec<LedgerLine>,
) -> Result<Digest, StoreError> {
    let (entry, digest) = decode_committed(&record?)?;
    if entry.id() != id {
        return Err(StoreError::Damaged(format!("entry {id} is another one")));
    }
    // The administration moves no amount.
    let CommittedEntry::Person(entry) = entry else { return Ok(digest) };
    let committed = entry.committed;
    let booked = entry.booking_month().unwrap_or_else(|| committed.china_month());
    let mut push =
        |kind, sign, decided| lines.push(LedgerLine { position, entry: id, committed, booked, kind, sign, decided });
    match &entry.body {
        EntryKind::Settlement(settled) => {
            let Settlement { claim, facts, split, .. } = &**settled;
            let decided = Decided::new(id, committed.china_day(), claim, (facts, split));
            push(LineKind::Settlement, Sign::Plus, decided);
        }
        EntryKind::Reversal(reversed) => push(LineKind::Reversal, Sign::Minus, reversed_line(store, reversed).await?),
        EntryKind::Revision(revised) => {
            let (replaced, decided) = revised_lines(store, revised).await?;
            push(LineKind::Revision, Sign::Minus, replaced);
            push(LineKind::Revision, Sign::Plus, decided);
        }
        EntryKind::Fence(_) => {}
    }
    Ok(digest)
}

/// What a reversal takes away: nothing revises a settlement after its reversal, so its newest revision was in force.
async fn reversed_line<S: JournalStore>(store: &S, reversed: &Reversal) -> Result<Decided, StoreError> {
    let Reversal { hospital_id, person_id, claim_id, settlement, .. } = reversed;
    let claim = store.look_up(Scope::of_person(person_id).with_claim(hospital_id, claim_id)).await?.claim;
    let newest = claim.as_ref().and_then(|row| row.status_of(*settlement)).map(|status| status.latest_revision());
    let newest =
        newest.ok_or_else(|| StoreError::Damaged(format!("the claim of settlement {settlement} is unknown")))?;
    decided_by(store, &required_settlement(store, *settlement).await?, newest).await
}

/// What a revision replaces, and what it decides.
async fn revised_lines<S: JournalStore>(store: &S, revised: &Revision) -> Result<(Decided, Decided), StoreError> {
    let settled = required_settlement(store, revised.settlement).await?;
    let replaced = decided_by(store, &settled, revised.replaces).await?;
    Ok((replaced, decided(&settled, &revised.facts, &revised.split)))
}

fn decided(settled: &Entry<Settlement>, facts: &Facts, split: &Split) -> Decided {
    Decided::new(settled.id, settled.committed.china_day(), &settled.body.claim, (facts, split))
}

/// What a revision of a settlement decided; the settlement itself is its own first revision.
async fn decided_by<S: JournalStore>(
    store: &S,
    settled: &Entry<Settlement>,
    revision: EntryId,
) -> Result<Decided, StoreError> {
    if revision == settled.id {
        return Ok(decided(settled, &settled.body.facts, &settled.body.split));
    }
    match required_entry(store, revision).await?.body {
        EntryKind::Revision(revised) if revised.settlement == settled.id => {
            Ok(decided(settled, &revised.facts, &revised.split))
        }
        _ => Err(StoreError::Damaged(format!("{revision} is no revision of {}", settled.id))),
    }
}

async fn required_settlement<S: JournalStore>(store: &S, id: EntryId) -> Result<Entry<Settlement>, StoreError> {
    let entry = required_entry(store, id).await?;
    Entry::<Settlement>::try_from(entry).map_err(|_other_kind| StoreError::Damaged(format!("{id} is no settlement")))
}

async fn required_entry<S: JournalStore>(store: &S, id: EntryId) -> Result<Entry, StoreError> {
    store.entry(id).await?.ok_or_else(|| StoreError::Damaged(format!("entry {id} is missing")))
}
