//! Authentication and authorization of callers, their limits, and the access log of reads about persons.
//!
//! A caller is identified by a name in its client certificate, never by anything in a request. A call that the role
//! does not permit is refused before its message is decoded; access to a single hospital's settlements is checked where
//! they are read.

pub mod allowance;
pub mod byte_limit;
pub mod call;
pub mod caller;
pub mod callers;
mod callers_file;
mod error;
pub mod fair_limit;
pub(crate) mod keyed_limit;
mod load_limit;
pub mod log;
pub mod recent_quotes;
mod role;
pub mod sealed_token;

pub use call::Call;
pub use caller::Caller;
pub use callers::Callers;
pub use error::AccessError;
pub(crate) use role::Role;
