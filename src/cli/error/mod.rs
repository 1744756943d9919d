//! The errors of the commands, by what fails. They depend on no command, so that `exit` and the commands share them.

pub mod claim_file;
pub mod client;
pub mod copy;
pub mod import;
pub mod keys;
pub mod load;
pub(crate) mod refusal;
pub mod seal;
pub mod word;
