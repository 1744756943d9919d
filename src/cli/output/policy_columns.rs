//! The terms of a layer as a table: a row for each figure and level of hospital, a column for each group of persons.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};

use crate::cli::exit::CommandError;
use crate::cli::output::statement::BookWords;
use crate::domain::policy::Layer;
use crate::domain::resolution::resolve_terms;
use crate::domain::terms::{Terms, TermsKey};
use crate::domain::words::{Categories, Level};

use super::policy_figures::{bands, caps, deductible, word};

/// The number of figures of a layer.
const FIGURES: usize = 4;

/// Persons who have a column.
pub(super) struct Column {
    /// What they are called.
    pub(super) label: String,
    /// The categories that they hold.
    pub(super) categories: Categories,
}

/// How and where a table is shown.
pub(super) struct Terminal<'a> {
    pub(super) words: &'a BookWords,
    pub(super) levels: &'a [Level],
    pub(super) width: usize,
}

/// The figures of a column at one level of hospital.
type Figures = [String; FIGURES];

/// Columns with the same figures at every level; none where the layer does not apply.
struct Group<'a> {
    labels: Vec<&'a str>,
    levels: Option<Vec<Figures>>,
}

/// The table of a layer; `None` if it applies to nobody. `key` gives the circumstances of a level and a column.
///
/// # Errors
/// If a figure is not exact; a checked book has no such circumstances.
pub(super) fn layer_table(
    layer: &Layer,
    columns: &[Column],
    terminal: &Terminal<'_>,
    key: impl Fn(&Level, &Column) -> TermsKey,
) -> Result<Option<String>, CommandError> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for column in columns {
        let keys: Vec<_> = terminal.levels.iter().map(|level| key(level, column)).collect();
        let levels = column_figures(layer, &keys, terminal.words)?;
        match groups.iter_mut().find(|group| group.levels == levels) {
            Some(group) => group.labels.push(&column.label),
            None => groups.push(Group { labels: vec![&column.label], levels }),
        }
    }
    if groups.iter().all(|group| group.levels.is_none()) {
        return Ok(None);
    }
    let mut table = Table::new();
    let width = u16::try_from(terminal.width).unwrap_or(u16::MAX);
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table.set_header(header(&groups, columns.len(), terminal.words));
    table.add_rows(rows(&groups, terminal));
    Ok(Some(table.to_string()))
}

/// The figures at each level; `None` if the layer applies at none.
fn column_figures(layer: &Layer, keys: &[TermsKey], words: &BookWords) -> Result<Option<Vec<Figures>>, CommandError> {
    if keys.iter().all(|key| layer.skip_by_circumstances(key).is_some()) {
        return Ok(None);
    }
    let figures = |key: &TermsKey| {
        if layer.skip_by_circumstances(key).is_some() {
            return Ok(std::array::from_fn(|_| "–".to_owned()));
        }
        let terms = resolve_terms(&layer.rule, key).map_err(|inexact| CommandError::Usage(inexact.to_string()))?;
        Ok([
            mark_assumed(&terms, &["prior_self_pay"], terms.prior_self_pay.percent()),
            mark_assumed(&terms, &["deductible"], deductible(&terms, words)),
            mark_assumed(&terms, &["rate", "bands"], bands(&terms, words.lang)),
            mark_assumed(&terms, &["cap"], caps(&terms, words)),
        ])
    };
    keys.iter().map(figures).collect::<Result<Vec<_>, CommandError>>().map(Some)
}

fn header(groups: &[Group<'_>], columns: usize, words: &BookWords) -> Vec<String> {
    let label = |group: &Group<'_>| match group.labels.len() {
        all if all == columns && columns > 1 => words.lang.choose("所有人", "everybody").to_owned(),
        _ => group.labels.join(words.lang.choose("、", ", ")),
    };
    [String::new()].into_iter().chain(groups.iter().map(label)).collect()
}

/// A row for each figure, or where a group's differ by level, one for each level.
fn rows(groups: &[Group<'_>], terminal: &Terminal<'_>) -> Vec<Vec<String>> {
    let lang = terminal.words.lang;
    let names: [&str; FIGURES] =
        lang.choose(["先行自付", "起付线", "支付比例", "封顶线"], ["patient first", "deductible", "bands", "cap"]);
    let nothing = lang.choose("不适用", "does not apply");
    let cell = |group: &Group<'_>, level: usize, figure: usize| {
        let figures = group.levels.as_ref().and_then(|levels| levels.get(level));
        figures.map_or_else(|| nothing.to_owned(), |figures| figures[figure].clone())
    };
    let mut rows = Vec::new();
    for (figure, name) in names.into_iter().enumerate() {
        let agrees = |group: &Group<'_>| {
            (1..terminal.levels.len()).all(|level| cell(group, level, figure) == cell(group, 0, figure))
        };
        if groups.iter().all(agrees) {
            rows.push([name.to_owned()].into_iter().chain(groups.iter().map(|group| cell(group, 0, figure))).collect());
            continue;
        }
        for (at, level) in terminal.levels.iter().enumerate() {
            let label = format!("{name} · {}", word(terminal.words, level.as_str()));
            rows.push([label].into_iter().chain(groups.iter().map(|group| cell(group, at, figure))).collect());
        }
    }
    rows
}

/// The figure, marked with * if it is assumed.
fn mark_assumed(terms: &Terms, keys: &[&str], text: String) -> String {
    let assumed = terms.assumed.iter().any(|assumed| keys.contains(&&**assumed));
    if assumed { format!("{text} *") } else { text }
}
