//! Reference tables: persons, hospitals and the catalogue, dated; what a claim never tells by itself.
//!
//! [`row`] is one row of one table as imported, [`person`], [`hospital`] and [`catalogue`] are what
//! rows add up to, [`look_up`] turns them into the facts of a claim, [`csv_text`] reads files.

pub mod catalogue;
pub mod cells;
pub mod csv_text;
pub mod dated;
pub mod hospital;
pub mod look_up;
pub mod lookup_tables;
pub mod person;
pub mod row;
pub mod table;
