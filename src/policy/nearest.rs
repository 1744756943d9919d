//! The known word nearest to an unknown one, for messages.

/// The nearest of the known words: at most two letters away, or a third of the word.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let furthest = (word.chars().count() / 3).max(2);
    let distance = |known: &'a str| (strsim::damerau_levenshtein(word, known), known);
    let near = known.into_iter().map(distance).filter(|(distance, _)| *distance <= furthest);
    near.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}
