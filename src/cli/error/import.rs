//! Why a reference table was not imported.

use std::path::PathBuf;

use super::client::ClientError;
use crate::domain::file_faults::FileFaults;
use crate::reference::table::ReferenceTable;

/// The names of the files of all tables.
fn file_names() -> String {
    let names: Vec<String> = ReferenceTable::ALL.iter().map(|table| format!("{}.csv", table.as_str())).collect();
    names.join(", ")
}

/// Why a reference table was not imported; nothing of its file was taken.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file cannot be read.
    #[error("cannot read the table {path}: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: std::io::Error,
    },
    /// The name of a file is not the name of a table.
    #[error("{0}: the file is not named after a table: {names}", names = file_names())]
    NoSuchTable(PathBuf),
    /// The command line names no file of a table.
    #[error("no table was found: {names}", names = file_names())]
    NoTables,
    /// The file has faults; one line per fault.
    #[error("{0}")]
    Faults(FileFaults),
    /// The server refused the file as a whole.
    #[error("the server refused the table {path}: {message}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// What the server answered.
        message: String,
    },
    /// The call failed.
    #[error(transparent)]
    Client(#[from] ClientError),
}
