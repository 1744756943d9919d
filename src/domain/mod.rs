//! Pure arithmetic and facts: what a settlement *is*.
//!
//! Nothing here reads a clock, a file, a socket or a configuration; nothing is async, nothing is a
//! float, and nothing knows an insurance by name. Everything is an argument, so the same arguments
//! give the same split, today in the service and years later in an audit.

pub mod account;
pub mod adjudicate;
pub mod claim;
pub mod content;
pub mod day;
pub mod decimal;
pub mod facts;
pub mod fault;
pub mod file_fault;
pub mod ids;
pub mod invariants;
pub mod itemise;
pub mod journal;
pub mod money;
pub mod policy;
pub mod pools;
pub mod rate;
pub mod refusal;
pub mod schedule;
pub mod split;
pub mod terms;
pub mod vocabulary;
