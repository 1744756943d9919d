//! Reads figures, words and lists of a policy file, and records every fault.

use std::collections::HashSet;
use std::fmt::Display;

use crate::domain::decimal::{ExactDecimal, ParseDecimalError};
use crate::domain::money::Money;

use super::toml_reader::{Lined, TableReader};

/// The maximum number of layers, entries, caps, bands, deductibles or cites in one list.
pub(super) const MAX_LIST_LENGTH: usize = 64;

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

/// The value of a key's text; a text that cannot be parsed is recorded as a fault.
pub(super) fn parsed<T, E: Display>(
    table: &TableReader<'_, '_>,
    key: &str,
    text: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Option<T> {
    parsed_on(table.line_of(key), table, key, text, parse)
}

/// The same for an item of a list, with the line of the item.
pub(super) fn parsed_on<T, E: Display>(
    line: usize,
    table: &TableReader<'_, '_>,
    key: &str,
    text: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Option<T> {
    let fault = |error| table.source().fault(line, format!("`{key}` {error}: \"{text}\""));
    parse(text).map_err(fault).ok()
}

/// A word of a vocabulary.
pub(super) fn word<T: Copy + Display>(table: &TableReader<'_, '_>, key: &'static str, known: &[T]) -> Option<T> {
    let text = table.string(key)?;
    let word = find_word(known, &text);
    if word.is_none() {
        table.source().fault(table.line_of(key), format!("`{key}` is `{text}`, which is not {}", one_of(known)));
    }
    word
}

/// A list of words of a vocabulary; not empty, each at most once.
pub(super) fn words<T: Copy + Display>(table: &TableReader<'_, '_>, key: &'static str, known: &[T]) -> Option<Vec<T>> {
    let texts = not_empty(table, key, table.strings(key))?;
    check_distinct(table, key, &texts);
    let one = |text: &Lined<String>| {
        let word = find_word(known, &text.value);
        if word.is_none() {
            let message = format!("`{key}` names `{}`, which is not {}", text.value, one_of(known));
            table.source().fault(text.line, message);
        }
        word
    };
    Some(texts.iter().filter_map(one).collect())
}

fn find_word<T: Copy + Display>(known: &[T], text: &str) -> Option<T> {
    known.iter().copied().find(|word| word.to_string() == text)
}

fn one_of<T: Display>(known: &[T]) -> String {
    let words: Vec<_> = known.iter().map(ToString::to_string).collect();
    format!("known (known are: {})", words.join(", "))
}

/// Records a fault if a list is empty.
pub(super) fn not_empty<T>(table: &TableReader<'_, '_>, key: &str, list: Option<Vec<T>>) -> Option<Vec<T>> {
    if list.as_ref().is_some_and(Vec::is_empty) {
        table.source().fault(table.line_of(key), format!("`{key}` is empty"));
    }
    list
}

/// Records a fault for every text that a list contains twice.
pub(super) fn check_distinct(table: &TableReader<'_, '_>, key: &str, texts: &[Lined<String>]) {
    let mut named = HashSet::new();
    for text in texts {
        if !named.insert(&text.value) {
            table.source().fault(text.line, format!("`{key}` names `{}` twice", text.value));
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
        table.source().fault(table.line_of(key), format!("`{key}` holds more than {MAX_LIST_LENGTH}"));
    }
}
