//! The differences of a list for people, and as JSON.

use std::path::PathBuf;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ColumnConstraint, ContentArrangement, Table};
use serde_json::{Value, json};

use crate::cli::exit::CommandError;
use crate::cli::output::json::{self, yuan};
use crate::cli::output::line::write_page;
use crate::cli::output::statement::Lang;
use crate::cli::output::table_page::{PageTable, TablePage};
use crate::domain::journal::Instant;
use crate::pb::Date;
use crate::pb::settlement as pb;
use crate::say;

use super::columns::Columns;

/// The differences that are sorted together before they are printed, and the most on a page.
const SORTED: usize = 10_000;

/// The columns of a command with a settlement id, and a blank on either side.
const COMMAND_WIDTH: u16 = 55;

/// The columns of a terminal that a table fits.
const WIDTH: u16 = 100;

/// What is compared, as a heading.
pub(super) fn heading(span: &pb::ReconciledSpan, lang: Lang) -> String {
    let [from, until] = [span.settled_from, span.settled_until].map(|day| day_or_all(day, lang));
    let hospital = &span.hospital_id;
    lang.choose(
        format!("对账：{hospital}，{from} 起，{until} 停止"),
        format!("Reconciliation of {hospital}, from {from} until {until}"),
    )
}

/// A day; all days if there is none.
pub(super) fn day_or_all(day: Option<Date>, lang: Lang) -> String {
    match day {
        Some(Date { year, month, day }) => format!("{year:04}-{month:02}-{day:02}"),
        None => lang.choose("全部", "all days").to_owned(),
    }
}

/// A cutoff, exactly, so that a comparison can be repeated as of it.
pub(super) fn cutoff_text(cutoff: Option<&prost_types::Timestamp>) -> String {
    let micros = |time: &prost_types::Timestamp| {
        Some(Instant(time.seconds.checked_mul(1_000_000)?.checked_add(i64::from(time.nanos) / 1_000)?))
    };
    cutoff.and_then(micros).map(json::china_time).unwrap_or_default()
}

/// How differences are shown.
pub(super) enum Form {
    /// JSON, each difference as it comes.
    Json,
    /// Tables, sorted by row.
    Text,
    /// An HTML page in this file.
    Page(PathBuf),
}

/// Shows differences as they come.
pub(super) struct ListOutput {
    words: Words,
    form: Form,
    heading: String,
    pending: Vec<pb::ClaimDifference>,
    /// The differences that the page leaves out.
    omitted: u64,
}

impl ListOutput {
    /// Nothing yet. `heading` says what is compared; `columns` are those of the list.
    pub(super) fn new(lang: Lang, form: Form, heading: String, columns: &Columns) -> ListOutput {
        let words = Words { lang, payers: columns.payers(), compares_patient: columns.has("patient") };
        ListOutput { words, form, heading, pending: Vec::new(), omitted: 0 }
    }

    /// Adds differences; the cursor belongs to the last one.
    pub(super) fn add(&mut self, differences: Vec<pb::ClaimDifference>, cursor: &str) {
        match self.form {
            Form::Json => {
                for (at, difference) in differences.iter().enumerate() {
                    let cursor = if at + 1 == differences.len() { cursor } else { "" };
                    say!("{}", difference_json(difference, cursor));
                }
            }
            Form::Text => {
                self.pending.extend(differences);
                if self.pending.len() >= SORTED {
                    self.print_pending();
                }
            }
            Form::Page(_) => {
                let room = SORTED.saturating_sub(self.pending.len());
                self.omitted += differences.len().saturating_sub(room) as u64;
                self.pending.extend(differences.into_iter().take(room));
            }
        }
    }

    /// Shows what is left and the summary; gives the number of differences.
    ///
    /// # Errors
    /// If the page cannot be written.
    pub(super) fn finish(mut self, summary: &pb::ReconciliationSummary) -> Result<u64, CommandError> {
        let found = summary.differences.iter().map(|count| count.differences).sum();
        let lines = self.words.summary_lines(summary, found);
        match &self.form {
            Form::Json => say!("{}", summary_json(summary)),
            Form::Text => {
                self.print_pending();
                lines.iter().for_each(|line| say!("{line}"));
            }
            Form::Page(file) => {
                let file = file.clone();
                std::fs::write(&file, self.page(lines)).map_err(CommandError::file(file))?;
            }
        }
        Ok(found)
    }

    fn sort_pending(&mut self) {
        let row = |difference: &pb::ClaimDifference| difference.there.as_ref().map_or(u64::MAX, |there| there.row);
        self.pending.sort_by(|one, other| (row(one), &one.claim_id).cmp(&(row(other), &other.claim_id)));
    }

    fn print_pending(&mut self) {
        if !self.pending.is_empty() {
            self.sort_pending();
            let rows = self.pending.drain(..).map(|difference| narrow_row(self.words.row(&difference)));
            let [line, claim, class, figures, cause] = columns(self.words.lang);
            let mut table = table(&[line, claim, figures, &format!("{class}: {cause}")], rows);
            let command = ColumnConstraint::LowerBoundary(comfy_table::Width::Fixed(COMMAND_WIDTH));
            for column in table.column_iter_mut().skip(3) {
                column.set_constraint(command);
            }
            write_page(&table.to_string());
        }
    }

    fn page(mut self, mut lines: Vec<String>) -> String {
        self.sort_pending();
        let lang = self.words.lang;
        if self.omitted > 0 {
            let omitted = self.omitted;
            lines.push(
                lang.choose(
                    format!("另有 {omitted} 处差异未列出"),
                    format!("{omitted} more differences are not listed"),
                ),
            );
        }
        let rows: Vec<_> = self.pending.iter().map(|difference| self.words.row(difference).to_vec()).collect();
        let columns = columns(lang).map(str::to_owned).to_vec();
        let table = (!rows.is_empty()).then_some(PageTable { heading: String::new(), columns, rows });
        TablePage { lang, title: self.heading, lines, tables: table.into_iter().collect() }.html()
    }
}

/// A row for a terminal: the class stands before the cause, so that a command fits its line and can be copied.
fn narrow_row([line, claim, class, figures, cause]: [String; 5]) -> [String; 4] {
    [line, claim, figures, format!("{class}: {cause}")]
}

/// The columns of the table of differences.
fn columns(lang: Lang) -> [&'static str; 5] {
    lang.choose(
        ["行", "就诊编号", "类别", "此处 / 清单", "原因与处理"],
        ["line", "claim", "class", "here / there", "cause and repair"],
    )
}

/// A table within the width of a terminal.
pub(super) fn table<const N: usize>(header: &[&str; N], rows: impl IntoIterator<Item = [String; N]>) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    table.set_header(header.to_vec());
    table.add_rows(rows);
    table
}

/// The words of a comparison in one language.
pub(super) struct Words {
    lang: Lang,
    payers: Vec<String>,
    compares_patient: bool,
}

impl Words {
    /// The words without payers.
    pub(super) fn new(lang: Lang) -> Words {
        Words { lang, payers: Vec::new(), compares_patient: false }
    }

    /// A figure of sums.
    pub(super) fn figure(&self, figure: pb::ReconciledFigure, payer: &str) -> String {
        match figure {
            pb::ReconciledFigure::Payer => payer.to_owned(),
            pb::ReconciledFigure::Settlements => self.lang.choose("笔数", "settlements").to_owned(),
            pb::ReconciledFigure::Patient => self.lang.choose("个人负担", "patient").to_owned(),
            pb::ReconciledFigure::Total | pb::ReconciledFigure::Unspecified => {
                self.lang.choose("总额", "total").to_owned()
            }
        }
    }

    /// The stable word of a figure.
    pub(super) fn figure_word(figure: pb::ReconciledFigure) -> String {
        figure.as_str_name().trim_start_matches("RECONCILED_FIGURE_").to_lowercase()
    }

    fn class(&self, class: pb::DifferenceClass) -> &'static str {
        use pb::DifferenceClass as Class;
        match class {
            Class::OnlyHere => self.lang.choose("仅此处有", "only here"),
            Class::OnlyThere => self.lang.choose("仅清单有", "only there"),
            Class::AmountDiffers => self.lang.choose("金额不一致", "amount differs"),
            Class::ReversedAfterCutoff => self.lang.choose("截止后冲正", "reversed after the cutoff"),
            Class::SettledTwiceThere => self.lang.choose("清单重复", "settled twice there"),
            Class::AnotherDay => self.lang.choose("日期不一致", "another day"),
            Class::RoundingThere => self.lang.choose("清单舍入", "rounding there"),
            Class::Unspecified => "",
        }
    }

    fn summary_lines(&self, summary: &pb::ReconciliationSummary, found: u64) -> Vec<String> {
        let cutoff = cutoff_text(summary.cutoff_time.as_ref());
        let pb::ReconciliationSummary { rows, settlements, agreeing, .. } = summary;
        let mut lines = vec![self.lang.choose(
            format!("清单 {rows} 行，此处 {settlements} 笔（截止 {cutoff}），一致 {agreeing} 行"),
            format!("{rows} rows, {settlements} settlements here (cutoff {cutoff}), {agreeing} rows agree"),
        )];
        lines.extend(summary.differences.iter().map(|one| format!("{}: {}", self.class(one.class()), one.differences)));
        let sums = |totals: &Option<pb::Totals>| yuan(totals.as_ref().map_or(0, |totals| totals.total_fen));
        let (here, there) = (sums(&summary.here), sums(&summary.there));
        lines.push(match (found, self.lang) {
            (0, Lang::Zh) => format!("明细相符，总额 {here}"),
            (0, Lang::En) => format!("equal, total {here}"),
            (_, Lang::Zh) => format!("明细不符：{found} 处差异；总额此处 {here}，清单 {there}"),
            (_, Lang::En) => format!("{found} differences; total {here} here, {there} there"),
        });
        lines
    }

    fn row(&self, difference: &pb::ClaimDifference) -> [String; 5] {
        let row = difference.there.as_ref().map_or(String::new(), |there| there.row.to_string());
        let cause = self.lang.choose(&difference.message_zh, &difference.message);
        let repair = repair_command(difference);
        [
            row,
            difference.claim_id.clone(),
            self.class(difference.class()).to_owned(),
            self.figures(difference),
            format!("{cause}\n→ {repair}"),
        ]
    }

    /// The figures of both sides that differ; of one side alone the total.
    fn figures(&self, difference: &pb::ClaimDifference) -> String {
        let (here, there) = (difference.here.as_ref(), difference.there.as_ref());
        let (Some(here), Some(there)) = (here, there) else {
            let total = |total: i64| format!("{} {}", self.figure(pb::ReconciledFigure::Total, ""), yuan(total));
            let total = here.map(|here| total(here.total_fen)).or(there.map(|there| total(there.total_fen)));
            return total.unwrap_or_default();
        };
        let paid = |shares: &[pb::PayerShare], payer: &str| {
            shares.iter().find(|share| share.payer == payer).map_or(0, |share| share.amount_fen)
        };
        let total = [(pb::ReconciledFigure::Total, "", here.total_fen, there.total_fen)];
        let patient = (pb::ReconciledFigure::Patient, "", here.patient_fen, there.patient_fen);
        let amounts = total.into_iter().chain(Some(patient).filter(|_| self.compares_patient));
        let payers = self.payers.iter().map(|payer| {
            (pb::ReconciledFigure::Payer, payer.as_str(), paid(&here.payers, payer), paid(&there.payers, payer))
        });
        let differing = amounts.chain(payers).filter(|(_, _, here, there)| here != there);
        let mut lines: Vec<String> = differing
            .map(|(figure, payer, here, there)| {
                format!("{}\n{} / {}", self.figure(figure, payer), yuan(here), yuan(there))
            })
            .collect();
        if let Some(days) = there.settled_on.filter(|day| Some(*day) != here.settled_on) {
            lines.push(format!("{} / {}", day_text(here.settled_on), day_text(Some(days))));
        }
        lines.join("\n")
    }
}

fn day_text(day: Option<Date>) -> String {
    let day = day.unwrap_or_default();
    format!("{:04}-{:02}-{:02}", day.year, day.month, day.day)
}

/// The command that makes the call that repairs a difference.
fn repair_command(difference: &pb::ClaimDifference) -> String {
    let settlement = difference.here.as_ref().map(|here| here.settlement_id.as_str());
    match (difference.repair_call.as_str(), settlement) {
        ("GetSettlement", Some(id)) => format!("onestop show {id}"),
        ("GetSettlement", None) => "onestop list".to_owned(),
        ("Settle", _) => "onestop outcome; onestop settle".to_owned(),
        ("Correct", _) => "onestop correct".to_owned(),
        _ => "onestop reconcile".to_owned(),
    }
}

fn difference_json(difference: &pb::ClaimDifference, cursor: &str) -> Value {
    let here = |here: &pb::BookedClaim| {
        json!({
            "settlement_id": here.settlement_id, "settled_on": day_text(here.settled_on), "revision": here.revision,
            "total": yuan(here.total_fen), "patient": yuan(here.patient_fen), "payers": json::payer_amounts(&here.payers),
            "reversal_time": json::instant(here.reversal_time.as_ref()),
        })
    };
    let there = |there: &pb::ListedClaim| {
        json!({
            "line": there.row, "settlement_id": there.settlement_id,
            "settled_on": there.settled_on.map(|day| day_text(Some(day))), "total": yuan(there.total_fen),
            "patient": yuan(there.patient_fen), "payers": json::payer_amounts(&there.payers),
        })
    };
    json!({
        "class": difference.class().as_str_name().trim_start_matches("DIFFERENCE_CLASS_"),
        "cause": difference.cause().as_str_name().trim_start_matches("DIFFERENCE_CAUSE_"),
        "claim_id": difference.claim_id, "here": difference.here.as_ref().map(here),
        "there": difference.there.as_ref().map(there), "message": difference.message,
        "message_zh": difference.message_zh, "repair_call": difference.repair_call, "cursor": cursor,
    })
}

fn summary_json(summary: &pb::ReconciliationSummary) -> Value {
    let totals = |totals: &Option<pb::Totals>| {
        let totals = totals.clone().unwrap_or_default();
        json!({
            "total": yuan(totals.total_fen), "patient": totals.patient_fen.map(yuan),
            "payers": json::payer_amounts(&totals.payers),
        })
    };
    let word = |count: &pb::ClassCount| count.class().as_str_name().trim_start_matches("DIFFERENCE_CLASS_").to_owned();
    let counts = summary.differences.iter().map(|count| (word(count), Value::from(count.differences)));
    json!({
        "equal": summary.equal, "cutoff_time": cutoff_text(summary.cutoff_time.as_ref()), "rows": summary.rows,
        "settlements": summary.settlements, "agreeing": summary.agreeing,
        "differences": counts.collect::<serde_json::Map<_, _>>(), "here": totals(&summary.here),
        "there": totals(&summary.there),
    })
}
