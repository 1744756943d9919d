//! `onestop policy show`: what a policy pays, as tables for people.

use std::path::Path;

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;

use crate::cli::error::word::UnknownWord;
use crate::cli::exit::{CommandError, CommandResult};
use crate::domain::money::Money;
use crate::domain::policy::{Layer, Policy};
use crate::domain::terms::{Cap, Terms, TermsKey};
use crate::domain::vocabulary::{Categories, Category, Level, Locality, Referral};
use crate::say;
use crate::server::run::load_book;

/// The policy, and the circumstances for which its terms are shown.
#[derive(clap::Args, Debug)]
pub(crate) struct PolicyTableOptions {
    /// The id of the policy
    id: String,
    /// A category of the person; may be repeated
    #[arg(long = "category", value_parser = category)]
    categories: Vec<Category>,
    /// local or cross_region
    #[arg(long, default_value = "local", value_parser = locality)]
    locality: Locality,
    /// registered, emergency or none
    #[arg(long, default_value = "none", value_parser = referral)]
    referral: Referral,
}

fn category(word: &str) -> Result<Category, UnknownWord> {
    Category::from_word(word).ok_or_else(|| unknown_word(Category::ALL.iter().map(|c| c.as_str())))
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
pub(crate) fn run(policies: Option<&Path>, options: &PolicyTableOptions, json: bool) -> CommandResult {
    let book = load_book(policies)?;
    let found = book.get(&options.id);
    let (policy, rule) =
        found.ok_or_else(|| CommandError::Usage(format!("the book has no policy `{}`", options.id)))?;
    if json {
        say!("{}", rule.canonical());
        return Ok(());
    }
    let categories: Categories = options.categories.iter().copied().collect();
    let names: Vec<_> = categories.iter().map(Category::as_str).collect();
    say!("{} · {}", policy.reference.id, policy.title);
    say!("in force {}, in the benefit year of the day of {}", policy.in_force, policy.benefit_year);
    let who = if names.is_empty() { "an ordinary resident".to_owned() } else { names.join(" + ") };
    say!("for {who}, {}, referral {}; * marks an assumed figure", options.locality, options.referral);
    say!("{}", table(policy, options, categories));
    say!("{}", sources(policy, options, categories).join("\n"));
    Ok(())
}

fn table(policy: &Policy, options: &PolicyTableOptions, categories: Categories) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header([
        "layer",
        "payer",
        "visits · pools",
        "level",
        "patient first",
        "deductible",
        "bands",
        "cap a year",
    ]);
    for layer in &policy.layers {
        if layer.only.is_some_and(|only| !only.meets(categories)) {
            table.add_row([layer_name(layer), layer.head.payer.to_string(), "not for this person".to_owned()]);
            continue;
        }
        for row in rows(layer, options, categories) {
            table.add_row(row);
        }
    }
    table
}

/// One row for each level; a single row if all levels have the same terms.
fn rows(layer: &Layer, options: &PolicyTableOptions, categories: Categories) -> Vec<[String; 8]> {
    let terms: Vec<_> =
        Level::ALL.iter().map(|level| (level.as_str(), terms(layer, *level, options, categories))).collect();
    let agree = terms.windows(2).all(|pair| pair[0].1 == pair[1].1);
    let shown = if agree { vec![("all", terms[0].1)] } else { terms };
    shown.iter().enumerate().map(|(at, (level, terms))| row(layer, level, terms, at == 0)).collect()
}

fn terms<'a>(layer: &'a Layer, level: Level, options: &PolicyTableOptions, categories: Categories) -> &'a Terms {
    let on = TermsKey { level, locality: options.locality, referral: options.referral, categories };
    layer.terms.get(&on)
}

fn row(layer: &Layer, level: &str, terms: &Terms, first: bool) -> [String; 8] {
    let head = |text: String| if first { text } else { String::new() };
    let visits: Vec<_> = layer.visits.iter().map(|visit| visit.as_str()).collect();
    let pools: Vec<_> = layer.head.pools.iter().map(|pool| pool.as_str()).collect();
    [
        head(layer_name(layer)),
        head(layer.head.payer.to_string()),
        head(format!(
            "{}\n· {}\nper {}",
            marked(terms, &["visits"], visits.join(", ")),
            marked(terms, &["pools"], pools.join(", ")),
            marked(terms, &["period"], layer.head.period.to_string())
        )),
        level.to_owned(),
        marked(terms, &["prior_self_pay"], terms.prior_self_pay.percent()),
        marked(terms, &["deductible"], deductibles(terms)),
        marked(terms, &["rate", "bands"], bands(terms)),
        marked(terms, &["cap"], caps(terms)),
    ]
}

fn layer_name(layer: &Layer) -> String {
    format!("{}\n{}", layer.head.id, layer.head.name)
}

/// The figure, marked with * if it is assumed.
fn marked(terms: &Terms, keys: &[&str], text: String) -> String {
    let assumed = terms.assumed.iter().any(|assumed| keys.contains(&&**assumed));
    if assumed { format!("{text} *") } else { text }
}

fn deductibles(terms: &Terms) -> String {
    let texts: Vec<_> = terms.schedule.deductibles.iter().map(Money::to_string).collect();
    texts.join(", then ")
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
        let annual = cap.annual.map_or_else(|| "no cap".to_owned(), |annual| annual.to_string());
        format!("{annual} {} ({})", cap.kind, cap.account)
    };
    let texts: Vec<_> = terms.caps.iter().map(cap).collect();
    if texts.is_empty() { "none".to_owned() } else { texts.join("\n") }
}

fn sources(policy: &Policy, options: &PolicyTableOptions, categories: Categories) -> Vec<String> {
    let mut lines = Vec::new();
    for layer in &policy.layers {
        for level in Level::ALL {
            for cite in &terms(layer, *level, options, categories).cites {
                let line = format!("{}: {}", cite.source, cite.text);
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
    }
    lines
}
