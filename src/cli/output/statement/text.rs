//! A statement as text, for a terminal or a plain printer: at most a hundred columns, of which a Chinese
//! character takes two.

use unicode_width::UnicodeWidthStr;

use super::amounts::{signed, yuan};
use super::document::{BillLine, Document};
use super::layers::Layer;
use crate::cli::output::visible::visible;

/// The maximum number of columns of a line.
const COLUMNS: usize = 100;

/// The statement.
pub fn text(document: &Document) -> String {
    let lang = document.lang;
    let mut page = TextPage::default();
    page.push_line(lang.choose("医疗费用结算单", "STATEMENT OF SETTLEMENT 结算单"));
    document.notices.iter().for_each(|notice| page.push_wrapped("!! ", notice));
    page.push_line("");
    page.push_amount(document.patient, lang.choose("个人支付（元）", "THE PATIENT PAYS 个人支付 (yuan)"));
    page.push_amount(document.paid(), lang.choose("各方支付合计", "others pay"));
    page.push_amount(document.total, lang.choose("医疗费总额", "total of the bill"));
    page.push_line("");
    let label = document.facts.iter().map(|(label, _)| label.width()).max().unwrap_or(0);
    for (name, value) in &document.facts {
        page.push_line(&format!("{name}{}  {value}", " ".repeat(label - name.width())));
    }
    page.push_section(lang.choose("费用分类", "Where the bill falls"));
    document.pools.iter().for_each(|(pool, fen)| page.push_amount(*fen, pool));
    page.push_section(lang.choose("各层支付", "Layer by layer"));
    document.layers.iter().for_each(|layer| page.push_layer(layer, document));
    for (name, why) in &document.skipped {
        page.push_wrapped("  – ", &format!("{name}: {why}"));
    }
    page.push_section(lang.choose("费用明细汇总", "The bill, by code"));
    let heads = lang.choose(["金额", "超限价", "先行自付", "余额"], ["charged", "ceiling", "first", "rest"]);
    page.push_columns(&heads.map(str::to_owned), "");
    document.bill.iter().for_each(|code| page.push_bill_line(code));
    page.push_section(lang.choose("支付合计", "Who pays"));
    document.payers.iter().for_each(|(payer, fen)| page.push_amount(*fen, payer));
    page.push_amount(document.patient, lang.choose("个人", "patient"));
    if !document.changes.is_empty() {
        page.push_section(lang.choose("与前一版相比", "Against the revision before"));
        for (who, fen) in &document.changes {
            page.push_line(&format!("{:>16}  {who}", signed(*fen)));
        }
    }
    page.0
}

#[derive(Default)]
struct TextPage(String);

impl TextPage {
    fn push_line(&mut self, line: &str) {
        self.0.push_str(visible(line.trim_end()).as_ref());
        self.0.push('\n');
    }

    fn push_section(&mut self, title: &str) {
        self.push_line("");
        self.push_line(title);
    }

    fn push_amount(&mut self, fen: i64, what: &str) {
        self.push_line(&format!("{:>16}  {what}", yuan(fen)));
    }

    /// Adds a text after a mark, wrapped into lines where it is too long.
    fn push_wrapped(&mut self, mark: &str, text: &str) {
        let room = COLUMNS - mark.width();
        for (at, line) in wrap(&visible(text), room).into_iter().enumerate() {
            let mark = if at == 0 { mark.to_owned() } else { " ".repeat(mark.width()) };
            self.push_line(&format!("{mark}{line}"));
        }
    }

    fn push_layer(&mut self, layer: &Layer, document: &Document) {
        let pays = document.lang.choose("支付", "pays");
        self.push_wrapped("  ", &format!("{}: {} {pays} {}", layer.name, layer.payer, yuan(layer.pays)));
        layer.steps.iter().for_each(|step| self.push_wrapped("      ", step));
        layer.clauses.iter().for_each(|clause| self.push_wrapped("      § ", clause));
        layer.assumed.iter().for_each(|assumed| self.push_wrapped("      * ", assumed));
    }

    fn push_bill_line(&mut self, line: &BillLine) {
        let amounts = [line.net, line.over_ceiling, line.preliminary_self_pay, line.rest].map(yuan);
        self.push_columns(&amounts, &format!("{} — {} ({})", line.pool, line.name, line.class));
    }

    fn push_columns(&mut self, amounts: &[String; 4], what: &str) {
        let cells =
            amounts.iter().map(|amount| format!("{}{amount}", " ".repeat(12usize.saturating_sub(amount.width()))));
        let cells: String = cells.collect();
        self.push_wrapped(&format!("{cells}  "), what);
    }
}

/// The lines of a text that fit; it is broken between words, and between Chinese characters anywhere.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_inclusive(|c: char| c == ' ' || !c.is_ascii()) {
        let last = lines.len() - 1;
        if lines[last].width() + word.trim_end().width() > room && !lines[last].is_empty() {
            lines.push(String::new());
        }
        if let Some(last) = lines.last_mut() {
            last.push_str(if last.is_empty() { word.trim_start() } else { word });
        }
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}
