//! A report as a table for people, with a line of sums.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use crate::cli::output::statement::{BookWords, Lang};
use crate::reports::report::{Report, ReportRow};

/// The table.
pub(super) fn text(report: &Report, lang: Lang) -> String {
    let words = BookWords::shipped(lang);
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(report.header().into_iter().map(|name| heading(name, &words)));
    for row in &report.rows {
        table.add_row(cells(row, &row.key.iter().map(|value| shown(value, &words)).collect::<Vec<_>>()));
    }
    let mut key = vec![String::new(); report.by.len()];
    if let Some(first) = key.first_mut() {
        *first = lang.choose("合计", "total").to_owned();
    }
    table.add_row(cells(&report.total, &key));
    for column in table.column_iter_mut().skip(report.by.len()) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

fn cells(row: &ReportRow, key: &[String]) -> Vec<String> {
    [key, &row.cells()[row.key.len()..]].concat()
}

/// A value as people call it; a dash where there is none, as for the categories of an ordinary person.
fn shown(value: &str, words: &BookWords) -> String {
    if value.is_empty() {
        return "–".to_owned();
    }
    let parts = value.split(crate::reports::chunk::CATEGORY_SEPARATOR).map(|part| words.word(part));
    parts.collect::<Vec<_>>().join(words.lang.choose("、", ", "))
}

/// The heading of a column, as people call it.
fn heading(name: &str, words: &BookWords) -> String {
    if let Some(pool) = name.strip_prefix("pool_") {
        return words.word(pool);
    }
    if let Some(payer) = name.strip_prefix("payer_") {
        return words.word(payer);
    }
    let known = HEADINGS.iter().find(|(known, ..)| *known == name);
    known.map_or(name, |(_, zh, en)| words.lang.choose(*zh, *en)).to_owned()
}

const HEADINGS: &[(&str, &str, &str)] = &[
    ("region", "参保地", "insured region"),
    ("city", "参保市", "insured city"),
    ("hospital_region", "就医地", "hospital's region"),
    ("hospital", "医疗机构", "hospital"),
    ("level", "级别", "level"),
    ("category", "人员类别", "category"),
    ("visit", "医疗类别", "visit"),
    ("insurance", "险种", "insurance"),
    ("year", "待遇年度", "benefit year"),
    ("policy", "政策", "policy"),
    ("payer", "支付方", "payer"),
    ("layer", "支付层", "layer"),
    ("day", "日期", "day"),
    ("month", "月份", "month"),
    ("person", "人员", "person"),
    ("settlements", "结算笔数", "settlements"),
    ("persons", "人数", "persons"),
    ("total", "医疗费总额", "total"),
    ("patient", "个人支付", "patient"),
    ("paid", "支付金额", "paid"),
];
