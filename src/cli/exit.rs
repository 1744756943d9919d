//! How a command ends.

use std::fmt;
use std::process::ExitCode;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// Refused, or it differs: exit 1.
    Refused(String),
    /// Wrong usage: exit 2.
    Usage(String),
    /// Unreachable, or the outcome is unknown: exit 3.
    Unreachable(String),
}

impl Failure {
    /// The exit code.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Failure::Refused(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Unreachable(_) => 3,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Failure::Refused(told) | Failure::Usage(told) | Failure::Unreachable(told)) = self;
        f.write_str(told)
    }
}

/// How a command ended.
pub type Ended = Result<(), Failure>;

/// Writes to standard output; a reader that went away ends the command quietly.
#[macro_export]
macro_rules! say {
    ($($arg:tt)*) => {{
        use std::io::Write as _;
        if writeln!(std::io::stdout(), $($arg)*).is_err() {
            std::process::exit(0);
        }
    }};
}
