//! `onestop report poverty`: statistics of poverty relief, as text, CSV and one page of HTML with charts.

mod page;
mod sheet;
mod text;
mod words;

use std::path::PathBuf;

use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::json::china_time;
use crate::cli::output::line::write_page;
use crate::cli::output::statement::Lang;
use crate::domain::day::Day;
use crate::domain::journal::Instant;
use crate::domain::money::Money;
use crate::reports::cache::{CHUNK_LINES, ReportCache};
use crate::reports::error::ReportError;
use crate::reports::poverty::{Poverty, PovertyQuestion};
use crate::server::store_location::StoreTask;
use crate::store::Store;
use crate::{say, say_error};

use super::offline::StoreOptions;
use super::options::instant;
use super::output::Format;

/// The registers of the shipped vocabulary.
const REGISTERS: &str = "registered_poor,destitute,subsistence_allowance,illness_impoverished,returned_poor,\
                         low_income_edge,monitored,rigid_spending";

/// Which statistics, and of which store.
#[derive(clap::Args, Debug)]
pub(crate) struct PovertyOptions {
    #[command(flatten)]
    store: StoreOptions,
    /// The first day of settlement (China Standard Time)
    #[arg(long, value_name = "DAY")]
    from: Day,
    /// The day after the last day of settlement
    #[arg(long, value_name = "DAY")]
    until: Day,
    /// Only persons insured in these regions (prefixes of the six digits)
    #[arg(long, value_name = "PREFIX", value_delimiter = ',')]
    region: Vec<String>,
    /// The categories that are registers of poverty
    #[arg(long, value_name = "WORD", value_delimiter = ',', default_value = REGISTERS)]
    category: Vec<String>,
    /// Count the persons who paid more than each of these amounts themselves
    #[arg(long, value_name = "YUAN", value_delimiter = ',', default_value = "1000,3000,5000,10000")]
    threshold: Vec<Money>,
    /// As it was at this time (RFC 3339); registers are always those of today
    #[arg(long, value_name = "TIME", value_parser = instant)]
    as_of: Option<Instant>,
    /// Name the persons who were settled as ordinary although they are on a register; the access log of the store says so
    #[arg(long)]
    persons: bool,
    /// How to print it; --json prints NDJSON
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write a page of HTML with charts to this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The language; that of the environment unless given
    #[arg(long)]
    lang: Option<Lang>,
}

/// Statistics with what was asked, for output.
struct Statistics {
    question: PovertyQuestion,
    poverty: Poverty,
    lang: Lang,
}

/// Prints the statistics, and writes the page if one is asked for.
///
/// # Errors
/// If the span is empty, the store cannot be opened or read, or the page cannot be written.
pub(super) async fn run(options: &PovertyOptions, json: bool) -> CommandResult {
    let lang = options.lang.unwrap_or_else(Lang::from_environment);
    let question = options.question()?;
    let task = PovertyTask { question: &question, cache: options.store.cache()? };
    let poverty = options.store.open(task).await??;
    if question.names_persons {
        options.store.log_persons()?;
    }
    let statistics = Statistics { question, poverty, lang };
    match options.format.unwrap_or(if json { Format::Ndjson } else { Format::Table }) {
        Format::Table => write_page(&text::text(&statistics)),
        format => sheet::lines(&statistics, format).iter().for_each(|line| say!("{line}")),
    }
    if let Some(file) = &options.html {
        std::fs::write(file, page::html(&statistics)).map_err(CommandError::file(file))?;
    }
    let Poverty { as_of, read, .. } = &statistics.poverty;
    let as_of = as_of.map_or_else(|| lang.choose("无", "none").to_owned(), china_time);
    let (entries, lines) = (read.entries, read.lines);
    match lang {
        Lang::Zh => say_error!("截至 {as_of}；读取日志 {entries} 条、明细 {lines} 行"),
        Lang::En => say_error!("as of {as_of}; {entries} entries of the journal and {lines} lines read"),
    }
    Ok(())
}

struct PovertyTask<'q> {
    question: &'q PovertyQuestion,
    cache: PathBuf,
}

impl StoreTask for PovertyTask<'_> {
    type Output = Result<Poverty, ReportError>;

    async fn run<S: Store>(self, store: S) -> Result<Poverty, ReportError> {
        ReportCache::open(&store, &self.cache, CHUNK_LINES).await?.poverty(self.question).await
    }
}

impl PovertyOptions {
    fn question(&self) -> Result<PovertyQuestion, CommandError> {
        if self.until <= self.from {
            let message = format!("--until {} is not after --from {}", self.until, self.from);
            return Err(CommandError::Usage(message));
        }
        Ok(PovertyQuestion {
            from: self.from,
            until: self.until,
            regions: self.region.clone(),
            categories: self.category.clone(),
            thresholds: self.threshold.clone(),
            as_of: self.as_of,
            names_persons: self.persons,
        })
    }
}
