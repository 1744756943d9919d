//! Reads figures, words and lists, noting every fault.

use std::collections::HashSet;
use std::fmt::Display;

use crate::domain::decimal::{ExactDecimal, ParseDecimalError};
use crate::domain::money::Money;

use super::toml_text::{Lined, TomlTable};

/// The most layers, entries, caps, bands, deductibles or cites that one list may hold.
pub(super) const MOST: usize = 64;

/// Why a text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ParseAmountError {
    /// Not yuan with at most two decimals.
    #[error(transparent)]
    Decimal(#[from] ParseDecimalError),
    /// Below zero.
    #[error("is negative")]
    Negative,
}

/// An amount in yuan, not negative.
pub(super) fn parse_amount(text: &str) -> Result<Money, ParseAmountError> {
    let amount: Money = text.parse()?;
    if amount < Money::ZERO { Err(ParseAmountError::Negative) } else { Ok(amount) }
}

/// The operand of an operation on an amount: yuan of any sign, in whole fen.
pub(super) fn parse_amount_operand(text: &str) -> Result<ExactDecimal, ParseDecimalError> {
    ExactDecimal::parse(text, 2)
}

/// The value of a key's text; `None` where it cannot be parsed, which is noted as a fault.
pub(super) fn parsed<T, E: Display>(
    table: &TomlTable<'_, '_>,
    key: &str,
    text: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Option<T> {
    parsed_on(table.line_of(key), table, key, text, parse)
}

/// The same for an item of a list, which may have a line of its own.
pub(super) fn parsed_on<T, E: Display>(
    line: usize,
    table: &TomlTable<'_, '_>,
    key: &str,
    text: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Option<T> {
    let fault = |error| table.source().fault(line, format!("`{key}` {error}: \"{text}\""));
    parse(text).map_err(fault).ok()
}

/// One of a vocabulary.
pub(super) fn word<T: Copy + Display>(table: &TomlTable<'_, '_>, key: &'static str, known: &[T]) -> Option<T> {
    let text = table.string(key)?;
    let word = named(known, &text);
    if word.is_none() {
        table.source().fault(table.line_of(key), format!("`{key}` is `{text}`, which is not {}", one_of(known)));
    }
    word
}

/// Some of a vocabulary; not empty, each once.
pub(super) fn words<T: Copy + Display>(table: &TomlTable<'_, '_>, key: &'static str, known: &[T]) -> Option<Vec<T>> {
    let texts = not_empty(table, key, table.strings(key))?;
    check_distinct(table, key, &texts);
    let one = |text: &Lined<String>| {
        let word = named(known, &text.value);
        if word.is_none() {
            let told = format!("`{key}` names `{}`, which is not {}", text.value, one_of(known));
            table.source().fault(text.line, told);
        }
        word
    };
    Some(texts.iter().filter_map(one).collect())
}

fn named<T: Copy + Display>(known: &[T], text: &str) -> Option<T> {
    known.iter().copied().find(|word| word.to_string() == text)
}

fn one_of<T: Display>(known: &[T]) -> String {
    let words: Vec<_> = known.iter().map(ToString::to_string).collect();
    format!("known (known are: {})", words.join(", "))
}

/// Notes an empty list.
pub(super) fn not_empty<T>(table: &TomlTable<'_, '_>, key: &str, list: Option<Vec<T>>) -> Option<Vec<T>> {
    if list.as_ref().is_some_and(Vec::is_empty) {
        table.source().fault(table.line_of(key), format!("`{key}` is empty"));
    }
    list
}

/// Notes what is named twice.
pub(super) fn check_distinct(table: &TomlTable<'_, '_>, key: &str, texts: &[Lined<String>]) {
    let mut named = HashSet::new();
    for text in texts {
        if !named.insert(&text.value) {
            table.source().fault(text.line, format!("`{key}` names `{}` twice", text.value));
        }
    }
}

/// A list of tables of at most [`MOST`].
pub(super) fn capped_list<'s, 'a>(table: &TomlTable<'s, 'a>, key: &'static str) -> Vec<TomlTable<'s, 'a>> {
    let list = table.tables(key).unwrap_or_default();
    check_length(table, key, &list);
    list
}

/// Notes a list of more than [`MOST`].
pub(super) fn check_length<T>(table: &TomlTable<'_, '_>, key: &str, list: &[T]) {
    if list.len() > MOST {
        table.source().fault(table.line_of(key), format!("`{key}` holds more than {MOST}"));
    }
}
