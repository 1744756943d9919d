//! Reads the fields of an encoded message in place: a text is borrowed from the bytes, and copied only into what keeps it.
//! An entry has hundreds of texts, most of them short words that a value of the domain keeps without memory of its own.

use prost::encoding::{DecodeContext, WireType, decode_varint, skip_field};

use super::form::Malformed;
use crate::domain::money::Money;

/// The kinds of fields that are read, as in their keys.
const VARINT: u32 = WireType::Varint as u32;
const LENGTH_DELIMITED: u32 = WireType::LengthDelimited as u32;

/// The bit of a byte of a number after which another byte follows.
const CONTINUES: u8 = 0x80;

/// The value of a field.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    /// A number, a flag or a word of an enum.
    Number(u64),
    /// A text, bytes or a message.
    Bytes(&'a [u8]),
    /// Of a kind that no message here has.
    Unknown,
}

impl<'a> Value<'a> {
    /// The number in a field of any signed type without zigzag.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn number(self, field: &'static str) -> Result<i64, Malformed> {
        match self {
            Value::Number(number) => Ok(number as i64),
            _ => Err(Malformed(field)),
        }
    }

    /// The bytes of a message or blob.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn bytes(self, field: &'static str) -> Result<&'a [u8], Malformed> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(Malformed(field)),
        }
    }

    /// The text.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn text(self, field: &'static str) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes(field)?).map_err(|_| Malformed(field))
    }

    /// The flag.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn flag(self, field: &'static str) -> Result<bool, Malformed> {
        Ok(self.number(field)? != 0)
    }

    /// The word of an enum; `fixed` is what the program knows it as.
    ///
    /// # Errors
    /// If it is none, or unspecified.
    pub(super) fn word<E: TryFrom<i32>, F>(
        self,
        field: &'static str,
        fixed: impl FnOnce(E) -> Option<F>,
    ) -> Result<F, Malformed> {
        let word = E::try_from(self.number(field)? as i32).ok();
        word.and_then(fixed).ok_or(Malformed(field))
    }
}

/// The fields of a message, each with its number, in the order in which they were written.
pub(super) struct Fields<'a>(&'a [u8]);

/// The fields of an encoded message.
pub(super) fn fields(message: &[u8]) -> Fields<'_> {
    Fields(message)
}

impl<'a> Fields<'a> {
    #[inline]
    fn read(&mut self) -> Option<(u32, Value<'a>)> {
        let key = u32::try_from(self.varint()?).ok()?;
        let number = Some(key >> 3).filter(|number| *number > 0)?;
        let value = match key & 7 {
            VARINT => Value::Number(self.varint()?),
            LENGTH_DELIMITED => {
                let length = usize::try_from(self.varint()?).ok()?;
                let (bytes, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                Value::Bytes(bytes)
            }
            kind => {
                let kind = WireType::try_from(u64::from(kind)).ok()?;
                skip_field(kind, number, &mut self.0, DecodeContext::default()).ok()?;
                Value::Unknown
            }
        };
        Some((number, value))
    }

    /// The next number, seven bits to a byte; most have one byte.
    #[inline]
    fn varint(&mut self) -> Option<u64> {
        match self.0.split_first() {
            Some((byte, rest)) if *byte < CONTINUES => {
                self.0 = rest;
                Some(u64::from(*byte))
            }
            _ => decode_varint(&mut self.0).ok(),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_none() {
            self.0 = &[];
        }
        Some(read.ok_or(Malformed("message")))
    }
}

/// A name and an amount: a `PoolAmount` or a `PayerShare`.
pub(super) fn amount(message: &[u8]) -> Result<(&str, Money), Malformed> {
    let (mut name, mut amount) = ("", Money::ZERO);
    for field in fields(message) {
        let (number, value) = field?;
        match number {
            1 => name = value.text("pool")?,
            2 => amount = Money::from_fen(value.number("amount")?),
            _ => {}
        }
    }
    Ok((name, amount))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::settlement as pb;
    use prost::Message;

    #[test]
    fn fields_are_read_as_they_were_written_and_a_cut_or_oversized_one_is_malformed() {
        let code = pb::Code { code: "A".to_owned(), unit_price_micro_yuan: -1, ..pb::Code::default() };
        let bytes = code.encode_to_vec();
        let read: Vec<_> = fields(&bytes).map(|field| field.expect("a field")).collect();
        let [(1, code), (6, price)] = read[..] else { panic!("{} fields", read.len()) };
        assert_eq!((code.text("code"), price.number("price")), (Ok("A"), Ok(-1)));
        assert_eq!((code.number("code"), price.text("price")), (Err(Malformed("code")), Err(Malformed("price"))));
        for end in (0..bytes.len()).filter(|end| ![0, 3].contains(end)) {
            assert!(fields(&bytes[..end]).any(|field| field.is_err()), "cut at {end}");
        }
        assert!(
            fields(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]).any(|field| field.is_err())
        );
    }

    #[test]
    fn a_field_of_another_kind_is_passed_over() {
        // A fixed number of 64 bits in field 2, then a flag in field 3.
        let bytes = [0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x18, 1];
        let read: Vec<_> = fields(&bytes).map(|field| field.expect("a field")).collect();
        let [(2, unknown), (3, flag)] = read[..] else { panic!("{} fields", read.len()) };
        assert!(unknown.number("number").is_err() && unknown.bytes("bytes").is_err());
        assert_eq!(flag.flag("flag"), Ok(true));
    }
}
