//! `onestop report`: sums over settlements from the journal of a store, as a table or in a file.

mod options;
mod output;
mod table;

use std::path::PathBuf;

use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::json::china_time;
use crate::cli::output::statement::Lang;
use crate::reports::cache::{CHUNK_LINES, ReportCache};
use crate::reports::error::ReportError;
use crate::reports::ledger::{Read, Reported};
use crate::reports::question::Question;
use crate::say_error;
use crate::server::store_location::{SecretAndArchivePaths, StoreLocation, StoreTask};
use crate::store::Store;

pub(crate) use options::ReportOptions;
use output::{Format, Written};

/// Answers a question and prints the report, or writes it to a file.
///
/// # Errors
/// If the question is not possible, the store cannot be opened or read, or the file cannot be written.
pub(crate) async fn run(options: &ReportOptions, json: bool) -> CommandResult {
    let lang = options.lang.unwrap_or_else(Lang::from_environment);
    let question = options.question()?;
    let task = LedgerTask { question: &question, cache: options.cache()? };
    let reported = options.open(task).await??;
    let format = options.format.unwrap_or(if json { Format::Ndjson } else { Format::Table });
    let written = match &options.output {
        Some(file) => output::write_file(&reported.report, format, file, lang)?,
        None => output::print(&reported.report, format, lang),
    };
    say_error!("{}", summary(&reported, &written, lang));
    Ok(())
}

struct LedgerTask<'q> {
    question: &'q Question,
    cache: PathBuf,
}

impl StoreTask for LedgerTask<'_> {
    type Output = Result<Reported, ReportError>;

    async fn run<S: Store>(self, store: S) -> Result<Reported, ReportError> {
        ReportCache::open(&store, &self.cache, CHUNK_LINES).await?.report(self.question).await
    }
}

impl ReportOptions {
    /// Where the lines of the journal are kept.
    fn cache(&self) -> Result<PathBuf, CommandError> {
        let location = StoreLocation::parse(&self.store)?;
        Ok(self.cache.clone().unwrap_or_else(|| location.report_cache(self.secret.as_deref())))
    }

    async fn open<T: StoreTask>(&self, task: T) -> Result<T::Output, CommandError> {
        let files = SecretAndArchivePaths { secret: self.secret.as_deref(), archive: self.archive.as_deref() };
        Ok(StoreLocation::parse(&self.store)?.open_existing(files, task).await?)
    }
}

/// What was reported, and how to get the same again.
fn summary(reported: &Reported, written: &Written, lang: Lang) -> String {
    let Reported { report, as_of, read: Read { entries, lines } } = reported;
    let (rows, settlements, digest) = (report.rows.len(), report.total.settlements, &written.digest);
    let as_of = as_of.map_or_else(|| lang.choose("无", "none").to_owned(), china_time);
    match lang {
        Lang::Zh => format!(
            "{rows} 行，{settlements} 笔结算；截至 {as_of}（--as-of 同此时刻得同一结果）；sha256 {digest}；读取日志 {entries} 条、明细 {lines} 行"
        ),
        Lang::En => format!(
            "{rows} rows, {settlements} settlements; as of {as_of} (the same --as-of gives the same); sha256 {digest}; \
             {entries} entries of the journal and {lines} lines read"
        ),
    }
}
