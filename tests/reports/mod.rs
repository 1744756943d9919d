//! Reports: sums over the journal equal the statements, on every store, however they are asked for.

mod cache;
mod names;
mod poverty;
mod program;
mod served;
mod statements;
