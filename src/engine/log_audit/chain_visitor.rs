//! Following the chains of a share of the persons through the log.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use crate::store::StoreError;
use crate::store::commit_log::{CommitVisitor, IndexTable, IndexTally, RecordPosition, ScannedCommit};
use crate::store::keys::StoreKey;

use super::super::chain::AuditFinding;
use super::LogAuditReport;
use super::commit_check::{ChainEnd, ClaimChange, CommitCheck};
use super::findings::Findings;

/// Some persons: those of a thread whose keys begin in a range.
pub(super) struct Share {
    thread: u64,
    threads: u64,
    prefixes: RangeInclusive<u64>,
}

impl Share {
    /// All persons of a thread.
    pub(super) fn first(thread: usize, threads: usize) -> Share {
        Share { thread: thread as u64, threads: threads as u64, prefixes: 0..=u64::MAX }
    }

    /// Whether it is the share that also takes what belongs to no person.
    fn takes_the_rest(&self) -> bool {
        self.thread == 0 && *self.prefixes.start() == 0
    }

    fn has(&self, person: &StoreKey) -> bool {
        let (first, last) = halves(person);
        last % self.threads == self.thread && self.prefixes.contains(&first)
    }

    /// The persons behind these of the same thread.
    fn next(&self) -> Option<Share> {
        let from = self.prefixes.end().checked_add(1)?;
        Some(Share { prefixes: from..=u64::MAX, ..*self })
    }

    /// A smaller share from its first person on: what filled the memory after this part of the log, in 1/256.
    fn smaller(&self, part: u64) -> Share {
        let (from, width) = (*self.prefixes.start(), self.prefixes.end() - self.prefixes.start());
        let width = (width / 256).saturating_mul(part.clamp(16, 224));
        Share { prefixes: from..=from + width, ..*self }
    }
}

/// The first and the last eight bytes of a key.
fn halves(key: &StoreKey) -> (u64, u64) {
    let half = |at: usize| key[at..at + 8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    (half(0), half(8))
}

/// What is known of a chain.
enum Chain {
    /// It was verified up to this end, at this commit.
    Verified(ChainEnd, RecordPosition),
    /// Something was found, and is not looked for again.
    Broken,
}

/// The visitor of the chains of a share.
pub(super) struct ChainVisitor<'a> {
    check: &'a CommitCheck<'a>,
    share: Share,
    memory: usize,
    used: usize,
    chains: HashMap<StoreKey, Chain>,
    /// The newest commits of claims that were changed since their first settlement.
    changed_claims: HashMap<StoreKey, RecordPosition>,
    tally: IndexTally,
    report: LogAuditReport,
    /// Where the memory was full.
    full_at: Option<u64>,
}

/// The memory of a chain beside its state, with what a map reserves.
const CHAIN_BYTES: usize = 2 * (size_of::<StoreKey>() + size_of::<Chain>());

impl<'a> ChainVisitor<'a> {
    pub(super) fn new(check: &'a CommitCheck<'a>, share: Share, memory: usize, tally: IndexTally) -> ChainVisitor<'a> {
        ChainVisitor {
            check,
            share,
            memory,
            used: 0,
            chains: HashMap::new(),
            changed_claims: HashMap::new(),
            tally,
            report: LogAuditReport::default(),
            full_at: None,
        }
    }

    /// Adds what was verified and found to a report; returns the share that is still to be audited.
    pub(super) fn finish(mut self, report: &mut LogAuditReport, tally: &mut IndexTally) -> Option<Share> {
        if let Some(lsn) = self.full_at {
            let end = self.check.log.end().max(1);
            return Some(self.share.smaller((u128::from(lsn) * 256 / u128::from(end)) as u64));
        }
        for (person, chain) in &self.chains {
            if let Chain::Verified(_, position) = chain {
                self.tally.add(IndexTable::Person, person, *position);
            }
        }
        tally.merge(&self.tally);
        report.chains += self.chains.len() as u64;
        report.entries += self.report.entries;
        report.splits += self.report.splits;
        report.sealed.append(&mut self.report.sealed);
        report.findings.extend(std::mem::take::<Findings>(&mut self.report.findings));
        self.share.next()
    }

    fn find(&mut self, commit: &dyn ScannedCommit, finding: &AuditFinding) {
        self.report.findings.add(commit.position().lsn, finding.to_string());
    }

    /// A commit that extends no chain, or of which no row says whose.
    fn visit_rest(&mut self, commit: &dyn ScannedCommit) {
        let read = commit.parts().map(drop).and_then(|()| commit.tally(&mut self.tally));
        if let Err(error) = read {
            let entry = commit.salvaged_entry();
            let message = error.to_string();
            let finding =
                entry.map_or(message.clone(), |entry| AuditFinding { entry: Some(entry), message }.to_string());
            self.report.findings.add(commit.position().lsn, finding);
        }
    }

    fn visit_chain(&mut self, person: StoreKey, commit: &dyn ScannedCommit) {
        let before = match self.chains.remove(&person) {
            Some(Chain::Broken) => {
                self.chains.insert(person, Chain::Broken);
                return;
            }
            Some(Chain::Verified(end, _)) => end,
            None => {
                self.used += CHAIN_BYTES;
                ChainEnd::default()
            }
        };
        self.used -= before.state.len();
        let chain = match self.extend(person, before, commit) {
            Ok(end) => {
                self.used += end.state.len();
                Chain::Verified(end, commit.position())
            }
            Err(finding) => {
                self.find(commit, &finding);
                Chain::Broken
            }
        };
        self.chains.insert(person, chain);
        // One person is followed whatever their state takes.
        if self.chains.len() > 1 && self.used + self.changed_claims.len() * 64 > self.memory {
            self.full_at = Some(commit.position().lsn);
            (self.chains, self.changed_claims) = (HashMap::new(), HashMap::new());
        }
    }

    fn extend(
        &mut self,
        person: StoreKey,
        before: ChainEnd,
        commit: &dyn ScannedCommit,
    ) -> Result<ChainEnd, AuditFinding> {
        let damaged = |error: StoreError| AuditFinding { entry: commit.salvaged_entry(), message: error.to_string() };
        let parts = commit.parts().map_err(damaged)?;
        commit.tally(&mut self.tally).map_err(damaged)?;
        let checked = self.check.commit(person, before, &parts, &self.changed_claims)?;
        for (key, change) in checked.claims {
            self.tally_claim(key, change, commit.position());
        }
        self.report.entries += parts.entries.len() as u64;
        self.report.splits += checked.splits;
        self.report.sealed.extend(checked.sealed);
        Ok(checked.end)
    }

    fn tally_claim(&mut self, claim: StoreKey, change: ClaimChange, position: RecordPosition) {
        if let ClaimChange::Replaces(replaced) = change {
            self.tally.remove(IndexTable::Claim, &claim, replaced);
            self.changed_claims.insert(claim, position);
        }
        self.tally.add(IndexTable::Claim, &claim, position);
    }
}

impl CommitVisitor for &mut ChainVisitor<'_> {
    fn visit(&mut self, commit: &dyn ScannedCommit) {
        if self.full_at.is_some() {
            return;
        }
        match commit.person() {
            Some(person) if self.share.has(&person) => self.visit_chain(person, commit),
            None if self.share.takes_the_rest() => self.visit_rest(commit),
            _ => {}
        }
    }
}
