//! What the readers of a policy file look up: the vocabulary, the figures and the sources of the file.

use crate::domain::fixed_words::{Locality, Referral};
use crate::domain::vocabulary::{DisplayName, Named, Vocabulary};
use crate::domain::words::{Category, Disease, Level, Pool, Tag, Visit};

use super::figure_reader::Figures;
use super::source_reader::Sources;
use super::value_reader::{WordKind, fixed};

/// The words, figures and sources that a file may name.
pub(super) struct Reading<'v> {
    /// The vocabulary of the book.
    pub vocabulary: &'v Vocabulary,
    /// The file's named figures.
    pub figures: Figures,
    /// The file's sources.
    pub sources: Sources,
}

impl Reading<'_> {
    pub(super) fn visits(&self) -> WordKind<'_, Visit> {
        let visits = self.vocabulary.visits.iter().map(|rule| (rule.visit.as_str(), rule.visit.clone()));
        let names = self.vocabulary.visits.iter().map(|rule| (rule.visit.as_str(), &rule.name));
        WordKind::new("visit", "就医类别", visits).named(names)
    }

    pub(super) fn pools(&self) -> WordKind<'_, Pool> {
        word_kind("pool", "费用池", &self.vocabulary.pools)
    }

    pub(super) fn levels(&self) -> WordKind<'_, Level> {
        word_kind("level", "医疗机构等级", &self.vocabulary.levels)
    }

    pub(super) fn categories(&self) -> WordKind<'_, Category> {
        word_kind("category", "人员类别", &self.vocabulary.categories)
    }

    pub(super) fn tags(&self) -> WordKind<'_, Tag> {
        word_kind("tag", "医疗机构标记", &self.vocabulary.tags)
    }

    pub(super) fn diseases(&self) -> WordKind<'_, Disease> {
        let diseases = self.vocabulary.diseases.iter();
        let known = diseases.clone().map(|(rule, _)| (rule.disease.as_str(), rule.disease.clone()));
        WordKind::new("disease", "病种", known).named(diseases.map(|(rule, name)| (rule.disease.as_str(), name)))
    }

    pub(super) fn payers(&self) -> impl Iterator<Item = (&str, Option<&DisplayName>)> + Clone {
        self.vocabulary.payers.iter().map(|rule| (&*rule.payer, Some(&rule.name)))
    }

    pub(super) fn localities(&self) -> WordKind<'static, &'static [Locality]> {
        let known = Locality::CONDITION_WORDS.iter();
        let known = known.filter_map(|word| Some((*word, Locality::from_condition(word)?)));
        WordKind::new("locality", "就医地", known)
    }

    pub(super) fn referrals(&self) -> WordKind<'static, Referral> {
        fixed("referral", "转诊备案情况", Referral::ALL, Referral::as_str)
    }
}

fn word_kind<'v, W: AsRef<str> + Clone>(en: &'static str, zh: &'static str, list: &'v [Named<W>]) -> WordKind<'v, W> {
    let known = list.iter().map(|(word, _)| (word.as_ref(), word.clone()));
    WordKind::new(en, zh, known).named(list.iter().map(|(word, name)| (word.as_ref(), name)))
}
