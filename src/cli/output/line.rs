//! Lines on standard output.

use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a write to standard output failed: its reader closed it.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Writes a line to standard output. After the reader closed it, output is dropped and the command continues to its
/// end, so that it finishes what it began and removes what it created.
pub fn write_line(line: fmt::Arguments<'_>) {
    if !CLOSED.load(Ordering::Relaxed) && writeln!(std::io::stdout(), "{line}").is_err() {
        CLOSED.store(true, Ordering::Relaxed);
    }
}

/// Writes a formatted line to standard output; see [`write_line`].
#[macro_export]
macro_rules! say {
    ($($arg:tt)*) => { $crate::cli::output::line::write_line(format_args!($($arg)*)) };
}
