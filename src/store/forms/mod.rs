//! The stored forms of rows: the messages of `onestop.journal.v1` behind the values that a store keeps beside the journal,
//! converted explicitly in both directions.

mod administration;
mod imports;
mod persons;
mod rows;
mod state;
mod tables;
