//! The report of a store that no server uses.

use std::path::PathBuf;

use crate::access::Caller;
use crate::access::call::Call;
use crate::access::log::AccessLog;
use crate::cli::exit::CommandError;
use crate::grpc::commit_stamp;
use crate::reports::cache::{CHUNK_LINES, ReportCache};
use crate::reports::dimension::Dimension;
use crate::reports::error::ReportError;
use crate::reports::ledger::Reported;
use crate::reports::person_names::name_persons;
use crate::reports::question::Question;
use crate::server::store_location::{SecretAndArchivePaths, StoreLocation, StoreTask};
use crate::store::Store;

/// The call of a server that answers the same.
const CALL: &str = "/onestop.settlement.v1.SettlementService/Report";

/// A store that no server uses.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct StoreOptions {
    /// Report this store, a directory that no server uses or a Redis, without a server
    #[arg(long, value_name = "DIR|URL")]
    pub(super) store: Option<PathBuf>,
    /// The file with the secret of a store on Redis
    #[arg(long, value_name = "FILE", requires = "store")]
    secret: Option<PathBuf>,
    /// The archive of a store on Redis
    #[arg(long, value_name = "DIR", requires = "store")]
    archive: Option<PathBuf>,
    /// Where to keep the lines of the journal by column, so that later reports read only what is new; in the directory of the
    /// store, or beside the secret of a store on Redis, unless given
    #[arg(long, value_name = "DIR", requires = "store")]
    cache: Option<PathBuf>,
}

impl StoreOptions {
    /// Opens the store and runs a task on it.
    ///
    /// # Errors
    /// If no store is named, or it cannot be opened.
    pub(super) async fn open<T: StoreTask>(&self, task: T) -> Result<T::Output, CommandError> {
        let files = SecretAndArchivePaths { secret: self.secret.as_deref(), archive: self.archive.as_deref() };
        Ok(self.location()?.open_existing(files, task).await?)
    }

    /// Where the lines of the journal are kept.
    ///
    /// # Errors
    /// If no store is named.
    pub(super) fn cache(&self) -> Result<PathBuf, CommandError> {
        let location = self.location()?;
        Ok(self.cache.clone().unwrap_or_else(|| location.report_cache(None, self.secret.as_deref())))
    }

    /// Records in the access log of the store that a report names persons.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn log_persons(&self) -> Result<(), CommandError> {
        let path = self.location()?.access_log(None, self.secret.as_deref());
        let Some(call) = Call::from_path(CALL) else { return Ok(()) };
        let recorded = AccessLog::open(&path)
            .and_then(|log| log.record_everything(&Caller::anyone(), call, "OK", commit_stamp::now().instant.0));
        recorded.map_err(CommandError::file(path))
    }

    fn location(&self) -> Result<StoreLocation, CommandError> {
        let store = self.store.as_deref().ok_or_else(|| CommandError::Usage("--store names no store".to_owned()))?;
        Ok(StoreLocation::parse(store)?)
    }
}

/// Opens the store and answers the question.
///
/// # Errors
/// If the store cannot be opened or read, or the access log of a report that names persons cannot be written.
pub(super) async fn report(store: &StoreOptions, question: &Question) -> Result<Reported, CommandError> {
    let reported = store.open(LedgerTask { question, cache: store.cache()? }).await??;
    if question.by.contains(&Dimension::Person) {
        store.log_persons()?;
    }
    Ok(reported)
}

struct LedgerTask<'q> {
    question: &'q Question,
    cache: PathBuf,
}

impl StoreTask for LedgerTask<'_> {
    type Output = Result<Reported, ReportError>;

    async fn run<S: Store>(self, store: S) -> Result<Reported, ReportError> {
        let mut reported = ReportCache::open(&store, &self.cache, CHUNK_LINES).await?.report(self.question).await?;
        name_persons(&store, &mut reported.report).await?;
        Ok(reported)
    }
}
