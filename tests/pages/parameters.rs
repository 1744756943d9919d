//! The page of the figures names every file, source and layer as the files do, and no figure that is not theirs.

use std::collections::BTreeSet;

use onestop::domain::rule::{LayerRule, PolicyRule};
use onestop::policy::{Book, shipped};
use serde_json::Value;

const PAGE: &str = include_str!("../../deploy/policies/parameters.md");

/// The part of the page below a heading, until the next one.
fn part(heading: &str) -> &'static str {
    let (_, part) = PAGE.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("{heading} is missing"));
    part.split("\n## ").next().unwrap_or_default()
}

/// The cells of the rows of the tables of a part, without their heads.
fn rows(part: &str) -> Vec<Vec<&str>> {
    let lines = part.lines().filter_map(|line| line.strip_prefix('|'));
    let cells = lines.map(|line| line.trim_end_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    cells.filter(|cells| !["layer", "key", "---"].contains(&cells[0])).collect()
}

fn shipped_book() -> Book {
    shipped::book().expect("the shipped book")
}

/// A figure in millionths, of yuan or of one; a percentage is a share.
fn millionths(text: &str) -> Option<i64> {
    let (number, places) = text.strip_suffix('%').map_or((text, 6), |share| (share, 4));
    let number = number.replace([',', '-'], "");
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    if fraction.len() > places {
        return None;
    }
    format!("{whole}{fraction:0<places$}").parse().ok()
}

/// The figures of a text: words that begin with a digit and have no letter, such as 12,000, 92.5% and 0.8.
fn figures(text: &str) -> Vec<&str> {
    let words = text.split(|sign: char| sign.is_whitespace() || "();·".contains(sign));
    let words = words.map(|word| word.trim_end_matches([',', ':', '.'])).filter(|word| !word.contains('-'));
    words.filter(|word| word.starts_with(|first: char| first.is_ascii_digit())).collect()
}

/// Every figure in a layer, its entries and its dates.
fn figures_of(value: &Value, found: &mut BTreeSet<i64>) {
    match value {
        Value::String(text) => found.extend(millionths(text)),
        Value::Number(number) => found.extend(millionths(&number.to_string())),
        Value::Array(values) => values.iter().for_each(|value| figures_of(value, found)),
        Value::Object(values) => values.values().for_each(|value| figures_of(value, found)),
        Value::Bool(_) | Value::Null => {}
    }
}

/// The keys of the sources that a layer and its entries cite.
fn cited_keys(layer: &LayerRule) -> BTreeSet<String> {
    let when = layer.when.iter().flat_map(|entry| &entry.change.cites);
    let for_ = layer.for_.iter().flat_map(|entry| &entry.change.cites);
    let cites = layer.cites.iter().chain(when).chain(for_);
    cites.filter_map(|cite| Some(cite.source.split_once('#')?.1.to_owned())).collect()
}

fn layer<'a>(rule: &'a PolicyRule, id: &str) -> (usize, &'a LayerRule) {
    let found = rule.layers.iter().enumerate().find(|(_, layer)| &*layer.id == id);
    found.unwrap_or_else(|| panic!("{} has no layer {id}", rule.id))
}

#[test]
fn the_page_of_figures_has_a_part_for_every_file_in_order() {
    let headings = PAGE.lines().filter_map(|line| line.strip_prefix("## `")?.strip_suffix('`'));
    let files = shipped::FILES.iter().map(|(file, _)| file.trim_end_matches(".toml"));
    assert!(headings.eq(files));
}

#[test]
fn the_layers_and_payers_of_the_page_of_figures_are_those_of_the_files_in_order() {
    let book = shipped_book();
    for rule in book.rules() {
        let mut before = None;
        for row in rows(part(&format!("`{}`", rule.id))) {
            let (at, layer) = layer(rule, row[0]);
            assert_eq!(row[1], &*layer.payer, "{} {}", rule.id, row[0]);
            assert!(before < Some(at), "{} {} is out of order", rule.id, row[0]);
            before = Some(at);
        }
    }
    for (file, _) in
        shipped::FILES.iter().filter(|(file, _)| !file.starts_with("rizhao") && !file.starts_with("yanzhou"))
    {
        let id = file.trim_end_matches(".toml");
        let carried_over = ["shandong-2018", "shandong-2019"].contains(&id);
        let listed = rows(part(&format!("`{id}`"))).len();
        assert!(carried_over || listed == book.get(id).expect("the policy").layers.len(), "{id} lists {listed} layers");
    }
}

#[test]
fn every_figure_of_the_page_of_figures_is_in_its_layer() {
    let (book, mut compared) = (shipped_book(), 0);
    for rule in book.rules() {
        for row in rows(part(&format!("`{}`", rule.id))) {
            let (_, layer) = layer(rule, row[0]);
            let mut known = BTreeSet::new();
            figures_of(&serde_json::to_value(layer).expect("JSON"), &mut known);
            for figure in row[2..row.len() - 1].iter().flat_map(|cell| figures(cell)) {
                let of_a_year = figure == "2018" || figure == "2019";
                assert!(
                    of_a_year || millionths(figure).is_some_and(|figure| known.contains(&figure)),
                    "{} {}: {figure}",
                    rule.id,
                    row[0]
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 200, "{compared} figures");
}

#[test]
fn the_sources_of_the_page_of_figures_are_those_that_the_files_cite() {
    let (book, mut cited) = (shipped_book(), BTreeSet::new());
    for rule in book.rules() {
        let keys: Vec<_> = rule.layers.iter().map(cited_keys).collect();
        cited.extend(keys.into_iter().flatten());
        for row in rows(part(&format!("`{}`", rule.id))) {
            let of_layer = cited_keys(layer(rule, row[0]).1);
            for key in row[row.len() - 1].split(", ") {
                assert!(of_layer.contains(key), "{} {} cites {key}", rule.id, row[0]);
            }
        }
    }
    let listed: BTreeSet<_> =
        rows(part("Sources")).iter().flat_map(|row| row[0].split(", ")).map(str::to_owned).collect();
    assert_eq!(listed, cited);
}
