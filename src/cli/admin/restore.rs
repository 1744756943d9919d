//! `onestop restore`: verifies a backup, and makes a store of it.

use std::path::PathBuf;

use serde_json::json;

use crate::cli::exit::CommandResult;
use crate::cli::output::json::china_time;
use crate::domain::journal::Instant;
use crate::say;
use crate::store::embedded::backup::{Manifest, RestoreUntil, Restored, restore, verify};

/// What to restore, and where to.
#[derive(clap::Args, Debug)]
pub(crate) struct RestoreOptions {
    /// The directory of the backup
    backup: PathBuf,
    /// The directory of the store to make: missing or empty
    #[arg(long, value_name = "DIR", required_unless_present = "dry_run", conflicts_with = "dry_run")]
    store: Option<PathBuf>,
    /// Restore up to this time (RFC 3339, such as 2026-07-01T08:00:00+08:00): the first later commit is left out with all
    /// that follow it
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Option<Instant>,
    /// Verify the whole backup, and make no store
    #[arg(long, conflicts_with = "until")]
    dry_run: bool,
}

fn instant(text: &str) -> Result<Instant, String> {
    let time: jiff::Timestamp = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    Ok(Instant(time.as_microsecond()))
}

/// Restores a backup.
///
/// # Errors
/// If the backup is damaged or incomplete, the directory holds something, or a file cannot be read or written.
pub(crate) fn run(options: &RestoreOptions, json: bool) -> CommandResult {
    let verified = verify(&options.backup)?;
    let Some(store) = &options.store else {
        print_verified(&verified.manifest, json);
        return Ok(());
    };
    let until = options.until.map_or(RestoreUntil::End, RestoreUntil::Time);
    let restored = restore(&verified, store, until)?;
    print_restored(&restored, &store.display().to_string(), json);
    Ok(())
}

fn print_verified(manifest: &Manifest, json: bool) {
    let (entries, newest) = (manifest.position.end.sequence, manifest.newest.map(china_time));
    if json {
        say!("{}", json!({ "entries": entries, "log_bytes": manifest.bytes(), "newest_commit_time": newest }));
    } else {
        let newest = newest.unwrap_or_else(|| "none".to_owned());
        say!("verified: {entries} entries in {} bytes of log; newest commit: {newest}", manifest.bytes());
    }
}

fn print_restored(Restored { entries, left_out, newest }: &Restored, store: &str, json: bool) {
    let newest = newest.map(china_time);
    if json {
        say!("{}", json!({ "entries": entries, "left_out": left_out, "newest_commit_time": newest, "store": store }));
    } else {
        let newest = newest.unwrap_or_else(|| "none".to_owned());
        say!("restored {entries} entries, {left_out} later ones left out; newest commit: {newest}");
        say!("{store} can be served; verify it with `onestop audit verify --store {store}`");
    }
}
