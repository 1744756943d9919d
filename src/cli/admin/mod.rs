//! Administration: commands that work on a store, a policy book, a configuration or key files without a server.

pub mod audit;
pub mod configure;
pub mod copy;
pub mod keys;
pub mod move_years;
pub mod policy;
pub mod seal;
