//! The shipped vocabulary, whose words also serve a book that has none of its own.

/// Name and text of the shipped vocabulary.
pub const VOCABULARY: (&str, &str) = ("vocabulary.toml", include_str!("../../deploy/policies/vocabulary.toml"));
