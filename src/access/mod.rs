//! Who is calling, what each may do, and how much of it; and the log of who read what of whom.
//!
//! A caller is known by a name that the certificate carries, and by nothing that a message says. What the role does
//! not permit is refused before a message is read; whose settlements a caller sees is asked where they are found.

pub mod allowance;
pub mod call;
pub mod caller;
pub mod callers;
pub mod log;
pub mod quoted;
mod read;

pub use call::Call;
pub use caller::{Caller, Role};
pub use callers::Callers;
