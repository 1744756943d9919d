//! Policy files: from TOML to a book of checked, resolved policies.
//!
//! All files are read before any is refused, and every fault is reported with file and line; a book exists
//! only if there is none. Nothing here knows a layer by name.
//!
//! In the order of processing: `toml_reader` reads values with their lines, `document_reader` a file into a
//! `document`, `drawn_layers` replaces each `use` by the layer it names, [`rule`] is the result,
//! [`resolution`] gives the terms of its layers for all circumstances, and [`Book`] finds the policy that
//! governs a claim.

mod book;
mod document;
mod document_reader;
mod drawn_layers;
mod entry_reader;
pub mod resolution;
pub mod rule;
mod schedule_reader;
pub mod shipped;
mod source_reader;
mod toml_reader;
mod value_reader;

pub use book::Book;
