//! The types and the arithmetic of a settlement.
//!
//! Nothing here reads a clock, a file, a socket or a configuration; nothing is async or a float, and
//! nothing knows an insurance by name. All input is passed as arguments, so the same arguments give the
//! same split, in the service today and in an audit years later. [`semantics`] is the specification.

pub mod account;
pub mod adjudicate;
pub mod canonical_text;
pub mod claim;
pub mod content;
pub mod continuation;
pub mod day;
pub mod decimal;
pub mod facts;
pub mod fault;
pub mod file_fault;
pub mod file_faults;
pub mod fixed_words;
pub mod ids;
pub mod invariants;
pub mod itemize;
pub mod journal;
pub mod layer_head;
mod layer_split;
pub mod money;
pub mod month;
pub mod notice;
pub mod policy;
pub mod pools;
pub mod rate;
pub mod reconciliation;
pub mod refusal;
pub mod request_differences;
pub mod resolution;
pub mod resolved_terms;
pub mod rule;
pub mod schedule;
pub mod semantics;
pub mod share;
pub mod short_text;
pub mod split;
pub mod stay;
pub mod sums;
pub mod terms;
mod terms_cache;
pub mod vocabulary;
pub mod vocabulary_section;
pub mod word_meanings;
pub mod words;
