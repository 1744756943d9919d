//! `onestop audit`: recomputes a store from its journal, and seals what stands in it, so that a history that was
//! rewritten or cut short is found. A directory must be of a store that no
//! server has; of a store on Redis what is settled meanwhile may be seen in part, so that it is best asked at night.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use crate::engine::audit::{Audit, Chain};
use crate::say;
use crate::store::pages::Pages;
use crate::store::rows::PersonState;
use crate::store::{Store, StoreError};

use super::seal::{self, Seal, Sealed};
use crate::cli::exit::{Ended, Failure};
use crate::server::store_location::{Opened, With};

/// How many persons are read at once.
pub(super) const PERSONS: usize = 1_000;

/// The differences that are told one by one.
const TOLD: usize = 20;

/// What is asked of a store.
#[derive(Subcommand, Debug)]
pub enum Action {
    /// Walk every chain, check every record, recompute every split from the journal under its own policy
    Verify {
        /// Which store
        #[command(flatten)]
        store: Which,
        /// A seal of an earlier day, of this store or of one that it was copied from: its history must stand unchanged
        #[arg(long, value_name = "SEAL")]
        against: Option<PathBuf>,
    },
    /// Write where every chain ends today, under one digest; it names no person
    Seal {
        /// Which store
        #[command(flatten)]
        store: Which,
        /// The file
        #[arg(value_name = "SEAL")]
        seal: PathBuf,
    },
}

/// Which store.
#[derive(clap::Args, Debug)]
pub struct Which {
    /// The directory of the store, or a Redis
    #[arg(long, value_name = "DIR|URL", default_value = "onestop-store")]
    store: PathBuf,
    /// The secret of a store on Redis
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    /// The archive that closed years of a store on Redis were moved to
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// Exit 1 with the differences, or if the store is in use; 2 if a seal cannot be read or written.
pub async fn run(action: &Action, json: bool) -> Ended {
    match action {
        Action::Verify { store, against } => {
            let sealed = against.as_deref().map(Seal::read).transpose()?;
            match open(store).await? {
                Opened::Directory(store) => verify(&store, sealed, json).await,
                Opened::Redis(store) => verify(&store, sealed, json).await,
            }
        }
        Action::Seal { store, seal } => {
            let sealed = match open(store).await? {
                Opened::Directory(store) => seal::write(&store, seal).await,
                Opened::Redis(store) => seal::write(&store, seal).await,
            };
            told(&sealed?, json)
        }
    }
}

async fn open(which: &Which) -> Result<Opened, Failure> {
    let with = With { secret: which.secret.as_deref(), archive: which.archive.as_deref() };
    Opened::existing(&which.store, with).await
}

pub(super) fn unreadable(error: StoreError) -> Failure {
    Failure::Refused(error.to_string())
}

#[derive(Default)]
struct Found {
    persons: u64,
    entries: u64,
    splits: u64,
    differences: Vec<String>,
    more: u64,
}

impl Found {
    fn differs(&mut self, told: String) {
        if self.differences.len() < TOLD { self.differences.push(told) } else { self.more += 1 }
    }
}

async fn verify(store: &impl Store, mut sealed: Option<Seal>, json: bool) -> Ended {
    let (mut found, mut audit, mut pages) = (Found::default(), Audit::of(store), Pages::new(PERSONS));
    let read = |after, limit| store.states(after, limit);
    while let Some(page) = pages.next_page(read).await.map_err(unreadable)? {
        for (_, state) in page {
            found.persons += 1;
            match chain(&mut audit, state).await {
                Err(told) => found.differs(told),
                Ok(chain) => {
                    found.entries += chain.digests.len() as u64;
                    found.splits += chain.splits as u64;
                    sealed.iter_mut().for_each(|seal| seal.found(&chain.digests));
                }
            }
        }
    }
    let entries = store.entry_count().await.map_err(unreadable)?;
    if found.differences.is_empty() && entries != found.entries {
        found.differs(format!("the journal has {entries} entries, the chains {}", found.entries));
    }
    if let Some(seal) = sealed {
        seal.missing(store).await?.into_iter().for_each(|told| found.differs(told));
    }
    tell(&found, json)
}

async fn chain(audit: &mut Audit<'_, impl Store>, state: Result<PersonState, StoreError>) -> Result<Chain, String> {
    let state = state.map_err(|error| error.to_string())?;
    audit.chain(&state).await.map_err(|difference| difference.to_string())
}

fn tell(found: &Found, json: bool) -> Ended {
    let Found { persons, entries, splits, differences, more } = found;
    if json {
        let all = differences.len() as u64 + more;
        say!(
            "{}",
            json!({ "persons": persons, "entries": entries, "splits": splits, "differences": differences, "more": all - differences.len() as u64 })
        );
    } else {
        say!("{persons} chains, {entries} entries, {splits} splits recomputed");
        differences.iter().for_each(|told| say!("differs: {told}"));
    }
    match differences.len() as u64 + more {
        0 => Ok(()),
        count => Err(Failure::Refused(format!("{count} differ"))),
    }
}

fn told(Sealed { chains, day, digest }: &Sealed, json: bool) -> Ended {
    if json {
        say!("{}", json!({ "day": day, "chains": chains, "digest": digest.to_string() }));
    } else {
        say!("{chains} chains sealed on {day}: {digest}");
    }
    Ok(())
}
