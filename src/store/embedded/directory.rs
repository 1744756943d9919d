//! The directory of a store: its format, and the secret that keys are hashed with.
//!
//! `FORMAT` is written last, so a directory that has it is complete. `secret` is readable by its owner only; without it
//! the rows remain, but none is found by the id of a person or a request.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::open_error::OpenError;
use crate::store::keys::Secret;

/// The format of a directory that this release writes and reads.
const FORMAT: u32 = 5;

/// The text before the number in the file `FORMAT`.
const PREFIX: &str = "onestop-store ";

/// The lock on the directory; the operating system releases it when the process ends.
pub struct Lock(#[allow(dead_code)] fs::File);

/// Locks the directory for this process; returns its secret, created if there is none yet.
pub fn prepare(path: &Path) -> Result<(Lock, Secret), OpenError> {
    let failed = |error: std::io::Error| OpenError::File { path: path.to_owned(), error };
    if path.exists() && !path.is_dir() {
        return Err(OpenError::NotADirectory(path.to_owned()));
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
    let lock = fs::File::open(path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => secret(path).map(|secret| (Lock(lock), secret)),
        Err(fs::TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// The file of the database, created if needed, readable by its owner only.
pub fn database_file(path: &Path) -> Result<PathBuf, OpenError> {
    let file = path.join("redb");
    let made = fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&file);
    made.map_err(|error| OpenError::File { path: file.clone(), error })?;
    Ok(file)
}

/// Syncs the directory and its parent: a power failure loses a new file whose directory entry is not on the disk, even if
/// its bytes are.
pub fn sync_entries(path: &Path) -> Result<(), OpenError> {
    let failed = |error: std::io::Error| OpenError::File { path: path.to_owned(), error };
    let path = fs::canonicalize(path).map_err(failed)?;
    for directory in [Some(&*path), path.parent()].into_iter().flatten() {
        fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
    }
    Ok(())
}

fn secret(path: &Path) -> Result<Secret, OpenError> {
    let failed = |error: std::io::Error| OpenError::File { path: path.to_owned(), error };
    match fs::read_to_string(path.join("FORMAT")) {
        Ok(text) => {
            check_format(path, &text)?;
            read_secret(path)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if fs::read_dir(path).map_err(failed)?.any(|file| !is_leftover_secret(&file)) {
                return Err(OpenError::NotAStore(path.to_owned()));
            }
            create(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Whether a file is the secret that an interrupted first opening left.
fn is_leftover_secret(file: &std::io::Result<fs::DirEntry>) -> bool {
    file.as_ref().is_ok_and(|file| file.file_name() == "secret")
}

fn check_format(path: &Path, text: &str) -> Result<(), OpenError> {
    let found = text.trim().strip_prefix(PREFIX).unwrap_or("unknown");
    if found.parse() == Ok(FORMAT) {
        return Ok(());
    }
    Err(OpenError::OtherFormat { path: path.to_owned(), found: found.to_owned(), known: FORMAT })
}

fn read_secret(path: &Path) -> Result<Secret, OpenError> {
    let path = path.join("secret");
    let bytes = fs::read(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => OpenError::SecretMissing(path.clone()),
        _ => OpenError::File { path: path.clone(), error },
    })?;
    bytes.try_into().map(Secret).map_err(|_| OpenError::SecretLength(path))
}

fn create(path: &Path) -> std::io::Result<Secret> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| std::io::Error::other(error.to_string()))?;
    write(&path.join("secret"), &secret)?;
    write(&path.join("FORMAT"), format!("{PREFIX}{FORMAT}\n").as_bytes())?;
    fs::File::open(path)?.sync_all()?;
    Ok(Secret(secret))
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
