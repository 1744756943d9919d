//! The types and the arithmetic of a settlement.
//!
//! Nothing here reads a clock, a file, a socket or a configuration; nothing is async or a float, and
//! nothing knows an insurance by name. All input is passed as arguments, so the same arguments give the
//! same split, in the service today and in an audit years later.

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
