//! A book as a store keeps it under its digest: the digests of its policies, and its vocabulary. The policies themselves are
//! kept each under its own digest.

use serde::{Deserialize, Serialize};

use crate::domain::canonical_text::NoCanonicalText;
use crate::domain::ids::Digest;
use crate::domain::vocabulary::Vocabulary;

use super::book::{Book, digest_of_parts};

/// The text that is kept.
#[derive(Serialize, Deserialize)]
struct KeptBook {
    /// The digests of the policies, in the order of their ids.
    policies: Vec<[u8; 32]>,
    /// The canonical text of the vocabulary.
    vocabulary: String,
}

impl Book {
    /// The text that a store keeps of the book under its digest.
    ///
    /// # Errors
    /// If the text cannot be written as JSON.
    pub fn kept_text(&self) -> Result<String, NoCanonicalText> {
        let policies = self.policy_digests().map(|digest| digest.0).collect();
        let vocabulary = self.vocabulary_text().text.to_string();
        Ok(serde_json::to_string(&KeptBook { policies, vocabulary })?)
    }
}

/// The vocabulary of the book that was kept under this digest; `None` if the text is of another book.
pub(crate) fn vocabulary_of_kept(text: &str, digest: Digest) -> Option<Vocabulary> {
    let kept: KeptBook = serde_json::from_str(text).ok()?;
    let policies = kept.policies.into_iter().map(Digest);
    let is_kept = digest_of_parts(policies, Digest::blake3(kept.vocabulary.as_bytes())) == digest;
    is_kept.then(|| Vocabulary::from_canonical(&kept.vocabulary)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vocabulary_of_a_kept_book_is_read_under_its_own_digest_only() {
        let book = Book::without_policies().expect("a book");
        let text = book.kept_text().expect("a text");
        assert_eq!(vocabulary_of_kept(&text, book.digest()).as_ref(), Some(&**book.vocabulary()));
        let other = Digest::blake3(b"another");
        assert_eq!(vocabulary_of_kept(&text, other), None);
        assert_eq!(vocabulary_of_kept("", book.digest()), None);
    }
}
