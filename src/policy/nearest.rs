//! The known word nearest to an unknown one, for messages.

use crate::domain::vocabulary::DisplayName;

/// The nearest of the known words: at most two letters away, or a third of the word.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let furthest = (word.chars().count() / 3).max(2);
    let distance = |known: &'a str| (strsim::damerau_levenshtein(word, known), known);
    let near = known.into_iter().map(distance).filter(|(distance, _)| *distance <= furthest);
    near.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// The word whose name in Chinese or English is this text, otherwise the nearest word: an official may write 低保对象 where
/// `subsistence_allowance` is due.
pub(crate) fn nearest_named<'a>(
    text: &str,
    known: impl Iterator<Item = (&'a str, Option<&'a DisplayName>)> + Clone,
) -> Option<&'a str> {
    let is_called = |name: &DisplayName| &*name.zh == text || name.en.as_deref() == Some(text);
    let called = known.clone().find(|(_, name)| name.is_some_and(is_called)).map(|(word, _)| word);
    called.or_else(|| nearest(text, known.map(|(word, _)| word)))
}
