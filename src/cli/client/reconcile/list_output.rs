//! The differences of a list as they are shown: as JSON, in tables for a terminal, or on a page.

use std::path::PathBuf;

use comfy_table::ColumnConstraint;

use crate::cli::exit::CommandError;
use crate::cli::output::line::write_page;
use crate::cli::output::statement::Lang;
use crate::cli::output::table_page::{PageTable, TablePage};
use crate::cli::output::terminal::table;
use crate::pb::settlement as pb;
use crate::say;

use super::columns::Columns;
use super::list_json::{difference_json, summary_json};
use super::words::Words;

/// The differences that are sorted together before they are printed, and the most on a page.
const SORTED: usize = 10_000;

/// The columns of a command with a settlement id, and a blank on either side.
const COMMAND_WIDTH: u16 = 55;

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
            let mut table = table([line, claim, figures, &format!("{class}: {cause}")]);
            table.add_rows(rows);
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
