//! A store copied into another: the same entries, byte for byte, under keys of another secret; interrupted anywhere it
//! goes on; what is damaged or of something else is named.

pub mod archived;
pub mod history;
mod interrupted;
mod redis;
mod refused;
mod whole;
mod years;

use std::path::Path;

use onestop::domain::journal::Instant;
use onestop::engine::copy::{CopyContext, CopyError, CopyReport, StoreCopy};
use onestop::engine::import::ImportSource;
use onestop::store::Store;
use onestop::store::embedded::{Durability, EmbeddedStore};

use crate::support::program::run;

/// Copies one into the other, in process.
pub async fn copy<S: Store, T: Store>(source: &S, target: &T) -> Result<CopyReport, CopyError> {
    let outside = CopyContext { now: &|| Instant(1), progress: &|_, _, _| {} };
    let import_source = ImportSource { source: "elsewhere".to_owned(), imported_by: "a test".to_owned() };
    StoreCopy::new(source, target, outside).await?.run(import_source).await
}

/// The store in this directory.
pub fn open(place: &Path) -> EmbeddedStore {
    EmbeddedStore::open(place, Durability::Synced).expect("a store")
}

/// Runs `onestop copy`: exit code, output, errors.
pub fn copied(from: &Path, to: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let (from, to) = (from.display().to_string(), to.display().to_string());
    run(&[&["copy", "--from", &from, "--to", &to], more].concat())
}

/// Copies a directory, as a backup of its files does.
pub fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a directory");
    for file in std::fs::read_dir(from).expect("files").map(|file| file.expect("one").path()) {
        let target = to.join(file.file_name().expect("a name"));
        if file.is_dir() {
            copy_directory(&file, &target);
        } else {
            std::fs::copy(&file, &target).expect("copied");
        }
    }
}
