//! The file with the secret of a store that several instances share: 32 bytes, for the user of the server alone, the same for
//! every instance. A command creates it once: an instance with another secret would find nothing.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

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
    let file = fs::metadata(path).map_err(failed)?;
    if !is_private(file.mode(), file.uid(), geteuid().as_raw()) {
        return Err(SecretFault::Open(path.to_owned()));
    }
    let bytes = fs::read(path).map_err(failed)?;
    bytes.try_into().map(Secret).map_err(|_| SecretFault::Length(path.to_owned()))
}

/// Whether a file of this mode and owner is for this user alone. What a service manager or an orchestrator gives to a service
/// may belong to root and be readable by the group of the service.
fn is_private(mode: u32, owner: u32, user: u32) -> bool {
    const ROOT: u32 = 0;
    let forbidden = if owner == ROOT && user != ROOT { 0o037 } else { 0o077 };
    mode & forbidden == 0
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
    use std::os::unix::fs::PermissionsExt;

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

    #[test]
    fn a_file_of_the_user_is_for_the_user_alone_and_one_of_root_may_be_readable_by_the_group() {
        const ROOT: u32 = 0;
        for (mode, owner, user, private) in [
            (0o600, 7, 7, true),
            (0o400, 7, 7, true),
            (0o640, 7, 7, false),
            (0o604, 7, 7, false),
            (0o440, ROOT, 7, true),
            (0o460, ROOT, 7, false),
            (0o444, ROOT, 7, false),
            (0o640, ROOT, ROOT, false),
            (0o600, ROOT, ROOT, true),
        ] {
            assert_eq!(is_private(mode, owner, user), private, "{mode:o} of {owner} for {user}");
        }
    }
}
