//! The statistics as one page of HTML with charts. No script, nothing fetched from anywhere.

use crate::cli::output::chart::{Scale, Series, bars, lines};
use crate::cli::output::html_page;
use crate::cli::output::json::china_time;
use crate::cli::output::statement::Lang;
use crate::cli::output::statement::escape::escaped;
use crate::reports::poverty::{Group, Measures};

use super::Statistics;
use super::text::{layer_headings, layer_rows, ordinary_headings, tables};
use super::words::{above, headings, percent, region, span, title};

const COLORS: [&str; 8] = ["#1f6feb", "#2e8b57", "#c77700", "#b3261e", "#7b4fb5", "#0f8b8d", "#9aa5ad", "#5c4033"];

/// The page.
pub(super) fn html(statistics: &Statistics) -> String {
    let lang = statistics.lang;
    let sections =
        [charts_by_month(statistics), layers_and_thresholds(statistics), measures(statistics), named(statistics)];
    let sections: String = sections.iter().flatten().map(|one| one.html(lang)).collect();
    html_page::document(lang, title(lang), &format!("{}{sections}", head(statistics)))
}

/// A part of the page under a heading.
struct Section {
    zh: String,
    en: String,
    content: String,
}

impl Section {
    fn new(zh: impl Into<String>, en: impl Into<String>, content: String) -> Section {
        Section { zh: zh.into(), en: en.into(), content }
    }

    fn html(&self, lang: Lang) -> String {
        format!("<h2>{}</h2>\n{}\n", lang.choose(&self.zh, &self.en), self.content)
    }
}

/// The title, what is counted, and the sums.
fn head(statistics: &Statistics) -> String {
    let lang = statistics.lang;
    let as_of = statistics.poverty.end.as_of.map(china_time).unwrap_or_default();
    format!(
        "<h1>{}</h1>\n<p>{}; {} {}</p>\n{}",
        title(lang),
        escaped(&span(statistics)),
        lang.choose("截至", "as of"),
        escaped(&as_of),
        sums(statistics)
    )
}

/// Persons, and the shares after each layer, by month.
fn charts_by_month(statistics: &Statistics) -> Vec<Section> {
    let (lang, months) = (statistics.lang, months(statistics));
    let labels = labels(&months);
    let persons = [
        series(lang.choose("登记人数", "registered"), COLORS[6], &months, |measures| measures.registered as f64),
        series(lang.choose("救治人数", "treated"), COLORS[0], &months, |measures| measures.treated as f64),
        series(lang.choose("按普通人员结算", "settled as ordinary"), COLORS[3], &months, |measures| {
            measures.ordinary_persons as f64
        }),
    ];
    let (persons, shares) = (
        lines("persons", Scale::Linear, &persons, &labels),
        lines("shares", Scale::Linear, &shares(statistics, &months), &labels),
    );
    vec![
        Section::new("登记与救治人数（按月）", "Persons registered and treated, by month", persons),
        Section::new(
            "逐层支付后的实际报销比例（%，按月）",
            "Share of the bills paid after each layer, in percent, by month",
            shares,
        ),
    ]
}

/// The layers, and the persons above each threshold.
fn layers_and_thresholds(statistics: &Statistics) -> Vec<Section> {
    let all = statistics.poverty.groups.get(&Group::All).cloned().unwrap_or_default();
    let thresholds = statistics.question.thresholds.iter().zip(all.above);
    let thresholds = thresholds.map(|(threshold, persons)| (above(statistics.lang, &threshold.to_string()), persons));
    let thresholds: Vec<_> = thresholds.collect();
    let layers = rows(&layer_headings(statistics), layer_rows(statistics));
    vec![
        Section::new("各支付层支付前后", "Before and after each layer", layers),
        Section::new("个人支付超过限额的人数", "Persons who paid more than", bars(&thresholds, COLORS[3])),
    ]
}

/// The tables by month, city and county.
fn measures(statistics: &Statistics) -> Vec<Section> {
    let section = |(heading, table): (String, Vec<(String, Vec<String>)>)| {
        let heads: Vec<String> = std::iter::once(heading.clone()).chain(headings(statistics)).collect();
        let cells = table.into_iter().map(|(name, cells)| [vec![name], cells].concat());
        Section::new(format!("按{heading}"), format!("By {heading}"), rows(&heads, cells))
    };
    tables(statistics).into_iter().map(section).collect()
}

/// The persons who were settled as ordinary, if they are named.
fn named(statistics: &Statistics) -> Vec<Section> {
    if statistics.poverty.ordinary.is_empty() {
        return Vec::new();
    }
    let named = statistics.poverty.ordinary.iter().map(|one| {
        let (settlements, patient) = (one.settlements.to_string(), one.patient.to_string());
        [one.person_id.to_string(), region(&one.region), settlements, patient]
    });
    let table = rows(&ordinary_headings(statistics), named);
    vec![Section::new("登记人员名单比对", "Comparison with the registers", table)]
}

/// The measures of each month, in order.
fn months(statistics: &Statistics) -> Vec<(String, &Measures)> {
    let groups = statistics.poverty.groups.iter();
    let month = |(group, measures): (&Group, _)| match group {
        Group::Month(month) => Some((month.to_string(), measures)),
        _ => None,
    };
    groups.filter_map(|(group, measures)| month((group, measures))).collect()
}

/// Up to seven labels, the first and the last month among them.
fn labels(months: &[(String, &Measures)]) -> Vec<String> {
    let last = months.len().saturating_sub(1);
    let steps = last.clamp(1, 6);
    let label = |step: usize| months.get(last * step / steps).map(|(month, _)| month.clone());
    if last == 0 { (0..1).filter_map(label).collect() } else { (0..=steps).filter_map(label).collect() }
}

fn series(name: &str, color: &'static str, months: &[(String, &Measures)], of: impl Fn(&Measures) -> f64) -> Series {
    Series { name: name.to_owned(), color, values: months.iter().map(|(_, measures)| of(measures)).collect() }
}

/// A line for each layer: the share of the bills that it and those before it paid.
fn shares(statistics: &Statistics, months: &[(String, &Measures)]) -> Vec<Series> {
    let layers = statistics.poverty.layers.iter().enumerate();
    let after = |measures: &Measures, at: usize| {
        let after = measures.shares().get(at).and_then(|(_, after)| *after);
        after.map_or(f64::NAN, |share| share as f64 / 10.0)
    };
    layers
        .map(|(at, layer)| series(&layer.id, COLORS[at % COLORS.len()], months, |measures| after(measures, at)))
        .collect()
}

fn sums(statistics: &Statistics) -> String {
    let (lang, all) = (statistics.lang, statistics.poverty.groups.get(&Group::All).cloned().unwrap_or_default());
    let sum = |zh: &str, en: &str, value: String, is_bad: bool| {
        let class = if is_bad { " class=\"bad\"" } else { "" };
        format!("<div{class}><span>{}</span><b>{}</b></div>\n", lang.choose(zh, en), escaped(&value))
    };
    let sums = [
        sum("登记人数", "registered", all.registered.to_string(), false),
        sum("救治人数", "treated", all.treated.to_string(), false),
        sum("医疗费总额（元）", "total, yuan", all.total.to_string(), false),
        sum("实际报销比例", "share paid", percent(all.share_paid()), false),
        sum("个人支付（元）", "patient, yuan", all.patient.to_string(), false),
        sum("按普通人员结算人数", "settled as ordinary", all.ordinary_persons.to_string(), all.ordinary_persons > 0),
        sum("退出人数", "removed", all.removed.to_string(), false),
    ];
    format!("<div class=\"sums\">{}</div>\n", sums.concat())
}

fn rows(headings: &[impl AsRef<str>], rows: impl IntoIterator<Item = impl IntoIterator<Item = String>>) -> String {
    let heads: String = headings.iter().map(|heading| format!("<th>{}", escaped(heading.as_ref()))).collect();
    let row = |cells: String| format!("<tr>{cells}\n");
    let cells = rows.into_iter().map(|cells| cells.into_iter().map(|cell| format!("<td>{}", escaped(&cell))).collect());
    format!(
        "<div class=\"scroll\"><table class=\"wrap\"><tr>{heads}\n{}</table></div>",
        cells.map(row).collect::<String>()
    )
}
