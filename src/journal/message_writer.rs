//! Writes messages of protobuf into one buffer, straight from the values of the domain: no text is copied into a message
//! first. The bytes are those that `prost` writes of the same message: fields in the order of their numbers, and none for a
//! field without presence that holds its default.

use std::fmt::Display;
use std::io::Write;

use bytes::Bytes;
use prost::Message;
use prost::encoding::{WireType, encode_varint};

/// The bit of a byte of a number after which another byte follows.
const CONTINUES: u8 = 0x80;

/// The most bytes of a length.
const MAX_LENGTH_BYTES: usize = 10;

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
    #[inline]
    pub(crate) fn text(&mut self, field: u32, text: &str) {
        self.blob(field, text.as_bytes());
    }

    /// One of the texts of a repeated field.
    #[inline]
    pub(crate) fn repeated_text(&mut self, field: u32, text: &str) {
        self.delimited(field, text.as_bytes());
    }

    /// The text that shows a value; it is not empty.
    pub(crate) fn displayed(&mut self, field: u32, value: &impl Display) {
        self.message(field, |writer| {
            // A write to a vector does not fail, and neither does showing a value of the domain.
            let _written = write!(writer.bytes, "{value}");
        });
    }

    /// Bytes, unless there are none.
    #[inline]
    pub(crate) fn blob(&mut self, field: u32, blob: &[u8]) {
        if !blob.is_empty() {
            self.delimited(field, blob);
        }
    }

    /// A number of any integer or enum type without zigzag, unless it is 0.
    #[inline]
    pub(crate) fn number(&mut self, field: u32, number: impl Into<i64>) {
        let number = number.into();
        if number != 0 {
            self.optional_number(field, Some(number));
        }
    }

    /// A number with presence.
    #[inline]
    pub(crate) fn optional_number(&mut self, field: u32, number: Option<i64>) {
        let Some(number) = number else { return };
        self.key(field, WireType::Varint);
        self.varint(number as u64);
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

    /// A message in a field, also an empty one. It is written fastest if it has fewer than 128 bytes.
    #[inline]
    pub(crate) fn message(&mut self, field: u32, write: impl FnOnce(&mut MessageWriter)) {
        self.message_with_length_of(1, field, write);
    }

    /// The same, written fastest if it has at least 128 bytes and less than 16 KiB.
    #[inline]
    pub(crate) fn long_message(&mut self, field: u32, write: impl FnOnce(&mut MessageWriter)) {
        self.message_with_length_of(2, field, write);
    }

    /// A message whose length is known at its end, with so many bytes for it.
    #[inline]
    fn message_with_length_of(&mut self, room: usize, field: u32, write: impl FnOnce(&mut MessageWriter)) {
        self.key(field, WireType::LengthDelimited);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 2][..room]);
        write(self);
        self.write_length(start, room);
    }

    /// A message in a field, from its own type.
    pub(crate) fn encoded(&mut self, field: u32, message: &impl Message) {
        prost::encoding::message::encode(field, message, &mut self.bytes);
    }

    /// All fields of a message.
    pub(crate) fn append(&mut self, message: &impl Message) {
        message.encode_raw(&mut self.bytes);
    }

    /// Writes the length of the message that ends here, whose length has so much room at `start`.
    #[inline]
    fn write_length(&mut self, start: usize, room: usize) {
        let length = self.bytes.len() - start - room;
        match (room, length) {
            (1, ..0x80) => self.bytes[start] = length as u8,
            (2, 0x80..0x4000) => {
                self.bytes[start] = length as u8 | CONTINUES;
                self.bytes[start + 1] = (length >> 7) as u8;
            }
            _ => self.move_message(start, room, length),
        }
    }

    /// Writes a length that needs other room than it has, for which the message moves.
    fn move_message(&mut self, start: usize, room: usize, length: usize) {
        let mut encoded = [0; MAX_LENGTH_BYTES];
        let mut rest = &mut encoded[..];
        encode_varint(length as u64, &mut rest);
        let bytes = MAX_LENGTH_BYTES - rest.len();
        self.bytes.splice(start..start + room, encoded.into_iter().take(bytes));
    }

    /// Bytes in a field.
    #[inline]
    fn delimited(&mut self, field: u32, bytes: &[u8]) {
        self.key(field, WireType::LengthDelimited);
        self.varint(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    /// The key of a field: inlined, it is one byte that the compiler computes, for all fields below 16.
    #[inline]
    fn key(&mut self, field: u32, kind: WireType) {
        self.varint(u64::from(field << 3 | kind as u32));
    }

    /// A number, seven bits to a byte, the lowest first.
    #[inline]
    fn varint(&mut self, mut number: u64) {
        while number >= u64::from(CONTINUES) {
            self.bytes.push(number as u8 | CONTINUES);
            number >>= 7;
        }
        self.bytes.push(number as u8);
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
    fn a_message_has_the_same_bytes_whatever_room_its_length_had() {
        for length in [0, 1, 127, 128, 129, 16_383, 16_384, 2_097_152] {
            let (text, mut long, mut short) =
                ("x".repeat(length), MessageWriter::with_capacity(0), MessageWriter::with_capacity(0));
            long.long_message(1, |writer| writer.text(1, &text));
            long.text(2, "after");
            short.message(1, |writer| writer.text(1, &text));
            short.text(2, "after");
            assert_eq!(long.finish(), short.finish(), "{length}");
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
