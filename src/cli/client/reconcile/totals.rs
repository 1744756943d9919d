//! Sums (对总账): one call, and where they differ.

use serde_json::{Value, json};

use crate::cli::client::connection::Client;
use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::json::{self, yuan};
use crate::cli::output::line::write_page;
use crate::cli::output::refusal_text::in_language;
use crate::cli::output::statement::Lang;
use crate::domain::file_faults::FileFaults;
use crate::pb::Date;
use crate::pb::settlement as pb;
use crate::say;

use super::file::ReconciledFile;
use super::list::MAX_REPORTED_FAULTS;
use super::list_text::{Words, table};

/// Compares the sums of a file; gives the number of sums that differ.
///
/// # Errors
/// If the file or the call is refused.
pub(super) async fn run(
    mut client: Client,
    file: ReconciledFile,
    span: pb::ReconciledSpan,
    (lang, json): (Lang, bool),
) -> Result<u64, CommandError> {
    let totals = read_totals(file)?;
    let request = pb::ReconcileTotalsRequest { span: Some(span), totals };
    let compared = client.reconcile_totals(request).await.map_err(|status| in_language(status, lang))?;
    if json {
        say!("{}", totals_json(&compared));
    } else {
        print(&compared, lang)?;
    }
    Ok(compared.differences.len() as u64)
}

fn read_totals(mut file: ReconciledFile) -> Result<Vec<pb::Totals>, CommandError> {
    let (mut totals, mut faults) = (Vec::new(), FileFaults::default());
    loop {
        match file.next_totals() {
            Ok(Some(row)) => totals.push(row),
            Ok(None) => break,
            Err(found) => found.into_iter().for_each(|fault| faults.add(fault, MAX_REPORTED_FAULTS)),
        }
    }
    if faults.is_empty() { Ok(totals) } else { Err(faults.into()) }
}

fn print(compared: &pb::ReconcileTotalsResponse, lang: Lang) -> CommandResult {
    let words = Words::new(lang);
    say!("{}: {}", lang.choose("截止", "cutoff"), json::instant(compared.cutoff_time.as_ref()).unwrap_or_default());
    if compared.equal {
        say!("{}", lang.choose("总账相符", "equal"));
        return Ok(());
    }
    let header =
        lang.choose(["结算日", "项目", "此处", "医院", "差额"], ["day", "figure", "here", "there", "difference"]);
    let rows = compared.differences.iter().map(|difference| {
        let [here, there, more] = figure_texts(difference);
        [day_text(difference.settled_on, lang), words.figure(difference.figure(), &difference.payer), here, there, more]
    });
    write_page(&table(&header, rows).to_string());
    let found = compared.differences.len();
    match lang {
        Lang::Zh => say!("总账不符：{found} 处差异；请用该日的明细清单再对账（对明细账）"),
        Lang::En => say!("{found} sums differ; reconcile the list of these days to find the settlements at fault"),
    }
    Ok(())
}

/// The figure here, there, and by how much it is more here.
fn figure_texts(difference: &pb::TotalDifference) -> [String; 3] {
    let pb::TotalDifference { here_fen, there_fen, settlements_here, settlements_there, .. } = *difference;
    match difference.figure() {
        pb::ReconciledFigure::Settlements => {
            let more = i128::from(settlements_here) - i128::from(settlements_there);
            [settlements_here.to_string(), settlements_there.to_string(), more.to_string()]
        }
        _ => [here_fen, there_fen, here_fen.saturating_sub(there_fen)].map(yuan),
    }
}

fn day_text(day: Option<Date>, lang: Lang) -> String {
    match day {
        Some(Date { year, month, day }) => format!("{year:04}-{month:02}-{day:02}"),
        None => lang.choose("全部", "all days").to_owned(),
    }
}

fn totals_json(compared: &pb::ReconcileTotalsResponse) -> Value {
    let day = |day: Option<Date>| day.map(|day| day_text(Some(day), Lang::En));
    let difference = |difference: &pb::TotalDifference| {
        let [here, there, _] = figure_texts(difference);
        json!({
            "settled_on": day(difference.settled_on), "figure": Words::figure_word(difference.figure()),
            "payer": difference.payer, "here": here, "there": there,
        })
    };
    let totals = |totals: &pb::Totals| {
        json!({
            "settled_on": day(totals.settled_on), "settlements": totals.settlements, "total": yuan(totals.total_fen),
            "patient": totals.patient_fen.map(yuan), "payers": json::payer_amounts(&totals.payers),
        })
    };
    json!({
        "equal": compared.equal, "cutoff_time": json::instant(compared.cutoff_time.as_ref()),
        "differences": compared.differences.iter().map(difference).collect::<Vec<_>>(),
        "here": compared.here.iter().map(totals).collect::<Vec<_>>(),
    })
}
