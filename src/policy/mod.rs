//! The law as data: from TOML files to a book of checked, resolved policies.
//!
//! Files are read whole and every fault is named at once, with file, line and reason; a book exists
//! only if there is none. Nothing here knows a layer by name.
//!
//! Flow: [`toml_text`] reads values with their lines, [`document`] is what a file says, [`draw`]
//! replaces each `use` by the layer it names, [`rule`] is a layer after that, [`resolve`] gives its
//! terms for all circumstances, [`book`] answers which policy governs a claim.

pub mod book;
pub mod document;
pub mod draw;
pub mod read;
mod read_entry;
mod read_schedule;
mod read_values;
pub mod resolve;
pub mod rule;
pub mod shipped;
pub mod toml_text;

pub use book::Book;
