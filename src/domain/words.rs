//! The words of a policy book: texts that its `vocabulary.toml` defines, each kind a type of its own.
//!
//! The program knows none of them but the two pools that it fills itself ([`Pool::OVER_LIMIT`] and
//! [`Pool::PRELIMINARY_SELF_PAY`]). A word is a short text kept in place: cloning and comparing it follows
//! no pointer.

use std::fmt;
use std::sync::LazyLock;

use super::short_text::ShortText;
use serde::{Deserialize, Serialize};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(ShortText);

        impl $name {
            /// The word as files, tables and messages write it.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                $name(word.into())
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                $name(word.into())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

words! {
    /// The kind of a visit (医疗类别).
    Visit,
    /// A category of poverty or hardship in which a person is registered.
    Category,
    /// The kind of an approval.
    Approval,
    /// The level of a hospital.
    Level,
    /// A part of a bill, which layers draw on.
    Pool,
    /// The class of a catalogue row (甲乙丙类).
    ClassWord,
    /// A mark of a hospital, such as that it practices Chinese medicine.
    Tag,
    /// A disease, known by the codes of its diagnoses.
    Disease,
}

static OVER_LIMIT: LazyLock<Pool> = LazyLock::new(|| Pool::from(Pool::OVER_LIMIT));
static PRELIMINARY_SELF_PAY: LazyLock<Pool> = LazyLock::new(|| Pool::from(Pool::PRELIMINARY_SELF_PAY));

impl Pool {
    /// The word of the pool of what exceeds a price ceiling (超限价).
    pub const OVER_LIMIT: &'static str = "over_limit";
    /// The word of the pool of first shares (先行自付).
    pub const PRELIMINARY_SELF_PAY: &'static str = "preliminary_self_pay";

    /// The pool of what exceeds a price ceiling.
    pub fn over_limit() -> Pool {
        OVER_LIMIT.clone()
    }

    /// The pool of first shares.
    pub fn preliminary_self_pay() -> Pool {
        PRELIMINARY_SELF_PAY.clone()
    }
}

static CROSS_REGION: LazyLock<Approval> = LazyLock::new(|| Approval::from("cross_region"));

impl Approval {
    /// The approval that makes a referral `registered`.
    pub fn cross_region() -> Approval {
        CROSS_REGION.clone()
    }
}

/// Whether a text may be a word of a vocabulary: `[a-z][a-z0-9_]*`.
pub fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Whether a text may name a class: ASCII letters and digits.
pub fn is_class_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A set of words: sorted, each once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WordSet<W>(Vec<W>);

/// The categories that a person holds on a day.
pub type Categories = WordSet<Category>;

impl<W> Default for WordSet<W> {
    fn default() -> Self {
        WordSet(Vec::new())
    }
}

impl<W: Ord> WordSet<W> {
    /// Whether the set contains a word.
    pub fn has(&self, word: &W) -> bool {
        self.0.contains(word)
    }

    /// Whether the set contains one of these words.
    pub fn has_any(&self, words: &[W]) -> bool {
        words.iter().any(|word| self.has(word))
    }
}

impl<W> WordSet<W> {
    /// Its words, in order.
    pub fn iter(&self) -> impl Iterator<Item = &W> {
        self.0.iter()
    }

    /// Its words, in order.
    pub fn as_slice(&self) -> &[W] {
        &self.0
    }
}

impl<W: Ord> FromIterator<W> for WordSet<W> {
    fn from_iter<I: IntoIterator<Item = W>>(words: I) -> Self {
        let mut words: Vec<W> = words.into_iter().collect();
        words.sort_unstable();
        words.dedup();
        WordSet(words)
    }
}

impl<W: fmt::Debug> fmt::Debug for WordSet<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(&self.0).finish()
    }
}
