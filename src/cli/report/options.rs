//! The options of `onestop report`, and the question that they ask.

use std::path::PathBuf;

use crate::cli::client::address::ServerOptions;
use crate::cli::exit::CommandError;
use crate::cli::output::statement::Lang;
use crate::cli::region_prefix::region_prefix;
use crate::domain::day::Day;
use crate::reports::dimension::Dimension;
use crate::reports::question::{Condition, DayOf, Question};

use super::moment::AsOf;
use super::offline::StoreOptions;
use super::output::Format;
use super::poverty::PovertyOptions;

/// What to report, and from which store.
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ReportOptions {
    #[command(subcommand)]
    pub(super) kind: Option<ReportKind>,
    #[command(flatten)]
    pub(super) server: ServerOptions,
    #[command(flatten)]
    pub(super) store: StoreOptions,
    #[command(flatten)]
    asked: AskedOptions,
    /// How to print it; --json prints NDJSON
    #[arg(long, value_name = "FORMAT")]
    pub(super) format: Option<Format>,
    /// Write it to this file; after an interruption, run it again
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// The language of the table; that of the environment unless given
    #[arg(long)]
    pub(super) lang: Option<Lang>,
}

/// A report that is ready-made.
#[derive(clap::Subcommand, Debug)]
pub(super) enum ReportKind {
    /// Statistics of poverty relief (健康扶贫统计): registered, treated, shares paid by layer, settled as ordinary, removed
    Poverty(Box<PovertyOptions>),
}

/// What is asked.
#[derive(clap::Args, Debug)]
pub(super) struct AskedOptions {
    /// The first day (China Standard Time)
    #[arg(long, value_name = "DAY")]
    from: Option<Day>,
    /// The day after the last day
    #[arg(long, value_name = "DAY")]
    until: Option<Day>,
    /// The day that counts: settlement, discharge, commit (a reversal or revision has its own day), or booked (the month in which
    /// it is booked, as its first day: later where the month of settlement was closed)
    #[arg(long, value_name = "DAY", default_value = "settlement", value_parser = day_of)]
    day_of: DayOf,
    /// What rows stand for, from the left, separated by commas: region, city, hospital_region, hospital, level, category, visit,
    /// insurance, year, policy, payer, layer, day, month, person
    #[arg(long, value_name = "WORDS", value_delimiter = ',', default_value = "hospital", value_parser = dimension)]
    by: Vec<Dimension>,
    /// Only persons insured in these regions (prefixes of the six digits)
    #[arg(long, value_name = "PREFIX", value_delimiter = ',', value_parser = region_prefix)]
    region: Vec<String>,
    /// Only hospitals in these regions (prefixes of the six digits)
    #[arg(long, value_name = "PREFIX", value_delimiter = ',', value_parser = region_prefix)]
    hospital_region: Vec<String>,
    /// Only these hospitals
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    hospital: Vec<String>,
    /// Only hospitals of these levels
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    level: Vec<String>,
    /// Only persons who held one of these categories
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    category: Vec<String>,
    /// Only these kinds of visits
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    visit: Vec<String>,
    /// Only these insurances
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    insurance: Vec<String>,
    /// Only these benefit years
    #[arg(long, value_name = "YEAR", value_delimiter = ',')]
    year: Vec<String>,
    /// Only what these policies decided
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    policy: Vec<String>,
    /// Only what these payers pay
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    payer: Vec<String>,
    /// Only what these layers pay
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    layer: Vec<String>,
    /// As it was at this time (RFC 3339, such as 2026-07-01T08:00:00+08:00): the first later commit is left out with all that
    /// follow it. A report prints its own with the number of lines of the ledger after a #: as of it, it is repeated exactly
    #[arg(long, value_name = "TIME[#LINES]")]
    as_of: Option<AsOf>,
}

fn day_of(text: &str) -> Result<DayOf, String> {
    DayOf::from_word(text).ok_or_else(|| "is none of settlement, discharge, commit, booked".to_owned())
}

fn dimension(text: &str) -> Result<Dimension, String> {
    let words = || Dimension::ALL.iter().map(|dimension| dimension.word()).collect::<Vec<_>>().join(", ");
    Dimension::from_word(text).ok_or_else(|| format!("is none of {}", words()))
}

impl ReportOptions {
    /// The question.
    ///
    /// # Errors
    /// If the span of days is empty, or a dimension is named twice.
    pub(super) fn question(&self) -> Result<Question, CommandError> {
        let asked = &self.asked;
        if let (Some(from), Some(until)) = (asked.from, asked.until)
            && until <= from
        {
            return Err(CommandError::Usage(format!("--until {until} is not after --from {from}")));
        }
        if let Some(twice) = asked.by.iter().enumerate().find(|(at, by)| asked.by[..*at].contains(by)) {
            return Err(CommandError::Usage(format!("--by names {} twice", twice.1.word())));
        }
        let only = [
            (Dimension::Region, &asked.region),
            (Dimension::HospitalRegion, &asked.hospital_region),
            (Dimension::Hospital, &asked.hospital),
            (Dimension::Level, &asked.level),
            (Dimension::Category, &asked.category),
            (Dimension::Visit, &asked.visit),
            (Dimension::Insurance, &asked.insurance),
            (Dimension::Year, &asked.year),
            (Dimension::Policy, &asked.policy),
            (Dimension::Payer, &asked.payer),
            (Dimension::Layer, &asked.layer),
        ];
        let given = only.into_iter().filter(|(_, values)| !values.is_empty());
        Ok(Question {
            day_of: asked.day_of,
            from: asked.from,
            until: asked.until,
            by: asked.by.clone(),
            only: given.filter_map(|(dimension, values)| Condition::new(dimension, values.clone())).collect(),
            as_of: asked.as_of.map(|as_of| as_of.moment),
            first_lines: asked.as_of.and_then(|as_of| as_of.first_lines),
        })
    }
}
