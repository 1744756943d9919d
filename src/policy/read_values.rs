//! Reads figures, words and lists, noting every fault.

use std::collections::HashSet;
use std::fmt::Display;

use crate::domain::exact::{Exact, Unreadable};
use crate::domain::money::Money;
use crate::domain::rate::figure;

use super::toml_text::{Lined, TomlTable};

/// The most layers, entries, caps, bands, deductibles or cites that one list may hold.
pub(super) const MOST: usize = 64;

/// Yuan, not negative.
pub(super) fn money(text: &str) -> Result<Money, String> {
    let money: Money = text.parse().map_err(|e: Unreadable| e.to_string())?;
    if money < Money::ZERO { Err("is negative".to_owned()) } else { Ok(money) }
}

/// Yuan of any sign, whole fen.
pub(super) fn yuan(text: &str) -> Result<Exact, String> {
    let exact: Exact = text.parse().map_err(|e: Unreadable| e.to_string())?;
    exact.units(2).map_err(|e| e.to_string())?;
    Ok(exact)
}

/// A share or a percentage of any size.
pub(super) fn share(text: &str) -> Result<Exact, String> {
    figure(text).map_err(|e| e.to_string())
}

/// What a text gives; a fault if it gives nothing.
pub(super) fn parsed<T>(
    table: &TomlTable<'_, '_>,
    key: &str,
    text: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Option<T> {
    parsed_on(table.line_of(key), table, key, text, read)
}

/// The same for an item of a list, which may stand on a line of its own.
pub(super) fn parsed_on<T>(
    line: usize,
    table: &TomlTable<'_, '_>,
    key: &str,
    text: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Option<T> {
    let fault = |told: String| table.source().fault(line, format!("`{key}` {told}: \"{text}\""));
    read(text).map_err(fault).ok()
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
