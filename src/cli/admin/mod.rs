//! Administration: commands that work on a store, policy files, a configuration or key files, without a server.

pub(super) mod audit;
pub(super) mod config_options;
pub(super) mod configure;
pub(super) mod copy;
pub(super) mod copy_options;
mod copy_report;
pub(super) mod init;
pub(super) mod keys;
pub(super) mod move_years;
pub(super) mod policy;
pub(super) mod restore;
pub(super) mod seal;
