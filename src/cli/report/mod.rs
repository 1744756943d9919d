//! `onestop report`: sums over settlements from the journal of a server's store, or of a store that no server uses, as a table or in
//! a file.

mod moment;
mod offline;
mod options;
mod output;
mod part_file;
mod poverty;
mod remote;
mod table;

use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::statement::Lang;
use crate::domain::ids::{CanonicalDigest, Digest};
use crate::domain::journal::Instant;
use crate::reports::ledger::{Read, Reported};
use crate::reports::question::Question;
use crate::say_error;

use moment::{AsOf, end_text};
use options::ReportKind;
pub(crate) use options::ReportOptions;
use output::Format;
use part_file::PartFile;

/// Answers a question and prints the report, or writes it to a file.
///
/// # Errors
/// If the question is not possible, the server refuses it, the store cannot be opened or read, or the file cannot be written.
pub(crate) async fn run(options: &ReportOptions, json: bool) -> CommandResult {
    if let Some(ReportKind::Poverty(options)) = &options.kind {
        return poverty::run(options, json).await;
    }
    let lang = options.lang.unwrap_or_else(Lang::from_environment);
    let format = options.format.unwrap_or(if json { Format::Ndjson } else { Format::Table });
    let mut question = options.question()?;
    let part = options.output.as_deref().map(|file| PartFile::new(file, digest(&question, format)));
    if let Some(AsOf { moment, first_lines }) = part.as_ref().and_then(PartFile::interrupted) {
        (question.as_of, question.first_lines) = (Some(moment), first_lines);
    }
    let reported = reported(options, &question).await?;
    match &part {
        Some(part) => part.write(reported.end, output::lines(&reported.report, format, lang))?,
        None => output::print(&reported.report, format, lang),
    }
    say_error!("{}", summary(&reported, &output::digest(&reported.report, format), lang));
    Ok(())
}

async fn reported(options: &ReportOptions, question: &Question) -> Result<Reported, CommandError> {
    match &options.store.store {
        Some(_) => offline::report(&options.store, question).await,
        None => remote::report(&options.server, question).await,
    }
}

/// The digest of what a file is to hold, but for a moment that is not asked for.
fn digest(question: &Question, format: Format) -> Digest {
    let form = CanonicalDigest::new("report file/2").bytes(&question.digest().0).text(format.word());
    with_end(form, question.as_of, question.first_lines).finish()
}

/// The form with the end that is asked for.
fn with_end(form: CanonicalDigest, as_of: Option<Instant>, first_lines: Option<u64>) -> CanonicalDigest {
    let moment = as_of.map_or_else(String::new, |at| at.0.to_string());
    form.text(&moment).text(&first_lines.map_or_else(String::new, |lines| lines.to_string()))
}

/// What was reported, and how to get the same again.
fn summary(reported: &Reported, digest: &str, lang: Lang) -> String {
    let Reported { report, end, read: Read { entries, lines } } = reported;
    let (rows, settlements) = (report.rows.len(), report.total.settlements);
    let as_of = end_text(end, lang);
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
