//! Text files that a command reads whole.

use std::path::Path;

use crate::domain::file_fault::FileFault;

use super::exit::CommandError;

/// The text of a file.
///
/// # Errors
/// If the file cannot be read; the first line that is not UTF-8.
pub(super) fn read(path: &Path) -> Result<String, CommandError> {
    let bytes = std::fs::read(path).map_err(CommandError::file(path))?;
    FileFault::utf8_text(&path.display().to_string(), bytes).map_err(|fault| CommandError::FileFaults(fault.into()))
}
