//! Why a policy file is refused.

use std::fmt;

/// One fault: the file, the line (from 1), and the reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyFault {
    /// The file's name.
    pub file: String,
    /// The line it was found on.
    pub line: usize,
    /// What is wrong there.
    pub told: String,
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.told)
    }
}
