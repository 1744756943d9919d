//! Why a word on the command line is refused.

/// The word is not one of a closed list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {}", .known.join(", "))]
pub struct UnknownWord {
    /// The known words.
    pub known: Vec<&'static str>,
}
