//! `onestop audit`: verifies a store by recomputing it from its journal, and seals it, so that a history that was
//! rewritten or cut short is found.
//!
//! No server may use a store in a directory meanwhile. On Redis a running server may commit meanwhile, and such a commit
//! may be reported as a difference: run the audit when little is settled.

use std::num::NonZero;
use std::path::PathBuf;

use clap::Subcommand;
use futures_util::{TryStreamExt, stream};
use serde_json::json;

use crate::cli::error::seal::SealError;
use crate::cli::exit::{CommandError, CommandResult};
use crate::domain::ids::Digest;
use crate::engine::administration_chain::read_administration;
use crate::engine::audit::{Audit, VerifiedChain};
use crate::engine::log_audit::{LogAuditOptions, audit_log};
use crate::say;
use crate::server::store_location::{SecretAndArchivePaths, StoreLocation, StoreTask};
use crate::server::store_location_error::StoreLocationError;
use crate::store::commit_log::CommitLog;
use crate::store::pages::Pages;
use crate::store::rows::PersonState;
use crate::store::shard::Shard;
use crate::store::{KeyedState, Store, StoreError};

use super::seal::{self, Seal, SealSummary};

/// Persons that are read at once.
const PERSONS_PER_PAGE: usize = 1_000;

/// The entries of the chains that are read together from a store without a log, unless one chain has more.
const ENTRIES_PER_BATCH: u64 = 1_024;

/// The batches of chains that are read at once, so that one is verified while others are awaited.
const BATCHES_AT_ONCE: usize = 6;

/// The differences that are printed; further ones are counted.
const MAX_PRINTED_DIFFERENCES: usize = 20;

/// A command on a store's history.
#[derive(Subcommand, Debug)]
pub(crate) enum AuditCommand {
    /// Walk every chain, check every record, and recompute every split from the journal under its own policy
    Verify {
        #[command(flatten)]
        store: AuditedStore,
        /// Check against an earlier seal of this store, or of the store it was copied from: its history must be unchanged
        #[arg(long, value_name = "SEAL")]
        against: Option<PathBuf>,
        #[command(flatten)]
        extent: AuditExtent,
    },
    /// Write the current end of every chain and a digest over all of them to a file, which names no person
    Seal {
        #[command(flatten)]
        store: AuditedStore,
        /// The file
        #[arg(value_name = "SEAL")]
        seal: PathBuf,
    },
}

/// How much is verified, and with what.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct AuditExtent {
    /// Verify chains and checksums alone, without recomputing splits and rows: several times as fast
    #[arg(long)]
    chains_only: bool,
    /// The memory for the states of persons of a store in a directory; persons that do not fit take further passes
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    memory_mib: u32,
}

/// The store to audit.
#[derive(clap::Args, Debug)]
pub(crate) struct AuditedStore {
    /// The store: a directory or a Redis
    #[arg(long, value_name = "DIR|URL", default_value = "onestop-store")]
    store: PathBuf,
    /// The file with the secret of a store on Redis
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    /// The archive of a store on Redis
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
}

impl AuditedStore {
    async fn open<T: StoreTask>(&self, task: T) -> Result<T::Output, StoreLocationError> {
        let files = SecretAndArchivePaths { secret: self.secret.as_deref(), archive: self.archive.as_deref() };
        StoreLocation::parse(&self.store)?.open_existing(files, task).await
    }
}

/// Verifies or seals a store.
///
/// # Errors
/// If something differs, the store cannot be opened or read, or a seal cannot be read or written.
pub(crate) async fn run(command: &AuditCommand, json: bool) -> CommandResult {
    match command {
        AuditCommand::Verify { store, against, extent } => {
            let seal = against.as_deref().map(Seal::read).transpose()?;
            print_verified(&store.open(VerifyTask { seal, extent: *extent }).await??, json)
        }
        AuditCommand::Seal { store, seal } => {
            print_sealed(&store.open(SealTask { path: seal }).await??, json);
            Ok(())
        }
    }
}

struct SealTask<'a> {
    path: &'a PathBuf,
}

impl StoreTask for SealTask<'_> {
    type Output = Result<SealSummary, SealError>;

    async fn run<S: Store>(self, store: S) -> Result<SealSummary, SealError> {
        seal::write(&store, self.path).await
    }
}

/// What an audit counted and found.
#[derive(Default)]
struct AuditResult {
    persons: u64,
    entries: u64,
    splits: u64,
    differences: Vec<String>,
    more_differences: u64,
}

impl AuditResult {
    fn add_difference(&mut self, difference: String) {
        if self.differences.len() < MAX_PRINTED_DIFFERENCES {
            self.differences.push(difference);
        } else {
            self.more_differences += 1;
        }
    }
}

struct VerifyTask {
    seal: Option<Seal>,
    extent: AuditExtent,
}

impl StoreTask for VerifyTask {
    type Output = Result<AuditResult, CommandError>;

    async fn run<S: Store>(self, store: S) -> Result<AuditResult, CommandError> {
        let VerifyTask { mut seal, extent } = self;
        let mut result = match store.commit_log() {
            Some(log) => verify_log(&store, &*log, extent, &mut seal).await?,
            None => verify_chains(&store, extent, &mut seal).await?,
        };
        if let Some(seal) = seal {
            seal.describe_missing(&store).await?.into_iter().for_each(|difference| result.add_difference(difference));
        }
        Ok(result)
    }
}

/// Audits a store by its log.
async fn verify_log<S: Store>(
    store: &S,
    log: &dyn CommitLog,
    extent: AuditExtent,
    seal: &mut Option<Seal>,
) -> Result<AuditResult, StoreError> {
    let options = LogAuditOptions {
        threads: std::thread::available_parallelism().map_or(1, NonZero::get),
        memory: (extent.memory_mib as usize) << 20,
        recompute: !extent.chains_only,
    };
    let holds = |number: u64, digest: &Digest| seal.as_ref().is_some_and(|seal| seal.holds(number, digest));
    let report = audit_log(store, log, options, &holds).await?;
    let mut result = AuditResult {
        persons: report.chains,
        entries: report.entries,
        splits: report.splits,
        ..AuditResult::default()
    };
    report.findings.kept().for_each(|finding| result.add_difference(finding.to_owned()));
    result.more_differences = report.findings.count() - result.differences.len() as u64;
    seal.iter_mut().for_each(|seal| seal.remove_ends(&report.sealed));
    Ok(result)
}

/// Audits a store chain by chain, many at once. The next persons are read while chains are verified.
async fn verify_chains<S: Store>(
    store: &S,
    extent: AuditExtent,
    seal: &mut Option<Seal>,
) -> Result<AuditResult, StoreError> {
    let (mut result, audit) = (AuditResult::default(), Audit::new(store));
    let pages = stream::try_unfold(Pages::new(PERSONS_PER_PAGE), |mut pages| async {
        let page = pages.next_page(|after, limit| store.states(after, limit)).await?;
        Ok::<_, StoreError>(page.map(|page| (page, pages)))
    });
    let batches = pages.map_ok(|page| stream::iter(batches(page).into_iter().map(Ok))).try_flatten();
    let verified = batches.map_ok(|batch| audit_chains(&audit, batch, extent)).try_buffered(BATCHES_AT_ONCE);
    let mut verified = std::pin::pin!(verified);
    while let Some(chains) = verified.try_next().await? {
        for chain in chains {
            result.persons += 1;
            match chain {
                Err(difference) => result.add_difference(difference),
                Ok(chain) => {
                    result.entries += chain.digests.len() as u64;
                    result.splits += chain.splits as u64;
                    seal.iter_mut().for_each(|seal| seal.remove_found(&chain.digests));
                }
            }
        }
    }
    match read_administration(store).await {
        Err(finding) => result.add_difference(finding.to_string()),
        Ok(chain) => {
            result.entries += chain.len() as u64;
            let digests: Vec<_> = chain.iter().map(|one| one.digest).collect();
            seal.iter_mut().for_each(|seal| seal.remove_found(&digests));
        }
    }
    let entries = store.entry_count().await?;
    if result.differences.is_empty() && entries != result.entries {
        result.add_difference(format!("the journal has {entries} entries, the chains {}", result.entries));
    }
    Ok(result)
}

/// The states of persons whose chains have so many entries that they are read together, those of a shard one after the other.
fn batches(mut page: Vec<KeyedState>) -> Vec<Vec<Result<PersonState, StoreError>>> {
    let (mut batches, mut entries) = (Vec::<Vec<_>>::new(), 0);
    page.sort_by_key(|(_, state)| state.as_ref().ok().and_then(|state| state.head).map(Shard::of_entry));
    for (_, state) in page {
        let own = state.as_ref().map_or(1, |state| state.version);
        match batches.last_mut().filter(|_| entries + own <= ENTRIES_PER_BATCH) {
            Some(batch) => {
                entries += own;
                batch.push(state);
            }
            None => {
                entries = own;
                batches.push(vec![state]);
            }
        }
    }
    batches
}

/// Audits these chains; a state that cannot be read is a difference.
async fn audit_chains(
    audit: &Audit<'_, impl Store>,
    states: Vec<Result<PersonState, StoreError>>,
    extent: AuditExtent,
) -> Result<Vec<Result<VerifiedChain, String>>, StoreError> {
    let (mut read, mut chains) = (Vec::with_capacity(states.len()), Vec::new());
    for state in states {
        match state {
            Ok(state) => read.push(state),
            Err(error) => chains.push(Err(error.to_string())),
        }
    }
    let verified = if extent.chains_only { audit.follow_chains(&read).await } else { audit.verify_persons(read).await };
    chains.extend(verified.into_iter().map(|chain| chain.map_err(|finding| finding.to_string())));
    Ok(chains)
}

fn print_verified(result: &AuditResult, json: bool) -> CommandResult {
    let AuditResult { persons, entries, splits, differences, more_differences: more } = result;
    if json {
        say!(
            "{}",
            json!({ "persons": persons, "entries": entries, "splits": splits, "differences": differences, "more": more })
        );
    } else {
        say!("{persons} chains, {entries} entries, {splits} splits recomputed");
        differences.iter().for_each(|difference| say!("differs: {difference}"));
    }
    match differences.len() as u64 + more {
        0 => Ok(()),
        count => Err(CommandError::Differs(count)),
    }
}

fn print_sealed(SealSummary { chains, day, digest }: &SealSummary, json: bool) {
    if json {
        say!("{}", json!({ "day": day, "chains": chains, "digest": digest.to_string() }));
    } else {
        say!("{chains} chains sealed on {day}: {digest}");
    }
}
