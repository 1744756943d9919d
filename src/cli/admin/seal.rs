//! A seal: the end of every chain of a store on a day, and a digest over all of them. It names no person.
//!
//! A chain is identified by the digest at its end, which a copy of the store keeps. The key that is also noted tells which
//! chain is missing in the sealed store; in a copy, which has other keys, it tells nothing.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use crate::cli::error::seal::SealError;
use crate::cli::output::json::{bytes_from_hex, hex};
use crate::domain::ids::Digest;
use crate::grpc::commit_stamp;
use crate::store::keys::StoreKey;
use crate::store::pages::Pages;
use crate::store::{Store, StoreError};

/// Persons that are read at once.
const PERSONS_PER_PAGE: usize = 1_000;

/// The sealed chains by the digest of their last entry: the number of entries, and the key.
pub(super) struct Seal(HashMap<Digest, (u64, StoreKey)>);

/// What was sealed.
pub(super) struct SealSummary {
    /// The number of chains.
    pub(super) chains: u64,
    /// The day in China Standard Time.
    pub(super) day: String,
    /// The digest over all lines.
    pub(super) digest: Digest,
}

impl Seal {
    /// Reads a seal.
    ///
    /// # Errors
    /// If the file cannot be read, is not a seal, or was changed.
    pub(super) fn read(path: &Path) -> Result<Seal, SealError> {
        let unreadable = |error| SealError::Read { path: path.to_owned(), error };
        let file = BufReader::new(std::fs::File::open(path).map_err(unreadable)?);
        let mut parser = SealParser::default();
        for (at, line) in file.split(b'\n').enumerate() {
            let line = line.map_err(unreadable)?;
            let parsed = std::str::from_utf8(&line).ok().and_then(|line| parser.add_line(line));
            parsed.ok_or_else(|| SealError::Line { path: path.to_owned(), line: at + 1 })?;
        }
        if !parser.complete {
            return Err(SealError::Incomplete(path.to_owned()));
        }
        Ok(Seal(parser.ends))
    }

    /// Whether it holds this digest as the end of a chain with so many entries.
    pub(super) fn holds(&self, number: u64, digest: &Digest) -> bool {
        self.0.get(digest).is_some_and(|(sealed, _)| *sealed == number)
    }

    /// Removes the chains with these ends.
    pub(super) fn remove_ends(&mut self, ends: &[Digest]) {
        self.0.retain(|digest, _| !ends.contains(digest));
    }

    /// Removes the chain that contains these digests, in order from its first entry, if it is sealed.
    pub(super) fn remove_found(&mut self, digests: &[Digest]) {
        for (number, digest) in (1..).zip(digests) {
            if self.0.get(digest).is_some_and(|(sealed, _)| *sealed == number) {
                self.0.remove(digest);
            }
        }
    }

    /// Describes every sealed chain that was not found.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(super) async fn describe_missing(self, store: &impl Store) -> Result<Vec<String>, StoreError> {
        let mut missing = Vec::with_capacity(self.0.len());
        for (sealed, key) in self.0.into_values() {
            let before = u128::from_be_bytes(key).checked_sub(1).map(u128::to_be_bytes);
            let page = store.states(before, 1).await?;
            let state = page.into_iter().find(|(known, _)| *known == key).map(|(_, state)| state);
            let reason = match state {
                None => format!("was sealed with {sealed} entries and is gone"),
                Some(Ok(state)) if state.version < sealed => {
                    format!("had {sealed} entries when it was sealed, and has {}", state.version)
                }
                Some(_) => format!("its entry {sealed} is not the one that was sealed"),
            };
            missing.push(format!("chain {}: {reason}", hex(&key)));
        }
        Ok(missing)
    }
}

#[derive(Default)]
struct SealParser {
    ends: HashMap<Digest, (u64, StoreKey)>,
    hasher: blake3::Hasher,
    complete: bool,
}

impl SealParser {
    /// `None` if the line is not the next line of an unchanged seal.
    fn add_line(&mut self, line: &str) -> Option<()> {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["sealed", day, digest] => {
                self.hasher.update(day.as_bytes());
                self.complete = self.hasher.finalize().to_hex().as_str() == digest;
                self.complete.then_some(())
            }
            [key, number, digest] if !self.complete => {
                self.ends.insert(Digest(bytes_from_hex(digest)?), (number.parse().ok()?, bytes_from_hex(key)?));
                self.hasher.update(format!("{line}\n").as_bytes());
                Some(())
            }
            _ => None,
        }
    }
}

/// Writes a seal: one line per chain with key, number of entries and digest of the last entry; then the day and the
/// digest over all of it.
///
/// # Errors
/// If the store cannot be read, or the file cannot be written.
pub(super) async fn write(store: &impl Store, path: &Path) -> Result<SealSummary, SealError> {
    let failed = |error| SealError::Write { path: path.to_owned(), error };
    let mut file = BufWriter::new(std::fs::File::create(path).map_err(failed)?);
    let (mut hasher, mut pages, mut chains) = (blake3::Hasher::new(), Pages::new(PERSONS_PER_PAGE), 0u64);
    let read = |after, limit| store.states(after, limit);
    let administration = store.administration().await?;
    if administration.version > 0 {
        // No key of a person is all zeros: it is a keyed hash.
        let key = StoreKey::default();
        let line = format!("{} {} {}\n", hex(&key), administration.version, administration.chained);
        hasher.update(line.as_bytes());
        file.write_all(line.as_bytes()).map_err(failed)?;
    }
    while let Some(page) = pages.next_page(read).await? {
        for (key, state) in page {
            let state = state?;
            let line = format!("{} {} {}\n", hex(&key), state.version, state.chained);
            hasher.update(line.as_bytes());
            file.write_all(line.as_bytes()).map_err(failed)?;
            chains += 1;
        }
    }
    let day = commit_stamp::instant().china_day().to_string();
    hasher.update(day.as_bytes());
    let digest = Digest(*hasher.finalize().as_bytes());
    writeln!(file, "sealed {day} {digest}").and_then(|()| file.flush()).map_err(failed)?;
    Ok(SealSummary { chains, day, digest })
}
