//! `onestop policy show`: what a policy pays, as tables for people.

use std::path::Path;

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;

use crate::cli::error::word::UnknownWord;
use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::line::write_page;
use crate::cli::output::statement::Lang;
use crate::domain::decimal::ExactDecimal;
use crate::domain::fixed_words::{Locality, Referral, SkipReason};
use crate::domain::money::Money;
use crate::domain::policy::{Layer, Policy};
use crate::domain::resolution::resolve_terms;
use crate::domain::schedule::Deductible;
use crate::domain::share::ShareOfPools;
use crate::domain::terms::{Cap, Limit, Terms, TermsKey};
use crate::domain::vocabulary::Vocabulary;
use crate::domain::words::{Categories, Level, Pool};
use crate::policy::Book;
use crate::say;
use crate::server::run::load_book;

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
    let book = load_book(policies)?;
    let found = book.get(&options.id);
    let policy = found.ok_or_else(|| CommandError::Usage(format!("the book has no policy `{}`", options.id)))?;
    if json {
        say!("{}", policy.rule.canonical());
        return Ok(());
    }
    let terms = PolicyTerms { policy, options, vocabulary: book.vocabulary(), categories: categories(&book, options)? };
    let names: Vec<_> = options.categories.iter().map(String::as_str).collect();
    say!("{} · {}", policy.reference.id, policy.rule.title);
    say!("in force {}, in the benefit year of the day of {}", policy.rule.in_force, policy.rule.benefit_year);
    let who = if names.is_empty() { "an ordinary resident".to_owned() } else { names.join(" + ") };
    say!("for {who}, {}, referral {}; * marks an assumed figure", options.locality, options.referral);
    write_page(&terms.terms_table()?.to_string());
    terms.sources()?.iter().for_each(|source| say!("{source}"));
    Ok(())
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
}

impl PolicyTerms<'_> {
    fn terms_table(&self) -> Result<Table, CommandError> {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        table.set_header(["layer", "payer", "visits · pools", "level", "patient first", "deductible", "bands", "cap"]);
        for layer in &self.policy.layers {
            let skips: Option<Vec<_>> =
                self.vocabulary_levels().map(|level| layer.skip_by_circumstances(&self.key(level))).collect();
            if let Some(skips) = skips {
                let person = [SkipReason::OtherCategory, SkipReason::ExceptedCategory];
                let why = if skips.iter().all(|skip| person.contains(skip)) {
                    "not for this person"
                } else {
                    "not in these circumstances"
                };
                table.add_row([layer_name(layer), layer.head.payer.to_string(), why.to_owned()]);
                continue;
            }
            for row in self.rows(layer)? {
                table.add_row(row);
            }
        }
        Ok(table)
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
        let terms = if agree { terms.into_iter().take(1).map(|(_, terms)| ("all", terms)).collect() } else { terms };
        Ok(terms.iter().enumerate().map(|(at, (level, terms))| row(layer, level, terms, at == 0)).collect())
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
}

/// The figures of a layer in some circumstances, by name; nothing where it does not apply.
///
/// # Errors
/// If a figure is not exact; a checked book has no such circumstances.
pub(super) fn figures(
    layer: &Layer,
    key: &TermsKey,
    lang: Lang,
) -> Result<Option<Vec<(&'static str, String)>>, CommandError> {
    if layer.skip_by_circumstances(key).is_some() {
        return Ok(None);
    }
    let terms = resolve_terms(&layer.rule, key).map_err(|inexact| CommandError::Usage(inexact.to_string()))?;
    let visits: Vec<_> = layer.rule.visits.iter().map(|visit| visit.as_str()).collect();
    let pools: Vec<_> = layer.head.pools.iter().map(Pool::as_str).collect();
    let in_words = |period: &str, per: &str| format!("{period}, {per}");
    Ok(Some(vec![
        (lang.choose("支付方", "payer"), layer.head.payer.to_string()),
        (lang.choose("有效期", "in force"), layer.rule.in_force.to_string()),
        (lang.choose("就诊类型", "visits"), visits.join("\n")),
        (lang.choose("费用", "pools"), pools.join("\n")),
        (lang.choose("累计方式", "adds up"), in_words(layer.head.period.as_str(), layer.head.deductible_per.as_str())),
        (lang.choose("先行自付", "patient first"), terms.prior_self_pay.percent()),
        (lang.choose("起付线", "deductible"), deductible(&terms)),
        (lang.choose("报销比例", "bands"), bands(&terms)),
        (lang.choose("封顶线", "cap"), caps(&terms)),
    ]))
}

fn row(layer: &Layer, level: &str, terms: &Terms, first: bool) -> [String; 8] {
    let head = |text: String| if first { text } else { String::new() };
    let visits: Vec<_> = layer.rule.visits.iter().map(|visit| visit.as_str()).collect();
    let pools: Vec<_> = layer.head.pools.iter().map(|pool| pool.as_str()).collect();
    [
        head(layer_name(layer)),
        head(layer.head.payer.to_string()),
        head(format!(
            "{}\n· {}\nper {}",
            mark_assumed(terms, &["visits"], visits.join(", ")),
            mark_assumed(terms, &["pools"], pools.join(", ")),
            mark_assumed(terms, &["period"], layer.head.period.to_string())
        )),
        level.to_owned(),
        mark_assumed(terms, &["prior_self_pay"], terms.prior_self_pay.percent()),
        mark_assumed(terms, &["deductible"], deductible(terms)),
        mark_assumed(terms, &["rate", "bands"], bands(terms)),
        mark_assumed(terms, &["cap"], caps(terms)),
    ]
}

fn layer_name(layer: &Layer) -> String {
    format!("{}\n{}", layer.head.id, layer.head.name)
}

/// The figure, marked with * if it is assumed.
fn mark_assumed(terms: &Terms, keys: &[&str], text: String) -> String {
    let assumed = terms.assumed.iter().any(|assumed| keys.contains(&&**assumed));
    if assumed { format!("{text} *") } else { text }
}

fn deductible(terms: &Terms) -> String {
    match &terms.schedule.deductible {
        Deductible::Amounts(amounts) => {
            let texts: Vec<_> = amounts.iter().map(Money::to_string).collect();
            texts.join(", then ")
        }
        Deductible::Share(share) => share_text(share),
    }
}

fn share_text(share: &ShareOfPools) -> String {
    let pools: Vec<_> = share.of.iter().map(Pool::as_str).collect();
    let plus = if share.plus == ExactDecimal::ZERO { String::new() } else { format!(" + {}", share.plus) };
    format!("{} × ({}){plus}", share.share, pools.join(" + "))
}

fn bands(terms: &Terms) -> String {
    let bands = terms.schedule.bands.iter().map(|band| match band.upto {
        Some(upto) => format!("to {upto}: {}", band.rate.percent()),
        None if terms.schedule.bands.len() == 1 => band.rate.percent(),
        None => format!("above: {}", band.rate.percent()),
    });
    bands.collect::<Vec<_>>().join("\n")
}

fn caps(terms: &Terms) -> String {
    let cap = |cap: &Cap| {
        let limit = match &cap.limit {
            Limit::Annual(None) => "no cap".to_owned(),
            Limit::Annual(Some(annual)) => annual.to_string(),
            Limit::PerClaim(limit) => format!("{limit} a claim"),
            Limit::ShareOfClaim(share) => format!("{} a claim", share_text(share)),
        };
        let overflow = cap.overflow.as_ref().map(|pool| format!(", rest to {pool}")).unwrap_or_default();
        format!("{limit} {} ({}){overflow}", cap.kind, cap.account)
    };
    let texts: Vec<_> = terms.caps.iter().map(cap).collect();
    if texts.is_empty() { "none".to_owned() } else { texts.join("\n") }
}
