//! The messages, clients and servers that are generated from `proto/`, and the words of their enums. Conversions of
//! messages lie with those who send and read them.

mod words;

/// What the build generates: a module for each part of a package's name.
#[allow(missing_docs, clippy::all, clippy::pedantic, rustdoc::all)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/messages.rs"));
}

pub use generated::google::r#type::Date;
/// `onestop.journal.v1`
pub use generated::onestop::journal::v1 as journal;
/// `onestop.operations.v1`
pub use generated::onestop::operations::v1 as operations;
/// `onestop.policy.v1`
pub use generated::onestop::policy::v1 as policy;
/// `onestop.reference.v1`
pub use generated::onestop::reference::v1 as reference;
/// `onestop.settlement.v1`
pub use generated::onestop::settlement::v1 as settlement;

/// The settlement service with requests whose claims are read from their bytes, and responses whose settlements are encoded
/// already: a response copies them.
#[allow(missing_docs, clippy::all, clippy::pedantic, rustdoc::all)]
pub mod encoded {
    include!(concat!(env!("OUT_DIR"), "/encoded/onestop.settlement.v1.rs"));
}

/// The descriptors of all packages, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/onestop.descriptors"));
