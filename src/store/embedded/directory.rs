//! The directory of a store: its format, and the secret that keys are hashed with.
//!
//! `FORMAT` is written last, so a directory that has it is complete. `secret` is readable by the owner
//! alone; without it the rows remain, but none is found by the name of a person or request.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::OpenError;
use crate::store::keys::Secret;

/// The format of a directory that this release writes.
pub const FORMAT: u32 = 3;

/// What stands in the file `FORMAT` before the number.
const PREFIX: &str = "onestop-store ";

/// Holds the directory for this process; the operating system lets it go with the process.
pub struct Lock(#[allow(dead_code)] fs::File);

/// Takes the directory for this process; gives its secret, made if there is none yet, and its format.
pub fn prepare(path: &Path) -> Result<(Lock, Secret, u32), OpenError> {
    let failed = |error: std::io::Error| OpenError::Failed { path: path.to_owned(), why: error.to_string() };
    if path.exists() && !path.is_dir() {
        return Err(OpenError::Failed { path: path.to_owned(), why: "is not a directory".to_owned() });
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
    let lock = fs::File::open(path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => secret(path).map(|(secret, format)| (Lock(lock), secret, format)),
        Err(fs::TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// The file of the database, readable by the owner alone.
pub fn database_file(path: &Path) -> Result<PathBuf, OpenError> {
    let file = path.join("redb");
    let made = fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&file);
    made.map_err(|error| OpenError::Failed { path: file.clone(), why: error.to_string() })?;
    Ok(file)
}

/// Syncs the entries of the directory, and its own entry: a new file whose name is not on the disk is gone
/// with the next power cut, however well its bytes were synced.
pub fn sync_entries(path: &Path) -> Result<(), OpenError> {
    let failed = |error: std::io::Error| OpenError::Failed { path: path.to_owned(), why: error.to_string() };
    let path = fs::canonicalize(path).map_err(failed)?;
    for directory in [Some(&*path), path.parent()].into_iter().flatten() {
        fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
    }
    Ok(())
}

/// Notes that the directory is of the newest format now.
pub fn upgraded(path: &Path) -> Result<(), OpenError> {
    let failed = |error: std::io::Error| OpenError::Failed { path: path.to_owned(), why: error.to_string() };
    let next = path.join("FORMAT.next");
    write(&next, format!("{PREFIX}{FORMAT}\n").as_bytes()).map_err(failed)?;
    fs::rename(&next, path.join("FORMAT")).map_err(failed)?;
    sync_entries(path)
}

fn secret(path: &Path) -> Result<(Secret, u32), OpenError> {
    let failed = |error: std::io::Error| OpenError::Failed { path: path.to_owned(), why: error.to_string() };
    match fs::read_to_string(path.join("FORMAT")) {
        Ok(text) => {
            let format = check_format(path, &text)?;
            Ok((read_secret(path)?, format))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if fs::read_dir(path).map_err(failed)?.any(|file| !is_ours(&file)) {
                return Err(OpenError::NotAStore(path.to_owned()));
            }
            Ok((create(path).map_err(failed)?, FORMAT))
        }
        Err(error) => Err(failed(error)),
    }
}

/// What an interrupted first opening may have left.
fn is_ours(file: &std::io::Result<fs::DirEntry>) -> bool {
    file.as_ref().is_ok_and(|file| file.file_name() == "secret")
}

fn check_format(path: &Path, text: &str) -> Result<u32, OpenError> {
    let found = text.trim().strip_prefix(PREFIX).unwrap_or("unknown");
    let known = found.parse().ok().filter(|format| (1..=FORMAT).contains(format));
    known.ok_or_else(|| OpenError::NewerFormat { path: path.to_owned(), found: found.to_owned() })
}

fn read_secret(path: &Path) -> Result<Secret, OpenError> {
    let failed = |why: String| OpenError::Failed { path: path.join("secret"), why };
    let gone = "is gone, and without it nothing is found by name: restore it from a backup of the directory";
    let bytes = fs::read(path.join("secret")).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => failed(gone.to_owned()),
        _ => failed(error.to_string()),
    })?;
    let secret = <[u8; 32]>::try_from(bytes).map_err(|_| failed("is not 32 bytes".to_owned()))?;
    Ok(Secret(secret))
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
