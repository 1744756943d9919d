//! Sums (对总账): one call, and where they differ.

use serde_json::{Value, json};

use crate::cli::client::connection::Client;
use crate::cli::exit::CommandError;
use crate::cli::output::json::{self, yuan};
use crate::cli::output::line::write_page;
use crate::cli::output::statement::Lang;
use crate::cli::output::table_page::{PageTable, TablePage};
use crate::cli::output::terminal::table;
use crate::domain::file_faults::FileFaults;
use crate::pb::Date;
use crate::pb::settlement as pb;
use crate::say;

use super::file::{MAX_REPORTED_FAULTS, ReconciledFile};
use super::list_output::Form;
use super::words::{Words, cutoff_text, day_or_all, heading};

/// Compares the sums of a file; gives the number of sums that differ.
///
/// # Errors
/// If the file or the call is refused.
pub(super) async fn run(
    mut client: Client,
    file: ReconciledFile,
    span: pb::ReconciledSpan,
    (lang, form): (Lang, Form),
) -> Result<u64, CommandError> {
    let (totals, heading) = (read_totals(file)?, heading(&span, lang));
    let request = pb::ReconcileTotalsRequest { span: Some(span), totals };
    let compared = client.reconcile_totals(request).await?;
    match form {
        Form::Json => say!("{}", totals_json(&compared)),
        Form::Text => print(&compared, lang),
        Form::Page(file) => {
            std::fs::write(&file, page(heading, &compared, lang)).map_err(CommandError::file(file))?;
        }
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

fn print(compared: &pb::ReconcileTotalsResponse, lang: Lang) {
    let [cutoff, verdict] = lines(compared, lang);
    say!("{cutoff}");
    if !compared.equal {
        let mut table = table(columns(lang));
        table.add_rows(rows(compared, lang));
        write_page(&table.to_string());
    }
    say!("{verdict}");
}

fn page(title: String, compared: &pb::ReconcileTotalsResponse, lang: Lang) -> String {
    let rows: Vec<_> = rows(compared, lang).map(Vec::from).collect();
    let columns = columns(lang).map(str::to_owned).to_vec();
    let table = (!rows.is_empty()).then_some(PageTable { heading: String::new(), columns, rows });
    let lines = lines(compared, lang).to_vec();
    TablePage { lang, title, lines, tables: table.into_iter().collect() }.html()
}

/// The cutoff and the result.
fn lines(compared: &pb::ReconcileTotalsResponse, lang: Lang) -> [String; 2] {
    let cutoff = cutoff_text(compared.cutoff_time.as_ref());
    let verdict = match (compared.differences.len(), lang) {
        (0, Lang::Zh) => "总账相符".to_owned(),
        (0, Lang::En) => "equal".to_owned(),
        (found, Lang::Zh) => format!("总账不符：{found} 处差异；请用该日的明细清单再对账（对明细账）"),
        (found, Lang::En) => {
            format!("{found} sums differ; reconcile the list of these days to find the settlements at fault")
        }
    };
    [format!("{}: {cutoff}", lang.choose("截止", "cutoff")), verdict]
}

fn columns(lang: Lang) -> [&'static str; 5] {
    lang.choose(["结算日", "项目", "此处", "医院", "差额"], ["day", "figure", "here", "there", "difference"])
}

fn rows(compared: &pb::ReconcileTotalsResponse, lang: Lang) -> impl Iterator<Item = [String; 5]> {
    let words = Words::new(lang);
    compared.differences.iter().map(move |difference| {
        let [here, there, more] = figure_texts(difference);
        let figure = words.figure(difference.figure(), &difference.payer);
        [day_or_all(difference.settled_on, lang), figure, here, there, more]
    })
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

fn totals_json(compared: &pb::ReconcileTotalsResponse) -> Value {
    let day = |day: Option<Date>| day.map(|day| day_or_all(Some(day), Lang::En));
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
        "equal": compared.equal, "cutoff_time": cutoff_text(compared.cutoff_time.as_ref()),
        "differences": compared.differences.iter().map(difference).collect::<Vec<_>>(),
        "here": compared.here.iter().map(totals).collect::<Vec<_>>(),
    })
}
