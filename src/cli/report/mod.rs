//! `onestop report`: sums over settlements from the journal of a store, as a table or in a file.

mod options;
mod output;
mod table;

use crate::cli::exit::CommandResult;
use crate::cli::output::json::china_time;
use crate::cli::output::statement::Lang;
use crate::reports::ledger::{Reported, report};
use crate::reports::question::Question;
use crate::say_error;
use crate::server::store_location::{SecretAndArchivePaths, StoreLocation, StoreTask};
use crate::store::{Store, StoreError};

pub(crate) use options::ReportOptions;
use output::{Format, Written};

/// Answers a question and prints the report, or writes it to a file.
///
/// # Errors
/// If the question is not possible, the store cannot be opened or read, or the file cannot be written.
pub(crate) async fn run(options: &ReportOptions, json: bool) -> CommandResult {
    let lang = options.lang.unwrap_or_else(Lang::from_environment);
    let question = options.question()?;
    let reported = options.open(LedgerTask { question: &question }).await??;
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
}

impl StoreTask for LedgerTask<'_> {
    type Output = Result<Reported, StoreError>;

    async fn run<S: Store>(self, store: S) -> Result<Reported, StoreError> {
        report(&store, self.question).await
    }
}

impl ReportOptions {
    async fn open<T: StoreTask>(&self, task: T) -> Result<T::Output, crate::cli::exit::CommandError> {
        let files = SecretAndArchivePaths { secret: self.secret.as_deref(), archive: self.archive.as_deref() };
        Ok(StoreLocation::parse(&self.store)?.open_existing(files, task).await?)
    }
}

/// What was reported, and how to get the same again.
fn summary(reported: &Reported, written: &Written, lang: Lang) -> String {
    let Reported { report, as_of, entries_read } = reported;
    let (rows, settlements, digest) = (report.rows.len(), report.total.settlements, &written.digest);
    let as_of = as_of.map_or_else(|| lang.choose("无", "none").to_owned(), china_time);
    match lang {
        Lang::Zh => format!(
            "{rows} 行，{settlements} 笔结算；截至 {as_of}（--as-of 同此时刻得同一结果）；sha256 {digest}；读取日志 {entries_read} 条"
        ),
        Lang::En => format!(
            "{rows} rows, {settlements} settlements; as of {as_of} (the same --as-of gives the same); sha256 {digest}; \
             {entries_read} entries of the journal read"
        ),
    }
}
