//! `onestop audit`: recomputes a store from its journal, and seals what stands in it, so that a history that was
//! rewritten or cut short is found. It works on the directory of a store that no server has.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use crate::domain::ids::Digest;
use crate::engine::audit::{Audit, Chain};
use crate::grpc::stamp;
use crate::say;
use crate::store::embedded::{Durability, EmbeddedStore};
use crate::store::keys::Key;
use crate::store::rows::PersonState;
use crate::store::{Store, StoreError};

use super::exit::{Ended, Failure};
use super::json::hex;

/// How many persons are read at once.
const PERSONS: usize = 1_000;

/// The differences that are told one by one.
const TOLD: usize = 20;

/// What is asked of a store.
#[derive(Subcommand, Debug)]
pub enum Action {
    /// Walk every chain, check every record, recompute every split from the journal under its own policy
    Verify {
        /// The directory of the store
        #[arg(long, value_name = "DIR", default_value = "onestop-store")]
        store: PathBuf,
        /// A seal of an earlier day: its history must stand unchanged
        #[arg(long, value_name = "SEAL")]
        against: Option<PathBuf>,
    },
    /// Write where every chain ends today, under one digest; it names no person
    Seal {
        /// The directory of the store
        #[arg(long, value_name = "DIR", default_value = "onestop-store")]
        store: PathBuf,
        /// The file
        #[arg(value_name = "SEAL")]
        seal: PathBuf,
    },
}

/// Where a chain ended when it was sealed: how many entries it had, and the digest of the last.
type Sealed = HashMap<Key, (u64, Digest)>;

/// Runs it.
///
/// # Errors
/// Exit 1 with the differences, or if the store is in use; 2 if a seal cannot be read or written.
pub async fn run(action: &Action, json: bool) -> Ended {
    match action {
        Action::Verify { store, against } => {
            let sealed = against.as_deref().map(read).transpose()?;
            verify(&open(store)?, sealed, json).await
        }
        Action::Seal { store, seal } => write(&open(store)?, seal, json).await,
    }
}

fn open(path: &Path) -> Result<EmbeddedStore, Failure> {
    if !path.join("FORMAT").exists() {
        return Err(Failure::Usage(format!("{} holds no store", path.display())));
    }
    EmbeddedStore::open(path, Durability::Synced).map_err(|error| Failure::Refused(error.to_string()))
}

fn unreadable(error: StoreError) -> Failure {
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

async fn verify(store: &EmbeddedStore, mut sealed: Option<Sealed>, json: bool) -> Ended {
    let (mut found, mut audit, mut behind) = (Found::default(), Audit::of(store), None);
    loop {
        let states = store.states(behind, PERSONS).await.map_err(unreadable)?;
        let Some((last, _)) = states.last() else { break };
        behind = Some(*last);
        for (key, state) in states {
            found.persons += 1;
            let seal = sealed.as_mut().and_then(|sealed| sealed.remove(&key));
            match chain(&mut audit, state).await {
                Err(told) => found.differs(told),
                Ok(chain) => {
                    found.entries += chain.digests.len() as u64;
                    found.splits += chain.splits as u64;
                    if let Some(told) = seal.and_then(|seal| rewritten(&chain, seal)) {
                        found.differs(format!("chain {}: {told}", hex(&key)));
                    }
                }
            }
        }
    }
    for key in sealed.into_iter().flatten().map(|(key, _)| key) {
        found.differs(format!("chain {}: was sealed and is gone", hex(&key)));
    }
    let entries = store.entries().await.map_err(unreadable)?;
    if found.differences.is_empty() && entries != found.entries {
        found.differs(format!("the journal has {entries} entries, the chains {}", found.entries));
    }
    tell(&found, json)
}

async fn chain(audit: &mut Audit<'_, EmbeddedStore>, state: Result<PersonState, StoreError>) -> Result<Chain, String> {
    let state = state.map_err(|error| error.to_string())?;
    audit.chain(&state).await.map_err(|difference| difference.to_string())
}

/// Whether a chain is not what it was when it was sealed, grown since.
fn rewritten(chain: &Chain, (number, digest): (u64, Digest)) -> Option<String> {
    let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    match at.and_then(|at| chain.digests.get(at)) {
        None => Some(format!("had {number} entries when it was sealed, and has {}", chain.digests.len())),
        Some(known) if *known != digest => Some(format!("its entry {number} is another than was sealed")),
        Some(_) => None,
    }
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

/// A line a chain: key, entries, digest of the last; then when, and the digest over all of it.
async fn write(store: &EmbeddedStore, path: &Path, json: bool) -> Ended {
    let failed = |error: std::io::Error| Failure::Usage(format!("{}: {error}", path.display()));
    let mut file = BufWriter::new(std::fs::File::create(path).map_err(failed)?);
    let (mut hasher, mut behind, mut chains) = (blake3::Hasher::new(), None, 0u64);
    loop {
        let states = store.states(behind, PERSONS).await.map_err(unreadable)?;
        let Some((last, _)) = states.last() else { break };
        behind = Some(*last);
        for (key, state) in states {
            let state = state.map_err(unreadable)?;
            let line = format!("{} {} {}\n", hex(&key), state.version, state.chained);
            hasher.update(line.as_bytes());
            file.write_all(line.as_bytes()).map_err(failed)?;
            chains += 1;
        }
    }
    let day = stamp::now().instant.china_day();
    hasher.update(day.to_string().as_bytes());
    let digest = Digest(*hasher.finalize().as_bytes());
    writeln!(file, "sealed {day} {digest}").and_then(|()| file.flush()).map_err(failed)?;
    if json {
        say!("{}", json!({ "day": day.to_string(), "chains": chains, "digest": digest.to_string() }));
    } else {
        say!("{chains} chains sealed on {day}: {digest}");
    }
    Ok(())
}

fn read(path: &Path) -> Result<Sealed, Failure> {
    let wrong = |told: String| Failure::Usage(format!("{}: {told}", path.display()));
    let file = BufReader::new(std::fs::File::open(path).map_err(|error| wrong(error.to_string()))?);
    let (mut sealed, mut hasher, mut whole) = (Sealed::new(), blake3::Hasher::new(), false);
    for (at, line) in file.lines().enumerate() {
        let line = line.map_err(|error| wrong(error.to_string()))?;
        let no_seal = || wrong(format!("line {} is not of a seal, or the seal was changed", at + 1));
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["sealed", day, digest] => {
                hasher.update(day.as_bytes());
                whole = hasher.finalize().to_hex().as_str() == digest;
                if !whole {
                    return Err(no_seal());
                }
            }
            [key, number, digest] if !whole => {
                let key = bytes(key).ok_or_else(no_seal)?;
                let digest = Digest(bytes(digest).ok_or_else(no_seal)?);
                sealed.insert(key, (number.parse().map_err(|_| no_seal())?, digest));
                hasher.update(format!("{line}\n").as_bytes());
            }
            _ => return Err(no_seal()),
        }
    }
    if whole { Ok(sealed) } else { Err(wrong("is no whole seal: its last line is missing".to_owned())) }
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let pair = |at: usize| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..N).map(pair).collect();
    bytes.filter(|_| text.len() == 2 * N)?.try_into().ok()
}
