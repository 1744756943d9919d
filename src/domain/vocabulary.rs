//! The vocabulary of a policy book: its words, what people call them, and what they mean for a settlement.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::canonical_text::{CanonicalText, NoCanonicalText};
use super::fixed_words::PayerKind;
use super::words::{Approval, Category, ClassWord, Disease, Level, Pool, Tag, Visit, WordSet};

/// A section of a vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// Categories of persons.
    Category,
    /// Levels of hospitals.
    Level,
    /// Kinds of visits.
    Visit,
    /// Kinds of approvals.
    Approval,
    /// Pools.
    Pool,
    /// Classes of catalogue rows.
    Class,
    /// Payers.
    Payer,
    /// Marks of hospitals.
    Tag,
    /// Diseases.
    Disease,
}

impl Section {
    /// All of them.
    pub const ALL: &'static [Section] = &[
        Section::Category,
        Section::Level,
        Section::Visit,
        Section::Approval,
        Section::Pool,
        Section::Class,
        Section::Payer,
        Section::Tag,
        Section::Disease,
    ];

    /// The section of this name.
    pub fn from_word(word: &str) -> Option<Section> {
        Section::ALL.iter().copied().find(|section| section.as_str() == word)
    }

    /// Its name in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Section::Category => "category",
            Section::Level => "level",
            Section::Visit => "visit",
            Section::Approval => "approval",
            Section::Pool => "pool",
            Section::Class => "class",
            Section::Payer => "payer",
            Section::Tag => "tag",
            Section::Disease => "disease",
        }
    }
}

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

/// A class of catalogue rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassRule {
    /// The word.
    pub class: ClassWord,
    /// The pool into which its rest falls.
    pub pool: Pool,
    /// Whether its catalogue rows have a self-pay ratio, which the patient bears first.
    pub first_share: bool,
    /// Whether a price ceiling applies.
    pub ceiling: bool,
}

/// A disease and the codes of its diagnoses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiseaseRule {
    /// The word.
    pub disease: Disease,
    /// Prefixes of the codes of its diagnoses.
    pub codes: Vec<Arc<str>>,
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

/// What the words of a book mean for a settlement: the part of a vocabulary that a policy's digest covers, so that a
/// settlement can be recomputed from the policy alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordMeanings {
    /// All pools, in order.
    pub pools: Arc<[Pool]>,
    /// The visits whose settlements count an admission.
    pub admission_visits: Vec<Visit>,
    /// The classes of catalogue rows.
    pub classes: Vec<ClassRule>,
    /// The diseases.
    pub diseases: Vec<DiseaseRule>,
}

impl WordMeanings {
    /// The rule of a class.
    pub fn class(&self, class: &ClassWord) -> Option<&ClassRule> {
        self.classes.iter().find(|rule| rule.class == *class)
    }

    /// Whether a settlement of a visit counts an admission.
    pub fn counts_admission(&self, visit: &Visit) -> bool {
        self.admission_visits.contains(visit)
    }

    /// The diseases one of whose code prefixes begins this diagnosis.
    pub fn diseases_of(&self, diagnosis: &str) -> WordSet<Disease> {
        let begins = |rule: &&DiseaseRule| rule.codes.iter().any(|code| diagnosis.starts_with(&**code));
        self.diseases.iter().filter(begins).map(|rule| rule.disease.clone()).collect()
    }
}
