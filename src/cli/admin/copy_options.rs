//! Options of `onestop copy`, with and without `--move-years-before`.

use std::path::PathBuf;

use crate::engine::import::ImportSource;
use crate::server::store_location::{SecretAndArchivePaths, StoreLocation};
use crate::server::store_location_error::StoreLocationError;

/// The stores of a copy.
#[derive(clap::Args, Debug)]
pub(crate) struct CopyOptions {
    /// The store to copy: a directory or a Redis; it is not changed, unless years are moved
    #[arg(long, value_name = "DIR|URL")]
    pub(super) from: PathBuf,
    /// The secret of the store to copy, if it is on Redis
    #[arg(long, value_name = "FILE")]
    from_secret: Option<PathBuf>,
    /// The archive of the store to copy, if closed years were moved to one
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
    /// The new store: an empty directory or Redis prefix, or an interrupted copy of the same store
    #[arg(long, value_name = "DIR|URL")]
    pub(super) to: PathBuf,
    /// The secret of the new store, if it is on Redis
    #[arg(long, value_name = "FILE")]
    pub(super) to_secret: Option<PathBuf>,
    /// The name of who copies, for the log of imports
    #[arg(long, value_name = "NAME", env = "USER", default_value = "", hide_env = true)]
    by: String,
    /// After the whole copy (a directory) is verified, remove the settlements of benefit years before this one from the
    /// Redis; the copy then is its archive
    #[arg(long, value_name = "YEAR", conflicts_with = "to_secret")]
    pub(crate) move_years_before: Option<i32>,
    /// Show how much would be moved, and change nothing
    #[arg(long, requires = "move_years_before")]
    pub(super) dry_run: bool,
}

impl CopyOptions {
    /// The files of the store to copy.
    pub(super) fn source_secret_and_archive(&self) -> SecretAndArchivePaths<'_> {
        SecretAndArchivePaths { secret: self.from_secret.as_deref(), archive: self.archive.as_deref() }
    }

    /// Source and author of the copy, for the log of imports.
    ///
    /// # Errors
    /// If `--from` is not a valid location.
    pub(super) fn origin(&self) -> Result<ImportSource, StoreLocationError> {
        Ok(ImportSource { source: StoreLocation::parse(&self.from)?.to_string(), imported_by: self.by.clone() })
    }
}
