//! `onestop audit`: verifies a store by recomputing it from its journal, and seals it, so that a history that was
//! rewritten or cut short is found.
//!
//! No server may use a store in a directory meanwhile. On Redis a running server may commit meanwhile, and such a commit
//! may be reported as a difference: run the audit when little is settled.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use crate::cli::error::seal::SealError;
use crate::cli::exit::{CommandError, CommandResult};
use crate::engine::audit::{Audit, VerifiedChain};
use crate::say;
use crate::server::store_location::{SecretAndArchivePaths, StoreLocation, StoreLocationError, StoreTask};
use crate::store::pages::Pages;
use crate::store::rows::PersonState;
use crate::store::{Store, StoreError};

use super::seal::{self, Seal, SealSummary};

/// Persons that are read at once.
const PERSONS_PER_PAGE: usize = 1_000;

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
        AuditCommand::Verify { store, against } => {
            let seal = against.as_deref().map(Seal::read).transpose()?;
            print_verified(&store.open(VerifyTask { seal }).await??, json)
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
}

impl StoreTask for VerifyTask {
    type Output = Result<AuditResult, CommandError>;

    async fn run<S: Store>(self, store: S) -> Result<AuditResult, CommandError> {
        let VerifyTask { mut seal } = self;
        let (mut result, mut audit) = (AuditResult::default(), Audit::new(&store));
        let mut pages = Pages::new(PERSONS_PER_PAGE);
        let read = |after, limit| store.states(after, limit);
        while let Some(page) = pages.next_page(read).await? {
            for (_, state) in page {
                result.persons += 1;
                match audit_chain(&mut audit, state).await {
                    Err(difference) => result.add_difference(difference),
                    Ok(chain) => {
                        result.entries += chain.digests.len() as u64;
                        result.splits += chain.splits as u64;
                        seal.iter_mut().for_each(|seal| seal.remove_found(&chain.digests));
                    }
                }
            }
        }
        let entries = store.entry_count().await?;
        if result.differences.is_empty() && entries != result.entries {
            result.add_difference(format!("the journal has {entries} entries, the chains {}", result.entries));
        }
        if let Some(seal) = seal {
            seal.describe_missing(&store).await?.into_iter().for_each(|difference| result.add_difference(difference));
        }
        Ok(result)
    }
}

async fn audit_chain(
    audit: &mut Audit<'_, impl Store>,
    state: Result<PersonState, StoreError>,
) -> Result<VerifiedChain, String> {
    let state = state.map_err(|error| error.to_string())?;
    audit.verify_person(&state).await.map_err(|finding| finding.to_string())
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
