//! Lines on standard output and standard error: the only place that writes them, so that nothing that came from a caller
//! or a file reaches a terminal unescaped.

use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use super::visible::visible;

/// Whether a write to standard output failed: its reader closed it.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Writes a line to standard output, with every character that a terminal would obey escaped. After the reader closed it,
/// output is dropped and the command continues to its end, so that it finishes what it began and removes what it created.
pub fn write_line(line: fmt::Arguments<'_>) {
    let line = line.to_string();
    if !CLOSED.load(Ordering::Relaxed) && writeln!(std::io::stdout(), "{}", visible(&line)).is_err() {
        CLOSED.store(true, Ordering::Relaxed);
    }
}

/// Writes the lines of a page that a command laid out itself: its line ends are not escaped.
pub fn write_page(page: &str) {
    page.trim_end().lines().for_each(|line| write_line(format_args!("{line}")));
}

/// Writes a line to standard error, escaped as on standard output. A line that cannot be written is dropped: nobody reads
/// it.
pub fn write_error_line(line: fmt::Arguments<'_>) {
    let line = line.to_string();
    writeln!(std::io::stderr(), "{}", visible(&line)).unwrap_or_default();
}

/// Writes a formatted line to standard output; see [`write_line`].
#[macro_export]
macro_rules! say {
    ($($arg:tt)*) => { $crate::cli::output::line::write_line(format_args!($($arg)*)) };
}

/// Writes a formatted line to standard error; see [`write_error_line`].
#[macro_export]
macro_rules! say_error {
    ($($arg:tt)*) => { $crate::cli::output::line::write_error_line(format_args!($($arg)*)) };
}
