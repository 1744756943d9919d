//! The vocabulary of a policy book: its words, and what people call them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::canonical_text::{CanonicalText, NoCanonicalText};
use super::fixed_words::PayerKind;
use super::vocabulary_section::Section;
use super::word_meanings::{ClassRule, DiseaseRule, WordMeanings};
use super::words::{Approval, Category, Level, Pool, Tag, Visit};

/// What people call a word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisplayName {
    /// In Chinese.
    pub zh: Arc<str>,
    /// In English, if the vocabulary says it.
    pub en: Option<Arc<str>>,
}

/// A kind of visit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitRule {
    /// The word.
    pub visit: Visit,
    /// What people call it.
    pub name: DisplayName,
    /// Whether a settlement of it counts an admission.
    pub counts_admission: bool,
    /// The approval without which it is refused.
    pub needs: Option<Approval>,
}

/// A payer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayerRule {
    /// The word.
    pub payer: Arc<str>,
    /// What people call it.
    pub name: DisplayName,
    /// What kind of body it is.
    pub kind: PayerKind,
}

/// A word and what people call it.
pub type Named<W> = (W, DisplayName);

/// All words of a policy book, each list in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vocabulary {
    /// Categories of persons.
    pub categories: Vec<Named<Category>>,
    /// Levels of hospitals.
    pub levels: Vec<Named<Level>>,
    /// Kinds of visits.
    pub visits: Vec<VisitRule>,
    /// Kinds of approvals.
    pub approvals: Vec<Named<Approval>>,
    /// Pools, with those of the program.
    pub pools: Vec<Named<Pool>>,
    /// Classes of catalogue rows.
    pub classes: Vec<ClassRule>,
    /// Payers.
    pub payers: Vec<PayerRule>,
    /// Marks of hospitals.
    pub tags: Vec<Named<Tag>>,
    /// Diseases, with what people call them.
    pub diseases: Vec<(DiseaseRule, DisplayName)>,
}

/// The canonical text of a vocabulary.
#[derive(Serialize, Deserialize)]
struct VersionedVocabulary<V> {
    /// The version of this form.
    format: u32,
    /// The vocabulary.
    vocabulary: V,
}

impl Vocabulary {
    /// The version of the canonical text.
    pub const FORMAT: u32 = 1;

    /// The canonical text: JSON, the version of the form first, keys in the order of this type, words in the order of the
    /// file.
    ///
    /// # Errors
    /// If a part of the vocabulary cannot be serialized.
    pub fn canonical(&self) -> Result<CanonicalText, NoCanonicalText> {
        CanonicalText::of_versioned(&VersionedVocabulary { format: Vocabulary::FORMAT, vocabulary: self })
    }

    /// The vocabulary of a canonical text; `None` if it is none of this version.
    pub fn from_canonical(text: &str) -> Option<Vocabulary> {
        let found: VersionedVocabulary<Vocabulary> = serde_json::from_str(text).ok()?;
        (found.format == Vocabulary::FORMAT).then_some(found.vocabulary)
    }

    /// The rule of a kind of visit.
    pub fn visit(&self, word: &str) -> Option<&VisitRule> {
        self.visits.iter().find(|rule| rule.visit.as_str() == word)
    }

    /// The rule of a class.
    pub fn class(&self, word: &str) -> Option<&ClassRule> {
        self.classes.iter().find(|rule| rule.class.as_str() == word)
    }

    /// The level of this word.
    pub fn level(&self, word: &str) -> Option<&Level> {
        find(&self.levels, word)
    }

    /// The category of this word.
    pub fn category(&self, word: &str) -> Option<&Category> {
        find(&self.categories, word)
    }

    /// The approval of this word.
    pub fn approval(&self, word: &str) -> Option<&Approval> {
        find(&self.approvals, word)
    }

    /// The pool of this word.
    pub fn pool(&self, word: &str) -> Option<&Pool> {
        find(&self.pools, word)
    }

    /// The tag of this word.
    pub fn tag(&self, word: &str) -> Option<&Tag> {
        find(&self.tags, word)
    }

    /// What people call a word, of whatever kind; the first that is found.
    pub fn name(&self, word: &str) -> Option<&DisplayName> {
        const ORDER: [Section; 8] = [
            Section::Payer,
            Section::Pool,
            Section::Visit,
            Section::Category,
            Section::Level,
            Section::Approval,
            Section::Tag,
            Section::Disease,
        ];
        ORDER.into_iter().find_map(|section| self.name_in(section, word))
    }

    /// What people call a word of a section; a class has no name.
    pub fn name_in(&self, section: Section, word: &str) -> Option<&DisplayName> {
        fn named<'a, W: AsRef<str>>(list: &'a [Named<W>], word: &str) -> Option<&'a DisplayName> {
            list.iter().find(|(known, _)| known.as_ref() == word).map(|(_, name)| name)
        }
        match section {
            Section::Category => named(&self.categories, word),
            Section::Level => named(&self.levels, word),
            Section::Visit => self.visit(word).map(|rule| &rule.name),
            Section::Approval => named(&self.approvals, word),
            Section::Pool => named(&self.pools, word),
            Section::Class => None,
            Section::Payer => self.payers.iter().find(|rule| &*rule.payer == word).map(|rule| &rule.name),
            Section::Tag => named(&self.tags, word),
            Section::Disease => {
                self.diseases.iter().find(|(rule, _)| rule.disease.as_str() == word).map(|(_, name)| name)
            }
        }
    }

    /// All words, each with its section.
    pub fn words(&self) -> impl Iterator<Item = (Section, &str)> {
        fn named<W: AsRef<str>>(section: Section, list: &[Named<W>]) -> impl Iterator<Item = (Section, &str)> {
            list.iter().map(move |(word, _)| (section, word.as_ref()))
        }
        named(Section::Category, &self.categories)
            .chain(named(Section::Level, &self.levels))
            .chain(named(Section::Approval, &self.approvals))
            .chain(named(Section::Pool, &self.pools))
            .chain(named(Section::Tag, &self.tags))
            .chain(self.visits.iter().map(|rule| (Section::Visit, rule.visit.as_str())))
            .chain(self.classes.iter().map(|rule| (Section::Class, rule.class.as_str())))
            .chain(self.payers.iter().map(|rule| (Section::Payer, &*rule.payer)))
            .chain(self.diseases.iter().map(|(rule, _)| (Section::Disease, rule.disease.as_str())))
    }

    /// What the words mean for a settlement.
    pub fn meanings(&self) -> WordMeanings {
        WordMeanings {
            pools: self.pools.iter().map(|(pool, _)| pool.clone()).collect(),
            admission_visits: self
                .visits
                .iter()
                .filter(|rule| rule.counts_admission)
                .map(|r| r.visit.clone())
                .collect(),
            classes: self.classes.clone(),
            diseases: self.diseases.iter().map(|(rule, _)| rule.clone()).collect(),
        }
    }
}

fn find<'a, W: AsRef<str>>(list: &'a [Named<W>], word: &str) -> Option<&'a W> {
    list.iter().find(|(known, _)| known.as_ref() == word).map(|(known, _)| known)
}
