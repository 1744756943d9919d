//! `onestop policy show`: what a policy pays, as a table for each layer, within 100 columns of a terminal. The columns are the
//! categories of persons; those with the same terms share one.

use crate::cli::error::word::UnknownWord;
use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::line::write_page;
use crate::cli::output::statement::{BookWords, Lang};
use crate::domain::fixed_words::{BenefitYear, Locality, Referral};
use crate::domain::policy::{Layer, Policy};
use crate::domain::resolution::resolve_terms;
use crate::domain::terms::TermsKey;
use crate::domain::words::{Categories, Category, Level};
use crate::say;

use super::policy_columns::{Column, Terminal, layer_table};
use super::policy_figures::{days_text, period_text, word};
use super::terminal::{WIDTH, wrapped};

/// The circumstances for which the terms of a policy are printed.
#[derive(clap::Args, Debug)]
pub(crate) struct PolicyTermsOptions {
    /// A category of the person, by its word or its Chinese name; may be repeated for a person who holds several. Without
    /// it, each category has a column
    #[arg(long = "category")]
    categories: Vec<String>,
    /// county, city, province or elsewhere
    #[arg(long, default_value = "county", value_parser = locality)]
    locality: Locality,
    /// registered, emergency or none
    #[arg(long, default_value = "none", value_parser = referral)]
    referral: Referral,
    /// The language; that of the environment unless given
    #[arg(long)]
    lang: Option<Lang>,
}

fn locality(word: &str) -> Result<Locality, UnknownWord> {
    Locality::from_word(word).ok_or_else(|| unknown_word(Locality::ALL.iter().map(|c| c.as_str())))
}

fn referral(word: &str) -> Result<Referral, UnknownWord> {
    Referral::from_word(word).ok_or_else(|| unknown_word(Referral::ALL.iter().map(|c| c.as_str())))
}

fn unknown_word(known: impl Iterator<Item = &'static str>) -> UnknownWord {
    UnknownWord { known: known.collect() }
}

impl PolicyTermsOptions {
    /// The language.
    pub(crate) fn lang(&self) -> Lang {
        self.lang.unwrap_or_else(Lang::from_environment)
    }
}

/// A policy with the words of its book.
pub(crate) struct ShownPolicy<'a> {
    /// The policy.
    pub(crate) policy: &'a Policy,
    /// The levels of hospitals of its book.
    pub(crate) levels: Vec<Level>,
    /// The categories of persons of its book.
    pub(crate) categories: Vec<Category>,
    /// What people call them.
    pub(crate) words: BookWords,
}

/// Prints the terms of a policy under these circumstances.
///
/// # Errors
/// If the book has no such category.
pub(crate) fn print_policy_terms(shown: &ShownPolicy<'_>, options: &PolicyTermsOptions, json: bool) -> CommandResult {
    if json {
        say!("{}", shown.policy.canonical);
        return Ok(());
    }
    let columns = shown.columns(&options.categories)?;
    shown.print_heading(options);
    for layer in &shown.policy.layers {
        say!("");
        shown.layer_heading(layer).iter().for_each(|line| wrapped(line).iter().for_each(|line| say!("{line}")));
        let terminal = Terminal { words: &shown.words, levels: &shown.levels, width: WIDTH.into() };
        let key = |level: &Level, column: &Column| shown.key(options, level, &column.categories);
        match layer_table(layer, &columns, &terminal, key)? {
            Some(table) => write_page(&table),
            None => say!("  {}", shown.words.lang.choose("不适用于所示情形", "does not apply in these circumstances")),
        }
    }
    say!("");
    let sources = shown.sources(options, &columns)?;
    sources.iter().flat_map(|source| wrapped(source)).for_each(|line| say!("{line}"));
    Ok(())
}

impl ShownPolicy<'_> {
    /// A column for each category, or one for a person who holds those that are named.
    fn columns(&self, named: &[String]) -> Result<Vec<Column>, CommandError> {
        let lang = self.words.lang;
        if !named.is_empty() {
            let held = named.iter().map(|name| self.category(name)).collect::<Result<Vec<_>, _>>()?;
            let label: Vec<_> = held.iter().map(|category| self.words.word(category.as_str())).collect();
            return Ok(vec![Column { label: label.join(" + "), categories: held.into_iter().collect() }]);
        }
        let ordinary = lang.choose("普通参保人", "an ordinary person").to_owned();
        let ordinary = Column { label: ordinary, categories: Categories::default() };
        let each = self.categories.iter().map(|category| Column {
            label: self.words.word(category.as_str()),
            categories: [category.clone()].into_iter().collect(),
        });
        Ok([ordinary].into_iter().chain(each).collect())
    }

    /// The category with this word or Chinese name.
    fn category(&self, name: &str) -> Result<Category, CommandError> {
        let is_meant = |category: &&Category| category.as_str() == name || self.words.word(category.as_str()) == name;
        let found = self.categories.iter().find(is_meant).cloned();
        found.ok_or_else(|| {
            let known = self.categories.iter().map(|known| match (known.as_str(), self.words.word(known.as_str())) {
                (word, name) if name == word => word.to_owned(),
                (word, name) => self.words.lang.choose(format!("{word}（{name}）"), format!("{word} ({name})")),
            });
            let known: Vec<_> = known.collect();
            let known = known.join(self.words.lang.choose("、", ", "));
            CommandError::Usage(match self.words.lang {
                Lang::En => format!("the vocabulary has no category `{name}`; it has {known}"),
                Lang::Zh => format!("词汇表没有名为 `{name}` 的人员类别；已知：{known}"),
            })
        })
    }

    fn print_heading(&self, options: &PolicyTermsOptions) {
        let (policy, lang) = (self.policy, self.words.lang);
        let (in_force, year) = (policy.rule.in_force, policy.rule.benefit_year);
        let (locality, referral) = (options.locality, options.referral);
        say!("{} · {}", policy.reference.id, policy.rule.title);
        say!("{} {}", lang.choose("摘要", "digest"), policy.reference.digest);
        match lang {
            Lang::Zh => {
                let [locality, referral] = [locality.as_str(), referral.as_str()].map(|word| lang.fixed_word(word));
                let day = if year == BenefitYear::Discharge { "出院日" } else { "入院日" };
                say!("执行期限 {}，待遇年度按{day}", days_text(in_force, lang));
                say!("适用于：{locality}，{referral}；* 为假定数值");
            }
            Lang::En => {
                say!("in force {in_force}, in the benefit year of the day of {year}");
                say!("for {locality}, referral {referral}; * marks an assumed figure");
            }
        }
    }

    /// Id and name; payer and visits; pools and period, and whether bands are measured above the deductible.
    fn layer_heading(&self, layer: &Layer) -> [String; 3] {
        let lang = self.words.lang;
        let list = |words: Vec<String>| words.join(lang.choose("、", ", "));
        let marked = |key: &str, text: String| {
            let assumed = layer.rule.assumed.iter().any(|assumed| **assumed == *key);
            if assumed { format!("{text} *") } else { text }
        };
        let visits = list(layer.rule.visits.iter().map(|visit| word(&self.words, visit.as_str())).collect());
        let pools = list(layer.head.pools.iter().map(|pool| word(&self.words, pool.as_str())).collect());
        let period = period_text(layer.head.period, lang);
        let mut counted = format!("  {} · {}", marked("pools", pools), marked("period", period));
        if layer.head.bands_over_excess {
            let bands = lang.choose("分段为起付线以上的金额", "bands are amounts above the deductible");
            counted += &format!(" · {}", marked("bands_over", bands.to_owned()));
        }
        [
            format!("{} {}", layer.head.id, layer.head.name),
            format!("  {} · {}", word(&self.words, &layer.head.payer), marked("visits", visits)),
            counted,
        ]
    }

    fn key(&self, options: &PolicyTermsOptions, level: &Level, categories: &Categories) -> TermsKey {
        let PolicyTermsOptions { locality, referral, .. } = *options;
        let (tags, diseases) = Default::default();
        TermsKey { level: level.clone(), locality, referral, tags, diseases, categories: categories.clone() }
    }

    /// The sources of all terms that are shown.
    fn sources(&self, options: &PolicyTermsOptions, columns: &[Column]) -> Result<Vec<String>, CommandError> {
        let mut lines = Vec::new();
        for layer in &self.policy.layers {
            for level in &self.levels {
                for column in columns {
                    let key = self.key(options, level, &column.categories);
                    let terms = resolve_terms(&layer.rule, &key);
                    let terms = terms.map_err(|inexact| CommandError::Usage(inexact.to_string()))?;
                    for cite in terms.cites.iter() {
                        let line = format!("{}: {}", cite.source, cite.text);
                        if !lines.contains(&line) {
                            lines.push(line);
                        }
                    }
                }
            }
        }
        Ok(lines)
    }
}
