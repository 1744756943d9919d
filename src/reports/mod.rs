//! Reports: what is derived from the journal, entry after entry in the order of commits.
//!
//! [`line_reader`] is the only reader of entries: it turns each settlement, reversal and revision into signed lines
//! ([`ledger_line`]), so that sums over lines net what was reversed or decided again. Everything else adds lines up: [`tally`] for
//! a [`question`], from lines that [`chunk`] has by column and [`cache`] keeps. Nothing here is the truth, and everything can be derived again.

pub mod cache;
pub mod chunk;
pub mod dimension;
pub mod error;
pub mod ledger;
pub mod ledger_line;
pub mod line_reader;
pub mod person_names;
pub mod poverty;
pub mod question;
pub mod report;
pub mod tally;
