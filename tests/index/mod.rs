//! The index of the log of an embedded store: it equals a replay of the log, whatever happens to its files.

mod crash;
mod damage;
mod limits;
mod model;
mod moments;
mod readers;
mod retries;
mod support;
