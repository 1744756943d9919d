//! `onestop policy diff`: what a change of policy files changes, figure by figure, as a table for people.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use comfy_table::ColumnConstraint::LowerBoundary;
use comfy_table::Width;
use serde_json::json;
use unicode_width::UnicodeWidthStr;

use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::line::write_page;
use crate::cli::output::statement::{BookWords, Lang};
use crate::cli::output::table_page::{PageTable, TablePage};
use crate::domain::policy::{Layer, Policy};
use crate::policy::Book;
use crate::say;
use crate::server::run::load_book;

use super::policy_circumstances::{Place, circumstances_of, describe_places};
use super::policy_figures::{days_text, figures, policy_figures};
use super::terminal::{WIDTH, table, wrapped};

/// The two books.
#[derive(clap::Args, Debug)]
pub(crate) struct PolicyDiffOptions {
    /// The old and the new directory of policy files; with one, the shipped policies are the old ones
    #[arg(required = true, num_args = 1..=2, value_name = "DIR")]
    directories: Vec<PathBuf>,
    /// The language; that of the environment unless given
    #[arg(long)]
    lang: Option<Lang>,
    /// Write the differences as an HTML page to this file
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    html: Option<PathBuf>,
}

impl PolicyDiffOptions {
    /// The language of what is printed.
    pub(crate) fn lang(&self) -> Lang {
        self.lang.unwrap_or_else(Lang::from_environment)
    }
}

/// A figure that differs: its name, its old and its new text.
type Difference = (&'static str, String, String);

/// The circumstances in which a figure differs, by the category of the person; `None` is an ordinary person.
type Where = BTreeMap<Option<String>, BTreeSet<Place>>;

/// Prints what differs between two books, or writes it as a page.
///
/// # Errors
/// If a book is refused, or the page cannot be written.
pub(crate) fn print_policy_diff(options: &PolicyDiffOptions, json: bool) -> CommandResult {
    let lang = options.lang();
    let load = |path| load_book(path).map_err(|faults| lang.faults(faults));
    let (old, new) = match &options.directories[..] {
        [old, new] => (load(Some(old))?, load(Some(new))?),
        one => (load(None)?, load(one.first().map(PathBuf::as_path))?),
    };
    let found = Differences::new(&old, &new, lang)?;
    match &options.html {
        _ if json => found.print_json(),
        Some(file) => std::fs::write(file, found.page().html()).map_err(CommandError::file(file))?,
        None => write_page(&found.text()),
    }
    Ok(())
}

/// What differs between two books, as text that fits a terminal of 100 columns.
///
/// # Errors
/// If a figure is not exact; a checked book has no such circumstances.
pub fn policy_diff_text(old: &Book, new: &Book, lang: Lang) -> Result<String, CommandError> {
    Ok(Differences::new(old, new, lang)?.text())
}

/// What differs between two books.
struct Differences<'a> {
    lang: Lang,
    removed: Vec<&'a Policy>,
    added: Vec<&'a Policy>,
    /// By policy and layer.
    rows: Vec<DifferenceRow>,
}

/// Policy, layer, for whom and where, figure, old and new.
type DifferenceRow = [String; 6];

impl<'a> Differences<'a> {
    fn new(old: &'a Book, new: &'a Book, lang: Lang) -> Result<Differences<'a>, CommandError> {
        let words = BookWords::of_vocabulary(lang, new.vocabulary());
        let words = words.or(BookWords::of_vocabulary(lang, old.vocabulary()));
        let rows = PolicyDiff { old, new, words }.rows()?;
        Ok(Differences { lang, removed: only_in(old, new), added: only_in(new, old), rows })
    }

    /// A line for each policy that only one book has, and one if no figure differs.
    fn lines(&self) -> Vec<String> {
        let lang = self.lang;
        let line = |sign: &str, policy: &Policy| {
            let days = days_text(policy.rule.in_force, lang);
            format!("{sign}: {} · {} · {days}", policy.reference.id, policy.rule.title)
        };
        let removed = self.removed.iter().map(|policy| line(lang.choose("删除", "removed"), policy));
        let added = self.added.iter().map(|policy| line(lang.choose("新增", "added"), policy));
        let none = lang.choose("两者都有的政策：数值无差异", "no figure differs in the policies that both have");
        removed.chain(added).chain(self.rows.is_empty().then(|| none.to_owned())).collect()
    }

    /// The columns of a table: layer, for whom and where, figure, old and new.
    fn columns(&self) -> [&'static str; 5] {
        self.lang.choose(["层", "适用于", "项目", "原值", "新值"], ["layer", "for", "figure", "old", "new"])
    }

    /// The rows of each policy, under its id.
    fn by_policy(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = &[String]>)> {
        let policies = self.rows.chunk_by(|one, other| one[0] == other[0]);
        policies.filter_map(|rows| Some((rows.first()?[0].as_str(), rows.iter().map(|row| &row[1..]))))
    }

    /// The lines, and a table for each policy.
    fn text(&self) -> String {
        let mut lines: Vec<String> = self.lines().iter().flat_map(|line| wrapped(line)).collect();
        let layer = self.rows.iter().map(|[_, layer, ..]| layer.width()).max().unwrap_or_default();
        // The name of a layer stands on one line, with a blank on either side.
        let width = Width::Fixed(u16::try_from(layer + 2).unwrap_or(u16::MAX).min(WIDTH / 3));
        for (policy, rows) in self.by_policy() {
            let mut table = table(self.columns());
            table.add_rows(rows);
            table.column_iter_mut().take(1).for_each(|column| _ = column.set_constraint(LowerBoundary(width)));
            lines.extend([policy.to_owned(), table.to_string()]);
        }
        lines.join("\n")
    }

    /// The page: the lines, and a table for each policy.
    fn page(&self) -> TablePage {
        let columns = self.columns().map(str::to_owned).to_vec();
        let tables = self.by_policy().map(|(policy, rows)| PageTable {
            heading: policy.to_owned(),
            columns: columns.clone(),
            rows: rows.map(<[String]>::to_vec).collect(),
        });
        let title = self.lang.choose("政策差异", "Differences of policies").to_owned();
        TablePage { lang: self.lang, title, lines: self.lines(), tables: tables.collect() }
    }

    fn print_json(&self) {
        for (change, policies) in [("removed", &self.removed), ("added", &self.added)] {
            policies.iter().for_each(|policy| say!("{}", json!({ "change": change, "policy": policy.reference.id })));
        }
        for [policy, layer, who, figure, old, new] in &self.rows {
            let row = json!({
                "change": "figure", "policy": policy, "layer": layer, "for": who, "figure": figure, "old": old, "new": new,
            });
            say!("{row}");
        }
    }
}

/// The policies of a book that the other does not have.
fn only_in<'a>(book: &'a Book, other: &Book) -> Vec<&'a Policy> {
    let policies = book.policies().iter().map(|policy| &**policy);
    policies.filter(|policy| other.get(&policy.reference.id).is_none()).collect()
}

struct PolicyDiff<'a> {
    old: &'a Book,
    new: &'a Book,
    words: BookWords,
}

impl PolicyDiff<'_> {
    /// The differences of the policies that both books have, by policy and layer.
    fn rows(&self) -> Result<Vec<DifferenceRow>, CommandError> {
        let mut rows = Vec::new();
        for new in self.new.policies() {
            let Some(old) = self.old.get(&new.reference.id) else { continue };
            if old.reference.digest == new.reference.digest {
                continue;
            }
            rows.extend(self.policy_rows(old, new)?);
        }
        Ok(rows)
    }

    fn policy_rows(&self, old: &Policy, new: &Policy) -> Result<Vec<DifferenceRow>, CommandError> {
        let id = &new.reference.id;
        let days = |policy: &Policy| days_text(policy.rule.in_force, self.words.lang);
        let row =
            |figure: String, old: String, new: String| [id.to_string(), String::new(), String::new(), figure, old, new];
        let mut rows = Vec::new();
        if days(old) != days(new) {
            rows.push(row(self.words.lang.choose("执行期限", "in force").to_owned(), days(old), days(new)));
        }
        let figures = [old, new].map(|policy| policy_figures(&policy.rule, &self.words));
        let differing = differences(&figures[0], &figures[1]).into_iter();
        rows.extend(differing.map(|(figure, old, new)| row(figure.to_owned(), old, new)));
        let order = |policy: &Policy| policy.layers.iter().map(|layer| layer.head.id.to_string()).collect::<Vec<_>>();
        let (before, after) = (order(old), order(new));
        if before != after {
            rows.push(row(
                self.words.lang.choose("各层顺序", "order of layers").to_owned(),
                before.join("\n"),
                after.join("\n"),
            ));
        }
        for layer in before.iter().filter(|layer| !after.contains(layer)).chain(&after) {
            let find = |policy: &'_ Policy| policy.layers.iter().position(|known| *known.head.id == **layer);
            let layers = (find(old).map(|at| &old.layers[at]), find(new).map(|at| &new.layers[at]));
            rows.extend(self.layer_rows(id, layer, layers)?);
        }
        if rows.is_empty() {
            // The digests differ, so that something does.
            let figure = self.words.lang.choose("其他内容", "other text").to_owned();
            let digest = |policy: &Policy| policy.reference.digest.to_string();
            rows.push(row(figure, digest(old), digest(new)));
        }
        Ok(rows)
    }

    fn layer_rows(
        &self,
        policy: &str,
        id: &str,
        (old, new): (Option<&Layer>, Option<&Layer>),
    ) -> Result<Vec<DifferenceRow>, CommandError> {
        let both: Vec<&Layer> = old.into_iter().chain(new).collect();
        let all = circumstances_of(&both, [self.old, self.new].map(|book| &**book.vocabulary()));
        let mut found: BTreeMap<(usize, Difference), Where> = BTreeMap::new();
        for (category, place, key) in &all {
            let terms = |layer: Option<&Layer>| layer.map(|layer| figures(layer, key, &self.words)).transpose();
            let (before, after) =
                (terms(old)?.flatten().unwrap_or_default(), terms(new)?.flatten().unwrap_or_default());
            for (at, difference) in differences(&before, &after).into_iter().enumerate() {
                let places = found.entry((at, difference)).or_default().entry(category.clone()).or_default();
                places.insert(place.clone());
            }
        }
        let places: BTreeSet<Place> = all.iter().map(|(_, place, _)| place.clone()).collect();
        let categories = all.iter().map(|(category, ..)| category).collect::<BTreeSet<_>>().len();
        let mut rows = Vec::new();
        for ((_, (figure, old, new)), found) in found {
            let mut by_place: BTreeMap<BTreeSet<Place>, Vec<Option<String>>> = BTreeMap::new();
            found.into_iter().for_each(|(category, places)| by_place.entry(places).or_default().push(category));
            for (of, who) in by_place {
                let who = if who.len() == categories { Vec::new() } else { who };
                let on = self.describe(&who, &of, &places);
                rows.push([policy.to_owned(), id.to_owned(), on, figure.to_owned(), old.clone(), new.clone()]);
            }
        }
        Ok(rows)
    }

    /// For whom and where; `who` is empty for everybody.
    fn describe(&self, who: &[Option<String>], places: &BTreeSet<Place>, all: &BTreeSet<Place>) -> String {
        let word = |word: &str| self.words.word(word);
        let ordinary = || self.words.lang.choose("未另列的其他人员", "everyone not named otherwise").to_owned();
        let who: Vec<String> = who.iter().map(|who| who.as_deref().map_or_else(ordinary, word)).collect();
        let parts = [who.join(self.words.lang.choose("、", ", ")), describe_places(places, all, &word)];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        if parts.is_empty() { self.words.lang.choose("所有人", "everybody").to_owned() } else { parts.join(" · ") }
    }
}

/// The figures whose texts differ; a figure that one side does not have is a dash there.
fn differences(old: &[(&'static str, String)], new: &[(&'static str, String)]) -> Vec<Difference> {
    let names: Vec<&'static str> = if new.is_empty() { old } else { new }.iter().map(|(name, _)| *name).collect();
    let text = |side: &[(&'static str, String)], name: &str| {
        side.iter().find(|(known, _)| *known == name).map_or_else(|| "–".to_owned(), |(_, text)| text.clone())
    };
    let compared = names.into_iter().map(|name| (name, text(old, name), text(new, name)));
    compared.filter(|(_, old, new)| old != new).collect()
}
