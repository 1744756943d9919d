//! `onestop init`: creates a store.

use std::path::PathBuf;

use crate::cli::exit::CommandResult;
use crate::say;
use crate::server::store_location::{CommitSafety, SecretAndArchivePaths, StoreLocation};

/// The store to create.
#[derive(clap::Args, Debug)]
pub(crate) struct InitOptions {
    /// The store: a missing or empty directory, or an unused prefix of a Redis
    #[arg(long, value_name = "DIR|URL", default_value = "onestop-store")]
    store: PathBuf,
    /// The file with the secret of a store on Redis; `onestop secret FILE` creates one
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    /// Create it on a Redis that could lose acknowledged settlements
    #[arg(long)]
    accept_volatile: bool,
}

/// Creates a store.
///
/// # Errors
/// If there is one, or it cannot be created.
pub(crate) async fn run(options: &InitOptions) -> CommandResult {
    let location = StoreLocation::parse(&options.store)?;
    let files = SecretAndArchivePaths { secret: options.secret.as_deref(), archive: None };
    let safety = CommitSafety { accept_volatile: options.accept_volatile, ..CommitSafety::default() };
    location.create(files, safety).await?;
    say!("created the store {location}");
    Ok(())
}
