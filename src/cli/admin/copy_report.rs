//! Progress and results of `onestop copy`.

use serde_json::{Value, json};

use crate::cli::output::progress::Progress;
use crate::engine::copy::{CopyReport, Stage};
use crate::say;
use crate::server::store_location::StoreLocation;

/// Shows the progress of a stage.
pub(super) fn show_progress(bar: &Progress, stage: Stage, done: u64, total: u64) {
    let name = match stage {
        Stage::Persons => "persons",
        Stage::Chains => "entries of chains",
        Stage::Lists => "settlements in hospital lists",
        Stage::Verifying => "entries verified",
        Stage::Archiving => "entries moved or kept",
    };
    bar.set_stage(name, done, total);
}

/// The result as JSON.
pub(super) fn value(copied: &CopyReport) -> Value {
    let CopyReport { policies, imports, hospitals, catalogue, persons, chains, entries, settlements, splits } = copied;
    json!({
        "policies": policies, "imports": imports, "hospitals": hospitals, "catalogue": catalogue,
        "persons": persons.total, "persons_written": persons.written,
        "chains": chains, "entries": entries.total, "entries_written": entries.written,
        "settlements": settlements, "splits": splits,
    })
}

/// Prints the result as text.
pub(super) fn print(copied: &CopyReport, to: &StoreLocation) {
    let CopyReport { policies, imports, hospitals, catalogue, persons, chains, entries, settlements, splits } = copied;
    say!(
        "{policies} policies, {imports} imports, {hospitals} hospitals, {catalogue} rows of the catalogue, {} persons \
         ({} written now)",
        persons.total,
        persons.written
    );
    say!("{chains} chains, {} entries ({} written now), {settlements} settlements", entries.total, entries.written);
    say!("verified: every chain ends as in the source, {splits} splits recomputed; {to} can be served");
}
