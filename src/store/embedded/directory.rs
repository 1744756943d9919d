//! The directory of a store: its parts, its format, and the secret that keys are hashed with.
//!
//! `FORMAT` names the format and the identity of the store. It appears last, by a rename from `FORMAT.new`, which is made
//! first: a directory that has it is complete, and one that has `FORMAT.new` alone is what an interrupted first opening
//! left. `RESTORING` is what `FORMAT` is called while a backup is being restored. The identity is derived from the secret; every part carries it. `secret` is readable by its owner only; without
//! it nothing is found by the id of a person or a request.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::log::StoreIdentity;
use super::open_error::OpenError;
use crate::store::keys::Secret;
use crate::store::secret_file;

/// The format of a directory that this release writes and reads.
const FORMAT: u32 = 12;

/// The text before the number in the file `FORMAT`.
const PREFIX: &str = "onestop-store ";

/// The purpose of the key that the identity of a store is.
const IDENTITY: &str = "onestop identity of a store in a directory, version 1";

/// The lock on the directory; the operating system releases it when the process ends.
pub struct Lock(fs::File);

impl Drop for Lock {
    /// Releases the lock even where a process that is just being started still holds a copy of the descriptor.
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the lock on the directory of the store is released when the process ends");
        }
    }
}

/// Whether a missing store is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is created in a missing or empty directory.
    Create,
    /// It is an error.
    Refuse,
}

/// The directory of a store, locked for this process.
pub struct StoreDirectory {
    /// The path.
    pub path: PathBuf,
    /// The lock.
    pub lock: Lock,
    /// The secret.
    pub secret: Secret,
    /// What every part carries.
    pub identity: StoreIdentity,
    /// Whether its parts are to be created.
    pub is_new: bool,
    /// The name of `FORMAT` while the other parts are not complete.
    unfinished: &'static str,
}

/// Locks the directory of a store for this process. In a new one the secret is made; [`StoreDirectory::complete`] is to
/// be called once the other parts are.
pub fn prepare(path: &Path, missing: Missing) -> Result<StoreDirectory, OpenError> {
    let failed = |error: std::io::Error| OpenError::File { path: path.to_owned(), error };
    if path.exists() && !path.is_dir() {
        return Err(OpenError::NotADirectory(path.to_owned()));
    }
    if missing == Missing::Refuse && !path.join("FORMAT").exists() {
        let only_format_is_missing = path.join("secret").exists() && path.join("log").is_dir();
        return Err(match only_format_is_missing {
            true => OpenError::PartMissing(path.join("FORMAT")),
            false => OpenError::NoStore(path.to_owned()),
        });
    }
    create_directory(path).map_err(failed)?;
    opened(path, lock(path)?)
}

fn lock(path: &Path) -> Result<Lock, OpenError> {
    let failed = |error: std::io::Error| OpenError::File { path: path.to_owned(), error };
    let lock = fs::File::open(path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(Lock(lock)),
        Err(fs::TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Locks a missing or empty directory, or one where a restore was interrupted, for restoring the store with this secret;
/// [`StoreDirectory::complete`] is to be called once the other parts are there.
pub fn prepare_restore(path: &Path, secret: &Secret) -> Result<StoreDirectory, OpenError> {
    let failed = |error: std::io::Error| OpenError::File { path: path.to_owned(), error };
    if path.exists() && !path.is_dir() {
        return Err(OpenError::NotADirectory(path.to_owned()));
    }
    create_directory(path).map_err(failed)?;
    let lock = lock(path)?;
    if path.join("FORMAT").exists() {
        return Err(OpenError::HoldsStore(path.to_owned()));
    }
    if path.join(RESTORING).exists() {
        remove_parts(path).map_err(failed)?;
    } else if fs::read_dir(path).map_err(failed)?.next().is_some() {
        return Err(OpenError::NotAStore(path.to_owned()));
    }
    let (secret, identity) = (secret.clone(), identity_of(secret));
    begin_parts(path, RESTORING, &secret).map_err(failed)?;
    Ok(StoreDirectory { path: path.to_owned(), lock, secret, identity, is_new: true, unfinished: RESTORING })
}

fn opened(path: &Path, lock: Lock) -> Result<StoreDirectory, OpenError> {
    let failed = |error: std::io::Error| OpenError::File { path: path.to_owned(), error };
    let (secret, is_new) = match fs::read_to_string(path.join("FORMAT")) {
        Ok(text) => (known_secret(path, &text)?, false),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => (new_secret(path)?, true),
        Err(error) => return Err(failed(error)),
    };
    let identity = identity_of(&secret);
    Ok(StoreDirectory { path: path.to_owned(), lock, secret, identity, is_new, unfinished: NEW_FORMAT })
}

impl StoreDirectory {
    /// The file of the database of reference tables.
    pub fn database_file(&self) -> PathBuf {
        self.path.join("redb")
    }

    /// The directory of the log.
    pub fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// The directory of the index, created if there is none: the log holds everything that is in it.
    pub fn index(&self) -> Result<PathBuf, OpenError> {
        let path = self.path.join("index");
        create_directory(&path).map_err(|error| OpenError::File { path: path.clone(), error })?;
        Ok(path)
    }

    /// Creates the directory of the log and the file of the database, readable by their owner only.
    pub fn create_parts(&self) -> Result<(), OpenError> {
        let failed = |path: PathBuf| move |error| OpenError::File { path, error };
        create_directory(&self.log()).map_err(failed(self.log()))?;
        write(&self.database_file(), &[]).map_err(failed(self.database_file()))
    }

    /// Makes durable which files the directories of an existing store list. A process before may have been killed after it gave
    /// a file its name and before it synced the directory: a power failure loses such a file with all that is synced into it,
    /// and if it is `FORMAT`, the next opening takes the store for one that was never complete.
    ///
    /// # Errors
    /// If they cannot be synced; the parent need not be readable.
    pub fn sync(&self) -> Result<(), OpenError> {
        for path in [&self.path, &self.log()] {
            sync_directory(path).map_err(|error| OpenError::File { path: path.clone(), error })?;
        }
        let parent = fs::canonicalize(&self.path)
            .ok()
            .and_then(|path| path.parent().and_then(|parent| fs::File::open(parent).ok()));
        let synced = parent.map_or(Ok(()), |parent| parent.sync_all());
        synced.map_err(|error| OpenError::File { path: self.path.clone(), error })
    }

    /// Makes a new store complete. Syncs the directory and its parent: a power failure loses a new file whose directory
    /// entry is not on the disk, even if its bytes are.
    pub fn complete(&self) -> Result<(), OpenError> {
        let failed = |error: std::io::Error| OpenError::File { path: self.path.clone(), error };
        let path = fs::canonicalize(&self.path).map_err(failed)?;
        sync_directory(&path).map_err(failed)?;
        fs::rename(path.join(self.unfinished), path.join("FORMAT")).map_err(failed)?;
        for directory in [Some(&*path), path.parent()].into_iter().flatten() {
            sync_directory(directory).map_err(failed)?;
        }
        Ok(())
    }
}

/// `FORMAT` while the other parts of a new store are not complete, and of one that is being restored.
const NEW_FORMAT: &str = "FORMAT.new";
const RESTORING: &str = "RESTORING";

/// The identity of the store with this secret.
pub fn identity_of(secret: &Secret) -> StoreIdentity {
    let mut identity = StoreIdentity::default();
    identity.copy_from_slice(&secret.derived(IDENTITY).0[..16]);
    identity
}

fn known_secret(path: &Path, text: &str) -> Result<Secret, OpenError> {
    let other = |found: &str| OpenError::OtherFormat { path: path.to_owned(), found: found.to_owned(), known: FORMAT };
    let rest = text.strip_prefix(PREFIX).ok_or_else(|| other("unknown"))?.trim_end();
    let (number, identity) = rest.split_once(' ').unwrap_or((rest, ""));
    match number.parse::<u32>() {
        Ok(FORMAT) => {}
        Ok(_) => return Err(other(number)),
        Err(_) => return Err(other("unknown")),
    }
    let secret = read_secret(path)?;
    if hexadecimal(&identity_of(&secret)) == identity {
        Ok(secret)
    } else {
        Err(OpenError::PartOfAnotherStore(path.join("secret")))
    }
}

fn hexadecimal(identity: &StoreIdentity) -> String {
    identity.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read_secret(path: &Path) -> Result<Secret, OpenError> {
    let path = path.join("secret");
    let bytes = fs::read(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => OpenError::SecretMissing(path.clone()),
        _ => OpenError::File { path: path.clone(), error },
    })?;
    bytes.try_into().map(Secret).map_err(|_| OpenError::SecretLength(path))
}

/// The secret of a new store, in an empty directory, or in one that an interrupted first opening left.
fn new_secret(path: &Path) -> Result<Secret, OpenError> {
    let failed = |error: std::io::Error| OpenError::File { path: path.to_owned(), error };
    if path.join(RESTORING).exists() {
        return Err(OpenError::RestoreNotEnded(path.to_owned()));
    }
    let is_interrupted = path.join(NEW_FORMAT).exists();
    if !is_interrupted && fs::read_dir(path).map_err(failed)?.next().is_some() {
        return Err(OpenError::NotAStore(path.to_owned()));
    }
    if is_interrupted {
        remove_parts(path).map_err(failed)?;
    }
    let secret = secret_file::generate().map_err(failed)?;
    begin_parts(path, NEW_FORMAT, &secret).map(|()| secret).map_err(failed)
}

/// Writes the format under the name that it has while the other parts are not complete, and the secret.
fn begin_parts(path: &Path, unfinished: &str, secret: &Secret) -> std::io::Result<()> {
    let format = format!("{PREFIX}{FORMAT} {}\n", hexadecimal(&identity_of(secret)));
    write(&path.join(unfinished), format.as_bytes())?;
    sync_directory(path)?;
    write(&path.join("secret"), &secret.0)
}

/// Removes the parts that an interrupted first opening left; nothing was ever served from them.
fn remove_parts(path: &Path) -> std::io::Result<()> {
    let is_missing = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
    let ignore_missing = |result: std::io::Result<()>| result.or_else(|e| if is_missing(&e) { Ok(()) } else { Err(e) });
    for file in ["secret", "redb"] {
        ignore_missing(fs::remove_file(path.join(file)))?;
    }
    for directory in ["log", "index"] {
        ignore_missing(fs::remove_dir_all(path.join(directory)))?;
    }
    Ok(())
}

fn create_directory(path: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn sync_directory(path: &Path) -> std::io::Result<()> {
    fs::File::open(path)?.sync_all()
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_released_while_a_started_process_still_holds_a_copy_of_the_descriptor() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = prepare(place.path(), Missing::Create).expect("a new store");
        let inherited = directory.lock.0.try_clone().expect("a copy of the descriptor");
        drop(directory);
        assert!(prepare(place.path(), Missing::Create).is_ok());
        drop(inherited);
    }
}
