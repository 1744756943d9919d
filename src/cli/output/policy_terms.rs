//! `onestop policy show`: what a policy pays, as tables for people.

use std::path::Path;

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;

use crate::cli::error::word::UnknownWord;
use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::line::write_page;
use crate::cli::output::statement::{BookWords, Lang};
use crate::domain::fixed_words::{BenefitYear, Locality, Period, Referral, SkipReason};
use crate::domain::policy::{Layer, Policy};
use crate::domain::resolution::resolve_terms;
use crate::domain::terms::{Terms, TermsKey};
use crate::domain::vocabulary::Vocabulary;
use crate::domain::words::{Categories, Level};
use crate::policy::{Book, nearest};
use crate::say;
use crate::server::run::load_book;

use super::policy_figures::{bands, caps, days_text, deductible};

/// The policy, and the circumstances for which its terms are printed.
#[derive(clap::Args, Debug)]
pub(crate) struct PolicyTermsOptions {
    /// The id of the policy
    id: String,
    /// A category of the person; may be repeated
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

/// Prints the terms of a policy under these circumstances.
///
/// # Errors
/// If the policies are refused, or have no such policy.
pub(crate) fn print_policy_terms(policies: Option<&Path>, options: &PolicyTermsOptions, json: bool) -> CommandResult {
    let lang = options.lang.unwrap_or_else(Lang::from_environment);
    let book = load_book(policies).map_err(|faults| lang.faults(faults))?;
    let policy = book.get(&options.id).ok_or_else(|| unknown_policy(&book, options, lang))?;
    if json {
        say!("{}", policy.canonical);
        return Ok(());
    }
    let words = BookWords::of_vocabulary(lang, book.vocabulary());
    let categories = categories(&book, options)?;
    let terms = PolicyTerms { policy, options, vocabulary: book.vocabulary(), categories, words };
    terms.print_heading();
    write_page(&terms.terms_table()?.to_string());
    terms.sources()?.iter().for_each(|source| say!("{source}"));
    Ok(())
}

fn unknown_policy(book: &Book, options: &PolicyTermsOptions, lang: Lang) -> CommandError {
    let id = &options.id;
    let meant = nearest(id, book.policies().iter().map(|policy| &*policy.reference.id));
    CommandError::Usage(match (lang, meant) {
        (Lang::En, Some(meant)) => format!("the book has no policy `{id}`; `{meant}` is meant?"),
        (Lang::En, None) => format!("the book has no policy `{id}`"),
        (Lang::Zh, Some(meant)) => format!("汇编中没有政策 `{id}`；是否应为 `{meant}`？"),
        (Lang::Zh, None) => format!("汇编中没有政策 `{id}`"),
    })
}

/// The categories of the options, which the vocabulary knows.
fn categories(book: &Book, options: &PolicyTermsOptions) -> Result<Categories, CommandError> {
    let known = |word: &String| {
        let found = book.vocabulary().category(word).cloned();
        found.ok_or_else(|| CommandError::Usage(format!("the vocabulary has no category `{word}`")))
    };
    options.categories.iter().map(known).collect()
}

/// What is printed: the terms of a policy for a person, at every level of hospital.
struct PolicyTerms<'a> {
    policy: &'a Policy,
    options: &'a PolicyTermsOptions,
    vocabulary: &'a Vocabulary,
    categories: Categories,
    words: BookWords,
}

impl PolicyTerms<'_> {
    fn print_heading(&self) {
        let PolicyTerms { policy, options, words, .. } = self;
        let (lang, in_force, year) = (words.lang, policy.rule.in_force, policy.rule.benefit_year);
        let who = match &options.categories[..] {
            [] => lang.choose("普通参保人", "an ordinary resident").to_owned(),
            held => held.iter().map(|word| words.word(word)).collect::<Vec<_>>().join(" + "),
        };
        let (locality, referral) = (options.locality, options.referral);
        say!("{} · {}", policy.reference.id, policy.rule.title);
        match lang {
            Lang::Zh => {
                let [locality, referral] = [locality.as_str(), referral.as_str()].map(|word| lang.fixed_word(word));
                let day = if year == BenefitYear::Discharge { "出院日" } else { "入院日" };
                say!("执行期限 {}，待遇年度按{day}", days_text(in_force, lang));
                say!("适用于：{who}，{locality}，{referral}；* 为假定数值");
            }
            Lang::En => {
                say!("in force {in_force}, in the benefit year of the day of {year}");
                say!("for {who}, {locality}, referral {referral}; * marks an assumed figure");
            }
        }
    }

    fn terms_table(&self) -> Result<Table, CommandError> {
        let (mut table, lang) = (Table::new(), self.words.lang);
        table.load_style(UTF8_FULL_CONDENSED);
        table.set_header(lang.choose(
            ["层", "支付方", "就医类别 · 费用", "级别", "先行自付", "起付线", "支付比例", "封顶线"],
            ["layer", "payer", "visits · pools", "level", "patient first", "deductible", "bands", "cap"],
        ));
        for layer in &self.policy.layers {
            let skips: Option<Vec<_>> =
                self.vocabulary_levels().map(|level| layer.skip_by_circumstances(&self.key(level))).collect();
            if let Some(skips) = skips {
                let person = [SkipReason::OtherCategory, SkipReason::ExceptedCategory];
                let why = if skips.iter().all(|skip| person.contains(skip)) {
                    lang.choose("不适用于本人身份", "not for this person")
                } else {
                    lang.choose("不适用于此情形", "not in these circumstances")
                };
                table.add_row([layer_name(layer), self.word(&layer.head.payer), why.to_owned()]);
                continue;
            }
            for row in self.rows(layer)? {
                table.add_row(row);
            }
        }
        Ok(table)
    }

    /// A word as it is in English, and its name in Chinese: what is shown in English can be pasted into a file.
    fn word(&self, word: &str) -> String {
        self.words.lang.choose(self.words.word(word), word.to_owned())
    }

    fn vocabulary_levels(&self) -> impl Iterator<Item = &Level> {
        self.vocabulary.levels.iter().map(|(level, _)| level)
    }

    fn key(&self, level: &Level) -> TermsKey {
        let PolicyTermsOptions { locality, referral, .. } = *self.options;
        let (tags, diseases) = Default::default();
        TermsKey { level: level.clone(), locality, referral, tags, diseases, categories: self.categories.clone() }
    }

    /// One row for each level; a single row if all levels have the same terms.
    fn rows(&self, layer: &Layer) -> Result<Vec<[String; 8]>, CommandError> {
        let terms = self.vocabulary_levels().map(|level| Ok((level.as_str(), self.terms(layer, level)?)));
        let terms = terms.collect::<Result<Vec<_>, CommandError>>()?;
        let agree = terms.windows(2).all(|pair| pair[0].1 == pair[1].1);
        let all = self.words.lang.choose("各级", "all");
        let terms = if agree { terms.into_iter().take(1).map(|(_, terms)| (all, terms)).collect() } else { terms };
        let row = |(at, (level, terms)): (usize, &(&str, Terms))| self.row(layer, &self.word(level), terms, at == 0);
        Ok(terms.iter().enumerate().map(row).collect())
    }

    fn terms(&self, layer: &Layer, level: &Level) -> Result<Terms, CommandError> {
        resolve_terms(&layer.rule, &self.key(level)).map_err(|inexact| CommandError::Usage(inexact.to_string()))
    }

    fn sources(&self) -> Result<Vec<String>, CommandError> {
        let mut lines = Vec::new();
        for layer in &self.policy.layers {
            for level in self.vocabulary_levels() {
                for cite in self.terms(layer, level)?.cites.iter() {
                    let line = format!("{}: {}", cite.source, cite.text);
                    if !lines.contains(&line) {
                        lines.push(line);
                    }
                }
            }
        }
        Ok(lines)
    }

    fn row(&self, layer: &Layer, level: &str, terms: &Terms, first: bool) -> [String; 8] {
        let lang = self.words.lang;
        let head = |text: String| if first { text } else { String::new() };
        let separator = lang.choose("、", ", ");
        let visits: Vec<_> = layer.rule.visits.iter().map(|visit| self.word(visit.as_str())).collect();
        let pools: Vec<_> = layer.head.pools.iter().map(|pool| self.word(pool.as_str())).collect();
        let period = match (lang, layer.head.period) {
            (Lang::En, period) => format!("per {period}"),
            (Lang::Zh, Period::Year) => "按年度".to_owned(),
            (Lang::Zh, Period::Admission) => "按每次".to_owned(),
        };
        [
            head(layer_name(layer)),
            head(self.word(&layer.head.payer)),
            head(format!(
                "{}\n· {}\n{}",
                mark_assumed(terms, &["visits"], visits.join(separator)),
                mark_assumed(terms, &["pools"], pools.join(separator)),
                mark_assumed(terms, &["period"], period)
            )),
            level.to_owned(),
            mark_assumed(terms, &["prior_self_pay"], terms.prior_self_pay.percent()),
            mark_assumed(terms, &["deductible"], deductible(terms, lang)),
            mark_assumed(terms, &["rate", "bands"], bands(terms, lang)),
            mark_assumed(terms, &["cap"], caps(terms, lang)),
        ]
    }
}

fn layer_name(layer: &Layer) -> String {
    format!("{}\n{}", layer.head.id, layer.head.name)
}

/// The figure, marked with * if it is assumed.
fn mark_assumed(terms: &Terms, keys: &[&str], text: String) -> String {
    let assumed = terms.assumed.iter().any(|assumed| keys.contains(&&**assumed));
    if assumed { format!("{text} *") } else { text }
}
