//! Writes messages of protobuf into one buffer, straight from the values of the domain: no text is copied into a message
//! first. The bytes are those that `prost` writes of the same message: fields in the order of their numbers, and none for a
//! field without presence that holds its default.

use std::fmt::Display;
use std::io::Write;

use bytes::Bytes;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

/// A length below this takes one byte.
const ONE_BYTE: usize = 0x80;

/// A message that is being written.
pub struct MessageWriter {
    bytes: Vec<u8>,
}

impl MessageWriter {
    /// An empty message, with room for so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> MessageWriter {
        MessageWriter { bytes: Vec::with_capacity(bytes) }
    }

    /// A message that is appended to these bytes.
    pub(crate) fn after(bytes: Vec<u8>) -> MessageWriter {
        MessageWriter { bytes }
    }

    /// The message.
    pub(crate) fn finish(self) -> Bytes {
        self.bytes.into()
    }

    /// The bytes that it was appended to, and the message.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A text, unless it is empty.
    pub(crate) fn text(&mut self, field: u32, text: &str) {
        self.blob(field, text.as_bytes());
    }

    /// One of the texts of a repeated field.
    pub(crate) fn repeated_text(&mut self, field: u32, text: &str) {
        self.delimited(field, |bytes| bytes.extend_from_slice(text.as_bytes()));
    }

    /// The text that shows a value; it is not empty.
    pub(crate) fn displayed(&mut self, field: u32, value: &impl Display) {
        self.delimited(field, |bytes| {
            // A write to a vector does not fail, and neither does showing a value of the domain.
            let _written = write!(bytes, "{value}");
        });
    }

    /// Bytes, unless there are none.
    pub(crate) fn blob(&mut self, field: u32, blob: &[u8]) {
        if !blob.is_empty() {
            self.delimited(field, |bytes| bytes.extend_from_slice(blob));
        }
    }

    /// A number of any integer or enum type without zigzag, unless it is 0.
    pub(crate) fn number(&mut self, field: u32, number: impl Into<i64>) {
        let number = number.into();
        if number != 0 {
            self.optional_number(field, Some(number));
        }
    }

    /// A number with presence.
    pub(crate) fn optional_number(&mut self, field: u32, number: Option<i64>) {
        let Some(number) = number else { return };
        encode_key(field, WireType::Varint, &mut self.bytes);
        encode_varint(number as u64, &mut self.bytes);
    }

    /// A number of 64 bits without a sign, unless it is 0.
    pub(crate) fn unsigned(&mut self, field: u32, number: u64) {
        // A number with a sign has the same 64 bits in a message.
        self.number(field, number as i64);
    }

    /// A flag, unless it is false.
    pub(crate) fn flag(&mut self, field: u32, flag: bool) {
        self.number(field, flag);
    }

    /// A message in a field, also an empty one.
    pub(crate) fn message(&mut self, field: u32, write: impl FnOnce(&mut MessageWriter)) {
        let start = self.begin(field);
        write(self);
        self.end(start);
    }

    /// A message in a field, from its own type.
    pub(crate) fn encoded(&mut self, field: u32, message: &impl Message) {
        prost::encoding::message::encode(field, message, &mut self.bytes);
    }

    /// All fields of a message.
    pub(crate) fn append(&mut self, message: &impl Message) {
        message.encode_raw(&mut self.bytes);
    }

    fn delimited(&mut self, field: u32, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.begin(field);
        write(&mut self.bytes);
        self.end(start);
    }

    /// Begins a field whose length is known at its end, with one byte for it.
    fn begin(&mut self, field: u32) -> usize {
        encode_key(field, WireType::LengthDelimited, &mut self.bytes);
        self.bytes.push(0);
        self.bytes.len()
    }

    /// Writes the length of a field; one of more than a byte moves the field.
    fn end(&mut self, start: usize) {
        let (end, length) = (self.bytes.len(), self.bytes.len() - start);
        if length < ONE_BYTE {
            self.bytes[start - 1] = length as u8;
            return;
        }
        let further = encoded_len_varint(length as u64) - 1;
        self.bytes.resize(end + further, 0);
        self.bytes.copy_within(start..end, start + further);
        encode_varint(length as u64, &mut &mut self.bytes[start - 1..start + further]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::settlement as pb;

    #[test]
    fn a_written_message_has_the_bytes_of_the_encoded_one() {
        for length in [0, 1, 127, 128, 300, 16_383, 16_384] {
            let amount = |pool: &str, amount_fen| pb::PoolAmount { pool: pool.to_owned(), amount_fen };
            let pools = vec![amount(&"x".repeat(length), -1), amount("", 0), amount("y", i64::MAX)];
            let split = pb::Split { total_fen: i64::MIN, pools, payers: Vec::new(), patient_fen: 300 };
            let mut writer = MessageWriter::with_capacity(0);
            writer.number(1, split.total_fen);
            for pool in &split.pools {
                writer.message(2, |writer| {
                    writer.text(1, &pool.pool);
                    writer.number(2, pool.amount_fen);
                });
            }
            writer.number(4, split.patient_fen);
            assert_eq!(writer.finish(), split.encode_to_vec(), "{length}");
        }
    }

    #[test]
    fn presence_and_repeated_texts_are_written_also_for_defaults() {
        let band = pb::Band { upto_fen: Some(0), rate: "0.5".to_owned(), ..pb::Band::default() };
        let mut writer = MessageWriter::with_capacity(0);
        writer.optional_number(1, band.upto_fen);
        writer.displayed(2, &0.5);
        assert_eq!(writer.finish(), band.encode_to_vec());
        let facts = pb::Circumstances { tags: vec![String::new(), "t".to_owned()], ..pb::Circumstances::default() };
        let mut writer = MessageWriter::with_capacity(0);
        writer.blob(2, &[]);
        facts.tags.iter().for_each(|tag| writer.repeated_text(11, tag));
        assert_eq!(writer.finish(), facts.encode_to_vec());
    }
}
