//! The words of a policy book, as that book calls them in a language. A word that the book does not have is shown as the
//! messages call it, or as it is.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::domain::vocabulary::Vocabulary;
use crate::pb::policy as pb;
use crate::policy::{Book, shipped};

use super::words::Lang;

/// The shipped book, for a book that is not known.
static SHIPPED: LazyLock<Option<Book>> = LazyLock::new(|| shipped::book().ok());

/// The names of a book's words in a language.
pub struct BookWords {
    /// The language.
    pub lang: Lang,
    names: HashMap<String, String>,
}

impl BookWords {
    /// The names of the shipped book.
    pub fn shipped(lang: Lang) -> BookWords {
        let names = SHIPPED.as_ref().map(|book| BookWords::of_vocabulary(lang, book.vocabulary()));
        names.unwrap_or_else(|| BookWords { lang, names: HashMap::new() })
    }

    /// The names of a vocabulary.
    pub fn of_vocabulary(lang: Lang, vocabulary: &Vocabulary) -> BookWords {
        let named = |word: &str| {
            let name = vocabulary.name(word)?;
            let shown = lang.choose(&*name.zh, name.en.as_deref().unwrap_or(&name.zh));
            Some((word.to_owned(), shown.to_owned()))
        };
        BookWords { lang, names: vocabulary.words().filter_map(|(_, word)| named(word)).collect() }
    }

    /// The same with the names of others for the words that it does not name.
    #[must_use]
    pub(crate) fn or(self, other: BookWords) -> BookWords {
        let names = other.names.into_iter().chain(self.names).collect();
        BookWords { names, ..self }
    }

    /// The names of the words that a server sends.
    pub fn of_messages(lang: Lang, words: &[pb::NamedWord]) -> BookWords {
        // A word that several sections have is most often a payer or a pool in a statement.
        let of_payers_first = |word: &&pb::NamedWord| !matches!(word.section.as_str(), "payer" | "pool" | "visit");
        let mut words: Vec<_> = words.iter().filter(|word| !word.name_zh.is_empty()).collect();
        words.sort_by_key(of_payers_first);
        let mut names = HashMap::new();
        for word in words {
            let en = if word.name_en.is_empty() { &word.name_zh } else { &word.name_en };
            names.entry(word.word.clone()).or_insert_with(|| lang.choose(&word.name_zh, en).clone());
        }
        BookWords { lang, names }
    }

    /// What the book calls a word.
    pub fn word(&self, word: &str) -> String {
        self.names.get(word).cloned().unwrap_or_else(|| self.lang.fixed_word(word))
    }

    /// Several words as a list.
    pub fn words(&self, words: &[String]) -> String {
        let named: Vec<_> = words.iter().map(|word| self.word(word)).collect();
        named.join(self.lang.choose("、", ", "))
    }
}
