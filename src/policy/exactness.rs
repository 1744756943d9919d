//! Checks that the terms of a layer can be computed exactly in all circumstances that can occur together.
//!
//! Circumstances that make the same entries apply have the same terms, so few are resolved: those that differ in an entry
//! or in the schedule of the level. The registers of a person are limited by nothing, but of each group only the first
//! entry that fits applies, so that as many categories as there are groups (and one of `only`) reach every combination.
//! A diagnosis is one code: the diseases that hold together are those whose codes begin it.

use std::collections::HashSet;

use crate::domain::fixed_words::{Locality, Referral};
use crate::domain::resolution::{InexactTerms, resolve_terms};
use crate::domain::rule::{Conditions, LayerRule};
use crate::domain::terms::TermsKey;
use crate::domain::vocabulary::Vocabulary;
use crate::domain::word_meanings::DiseaseRule;
use crate::domain::words::{Categories, Category, Disease, Level, Tag, WordSet};

/// The most tags that the conditions of one layer may name: every set of them can occur.
pub(super) const MAX_TAGS: usize = 8;

/// The most sets of categories that are looked at for one layer.
const MAX_SETS: usize = 100_000;

/// Why a layer cannot be checked, or fails.
#[derive(Debug)]
pub(super) enum InexactLayer {
    /// A figure needs too many digits.
    Digits(InexactTerms),
    /// Its conditions name too many tags.
    TooManyTags,
    /// Its entries distinguish too many persons.
    TooManySets,
}

/// Checks one layer.
pub(super) fn check_exactness(rule: &LayerRule, vocabulary: &Vocabulary) -> Result<(), InexactLayer> {
    let categories = category_sets(rule)?;
    let mut seen = HashSet::new();
    for circumstances in circumstances(rule, vocabulary)? {
        if !rule.conditions.are_met_by(&circumstances) || !seen.insert(fingerprint(rule, &circumstances)) {
            continue;
        }
        let mut applied = HashSet::new();
        for held in &categories {
            let key = TermsKey { categories: held.clone(), ..circumstances.clone() };
            let considered = (rule.only.is_empty() || held.has_any(&rule.only)) && !held.has_any(&rule.except);
            if considered && applied.insert(for_entries(rule, &key)) {
                resolve_terms(rule, &key).map_err(InexactLayer::Digits)?;
            }
        }
    }
    Ok(())
}

/// What of the circumstances of a visit can change the terms: the level of schedules, and which conditions hold.
fn fingerprint(rule: &LayerRule, key: &TermsKey) -> (Level, Vec<bool>) {
    let when = rule.when.iter().map(|entry| &entry.conditions);
    let conditions = when.chain(rule.for_.iter().map(|entry| &entry.conditions));
    (key.level.clone(), conditions.map(|conditions| conditions.are_met_by(key)).collect())
}

/// The `for` entries that apply.
fn for_entries(rule: &LayerRule, key: &TermsKey) -> Vec<usize> {
    let mut applied: Vec<usize> = Vec::new();
    for (at, entry) in rule.for_.iter().enumerate() {
        let taken = applied.iter().any(|before| rule.for_[*before].group == entry.group);
        if !taken && key.categories.has_any(&entry.category) && entry.conditions.are_met_by(key) {
            applied.push(at);
        }
    }
    applied
}

/// Every circumstance of a visit, as far as the layer's conditions name it.
fn circumstances(rule: &LayerRule, vocabulary: &Vocabulary) -> Result<Vec<TermsKey>, InexactLayer> {
    let when = rule.when.iter().map(|entry| &entry.conditions);
    let conditions: Vec<&Conditions> =
        when.chain(rule.for_.iter().map(|entry| &entry.conditions)).chain([&rule.conditions]).collect();
    let tags = tag_sets(&conditions)?;
    let diseases = disease_sets(&conditions, vocabulary);
    let mut all = Vec::new();
    for (level, _) in &vocabulary.levels {
        for (locality, referral) in
            Locality::ALL.iter().flat_map(|locality| Referral::ALL.iter().map(move |referral| (locality, referral)))
        {
            for (tags, diseases) in tags.iter().flat_map(|tags| diseases.iter().map(move |diseases| (tags, diseases))) {
                all.push(TermsKey {
                    level: level.clone(),
                    locality: *locality,
                    referral: *referral,
                    tags: tags.clone(),
                    diseases: diseases.clone(),
                    categories: Categories::default(),
                });
            }
        }
    }
    Ok(all)
}

fn tag_sets(conditions: &[&Conditions]) -> Result<Vec<WordSet<Tag>>, InexactLayer> {
    let named: WordSet<Tag> = conditions.iter().flat_map(|conditions| conditions.tag.iter().cloned()).collect();
    let named = named.as_slice();
    if named.len() > MAX_TAGS {
        return Err(InexactLayer::TooManyTags);
    }
    let set = |number: usize| -> WordSet<Tag> {
        let held = named.iter().enumerate().filter(|(at, _)| number & 1 << at != 0);
        held.map(|(_, tag)| tag.clone()).collect()
    };
    Ok((0..1usize << named.len()).map(set).collect())
}

/// The sets of diseases that one diagnosis can have.
fn disease_sets(conditions: &[&Conditions], vocabulary: &Vocabulary) -> Vec<WordSet<Disease>> {
    if conditions.iter().all(|conditions| conditions.disease.is_empty()) {
        return vec![WordSet::default()];
    }
    let rules = || vocabulary.diseases.iter().map(|(rule, _)| rule);
    let of_code = |code: &str| -> WordSet<Disease> {
        let begins = |rule: &&DiseaseRule| rule.codes.iter().any(|prefix| code.starts_with(&**prefix));
        rules().filter(begins).map(|rule| rule.disease.clone()).collect()
    };
    let sets: HashSet<_> = rules().flat_map(|rule| rule.codes.iter()).map(|code| of_code(code)).collect();
    std::iter::once(WordSet::default()).chain(sets).collect()
}

/// Sets of categories that reach every combination of `for` entries.
fn category_sets(rule: &LayerRule) -> Result<Vec<Categories>, InexactLayer> {
    let groups: HashSet<_> = rule.for_.iter().map(|entry| &entry.group).collect();
    let named = rule.for_.iter().flat_map(|entry| entry.category.iter().cloned());
    let named: WordSet<Category> = named.chain(rule.only.iter().cloned()).collect();
    let most = groups.len() + usize::from(!rule.only.is_empty());
    let mut sets: Vec<Vec<Category>> = vec![Vec::new()];
    let mut last = sets.clone();
    for _ in 0..most.min(named.as_slice().len()) {
        let mut larger = Vec::new();
        for set in &last {
            let further = named.iter().filter(|category| set.last().is_none_or(|last| *category > last));
            larger.extend(further.map(|category| [&set[..], std::slice::from_ref(category)].concat()));
        }
        sets.extend(larger.iter().cloned());
        if sets.len() > MAX_SETS {
            return Err(InexactLayer::TooManySets);
        }
        last = larger;
    }
    Ok(sets.into_iter().map(|set| set.into_iter().collect()).collect())
}
