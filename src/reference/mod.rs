//! The reference tables: enrolments and other rows about persons, hospitals and the catalogue, all dated. They supply the facts that a claim does not
//! state about itself.
//!
//! [`row`] is one imported row; [`person`], [`hospital`] and [`catalogue`] are the records that rows add up to;
//! [`look_up`] finds the facts of a claim in them; [`csv_rows`] reads files; [`cells`] turns records back into rows.

pub mod catalogue;
mod cell_reader;
pub mod cells;
pub mod columns;
pub(crate) mod csv_lines;
pub mod csv_rows;
pub mod dated;
pub mod hospital;
mod item_rows;
pub mod look_up;
pub mod lookup_tables;
pub mod person;
pub mod row;
pub mod row_words;
pub mod table;
pub mod timeline;
