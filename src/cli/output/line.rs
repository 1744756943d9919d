//! Lines on standard output and standard error: the only place that writes them, so that nothing that came from a caller
//! or a file reaches a terminal unescaped.

use std::fmt;
use std::io::{Error, ErrorKind, Write};
use std::sync::OnceLock;

use super::visible::visible;

/// Why nothing more is written to standard output.
static CLOSED: OnceLock<Error> = OnceLock::new();

/// Writes a line to standard output, with every character that a terminal would obey escaped. After a write failed, because
/// the reader closed it or the disk is full, output is dropped and the command continues to its end, so that it finishes what
/// it began and removes what it created.
pub fn write_line(line: fmt::Arguments<'_>) {
    let line = line.to_string();
    if CLOSED.get().is_none()
        && let Err(error) = writeln!(std::io::stdout(), "{}", visible(&line))
    {
        CLOSED.get_or_init(|| error);
    }
}

/// Why standard output is not complete; `None` if it is, or its reader closed it and wants no more.
pub fn output_error() -> Option<&'static Error> {
    CLOSED.get().filter(|error| error.kind() != ErrorKind::BrokenPipe)
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
