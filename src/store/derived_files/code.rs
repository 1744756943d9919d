//! The message authentication code of a derived file: a hash with a key that is derived from the secret of the store. What is
//! damaged, and what another store wrote, has another code.

/// The length of a code.
pub const CODE: usize = 32;

/// A message authentication code.
pub type Code = [u8; CODE];

/// The code of these bytes.
pub(super) fn code_of(key: &[u8; 32], bytes: &[u8]) -> Code {
    *blake3::keyed_hash(key, bytes).as_bytes()
}
