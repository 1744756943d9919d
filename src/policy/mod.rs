//! Policy files: from TOML to a book of checked policies and its vocabulary.
//!
//! All files are read before any is refused, and every fault is reported with file and line; a book exists
//! only if there is none. Nothing here knows a layer, a payer or a category by name.
//!
//! In the order of processing: `toml_reader` reads values with their lines, `vocabulary_reader` the words, and
//! `document_reader` a file into a `document`; `drawn_layers` replaces each `use` by the layer it names, `book_checks` and
//! `exactness` check what the files say together, `warnings` finds what is probably not meant; and [`Book`] finds the policy
//! that governs a claim.

mod book;
mod book_checks;
mod document;
mod document_reader;
mod drawn_layers;
mod entry_reader;
mod exactness;
mod figure_reader;
mod kept_book;
mod layer_checks;
mod nearest;
mod placeholders;
mod reading;
mod remarks;
mod schedule_reader;
pub mod shipped;
pub mod shipped_vocabulary;
mod source_reader;
mod toml_messages;
mod toml_reader;
mod value_kind;
mod value_reader;
mod vocabulary_file;
mod vocabulary_reader;
mod warnings;

pub use book::Book;
pub(crate) use book::io_error_in_chinese;
pub(crate) use kept_book::vocabulary_of_kept;
pub(crate) use nearest::{nearest, nearest_named};
pub(crate) use toml_messages::toml_message_zh;
pub use vocabulary_file::VocabularyFile;
pub use vocabulary_reader::FILE_NAME as VOCABULARY_FILE;
