//! A seal: where every chain of a store ends on a day, under one digest. It names no person.
//!
//! A chain is found by the digest at its end, which a copy of the store keeps; the key tells which one is missing
//! in the store that was sealed, and nothing in a copy, whose keys are others.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use crate::domain::ids::Digest;
use crate::grpc::commit_stamp;
use crate::store::Store;
use crate::store::keys::StoreKey;
use crate::store::pages::Pages;

use super::audit::{PERSONS, unreadable};
use crate::cli::exit::Failure;
use crate::cli::output::json::hex;

/// Where chains ended when they were sealed, by the digest of the last entry: how many entries each had, and its key.
pub struct Seal(HashMap<Digest, (u64, StoreKey)>);

/// What was sealed.
pub struct Sealed {
    /// How many chains.
    pub chains: u64,
    /// The day of China Standard Time.
    pub day: String,
    /// The digest over all lines.
    pub digest: Digest,
}

impl Seal {
    /// Reads one.
    ///
    /// # Errors
    /// Exit 2 if it cannot be read, is none, or was changed.
    pub fn read(path: &Path) -> Result<Seal, Failure> {
        let wrong = |told: String| Failure::Usage(format!("{}: {told}", path.display()));
        let file = BufReader::new(std::fs::File::open(path).map_err(|error| wrong(error.to_string()))?);
        let (mut ends, mut hasher, mut whole) = (HashMap::new(), blake3::Hasher::new(), false);
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
                    let (key, digest) = (bytes(key).ok_or_else(no_seal)?, bytes(digest).ok_or_else(no_seal)?);
                    ends.insert(Digest(digest), (number.parse().map_err(|_| no_seal())?, key));
                    hasher.update(format!("{line}\n").as_bytes());
                }
                _ => return Err(no_seal()),
            }
        }
        if whole { Ok(Seal(ends)) } else { Err(wrong("is no whole seal: its last line is missing".to_owned())) }
    }

    /// Notes that a chain with these digests, from the first entry on, is there.
    pub fn found(&mut self, digests: &[Digest]) {
        for (number, digest) in (1..).zip(digests) {
            if self.0.get(digest).is_some_and(|(sealed, _)| *sealed == number) {
                self.0.remove(digest);
            }
        }
    }

    /// What is told of every chain that was sealed and not found.
    ///
    /// # Errors
    /// Exit 1 if the store cannot be read.
    pub async fn missing(self, store: &impl Store) -> Result<Vec<String>, Failure> {
        let mut told = Vec::with_capacity(self.0.len());
        for (sealed, key) in self.0.into_values() {
            let behind = u128::from_be_bytes(key).checked_sub(1).map(u128::to_be_bytes);
            let page = store.states(behind, 1).await.map_err(unreadable)?;
            let state = page.into_iter().find(|(known, _)| *known == key).map(|(_, state)| state);
            let why = match state {
                None => format!("was sealed with {sealed} entries and is gone"),
                Some(Ok(state)) if state.version < sealed => {
                    format!("had {sealed} entries when it was sealed, and has {}", state.version)
                }
                Some(_) => format!("its entry {sealed} is another than was sealed"),
            };
            told.push(format!("chain {}: {why}", hex(&key)));
        }
        Ok(told)
    }
}

/// Writes one: a line a chain, key, entries, digest of the last; then when, and the digest over all of it.
///
/// # Errors
/// Exit 1 if the store cannot be read, 2 if the file cannot be written.
pub async fn write(store: &impl Store, path: &Path) -> Result<Sealed, Failure> {
    let failed = |error: std::io::Error| Failure::Usage(format!("{}: {error}", path.display()));
    let mut file = BufWriter::new(std::fs::File::create(path).map_err(failed)?);
    let (mut hasher, mut pages, mut chains) = (blake3::Hasher::new(), Pages::new(PERSONS), 0u64);
    let read = |after, limit| store.states(after, limit);
    while let Some(page) = pages.next_page(read).await.map_err(unreadable)? {
        for (key, state) in page {
            let state = state.map_err(unreadable)?;
            let line = format!("{} {} {}\n", hex(&key), state.version, state.chained);
            hasher.update(line.as_bytes());
            file.write_all(line.as_bytes()).map_err(failed)?;
            chains += 1;
        }
    }
    let day = commit_stamp::now().instant.china_day().to_string();
    hasher.update(day.as_bytes());
    let digest = Digest(*hasher.finalize().as_bytes());
    writeln!(file, "sealed {day} {digest}").and_then(|()| file.flush()).map_err(failed)?;
    Ok(Sealed { chains, day, digest })
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let pair = |at: usize| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..N).map(pair).collect();
    bytes.filter(|_| text.len() == 2 * N)?.try_into().ok()
}
