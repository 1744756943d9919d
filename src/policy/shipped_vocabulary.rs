//! The shipped vocabulary, whose words also serve a book that has none of its own.

use std::sync::{Arc, LazyLock};

use crate::domain::file_fault::FileFault;
use crate::domain::vocabulary::Vocabulary;

use super::vocabulary_reader::read_vocabulary;

/// Name and text of the shipped vocabulary.
pub const VOCABULARY: (&str, &str) = ("vocabulary.toml", include_str!("../../deploy/policies/vocabulary.toml"));

/// What was read of the shipped vocabulary, once.
static READ: LazyLock<(Option<Arc<Vocabulary>>, Vec<FileFault>)> = LazyLock::new(|| {
    let (vocabulary, faults) = read_vocabulary(VOCABULARY.0, VOCABULARY.1);
    (vocabulary.map(Arc::new), faults)
});

/// The shipped vocabulary, or its faults.
pub(super) fn shipped_vocabulary() -> (Option<Arc<Vocabulary>>, Vec<FileFault>) {
    READ.clone()
}
