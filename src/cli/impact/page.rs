//! The impact as one page of HTML with charts. No script, nothing fetched from anywhere.

use crate::cli::output::chart::bars;
use crate::cli::output::html_page;
use crate::cli::output::statement::Lang;
use crate::cli::output::statement::escape::escaped;
use crate::domain::money::Money;
use crate::engine::impact::{Change, Impact, ImpactGroup, PersonChanges};

use super::Compared;
use super::table::{group_name, heading, persons_text, signed};

const MORE: &str = "#b3261e";
const LESS: &str = "#2e8b57";
const COUNT: &str = "#1f6feb";

/// The groups of a chart or table; the others are in the CSV file.
const GROUPS: usize = 40;

/// The page.
pub(super) fn html(compared: &Compared<'_>) -> String {
    let lang = compared.lang;
    let title = lang.choose("政策影响", "Impact of a policy");
    let mut page = format!("<h1>{title}</h1>\n<p>{}</p>\n", escaped(heading(compared).trim()));
    let Impact { total, persons, hospitals, categories, regions, .. } = compared.impact;
    page += &sums(persons, lang);
    section(
        &mut page,
        lang.choose("各支付方多付或少付（元）", "What each payer pays more or less, in yuan"),
        &payer_bars(compared, total),
    );
    section(&mut page, lang.choose("各支付方", "By payer"), &payer_table(compared, total));
    let by_change = bars(&change_counts(persons, lang), COUNT);
    section(
        &mut page,
        lang.choose("个人支付变化的人数分布（元）", "Persons by what they pay more or less, in yuan"),
        &by_change,
    );
    section(
        &mut page,
        lang.choose("人员", "Persons"),
        &persons_text(persons, lang).lines().map(|line| format!("<p>{}</p>\n", escaped(line))).collect::<String>(),
    );
    for (title, groups) in [
        (lang.choose("按医疗机构", "By hospital"), hospitals),
        (lang.choose("按人员类别", "By category"), categories),
        (lang.choose("按参保地区", "By insured region"), regions),
    ] {
        section(&mut page, title, &group_table(compared, groups.iter().map(|(key, group)| (&**key, group)).collect()));
    }
    html_page::document(lang, title, &page)
}

fn section(page: &mut String, title: &str, body: &str) {
    page.push_str(&format!("<h2>{}</h2>\n{body}\n", escaped(title)));
}

fn sums(persons: &PersonChanges, lang: Lang) -> String {
    let PersonChanges { gain, lose, same, .. } = persons;
    let sum = |label: &str, value: &u64| format!("<div><span>{label}</span><b>{value}</b></div>\n");
    let sums = [
        sum(lang.choose("少付的人", "persons who pay less"), gain),
        sum(lang.choose("多付的人", "persons who pay more"), lose),
        sum(lang.choose("不变的人", "persons who pay the same"), same),
    ];
    format!("<div class=\"sums\">{}</div>\n", sums.concat())
}

/// Bars of those who pay more, then of those who pay less.
fn payer_bars(compared: &Compared<'_>, total: &ImpactGroup) -> String {
    let lang = compared.lang;
    let patient = (lang.choose("个人", "patients").to_owned(), total.patient.difference());
    let payers = total.payers.iter().map(|(payer, change)| (compared.words.word(payer), change.difference()));
    let all: Vec<(String, Money)> = payers.chain([patient]).collect();
    let part = |is_more: bool| -> Vec<(String, u64)> {
        let chosen = all.iter().filter(|(_, by)| *by != Money::ZERO && (*by > Money::ZERO) == is_more);
        let yuan = |by: &Money| by.fen().unsigned_abs().div_ceil(100);
        chosen.map(|(name, by)| (format!("{name} {}", signed(*by)), yuan(by))).collect()
    };
    format!("{}{}", bars(&part(true), MORE), bars(&part(false), LESS))
}

fn change_counts(persons: &PersonChanges, lang: Lang) -> Vec<(String, u64)> {
    let [small, middle, large] = PersonChanges::BOUNDS;
    let (less, more, to) = (lang.choose("少付", "less by"), lang.choose("多付", "more by"), lang.choose("至", "to"));
    let ranges = |word: &str| {
        [
            format!("{word} 0 {to} {small}"),
            format!("{word} {small} {to} {middle}"),
            format!("{word} {middle} {to} {large}"),
            format!("{word} {} {large}", lang.choose("超过", "over")),
        ]
    };
    let mut labels: Vec<String> = ranges(less).into_iter().rev().collect();
    labels.push(lang.choose("不变", "the same").to_owned());
    labels.extend(ranges(more));
    labels.into_iter().zip(persons.by_change).collect()
}

fn payer_table(compared: &Compared<'_>, total: &ImpactGroup) -> String {
    let lang = compared.lang;
    let row = |name: &str, change: &Change| {
        let Change { before, after } = change;
        format!("<tr><td>{}<td>{before}<td>{after}<td>{}\n", escaped(name), signed(change.difference()))
    };
    let payers: String = total.payers.iter().map(|(payer, change)| row(&compared.words.word(payer), change)).collect();
    let patient = row(lang.choose("个人", "patients"), &total.patient);
    let head = [
        lang.choose("支付方", "payer"),
        lang.choose("原", "before"),
        lang.choose("新", "after"),
        lang.choose("差额", "difference"),
    ];
    table(&head, &(payers + &patient))
}

fn group_table(compared: &Compared<'_>, mut groups: Vec<(&str, &ImpactGroup)>) -> String {
    let lang = compared.lang;
    groups.sort_by_key(|(key, group)| (-group.patient.difference().fen().abs(), *key));
    let row = |(key, group): &(&str, &ImpactGroup)| {
        let payers: Money = group.payers.values().map(|change| change.difference()).sum();
        let (name, patient) = (group_name(compared, key), group.patient.difference());
        format!("<tr><td>{}<td>{}<td>{}<td>{}\n", escaped(&name), group.settlements, signed(payers), signed(patient))
    };
    let rows: String = groups.iter().take(GROUPS).map(row).collect();
    let head = [
        "",
        lang.choose("结算", "settlements"),
        lang.choose("基金等多付", "payers more"),
        lang.choose("个人多付", "patients more"),
    ];
    table(&head, &rows)
}

fn table(head: &[&str; 4], rows: &str) -> String {
    let head: String = head.iter().map(|cell| format!("<th>{}", escaped(cell))).collect();
    format!("<div class=\"scroll\"><table><tr>{head}\n{rows}</table></div>")
}
