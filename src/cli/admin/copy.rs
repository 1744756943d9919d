//! `onestop copy`: copies a store to another with a secret of its own. No server may use either of them.

use crate::cli::error::copy::CopyCommandError;
use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::progress::Progress;
use crate::engine::copy::{CopyContext, CopyReport, StoreCopy};
use crate::grpc::commit_stamp;
use crate::say;
use crate::server::store_location::{
    CommitSafety, MissingStore, SecretAndArchivePaths, StoreLocation, StoreTask, is_same_store,
};
use crate::store::Store;

use super::copy_options::CopyOptions;
use super::copy_report;

/// Copies a store and verifies the copy.
///
/// # Errors
/// If a store cannot be opened, read or written, is damaged, or the target holds something else.
pub(crate) async fn run(options: &CopyOptions, json: bool) -> CommandResult {
    if is_same_store(&options.from, &options.to) {
        return Err(CopyCommandError::SameStore.into());
    }
    let target = StoreLocation::parse(&options.to)?;
    let task = FromSource { options, target: &target };
    let copied =
        StoreLocation::parse(&options.from)?.open_existing(options.source_secret_and_archive(), task).await??;
    if json {
        say!("{}", copy_report::value(&copied));
    } else {
        copy_report::print(&copied, &target);
    }
    Ok(())
}

/// Opens the target when the source is open.
struct FromSource<'a> {
    options: &'a CopyOptions,
    target: &'a StoreLocation,
}

impl StoreTask for FromSource<'_> {
    type Output = Result<CopyReport, CommandError>;

    async fn run<S: Store>(self, source: S) -> Result<CopyReport, CommandError> {
        let files = SecretAndArchivePaths { secret: self.options.to_secret.as_deref(), archive: None };
        let task = ToTarget { source, options: self.options };
        self.target.open_or_create(files, CommitSafety::default(), MissingStore::Create, task).await?
    }
}

/// Copies when both stores are open.
struct ToTarget<'a, S> {
    source: S,
    options: &'a CopyOptions,
}

impl<S: Store> StoreTask for ToTarget<'_, S> {
    type Output = Result<CopyReport, CommandError>;

    async fn run<T: Store>(self, target: T) -> Result<CopyReport, CommandError> {
        let bar = Progress::in_stages();
        let progress = |stage, done, total| copy_report::show_progress(&bar, stage, done, total);
        let context = CopyContext { now: &|| commit_stamp::instant(), progress: &progress };
        let copying = StoreCopy::new(&self.source, &target, context).await.map_err(CopyCommandError::from)?;
        Ok(copying.run(self.options.origin()?).await.map_err(CopyCommandError::from)?)
    }
}
