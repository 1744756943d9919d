//! The words of books as messages.

use crate::domain::fault::FaultReason;
use crate::domain::ids::Digest;
use crate::domain::vocabulary::Vocabulary;
use crate::domain::vocabulary_section::Section;
use crate::engine::dropped_words::{DroppedWord, KeptWords, WordUser};
use crate::pb::policy as pb;

use super::error::CallError;
use super::to_proto::digest;

/// The most words of a vocabulary in a request.
const MAX_WORDS: usize = 10_000;

/// The words of a book.
pub(super) fn vocabulary_response(book: Digest, vocabulary: &Vocabulary) -> pb::GetVocabularyResponse {
    let named = |(section, word): (Section, &str)| {
        let name = (section != Section::Class).then(|| vocabulary.name_in(section, word)).flatten();
        pb::NamedWord {
            section: section.as_str().to_owned(),
            word: word.to_owned(),
            name_zh: name.map(|name| name.zh.to_string()).unwrap_or_default(),
            name_en: name.and_then(|name| name.en.as_deref()).unwrap_or_default().to_owned(),
        }
    };
    let mut words: Vec<_> = vocabulary.words().collect();
    words.sort_by_key(|(section, _)| *section);
    pb::GetVocabularyResponse { book_digest: digest(book), words: words.into_iter().map(named).collect() }
}

/// The words that a vocabulary would keep.
///
/// # Errors
/// If there are too many, or a section is unknown.
pub(super) fn kept_words(request: pb::FindDroppedWordsRequest) -> Result<KeptWords, CallError> {
    if request.words.len() > MAX_WORDS {
        let message = format!("are more than {MAX_WORDS}");
        return Err(CallError::invalid_field("words", FaultReason::TooMany, message));
    }
    let kept = |(at, word): (usize, pb::NamedWord)| match Section::from_word(&word.section) {
        Some(section) => Ok((section, word.word)),
        None => {
            let message = "is no section of a vocabulary".to_owned();
            Err(CallError::invalid_field(&format!("words[{at}].section"), FaultReason::UnknownWord, message))
        }
    };
    request.words.into_iter().enumerate().map(kept).collect()
}

/// The words that must not be dropped.
pub(super) fn dropped_words_response(dropped: Vec<DroppedWord>) -> pb::FindDroppedWordsResponse {
    let message = |word: DroppedWord| pb::DroppedWord {
        section: word.section.as_str().to_owned(),
        word: word.word,
        table: match word.used_by {
            WordUser::Row(table) => table.as_str().to_owned(),
            WordUser::Settlement => String::new(),
        },
    };
    pb::FindDroppedWordsResponse { words: dropped.into_iter().map(message).collect() }
}
