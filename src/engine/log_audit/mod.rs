//! The audit of a store with a log: the log is read sequentially, every checksum is verified, every chain is followed in
//! the order of commits, every split is recomputed, and every row must be the one that its entries give. At the end the
//! index must lead to the newest row of every key, and to nothing else.
//!
//! One thread reads, and each of the others follows the chains of its share of the persons. Memory: for each person the
//! last row of their state and the end of their chain, up to [`LogAuditOptions::memory`]; a thread whose persons do not
//! fit begins again with fewer, and audits the others in a further pass over the log. What an entry rests on beyond that
//! (a settlement that it reverses, revises or continues) is read through the index.
//!
//! It trusts the digests of records and policies, and by induction what it verified before: a row of the state or of a
//! claim is what the entries before it give, so the next is verified from it.

mod chain_visitor;
mod claim_rows;
mod commit_check;
mod findings;

use crate::domain::ids::Digest;
use crate::store::commit_log::{CommitLog, CommitVisitor, IndexTally, ScannedCommit};
use crate::store::{Store, StoreError};

use super::administration_chain::read_administration;
use super::audit::kept_policy;
use super::booking_check::Closings;
use super::chain::AuditFinding;
use super::entry_replay::KeptPolicies;
use chain_visitor::{ChainVisitor, Share};
use commit_check::CommitCheck;
pub use findings::Findings;

/// How an audit of a log is done.
#[derive(Clone, Copy, Debug)]
pub struct LogAuditOptions {
    /// The threads that follow chains; one more reads.
    pub threads: usize,
    /// The memory for the states of persons in bytes, of all threads together.
    pub memory: usize,
    /// Whether splits and rows are recomputed; otherwise chains and checksums alone are verified.
    pub recompute: bool,
}

/// What an audit of a log verified and found.
#[derive(Debug, Default)]
pub struct LogAuditReport {
    /// The chains.
    pub chains: u64,
    /// The entries whose chain was verified up to them.
    pub entries: u64,
    /// The splits that were recomputed.
    pub splits: u64,
    /// The times that the log was read.
    pub passes: u64,
    /// The sealed digests that were found with their numbers.
    pub sealed: Vec<Digest>,
    /// What is wrong, in the order of the log.
    pub findings: Findings,
}

/// Whether a seal holds this digest as the end of a chain with so many entries.
pub type IsSealed<'a> = &'a (dyn Fn(u64, &Digest) -> bool + Sync);

/// Audits a store with this log, which nobody else uses meanwhile.
///
/// # Errors
/// If the store cannot be read. What is damaged is a finding.
pub async fn audit_log<S: Store>(
    store: &S,
    log: &dyn CommitLog,
    options: LogAuditOptions,
    is_sealed: IsSealed<'_>,
) -> Result<LogAuditReport, StoreError> {
    let mut policies = KeptPolicies::new();
    for digest in store.policy_digests().await? {
        policies.extend(kept_policy(store, digest).await?.map(|policy| (digest, policy)));
    }
    let mut report = LogAuditReport::default();
    let closings = check_administration(store, is_sealed, &mut report).await;
    let check = CommitCheck { log, policies: &policies, closings: &closings, is_sealed, recompute: options.recompute };
    let tally = follow_chains(&check, options, &mut report)?;
    if report.findings.is_empty() {
        compare_index_and_counts(log, &tally, &mut report)?;
    }
    Ok(report)
}

/// Checks the chain of the administration, which is short and is read through the index; returns its closings.
async fn check_administration<S: Store>(store: &S, is_sealed: IsSealed<'_>, report: &mut LogAuditReport) -> Closings {
    match read_administration(store).await {
        Err(finding) => {
            report.findings.add(u64::MAX, finding.to_string());
            Closings::default()
        }
        Ok(chain) => {
            report.entries += chain.len() as u64;
            let ends = chain.iter().filter(|one| is_sealed(one.entry.link.number, &one.digest));
            report.sealed.extend(ends.map(|one| one.digest));
            Closings::of(&chain)
        }
    }
}

/// Follows all chains, in as many passes as the memory asks for; returns the index rows that the log gives.
fn follow_chains(
    check: &CommitCheck<'_>,
    options: LogAuditOptions,
    report: &mut LogAuditReport,
) -> Result<IndexTally, StoreError> {
    let threads = options.threads.max(1);
    let (memory, mut tally) = (options.memory / threads, check.log.tally()?);
    let mut shares: Vec<Share> = (0..threads).map(|thread| Share::first(thread, threads)).collect();
    while !shares.is_empty() {
        let mut visitors: Vec<_> =
            shares.drain(..).map(|share| ChainVisitor::new(check, share, memory, tally.new_with_same_seed())).collect();
        let mut shown: Vec<Box<dyn CommitVisitor + '_>> = Vec::new();
        visitors.iter_mut().for_each(|visitor| shown.push(Box::new(visitor)));
        let damage = check.log.scan(&mut shown)?;
        drop(shown);
        if report.passes == 0 {
            damage.into_iter().for_each(|damage| report.findings.add(damage.lsn, damage.error.to_string()));
        }
        report.passes += 1;
        for visitor in visitors {
            shares.extend(visitor.finish(report, &mut tally));
        }
    }
    Ok(tally)
}

/// Compares the index with what the log gives, and the number of entries.
fn compare_index_and_counts(
    log: &dyn CommitLog,
    tally: &IndexTally,
    report: &mut LogAuditReport,
) -> Result<(), StoreError> {
    let mut found = tally.new_with_same_seed();
    log.tally_index(&mut found)?;
    let differing: Vec<_> = tally.differing(&found).collect();
    if !differing.is_empty() {
        find_commits_missed_by_index(log, report)?;
    }
    if report.findings.is_empty() {
        for table in differing {
            let message = format!("the index has rows of table {} that no commit of the log has", table.as_str());
            report.findings.add(u64::MAX, message);
        }
    }
    let entries = log.entry_count();
    if report.findings.is_empty() && entries != report.entries {
        report.findings.add(u64::MAX, format!("the log has {entries} entries, the chains {}", report.entries));
    }
    Ok(())
}

/// Finds the commits that the index does not lead to.
fn find_commits_missed_by_index(log: &dyn CommitLog, report: &mut LogAuditReport) -> Result<(), StoreError> {
    let mut visitor = MisledVisitor { log, findings: Findings::default() };
    log.scan(&mut [Box::new(&mut visitor)])?;
    report.findings.extend(visitor.findings);
    Ok(())
}

/// Looks up every row of every commit.
struct MisledVisitor<'a> {
    log: &'a dyn CommitLog,
    findings: Findings,
}

impl CommitVisitor for &mut MisledVisitor<'_> {
    fn visit(&mut self, commit: &dyn ScannedCommit) {
        let lsn = commit.position().lsn;
        match self.log.misled(commit) {
            Ok(None) => {}
            Ok(Some(table)) => {
                let last = commit.parts().ok().and_then(|parts| parts.entries.last().map(|(id, _)| *id));
                let message = format!("the index does not lead to the row of its {}", table.as_str());
                self.findings.add(lsn, AuditFinding { entry: last, message }.to_string());
            }
            Err(error) => self.findings.add(lsn, error.to_string()),
        }
    }
}
