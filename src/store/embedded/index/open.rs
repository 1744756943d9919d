//! Opening an index: recovery after a crash, and discarding one that is damaged.

use std::io::ErrorKind;
use std::sync::Arc;

use super::disk::Disk;
use super::error::{Damage, IndexError};
use super::key::LogEnd;
use super::manifest::{MANIFEST, Manifest, NEW_MANIFEST};
use super::run::Run;
use super::shared::DAMAGE_REPORT;
use super::version::Version;

/// Opens the version that the manifest lists, and removes what it does not list. If a file is missing, foreign or
/// damaged, all are removed, and the version is empty; the damage is returned with it.
pub(super) fn open(disk: &dyn Disk, identity: [u8; 16]) -> Result<(Version, Option<IndexError>), IndexError> {
    match read_version(disk, identity) {
        Ok(version) => {
            let is_listed = |name: &str| name == MANIFEST || version.files().any(|file| file == name);
            remove(disk, |name| is_own(name) && !is_listed(name))?;
            Ok((version, None))
        }
        Err(damaged @ IndexError::Damaged { .. }) => {
            discard(disk)?;
            let version = Version { identity, covered: LogEnd::default(), next_run: 0, runs: Vec::new() };
            Manifest::replace(disk, &version.manifest())?;
            Ok((version, Some(damaged)))
        }
        Err(error) => Err(error),
    }
}

fn read_version(disk: &dyn Disk, identity: [u8; 16]) -> Result<Version, IndexError> {
    if let Some(reported) = read_report(disk)? {
        return Err(IndexError::damaged(DAMAGE_REPORT, Damage::Reported(reported)));
    }
    let Manifest { covered, next_run, runs } = Manifest::read(disk, &identity)?;
    let runs = runs.into_iter().map(|(id, checksum)| {
        let run = Run::open(disk, &identity, id)?;
        if run.checksum() == checksum {
            Ok(Arc::new(run))
        } else {
            Err(IndexError::damaged(run.name(), Damage::OtherFile))
        }
    });
    Ok(Version { identity, covered, next_run, runs: runs.collect::<Result<_, _>>()? })
}

/// The report of damage that a read found, if there is one.
fn read_report(disk: &dyn Disk) -> Result<Option<String>, IndexError> {
    let failed = |error| IndexError::file("read", DAMAGE_REPORT, &error);
    let file = match disk.open(DAMAGE_REPORT) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    let mut text = vec![0; file.length().map_err(failed)?.min(4096) as usize];
    file.read_at(&mut text, 0).map_err(failed)?;
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}

/// Removes the index. The manifest goes first, so that a crash leaves none that lists removed files, and the report of
/// damage last, so that a damaged index is not opened after a crash.
fn discard(disk: &dyn Disk) -> Result<(), IndexError> {
    remove(disk, |name| name == MANIFEST)?;
    remove(disk, |name| is_own(name) && name != DAMAGE_REPORT)?;
    remove(disk, |name| name == DAMAGE_REPORT)
}

/// Removes these files durably.
fn remove(disk: &dyn Disk, is_removed: impl Fn(&str) -> bool) -> Result<(), IndexError> {
    let names = disk.list().map_err(|error| IndexError::file("list", ".", &error))?;
    let mut removed = false;
    for name in names.iter().filter(|name| is_removed(name)) {
        disk.remove(name).map_err(|error| IndexError::file("remove", name, &error))?;
        removed = true;
    }
    if !removed {
        return Ok(());
    }
    disk.sync_directory().map_err(|error| IndexError::file("sync", ".", &error))
}

/// Whether a file has a name that the index gives to its files; others are left alone.
fn is_own(name: &str) -> bool {
    let is_run =
        name.strip_prefix("run-").is_some_and(|number| number.len() == 16 && u64::from_str_radix(number, 16).is_ok());
    is_run || [MANIFEST, NEW_MANIFEST, DAMAGE_REPORT].contains(&name)
}
