//! `onestop reconcile`: a hospital's list or sums, compared with its settlements.

mod columns;
mod file;
mod list;
mod list_json;
mod list_output;
mod totals;
mod words;

use std::path::PathBuf;
use std::str::FromStr;

use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::statement::Lang;
use crate::domain::day::Day;
use crate::domain::journal::Instant;
use crate::grpc::to_proto;
use crate::pb::settlement as pb;

use super::address::ServerOptions;
use super::connection::Client;

use columns::FileKind;
use file::ReconciledFile;
use list_output::Form;

/// What to compare.
#[derive(clap::Args, Debug)]
pub(crate) struct ReconcileOptions {
    /// The hospital's file (CSV). A list has the columns claim_id and total, optionally settlement_id, settled_on and patient;
    /// sums have settled_on and total, optionally settlements and patient. Every other column is the amount of the payer
    /// that it is named after
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The hospital
    #[arg(long, value_name = "ID")]
    hospital: String,
    /// The first day of settlement (China Standard Time)
    #[arg(long, value_name = "DAY", required_unless_present = "month")]
    from: Option<Day>,
    /// The day after the last day of settlement
    #[arg(long, value_name = "DAY", required_unless_present = "month")]
    until: Option<Day>,
    /// All days of this month, such as 2017-06, instead of --from and --until
    #[arg(long, value_name = "MONTH", conflicts_with_all = ["from", "until"])]
    month: Option<Month>,
    /// The cutoff: a day, up to whose end commits count, or an instant such as 2017-07-01T09:00:00+08:00 [default: now]
    #[arg(long, value_name = "DAY|INSTANT")]
    as_of: Option<Cutoff>,
    /// The language [default: from LC_ALL or LANG, otherwise English]
    #[arg(long)]
    lang: Option<Lang>,
    /// Write the result as an HTML page to this file
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    html: Option<PathBuf>,
    /// Go on after this cursor, which an interrupted run with --json printed; repeat its --as-of
    #[arg(long, value_name = "CURSOR", default_value = "", hide_default_value = true, requires = "as_of")]
    after: String,
}

/// A month of the calendar.
#[derive(Clone, Copy, Debug)]
struct Month {
    first: Day,
    next: Day,
}

impl FromStr for Month {
    type Err = String;
    fn from_str(text: &str) -> Result<Month, String> {
        let invalid = || "is not a month such as 2017-06".to_owned();
        let first: Day = format!("{text}-01").parse().map_err(|_| invalid())?;
        let (year, month) = if first.month() == 12 { (first.year() + 1, 1) } else { (first.year(), first.month() + 1) };
        Ok(Month { first, next: Day::new(year, month, 1).map_err(|_| invalid())? })
    }
}

/// The instant up to which commits count.
#[derive(Clone, Copy, Debug)]
struct Cutoff(Instant);

impl FromStr for Cutoff {
    type Err = String;
    fn from_str(text: &str) -> Result<Cutoff, String> {
        if let Ok(day) = text.parse::<Day>() {
            let next = day.next().ok_or("has no end")?;
            return Ok(Cutoff(Instant(next.start_in_china_micros() - 1)));
        }
        let instant: jiff::Timestamp =
            text.parse().map_err(|_| "is neither a day nor an instant with its offset".to_owned())?;
        Ok(Cutoff(Instant(instant.as_microsecond())))
    }
}

/// Compares the file.
///
/// # Errors
/// If the file or the call is refused; or the number of differences.
pub(super) async fn run(server: &ServerOptions, options: &ReconcileOptions, json: bool) -> CommandResult {
    let lang = options.lang.unwrap_or_else(Lang::from_environment);
    compare(server, options, (lang, json)).await.map_err(|error| lang.command_error(error))
}

async fn compare(server: &ServerOptions, options: &ReconcileOptions, (lang, json): (Lang, bool)) -> CommandResult {
    let file = ReconciledFile::open(&options.file)?;
    let span = options.span(file.columns().payers())?;
    let client = Client::connect_to(server).await?;
    let form = match &options.html {
        Some(file) => Form::Page(file.clone()),
        None if json => Form::Json,
        None => Form::Text,
    };
    let differences = match file.columns().kind() {
        FileKind::Totals => totals::run(client, file, span, (lang, form)).await?,
        FileKind::List => list::run(client, file, span, options.after.clone(), (lang, form)).await?,
    };
    if differences == 0 { Ok(()) } else { Err(CommandError::Differs(differences)) }
}

impl ReconcileOptions {
    fn span(&self, payers: Vec<String>) -> Result<pb::ReconciledSpan, CommandError> {
        let days = match (self.month, self.from, self.until) {
            (Some(Month { first, next }), ..) => Some((first, next)),
            (None, from, until) => from.zip(until),
        };
        let (from, until) = days.ok_or_else(|| CommandError::Usage("--from and --until are missing".to_owned()))?;
        Ok(pb::ReconciledSpan {
            hospital_id: self.hospital.clone(),
            settled_from: Some(to_proto::date(from)),
            settled_until: Some(to_proto::date(until)),
            cutoff_time: self.as_of.map(|Cutoff(instant)| to_proto::timestamp(instant)),
            payers,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_where_the_next_begins() {
        let month = |text: &str| text.parse::<Month>().map(|month| (month.first.to_string(), month.next.to_string()));
        assert_eq!(month("2017-12"), Ok(("2017-12-01".to_owned(), "2018-01-01".to_owned())));
        assert_eq!(month("2016-02"), Ok(("2016-02-01".to_owned(), "2016-03-01".to_owned())));
        assert!(month("2017-13").is_err() && month("2017").is_err() && month("2017-06-01").is_err());
    }

    #[test]
    fn a_cutoff_of_a_day_is_the_end_of_the_day_in_china() {
        let cutoff = |text: &str| text.parse::<Cutoff>().map(|Cutoff(Instant(at))| at);
        let midnight = cutoff("2017-07-01T00:00:00+08:00").expect("an instant");
        assert_eq!(cutoff("2017-06-30"), Ok(midnight - 1));
        assert_eq!(cutoff("2017-06-30T16:00:00Z"), Ok(midnight));
        assert!(cutoff("2017-06-30T16:00:00").is_err() && cutoff("soon").is_err());
    }
}
