//! The numbers of words that groups are known by.

use std::collections::HashMap;
use std::sync::Arc;

use crate::reports::chunk::WordNumber;

/// Numbers of words.
#[derive(Default)]
pub(super) struct Words {
    words: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, WordNumber>,
}

impl Words {
    /// The number of a word, a new one for a word that is new.
    pub(super) fn number(&mut self, word: &str) -> WordNumber {
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        let (word, number) = (Arc::<str>::from(word), self.words.len() as WordNumber);
        self.words.push(word.clone());
        self.numbers.insert(word, number);
        number
    }

    /// The word of a number.
    pub(super) fn word(&self, number: WordNumber) -> Arc<str> {
        self.words.get(number as usize).cloned().unwrap_or_default()
    }
}
