//! The file with the secret of a store that several instances share: 32 bytes, readable by its owner only, the same for
//! every instance. A command creates it once: an instance with another secret would find nothing.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::keys::Secret;

/// Why a file contains no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretFault {
    /// It cannot be read.
    #[error("cannot read the secret file {0}: {1}")]
    Read(PathBuf, std::io::Error),
    /// It cannot be created.
    #[error("cannot create the secret file {0}: {1}")]
    Create(PathBuf, std::io::Error),
    /// It has a wrong length.
    #[error("the secret file {0} must be exactly 32 bytes long")]
    Length(PathBuf),
    /// Others than its owner can read it.
    #[error("the secret file {0} is readable by others than its owner; chmod 600 it")]
    Open(PathBuf),
}

/// Reads the secret in a file.
///
/// # Errors
/// See [`SecretFault`].
pub fn read(path: &Path) -> Result<Secret, SecretFault> {
    let failed = |error| SecretFault::Read(path.to_owned(), error);
    if fs::metadata(path).map_err(failed)?.permissions().mode() & 0o077 != 0 {
        return Err(SecretFault::Open(path.to_owned()));
    }
    let bytes = fs::read(path).map_err(failed)?;
    bytes.try_into().map(Secret).map_err(|_| SecretFault::Length(path.to_owned()))
}

/// Creates a file with a new secret.
///
/// # Errors
/// If the file exists, or cannot be created.
pub fn create(path: &Path) -> Result<(), SecretFault> {
    let failed = |error| SecretFault::Create(path.to_owned(), error);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(&generate().map_err(failed)?.0).and_then(|()| file.sync_all()).map_err(failed)
}

/// Generates a secret.
///
/// # Errors
/// If the system has no randomness.
pub fn generate() -> std::io::Result<Secret> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(Secret(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_created_once_and_readable_by_its_owner_only() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("secret");
        assert!(matches!(read(&path), Err(SecretFault::Read(..))));
        create(&path).expect("a secret");
        let secret = read(&path).expect("the secret");
        assert!(matches!(create(&path), Err(SecretFault::Create(..))));
        assert_eq!(read(&path).expect("the secret").0, secret.0);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("changed");
        assert!(matches!(read(&path), Err(SecretFault::Open(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("changed");
        fs::write(&path, "short").expect("written");
        assert!(matches!(read(&path), Err(SecretFault::Length(_))));
    }
}
