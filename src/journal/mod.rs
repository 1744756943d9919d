//! The record: what a store keeps of every commit, as protobuf messages of the package `onestop.journal.v1` with explicit
//! conversions from and to the types of the domain.
//!
//! A field that is added to a message leaves every stored record readable and every digest as it was: a reader skips what it
//! does not know, and what is absent has no bytes. The settlement inside a record is the very message that is answered
//! ([`answer`]): it is encoded once, stored once, and returned and replayed by copying. Digests are computed over stored
//! bytes, or over a canonical form that names its version ([`content`]).
//!
//! Does not do: storing, chains, adjudication.

mod administration;
pub mod answer;
mod answer_reader;
pub mod claim;
mod claim_reader;
mod code_reader;
pub mod content;
mod entry;
mod entry_reader;
pub mod form;
mod layer_reader;
mod message_reader;
mod message_writer;
pub mod record;
pub mod recorded;
mod recorded_parts;
mod revision;
mod settlement;

pub use administration::encode_administration;
pub use claim::ClaimMessage;
pub use entry::{EncodedSettlement, encode_entry, encode_settlement};
pub use entry_reader::{CommittedEntry, decode_answered, decode_committed, decode_entry, decode_link};
pub use form::{Malformed, StoredForm};
pub use message_writer::MessageWriter;
pub use record::RecordError;
