//! How a command ends.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::domain::file_fault::FileFault;

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

/// A refused file: every fault on a line of its own.
impl From<Vec<FileFault>> for Failure {
    fn from(faults: Vec<FileFault>) -> Failure {
        let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
        Failure::Refused(lines.join("\n"))
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

/// Whether whoever read standard output has gone away.
static UNREAD: AtomicBool = AtomicBool::new(false);

/// Writes a line to standard output. When its reader goes away the command goes on to its end, quietly:
/// what it began it finishes, and what it made it removes.
pub fn write_line(line: fmt::Arguments<'_>) {
    if !UNREAD.load(Ordering::Relaxed) && writeln!(std::io::stdout(), "{line}").is_err() {
        UNREAD.store(true, Ordering::Relaxed);
    }
}

/// A line of output; see [`write_line`].
#[macro_export]
macro_rules! say {
    ($($arg:tt)*) => { $crate::cli::exit::write_line(format_args!($($arg)*)) };
}
