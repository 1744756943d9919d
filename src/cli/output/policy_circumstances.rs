//! The circumstances that layers distinguish, each once, and their description for people.

use std::collections::BTreeSet;

use crate::domain::fixed_words::{Locality, Referral};
use crate::domain::policy::Layer;
use crate::domain::rule::Conditions;
use crate::domain::terms::TermsKey;
use crate::domain::vocabulary::Vocabulary;
use crate::domain::words::{Category, Disease, Level, Tag};

/// Level, locality, referral, tag and disease, as words; empty where there is none.
pub(super) type Place = [String; 5];

/// A category (`None` for an ordinary person), a place, and both as the key of terms.
type Circumstances = (Option<String>, Place, TermsKey);

/// Everything that the conditions of some layers name, and what they do not: one value for it.
pub(super) fn circumstances_of(layers: &[&Layer], vocabularies: [&Vocabulary; 2]) -> Vec<Circumstances> {
    let named = Named::new(layers);
    let levels: BTreeSet<&Level> =
        vocabularies.iter().flat_map(|book| book.levels.iter().map(|(level, _)| level)).collect();
    let mut all = Vec::new();
    for level in levels {
        for locality in &named.localities {
            for referral in &named.referrals {
                for tag in with_none(&named.tags) {
                    for disease in with_none(&named.diseases) {
                        for category in with_none(&named.categories) {
                            let key = TermsKey {
                                level: level.clone(),
                                locality: *locality,
                                referral: *referral,
                                tags: tag.into_iter().cloned().collect(),
                                diseases: disease.into_iter().cloned().collect(),
                                categories: category.into_iter().cloned().collect(),
                            };
                            let place = [
                                level.as_str().to_owned(),
                                locality.as_str().to_owned(),
                                referral.as_str().to_owned(),
                                tag.map(|tag| tag.as_str().to_owned()).unwrap_or_default(),
                                disease.map(|disease| disease.as_str().to_owned()).unwrap_or_default(),
                            ];
                            all.push((category.map(|category| category.as_str().to_owned()), place, key));
                        }
                    }
                }
            }
        }
    }
    all
}

/// No value, then each.
fn with_none<T>(values: &[T]) -> impl Iterator<Item = Option<&T>> {
    std::iter::once(None).chain(values.iter().map(Some))
}

/// The words that the conditions of layers name.
struct Named {
    localities: Vec<Locality>,
    referrals: Vec<Referral>,
    tags: Vec<Tag>,
    diseases: Vec<Disease>,
    categories: Vec<Category>,
}

impl Named {
    fn new(layers: &[&Layer]) -> Named {
        let rules = || layers.iter().map(|layer| &layer.rule);
        let conditions = || {
            let when = rules().flat_map(|rule| rule.when.iter().map(|entry| &entry.conditions));
            let for_ = rules().flat_map(|rule| rule.for_.iter().map(|entry| &entry.conditions));
            rules().map(|rule| &rule.conditions).chain(when).chain(for_)
        };
        let categories = rules().flat_map(|rule| rule.only.iter().chain(&rule.except));
        let categories = categories.chain(rules().flat_map(|rule| rule.for_.iter().flat_map(|entry| &entry.category)));
        let names = |any: fn(&Conditions) -> bool| conditions().any(any);
        Named {
            localities: if names(|on| !on.locality.is_empty()) {
                Locality::ALL.to_vec()
            } else {
                vec![Locality::County]
            },
            referrals: if names(|on| !on.referral.is_empty()) { Referral::ALL.to_vec() } else { vec![Referral::None] },
            tags: distinct(conditions().flat_map(|on| &on.tag)),
            diseases: distinct(conditions().flat_map(|on| &on.disease)),
            categories: distinct(categories),
        }
    }
}

fn distinct<'a, T: Clone + PartialEq + 'a>(words: impl Iterator<Item = &'a T>) -> Vec<T> {
    let mut found: Vec<T> = Vec::new();
    for word in words {
        if !found.contains(word) {
            found.push(word.clone());
        }
    }
    found
}

/// Some of all places in words: of each dimension the values, unless it has all of them.
pub(super) fn describe_places(some: &BTreeSet<Place>, all: &BTreeSet<Place>, word: &dyn Fn(&str) -> String) -> String {
    let values =
        |places: &BTreeSet<Place>, at: usize| places.iter().map(|place| place[at].clone()).collect::<BTreeSet<_>>();
    let sets: Vec<_> = (0..5).map(|at| (values(some, at), values(all, at))).collect();
    let names = |words: &mut dyn Iterator<Item = &String>| {
        words.filter(|word| !word.is_empty()).map(|text| word(text)).collect::<Vec<_>>().join(" / ")
    };
    if sets.iter().map(|(of_some, _)| of_some.len()).product::<usize>() == some.len() {
        let limited = sets.iter().filter(|(of_some, of_all)| of_some != of_all);
        let parts = limited.map(|(of_some, _)| names(&mut of_some.iter()));
        return parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
    }
    let others =
        |place: &Place, left_out: usize| (0..5).filter(|at| *at != left_out).map(|at| place[at].clone()).collect();
    let is_limited = |at: &usize| {
        let without: BTreeSet<Vec<String>> = some.iter().map(|place| others(place, *at)).collect();
        without.len() * sets[*at].1.len() != some.len()
    };
    let limited: Vec<usize> = (0..5).filter(is_limited).collect();
    let lines: BTreeSet<String> = some.iter().map(|place| names(&mut limited.iter().map(|at| &place[*at]))).collect();
    lines.into_iter().collect::<Vec<_>>().join("\n")
}
