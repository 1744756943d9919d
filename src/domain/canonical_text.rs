//! Canonical texts: JSON that names the version of its form, and whose digest identifies what it says.

use std::sync::Arc;

use serde::Serialize;

use super::ids::Digest;

/// A value that has no canonical text.
#[derive(Debug, thiserror::Error)]
#[error("it has no canonical text: {0}")]
pub struct NoCanonicalText(#[from] serde_json::Error);

/// A canonical text with its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalText {
    /// The text, which contains the version of its form.
    pub text: Arc<str>,
    /// BLAKE3 of the text.
    pub digest: Digest,
}

impl CanonicalText {
    /// The text of a value that contains the version of its form.
    ///
    /// # Errors
    /// If the value cannot be serialized.
    pub(super) fn of_versioned(value: &impl Serialize) -> Result<CanonicalText, NoCanonicalText> {
        Ok(CanonicalText::from_text(serde_json::to_string(value)?))
    }

    fn from_text(text: impl Into<Arc<str>>) -> CanonicalText {
        let text = text.into();
        CanonicalText { digest: Digest::blake3(text.as_bytes()), text }
    }

    /// The text that was kept under a digest; `None` if it is another.
    pub(super) fn kept(text: &str, digest: Digest) -> Option<CanonicalText> {
        Some(CanonicalText::from_text(text)).filter(|canonical| canonical.digest == digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value that fails as a map with keys that are no texts does.
    struct Unserializable;

    impl Serialize for Unserializable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no text"))
        }
    }

    #[test]
    fn a_value_that_cannot_be_serialized_has_no_canonical_text_and_no_digest() {
        let error = CanonicalText::of_versioned(&Unserializable).expect_err("an error");
        assert_eq!(error.to_string(), "it has no canonical text: no text");
    }

    #[test]
    fn a_kept_text_is_returned_only_under_its_own_digest() {
        let canonical = CanonicalText::of_versioned(&[1, 2]).expect("a text");
        assert_eq!(&*canonical.text, "[1,2]");
        assert_eq!(CanonicalText::kept("[1,2]", canonical.digest), Some(canonical.clone()));
        assert_eq!(CanonicalText::kept("[1,3]", canonical.digest), None);
    }
}
