//! The check of one commit: its entries extend the chain, its splits are recomputed, and its rows are what its entries give.

use std::collections::HashMap;

use crate::domain::ids::{Digest, EntryId};
use crate::domain::journal::{Entry, Link};
use crate::journal::record::RecordError;
use crate::journal::{decode_entry, decode_link, record};
use crate::store::StoreError;
use crate::store::commit_log::{CommitLog, CommitParts, RecordPosition};
use crate::store::keys::StoreKey;
use crate::store::rows::{ClaimRow, ListedRow, PersonState, RequestRow};

use super::super::booking_check::Closings;
use super::super::chain::{AuditFinding, ChainFault};
use super::super::entry_replay::{EntryReplay, KeptPolicies};
use super::IsSealed;

/// What commits are checked against.
pub(super) struct CommitCheck<'a> {
    pub log: &'a dyn CommitLog,
    pub policies: &'a KeptPolicies,
    pub closings: &'a Closings,
    pub is_sealed: IsSealed<'a>,
    pub recompute: bool,
}

/// The end of a chain.
#[derive(Default)]
pub(super) struct ChainEnd {
    /// The number of entries.
    version: u64,
    head: Option<EntryId>,
    chained: Digest,
    /// The row of the person's state; empty at the beginning, or if nothing is recomputed.
    pub state: Box<[u8]>,
}

/// A commit that was checked.
pub(super) struct CheckedCommit {
    pub end: ChainEnd,
    pub splits: u64,
    pub sealed: Vec<Digest>,
    pub claims: Vec<(StoreKey, ClaimChange)>,
}

/// The entries of a commit, each linked to the one before.
#[derive(Default)]
struct FollowedLinks {
    /// The id and the digest of each.
    ends: Vec<(EntryId, Digest)>,
    /// What was committed, if it is recomputed.
    entries: Vec<(Entry, Digest)>,
    /// The digests that are sealed.
    sealed: Vec<Digest>,
}

/// What the row of a claim is in the index.
pub(super) enum ClaimChange {
    /// The first row of the claim.
    First,
    /// It replaces the row in this commit.
    Replaces(RecordPosition),
}

/// The newest commits of claims that were changed since their first settlement.
pub(super) type ChangedClaims = HashMap<StoreKey, RecordPosition>;

impl CommitCheck<'_> {
    /// Checks a commit behind the end of its person's chain.
    ///
    /// # Errors
    /// The first finding.
    pub fn commit(
        &self,
        person: StoreKey,
        before: ChainEnd,
        parts: &CommitParts<'_>,
        changed: &ChangedClaims,
    ) -> Result<CheckedCommit, AuditFinding> {
        let FollowedLinks { ends, entries, sealed } = self.follow_links(&before, parts)?;
        let Some((last, digest)) = ends.last().copied() else {
            return Err(AuditFinding {
                entry: before.head,
                message: "is followed by a commit without entries".to_owned(),
            });
        };
        let about = |fault: ChainFault| AuditFinding::about_entry(last, fault);
        let row = parts.person.map(|(_, row)| row).unwrap_or_default();
        let state: PersonState = record::decode(row).map_err(|error| about(StoreError::from(error).into()))?;
        if (state.head, state.version) == (Some(last), before.version + ends.len() as u64) && state.chained != digest {
            return Err(AuditFinding::about_entry(last, NOT_CHAINED));
        }
        let claims = self.claim_changes(parts, changed).map_err(about)?;
        let end =
            |row: &[u8]| ChainEnd { version: state.version, head: state.head, chained: digest, state: row.into() };
        if !self.recompute {
            let fits = (state.head, state.version) == (Some(last), before.version + ends.len() as u64);
            if !fits {
                return Err(about(ChainFault::PersonRow));
            }
            return Ok(CheckedCommit { end: end(&[]), splits: 0, sealed, claims });
        }
        let splits = self.recompute(person, &before, parts, (&entries, &state), changed)?;
        Ok(CheckedCommit { end: end(row), splits, sealed, claims })
    }

    /// Checks that the entries follow the end of a chain one after another.
    fn follow_links(&self, before: &ChainEnd, parts: &CommitParts<'_>) -> Result<FollowedLinks, AuditFinding> {
        let mut expected = Link { number: before.version + 1, previous: before.head, chained: before.chained };
        let mut followed = FollowedLinks::default();
        for (id, record) in &parts.entries {
            let (found, link, digest) = self
                .read_link(record, &mut followed.entries)
                .map_err(|error| AuditFinding::about_entry(*id, StoreError::from(error)))?;
            if found != *id || link != expected {
                return Err(misplaced(*id, found, link, expected));
            }
            if (self.is_sealed)(link.number, &digest) {
                followed.sealed.push(digest);
            }
            expected = Link { number: link.number + 1, previous: Some(*id), chained: digest };
            followed.ends.push((*id, digest));
        }
        Ok(followed)
    }

    /// The id, the link and the digest of an entry; where splits are recomputed, the whole entry is added to others, so that
    /// it is decoded and digested once.
    fn read_link(
        &self,
        record: &[u8],
        entries: &mut Vec<(Entry, Digest)>,
    ) -> Result<(EntryId, Link, Digest), RecordError> {
        if !self.recompute {
            return decode_link(record);
        }
        let (entry, digest) = decode_entry(record)?;
        let read = (entry.id, entry.link, digest);
        entries.push((entry, digest));
        Ok(read)
    }

    /// Recomputes the splits and rows of a commit; returns the number of splits.
    fn recompute(
        &self,
        person: StoreKey,
        before: &ChainEnd,
        parts: &CommitParts<'_>,
        (entries, state): (&[(Entry, Digest)], &PersonState),
        changed: &ChangedClaims,
    ) -> Result<u64, AuditFinding> {
        let about = |id: EntryId| move |fault: ChainFault| AuditFinding::about_entry(id, fault);
        let Some((first, _)) = entries.first() else { return Ok(0) };
        let expected = match &*before.state {
            [] => PersonState::default(),
            row => record::decode(row).map_err(|error| about(first.id)(StoreError::from(error).into()))?,
        };
        let earlier = self.earlier(entries, changed).map_err(about(first.id))?;
        let mut replay = EntryReplay::new(self.policies, self.closings);
        replay.start_from_accounts(expected.accounts());
        earlier.iter().for_each(|entry| replay.recall(entry));
        let all: Vec<&Entry> = entries.iter().map(|(entry, _)| entry).collect();
        for (at, entry) in all.iter().enumerate() {
            replay.apply(entry, &all[at + 1..]).map_err(about(entry.id))?;
        }
        self.check_state(expected, entries, &replay, state)?;
        self.check_rows(person, parts, &all, changed)?;
        Ok(all.iter().filter(|entry| entry.split().is_some()).count() as u64)
    }

    /// The earlier entries that the entries of a commit rest on, the newest of each settlement last.
    fn earlier(&self, entries: &[(Entry, Digest)], changed: &ChangedClaims) -> Result<Vec<Entry>, ChainFault> {
        let mut earlier = Vec::new();
        let own = |id: EntryId| entries.iter().any(|(entry, _)| entry.id == id);
        for (entry, _) in entries {
            let opening = entry.split().and_then(|split| split.opening.as_ref()).map(|opening| opening.settlement);
            let reversed = entry.as_reversal().map(|reversed| reversed.settlement);
            let revised = entry.as_revision().map(|revised| revised.settlement);
            for settlement in [opening, reversed, revised].into_iter().flatten().filter(|id| !own(*id)) {
                self.load_settlement(settlement, entry, changed, &mut earlier)?;
            }
            for decided in entry.retroactive_run().iter().flat_map(|run| &run.decided) {
                self.load_settlement(decided.settlement, entry, changed, &mut earlier)?;
                self.load_continued(decided.settlement, entry, changed, &mut earlier)?;
            }
        }
        Ok(earlier)
    }

    /// Loads what a loaded settlement continues.
    fn load_continued(
        &self,
        settlement: EntryId,
        by: &Entry,
        changed: &ChangedClaims,
        to: &mut Vec<Entry>,
    ) -> Result<(), ChainFault> {
        let is_of = |entry: &&Entry| {
            entry.id == settlement || entry.as_revision().is_some_and(|revised| revised.settlement == settlement)
        };
        let newest = to.iter().rev().find(is_of).and_then(Entry::split);
        match newest.and_then(|split| split.opening.as_ref()).map(|opening| opening.settlement) {
            Some(continued) => self.load_settlement(continued, by, changed, to),
            None => Ok(()),
        }
    }

    /// Loads a settlement and its newest revision before this commit.
    fn load_settlement(
        &self,
        settlement: EntryId,
        by: &Entry,
        changed: &ChangedClaims,
        to: &mut Vec<Entry>,
    ) -> Result<(), ChainFault> {
        if to.iter().any(|entry: &Entry| entry.id == settlement) {
            return Ok(());
        }
        let (position, record) = self.log.entry(settlement)?.ok_or(ChainFault::ReversesUnsettled)?;
        let entry = decode_entry(&record).map_err(StoreError::from)?.0;
        let settled = entry.as_settlement().ok_or(ChainFault::RevisesNoSettlement)?;
        let claim = &settled.claim;
        if claim.person_id != *by.parties().1 || entry.link.number >= by.link.number {
            return Err(ChainFault::ReversesUnsettled);
        }
        let key = self.log.secret().claim(&claim.hospital_id, &claim.claim_id);
        let row = self.log.claim_row(changed.get(&key).copied().unwrap_or(position), &key)?;
        let row: ClaimRow = record::decode(&row).map_err(StoreError::from)?;
        let newest = row.status_of(settlement).ok_or(ChainFault::ClaimUnsettled)?.latest_revision();
        to.push(entry);
        if newest != settlement {
            let (_, record) = self.log.entry(newest)?.ok_or(ChainFault::TakesOutUndecided)?;
            to.push(decode_entry(&record).map_err(StoreError::from)?.0);
        }
        Ok(())
    }

    /// Checks that the state of the person is what the entries add up to.
    fn check_state(
        &self,
        mut expected: PersonState,
        entries: &[(Entry, Digest)],
        replay: &EntryReplay<'_>,
        state: &PersonState,
    ) -> Result<(), AuditFinding> {
        entries.iter().for_each(|(entry, digest)| expected.follow(entry, *digest));
        let mut moved = replay.accounts().iter().filter(|(_, account)| account.version > 0);
        let count = moved.clone().count();
        if state.accounts().len() != count {
            return Err(AuditFinding::about_person(state, "there are accounts that the chain does not change"));
        }
        if !moved.all(|(key, account)| state.accounts().iter().any(|(known, found)| known == key && found == account)) {
            return Err(AuditFinding::about_person(state, "an account differs from what the chain adds up to"));
        }
        let is_rest = expected.hospitals() == state.hospitals() && expected.stays() == state.stays();
        let is_end = (expected.head, expected.version, expected.chained) == (state.head, state.version, state.chained);
        if is_rest && is_end { Ok(()) } else { Err(AuditFinding::about_person(state, ChainFault::PersonRow)) }
    }

    /// Checks that the other rows of a commit are those that its entries give, under the keys of their own ids.
    fn check_rows(
        &self,
        person: StoreKey,
        parts: &CommitParts<'_>,
        entries: &[&Entry],
        changed: &ChangedClaims,
    ) -> Result<(), AuditFinding> {
        let Some(first) = entries.first() else { return Ok(()) };
        let about = |fault: ChainFault| AuditFinding::about_entry(first.id, fault);
        let (hospital_id, person_id) = (first.request_hospital(), first.parties().1);
        let secret = self.log.secret();
        if secret.person(person_id) != person {
            return Err(about(ChainFault::PersonRow));
        }
        let of_request = first.as_reversal().and_then(|reversed| reversed.correction).unwrap_or(first.id);
        let key = secret.request(hospital_id, person_id, &first.request_id);
        let request = parts.request.filter(|(found, _)| *found == key).map(|(_, row)| record::decode(row));
        if request != Some(Ok(RequestRow(of_request))) {
            return Err(about(ChainFault::RequestRow));
        }
        self.check_claims(person_id, parts, entries, changed).map_err(about)?;
        let day = first.committed.china_day();
        let expected = ListedRow { settlement: of_request, day };
        let is_own = |(key, row): &(&[u8], &[u8])| {
            let (hospital, number) = key.split_at_checked(16).unwrap_or_default();
            hospital_id.is_some_and(|id| hospital == secret.hospital(id))
                && number == day.number().to_be_bytes()
                && record::decode(row) == Ok(expected)
        };
        if parts.listed.iter().all(is_own) { Ok(()) } else { Err(about(ChainFault::ListRow)) }
    }
}

const NOT_CHAINED: &str = "is not the record that the next entry is chained to";

/// What is wrong with an entry that is not the one that follows.
fn misplaced(id: EntryId, found: EntryId, link: Link, expected: Link) -> AuditFinding {
    match link.previous {
        Some(previous) if found == id && link.previous == expected.previous && link.number == expected.number => {
            AuditFinding::about_entry(previous, NOT_CHAINED)
        }
        Some(previous) if found == id && link.number > expected.number => {
            AuditFinding::about_entry(previous, "is missing")
        }
        _ => AuditFinding::about_entry(id, "is at another position of the chain"),
    }
}
