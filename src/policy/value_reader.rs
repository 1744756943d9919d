//! Reads words and lists of a policy file, and records every fault.

use std::collections::HashSet;

use crate::domain::file_fault::FaultText;
use crate::domain::ids::{TextError, check_id};
use crate::domain::vocabulary::DisplayName;
use crate::domain::words::is_word;

use super::nearest::{nearest, nearest_named};
use super::toml_reader::{Lined, TableReader, empty_value_fault};

/// The maximum number of layers, entries, caps, bands, deductibles or cites in one list.
pub(super) const MAX_LIST_LENGTH: usize = 64;

/// The words of one kind: what the kind is called in both languages, and how a word is found.
pub(super) struct WordKind<'v, W> {
    /// In English.
    pub en: &'static str,
    /// In Chinese.
    pub zh: &'static str,
    /// The known words, each with its value.
    pub known: Vec<(&'v str, W)>,
    /// The words with their names, as far as they have one.
    pub names: Vec<(&'v str, Option<&'v DisplayName>)>,
}

impl<'v, W: Clone> WordKind<'v, W> {
    /// The words of a list.
    pub fn new(en: &'static str, zh: &'static str, known: impl IntoIterator<Item = (&'v str, W)>) -> Self {
        WordKind { en, zh, known: known.into_iter().collect(), names: Vec::new() }
    }

    /// The same words with their names, for the faults.
    pub fn named(self, names: impl Iterator<Item = (&'v str, &'v DisplayName)>) -> Self {
        WordKind { names: names.map(|(word, name)| (word, Some(name))).collect(), ..self }
    }

    /// The value of a word; an unknown one is recorded as a fault.
    pub fn find(&self, table: &TableReader<'_, '_>, text: &Lined<String>) -> Option<W> {
        let found = self.known.iter().find(|(word, _)| *word == text.value).map(|(_, value)| value.clone());
        if found.is_none() {
            table.source().add_fault(text.line, self.unknown(&text.value));
        }
        found
    }

    /// The fault of an unknown word, with the nearest known one, or all of a few.
    pub fn unknown(&self, word: &str) -> FaultText {
        let known = || self.known.iter().map(|(word, _)| *word);
        let (en, zh) = (self.en, self.zh);
        match nearest_named(word, self.names.iter().copied()).or_else(|| nearest(word, known())) {
            Some(meant) => FaultText::new(
                format!("the {en} `{word}` is not known; `{meant}` is meant?"),
                format!("没有名为 `{word}` 的{zh}；是否应为 `{meant}`？"),
            ),
            None if self.known.is_empty() => FaultText::new(
                format!("the {en} `{word}` is not known: the vocabulary has none"),
                format!("没有名为 `{word}` 的{zh}：词汇表未定义任何{zh}"),
            ),
            None => {
                let list = known().collect::<Vec<_>>();
                FaultText::new(
                    format!("the {en} `{word}` is not known (known are: {})", list.join(", ")),
                    format!("没有名为 `{word}` 的{zh}（已知：{}）", list.join("、")),
                )
            }
        }
    }
}

/// The words of an enum.
pub(super) fn fixed<W: Copy>(
    en: &'static str,
    zh: &'static str,
    all: &[W],
    word: fn(W) -> &'static str,
) -> WordKind<'static, W> {
    WordKind::new(en, zh, all.iter().map(|value| (word(*value), *value)))
}

/// A key's text with its line.
pub(super) fn lined_string(table: &TableReader<'_, '_>, key: &'static str) -> Option<Lined<String>> {
    table.string(key).map(|value| Lined { value, line: table.line_of(key) })
}

/// A word of a vocabulary.
pub(super) fn word<W: Clone>(table: &TableReader<'_, '_>, key: &'static str, kind: &WordKind<'_, W>) -> Option<W> {
    kind.find(table, &lined_string(table, key)?)
}

/// A list of words of a vocabulary; not empty, each at most once.
pub(super) fn distinct_words<W: Clone>(
    table: &TableReader<'_, '_>,
    key: &'static str,
    kind: &WordKind<'_, W>,
) -> Option<Vec<W>> {
    let texts = check_not_empty(table, key, table.strings(key))?;
    check_distinct(table, key, &texts);
    check_list_length(table, key, &texts);
    Some(texts.iter().filter_map(|text| kind.find(table, text)).collect())
}

/// A name that a file gives: `[a-z][a-z0-9_]*`. Another text is recorded as a fault.
pub(super) fn required_name(table: &TableReader<'_, '_>, key: &'static str) -> Option<Lined<String>> {
    let text = required_lined(table, key)?;
    if !is_word(&text.value) {
        table.source().add_fault(text.line, not_a_name(key, &text.value));
        return None;
    }
    Some(text)
}

/// The word of a payer. Another text is recorded as a fault, with the word that has this name.
pub(super) fn payer_word<'v>(
    table: &TableReader<'_, '_>,
    key: &'static str,
    payers: impl Iterator<Item = (&'v str, Option<&'v DisplayName>)> + Clone,
) -> Option<Lined<String>> {
    let text = required_lined(table, key)?;
    if !is_word(&text.value) {
        let mut fault = not_a_name(key, &text.value);
        if let Some(meant) = nearest_named(&text.value, payers) {
            fault = FaultText::new(
                format!("{}; `{meant}` is meant?", fault.en),
                format!("{}；是否应为 `{meant}`？", fault.zh),
            );
        }
        table.source().add_fault(text.line, fault);
        return None;
    }
    Some(text)
}

/// The fault of a name that is no word.
pub(super) fn not_a_name(key: &str, text: &str) -> FaultText {
    FaultText::new(
        format!("`{key}` is \"{text}\", which is no word: a word begins with a-z and holds a-z, 0-9 and _"),
        format!("`{key}` 为 \"{text}\"，不合写法：名称以小写字母 a-z 开头，只含 a-z、0-9 和 _"),
    )
}

/// The maximum bytes of a title or a name.
pub(super) const NAME_BYTES: usize = 200;

/// The maximum bytes of the word for an insurance.
pub(super) const INSURANCE_BYTES: usize = 64;

/// Records a fault unless a text has at most `max_bytes` bytes, no control character, and no white space at an end.
pub(super) fn check_text(table: &TableReader<'_, '_>, key: &str, text: &str, line: usize, max_bytes: usize) {
    let (en, zh) = match check_id(text, max_bytes) {
        Ok(()) => return,
        Err(error @ TextError::Missing) => (error.to_string(), "为空".to_owned()),
        Err(error @ TextError::TooLong { bytes, limit }) => {
            (error.to_string(), format!("有 {bytes} 字节，最多 {limit} 字节"))
        }
        Err(error @ TextError::WhiteSpace) => (error.to_string(), "首尾有空白".to_owned()),
        Err(error @ TextError::ControlCharacter) => (error.to_string(), "含有控制字符".to_owned()),
    };
    table.source().add_fault(line, FaultText::new(format!("`{key}` {en}"), format!("`{key}` {zh}")));
}

/// A text that is present and not empty, and that [`check_text`] accepts.
pub(super) fn required_text(table: &TableReader<'_, '_>, key: &'static str, max_bytes: usize) -> Option<String> {
    let text = required_lined(table, key)?;
    check_text(table, key, &text.value, text.line, max_bytes);
    Some(text.value)
}

/// A text that is present and not empty.
pub(super) fn required_lined(table: &TableReader<'_, '_>, key: &'static str) -> Option<Lined<String>> {
    let line = table.line_of(key);
    table.required_string(key).map(|value| Lined { value, line })
}

/// Records a fault if a list is empty.
pub(super) fn check_not_empty<T>(table: &TableReader<'_, '_>, key: &str, list: Option<Vec<T>>) -> Option<Vec<T>> {
    if list.as_ref().is_some_and(Vec::is_empty) {
        table.source().add_fault(table.line_of(key), empty_value_fault(key));
    }
    list
}

/// Records a fault for every text that a list contains twice.
pub(super) fn check_distinct(table: &TableReader<'_, '_>, key: &str, texts: &[Lined<String>]) {
    let mut named = HashSet::new();
    for text in texts {
        if !named.insert(&text.value) {
            let word = &text.value;
            let message = FaultText::new(format!("`{key}` names `{word}` twice"), format!("`{key}` 重复列出 `{word}`"));
            table.source().add_fault(text.line, message);
        }
    }
}

/// A list of at most [`MAX_LIST_LENGTH`] tables.
pub(super) fn limited_tables<'s, 'a>(table: &TableReader<'s, 'a>, key: &'static str) -> Vec<TableReader<'s, 'a>> {
    let list = table.tables(key).unwrap_or_default();
    check_list_length(table, key, &list);
    list
}

/// Records a fault if a list has more than [`MAX_LIST_LENGTH`] items.
pub(super) fn check_list_length<T>(table: &TableReader<'_, '_>, key: &str, list: &[T]) {
    if list.len() > MAX_LIST_LENGTH {
        let text = FaultText::new(
            format!("`{key}` holds more than {MAX_LIST_LENGTH}"),
            format!("`{key}` 超过 {MAX_LIST_LENGTH} 项"),
        );
        table.source().add_fault(table.line_of(key), text);
    }
}
