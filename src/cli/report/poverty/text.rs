//! The statistics as tables of text: by month, by city, by county, the layers in the order of payment.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use crate::cli::output::statement::BookWords;
use crate::domain::money::Money;
use crate::reports::poverty::{Group, Measures};

use super::Statistics;
use super::words::{headings, percent, region, span, title};

/// The whole text.
pub(super) fn text(statistics: &Statistics) -> String {
    let lang = statistics.lang;
    let mut text = format!("{}\n{}\n\n", title(lang), span(statistics));
    for (heading, rows) in tables(statistics) {
        text += &format!("{}\n", table(&heading, &headings(statistics), rows));
    }
    text += &format!("{}\n", layers(statistics));
    if !statistics.poverty.ordinary.is_empty() {
        text += &format!("{}\n", ordinary(statistics));
    }
    text
}

/// What a row stands for, and its cells.
type NamedCells = (String, Vec<String>);

/// The tables by month, city and county, each with its first heading and its rows.
pub(super) fn tables(statistics: &Statistics) -> Vec<(String, Vec<NamedCells>)> {
    let lang = statistics.lang;
    let of = |select: fn(&Group) -> Option<String>| {
        let groups = statistics.poverty.groups.iter();
        let rows = groups.filter_map(|(group, measures)| Some((select(group)?, cells(measures))));
        let mut rows: Vec<_> = rows.collect();
        let all = statistics.poverty.groups.get(&Group::All).cloned().unwrap_or_default();
        rows.push((lang.choose("合计", "all").to_owned(), cells(&all)));
        rows
    };
    vec![
        (
            lang.choose("月份", "month").to_owned(),
            of(|group| match group {
                Group::Month(month) => Some(month.to_string()),
                _ => None,
            }),
        ),
        (
            lang.choose("参保市", "city").to_owned(),
            of(|group| match group {
                Group::City(city) => Some(region(city)),
                _ => None,
            }),
        ),
        (
            lang.choose("参保县", "county").to_owned(),
            of(|group| match group {
                Group::County(county) => Some(region(county)),
                _ => None,
            }),
        ),
    ]
}

/// The cells of the measures.
pub(super) fn cells(measures: &Measures) -> Vec<String> {
    let mut cells = vec![
        measures.registered.to_string(),
        measures.treated.to_string(),
        measures.settlements.to_string(),
        measures.total.to_string(),
        (measures.total - measures.patient).to_string(),
        percent(measures.share_paid()),
        measures.patient.to_string(),
    ];
    cells.extend(measures.above.iter().map(u64::to_string));
    cells.extend([measures.ordinary_persons.to_string(), measures.removed.to_string()]);
    cells
}

/// The layers with what each pays, and the share of the bills before and after it.
pub(super) fn layer_rows(statistics: &Statistics) -> Vec<[String; 5]> {
    let words = BookWords::shipped(statistics.lang);
    let all = statistics.poverty.groups.get(&Group::All).cloned().unwrap_or_default();
    let layers = statistics.poverty.layers.iter().zip(&all.layers).zip(all.shares());
    let row = |((layer, paid), (before, after)): ((&crate::reports::poverty::PovertyLayer, &Money), _)| {
        [layer.id.to_string(), words.word(&layer.payer), paid.to_string(), percent(before), percent(after)]
    };
    layers.map(row).collect()
}

/// The headings of the layers.
pub(super) fn layer_headings(statistics: &Statistics) -> [&'static str; 5] {
    statistics.lang.choose(
        ["支付层", "支付方", "支付金额", "支付前报销比例", "支付后报销比例"],
        ["layer", "payer", "paid", "share before", "share after"],
    )
}

fn layers(statistics: &Statistics) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(layer_headings(statistics));
    for row in layer_rows(statistics) {
        table.add_row(row);
    }
    right(&mut table, 2);
    table
}

/// The headings of the persons who were settled as ordinary.
pub(super) fn ordinary_headings(statistics: &Statistics) -> [&'static str; 4] {
    statistics.lang.choose(
        ["按普通人员结算的登记人员", "参保地", "结算笔数", "个人支付"],
        ["on a register, settled as ordinary", "insured region", "settlements", "patient"],
    )
}

fn ordinary(statistics: &Statistics) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(ordinary_headings(statistics));
    for one in &statistics.poverty.ordinary {
        let (settlements, patient) = (one.settlements.to_string(), one.patient.to_string());
        table.add_row([one.person_id.to_string(), region(&one.region), settlements, patient]);
    }
    right(&mut table, 2);
    table
}

fn table(heading: &str, headings: &[String], rows: Vec<NamedCells>) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(std::iter::once(heading).chain(headings.iter().map(String::as_str)));
    for (name, cells) in rows {
        table.add_row(std::iter::once(name).chain(cells));
    }
    right(&mut table, 1);
    table
}

fn right(table: &mut Table, from: usize) {
    table.column_iter_mut().skip(from).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
}
