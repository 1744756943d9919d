//! `onestop load`: a load test. It plays claims of a population that a seed decides, in a closed loop or as they arrive on a
//! day, measures latency from when each call was to begin, checks every answer, and audits the accounts against a replay
//! of its own.
//!
//! Claims, time and memory are limited. Without `--server` it starts a server of its own on a temporary store; only servers
//! on loopback are accepted unless `--anywhere` is given.

mod audit;
mod claims;
mod committed;
mod connections;
mod drive;
mod knee;
mod options;
mod own_server;
mod page;
mod player;
mod population;
mod random;
mod recorder;
mod replay;
mod report;
mod run;
mod schedule;
mod settle_stream;

pub(crate) use options::LoadOptions;
pub(crate) use run::run;
