//! `onestop report poverty`: statistics of poverty relief, as text, CSV and one page of HTML with charts.

mod page;
mod remote;
mod sheet;
mod text;
mod words;

use std::path::PathBuf;

use crate::cli::client::address::ServerOptions;
use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::line::write_page;
use crate::cli::output::statement::Lang;
use crate::cli::region_prefix::region_prefix;
use crate::domain::day::Day;
use crate::domain::ids::{CanonicalDigest, Digest};
use crate::domain::money::Money;
use crate::reports::cache::{CHUNK_LINES, ReportCache};
use crate::reports::error::ReportError;
use crate::reports::poverty::{Poverty, PovertyLimits, PovertyQuestion};
use crate::server::store_location::StoreTask;
use crate::store::Store;
use crate::{say, say_error};

use super::moment::{AsOf, end_text};
use super::offline::StoreOptions;
use super::output::Format;
use super::part_file::PartFile;
use super::with_end;

/// The registers of the shipped vocabulary.
const REGISTERS: &str = "registered_poor,destitute,subsistence_allowance,illness_impoverished,returned_poor,\
                         low_income_edge,monitored,rigid_spending";

/// Which statistics, and of which store.
#[derive(clap::Args, Debug)]
pub(crate) struct PovertyOptions {
    #[command(flatten)]
    server: ServerOptions,
    #[command(flatten)]
    store: StoreOptions,
    /// The first day of settlement (China Standard Time)
    #[arg(long, value_name = "DAY")]
    from: Day,
    /// The day after the last day of settlement
    #[arg(long, value_name = "DAY")]
    until: Day,
    /// Only persons insured in these regions (prefixes of the six digits)
    #[arg(long, value_name = "PREFIX", value_delimiter = ',', value_parser = region_prefix)]
    region: Vec<String>,
    /// The categories that are registers of poverty
    #[arg(long, value_name = "WORD", value_delimiter = ',', default_value = REGISTERS)]
    category: Vec<String>,
    /// Count the persons who paid more than each of these amounts themselves
    #[arg(long, value_name = "YUAN", value_delimiter = ',', default_value = "1000,3000,5000,10000")]
    threshold: Vec<Money>,
    /// As it was at this time (RFC 3339); registers are always those of today
    #[arg(long, value_name = "TIME[#LINES]")]
    as_of: Option<AsOf>,
    /// Name the persons who were settled as ordinary although they are on a register; the access log says so
    #[arg(long)]
    persons: bool,
    /// How to print it; --json prints NDJSON
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write it to this file; after an interruption, run it again
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
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

/// Prints the statistics or writes them to a file, and writes the page if one is asked for.
///
/// # Errors
/// If the span is empty, the server refuses it, the store cannot be opened or read, or a file cannot be written.
pub(super) async fn run(options: &PovertyOptions, json: bool) -> CommandResult {
    let lang = options.lang.unwrap_or_else(Lang::from_environment);
    let format = options.format.unwrap_or(if json { Format::Ndjson } else { Format::Table });
    let mut question = options.question()?;
    let part = options.output.as_deref().map(|file| PartFile::new(file, digest(&question, format)));
    if let Some(AsOf { moment, first_lines }) = part.as_ref().and_then(PartFile::interrupted) {
        (question.as_of, question.first_lines) = (Some(moment), first_lines);
    }
    let poverty = options.poverty(&question).await?;
    let statistics = Statistics { question, poverty, lang };
    match (&part, format) {
        (None, Format::Table) => write_page(&text::text(&statistics)),
        (None, format) => sheet::lines(&statistics, format).iter().for_each(|line| say!("{line}")),
        (Some(part), format) => {
            let lines = match format {
                Format::Table => vec![text::text(&statistics)],
                format => sheet::lines(&statistics, format),
            };
            part.write(statistics.poverty.end, lines.into_iter().map(|line| line + "\n"))?;
        }
    }
    if let Some(file) = &options.html {
        std::fs::write(file, page::html(&statistics)).map_err(CommandError::file(file))?;
    }
    let Poverty { end, read, .. } = &statistics.poverty;
    let as_of = end_text(end, lang);
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
        let mut cache = ReportCache::open(&store, &self.cache, CHUNK_LINES).await?;
        cache.poverty(self.question, PovertyLimits::default()).await
    }
}

/// The digest of what a file is to hold, but for a moment that is not asked for.
fn digest(question: &PovertyQuestion, format: Format) -> Digest {
    let PovertyQuestion { from, until, regions, categories, thresholds, as_of, first_lines, names_persons: _ } =
        question;
    let mut form = CanonicalDigest::new("poverty file/2").text(format.word());
    form = form.number(from.number().into()).number(until.number().into());
    for list in [regions, categories] {
        form = list.iter().fold(form.number(list.len() as u64), |form, word| form.text(word));
    }
    form = thresholds.iter().fold(form, |form, amount| form.text(&amount.to_string()));
    with_end(form, *as_of, *first_lines).finish()
}

impl PovertyOptions {
    async fn poverty(&self, question: &PovertyQuestion) -> Result<Poverty, CommandError> {
        if self.store.store.is_none() {
            return remote::poverty(&self.server, question).await;
        }
        let poverty = self.store.open(PovertyTask { question, cache: self.store.cache()? }).await??;
        if question.names_persons {
            self.store.log_persons()?;
        }
        Ok(poverty)
    }

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
            as_of: self.as_of.map(|as_of| as_of.moment),
            first_lines: self.as_of.and_then(|as_of| as_of.first_lines),
            names_persons: self.persons,
        })
    }
}
