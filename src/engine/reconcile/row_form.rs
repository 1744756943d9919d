//! The rows of both sides as bytes, for sorting.

use crate::domain::day::Day;
use crate::domain::ids::{ClaimId, Digest, EntryId};
use crate::domain::journal::Instant;
use crate::domain::money::Money;
use crate::domain::reconciliation::{Amounts, BookedClaim, BookedStatus, ListedClaim};
use crate::store::StoreError;
use crate::store::keys::StoreKey;

/// The key of a claim: the rows of one claim come together.
pub(super) fn key(claim_id: &ClaimId) -> StoreKey {
    let Digest(digest) = Digest::blake3(claim_id.as_str().as_bytes());
    let mut key = StoreKey::default();
    key.copy_from_slice(&digest[..16]);
    key
}

/// Appends a row of the hospital's list.
pub(super) fn encode_listed(bytes: &mut Vec<u8>, row: &ListedClaim) -> Result<(), StoreError> {
    put_text(bytes, row.claim_id.as_str())?;
    bytes.extend(row.row.to_le_bytes());
    put_optional(bytes, row.settlement.map(|EntryId(id)| id));
    put_optional(bytes, row.day.map(|day| day.number().to_le_bytes()));
    put_amounts(bytes, &row.amounts);
    Ok(())
}

/// The row of these bytes.
pub(super) fn decode_listed(bytes: &[u8]) -> Result<ListedClaim, StoreError> {
    let mut fields = Fields(bytes);
    Ok(ListedClaim {
        claim_id: fields.claim_id()?,
        row: u64::from_le_bytes(fields.take()?),
        settlement: fields.optional()?.map(EntryId),
        day: fields.optional()?.map(u32::from_le_bytes).map(day).transpose()?,
        amounts: fields.amounts()?,
    })
}

/// Appends a settlement of this service.
pub(super) fn encode_booked(bytes: &mut Vec<u8>, row: &BookedClaim) -> Result<(), StoreError> {
    put_text(bytes, row.claim_id.as_str())?;
    bytes.extend(row.settlement.0);
    bytes.extend(row.day.number().to_le_bytes());
    bytes.extend(row.revision.to_le_bytes());
    bytes.push(u8::from(row.has_other_revisions));
    let (tag, at) = match row.status {
        BookedStatus::InForce => (0, Instant::default()),
        BookedStatus::ReversedLater(at) => (1, at),
        BookedStatus::ReversedEarlier(at) => (2, at),
        BookedStatus::SettledLater => (3, Instant::default()),
    };
    bytes.push(tag);
    bytes.extend(at.0.to_le_bytes());
    bytes.extend(row.person);
    put_amounts(bytes, &row.amounts);
    Ok(())
}

/// The settlement of these bytes.
pub(super) fn decode_booked(bytes: &[u8]) -> Result<BookedClaim, StoreError> {
    let mut fields = Fields(bytes);
    Ok(BookedClaim {
        claim_id: fields.claim_id()?,
        settlement: EntryId(fields.take()?),
        day: day(u32::from_le_bytes(fields.take()?))?,
        revision: u32::from_le_bytes(fields.take()?),
        has_other_revisions: fields.byte()? != 0,
        status: fields.status()?,
        person: fields.take()?,
        amounts: fields.amounts()?,
    })
}

fn put_text(bytes: &mut Vec<u8>, text: &str) -> Result<(), StoreError> {
    let length = u16::try_from(text.len()).map_err(|_| unreadable())?;
    bytes.extend(length.to_le_bytes());
    bytes.extend(text.as_bytes());
    Ok(())
}

fn put_optional<const N: usize>(bytes: &mut Vec<u8>, value: Option<[u8; N]>) {
    bytes.push(u8::from(value.is_some()));
    bytes.extend(value.into_iter().flatten());
}

fn put_amounts(bytes: &mut Vec<u8>, amounts: &Amounts) {
    bytes.extend(amounts.total.fen().to_le_bytes());
    put_optional(bytes, amounts.patient.map(|patient| patient.fen().to_le_bytes()));
    amounts.payers.iter().for_each(|payer| bytes.extend(payer.fen().to_le_bytes()));
}

fn day(number: u32) -> Result<Day, StoreError> {
    Day::from_number(number).ok_or_else(unreadable)
}

fn unreadable() -> StoreError {
    StoreError::Damaged("a row that was put aside for a comparison cannot be read again".to_owned())
}

/// The fields that are left of a row.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let (first, rest) = self.0.split_first_chunk().ok_or_else(unreadable)?;
        self.0 = rest;
        Ok(*first)
    }

    fn byte(&mut self) -> Result<u8, StoreError> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn optional<const N: usize>(&mut self) -> Result<Option<[u8; N]>, StoreError> {
        if self.byte()? == 0 { Ok(None) } else { self.take().map(Some) }
    }

    fn claim_id(&mut self) -> Result<ClaimId, StoreError> {
        let length = u16::from_le_bytes(self.take()?);
        let (text, rest) = self.0.split_at_checked(usize::from(length)).ok_or_else(unreadable)?;
        self.0 = rest;
        let text = std::str::from_utf8(text).map_err(|_| unreadable())?;
        ClaimId::from_stored(text).map_err(|_| unreadable())
    }

    fn status(&mut self) -> Result<BookedStatus, StoreError> {
        let (tag, at) = (self.byte()?, Instant(i64::from_le_bytes(self.take()?)));
        match tag {
            0 => Ok(BookedStatus::InForce),
            1 => Ok(BookedStatus::ReversedLater(at)),
            2 => Ok(BookedStatus::ReversedEarlier(at)),
            3 => Ok(BookedStatus::SettledLater),
            _ => Err(unreadable()),
        }
    }

    /// The amounts, which are the last field.
    fn amounts(&mut self) -> Result<Amounts, StoreError> {
        let money = |bytes| Money::from_fen(i64::from_le_bytes(bytes));
        let (total, patient) = (money(self.take()?), self.optional()?.map(money));
        let mut payers = Vec::with_capacity(self.0.len() / 8);
        while !self.0.is_empty() {
            payers.push(money(self.take()?));
        }
        Ok(Amounts { total, patient, payers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(patient: Option<i64>) -> Amounts {
        let payers = [7, -1].map(Money::from_fen).to_vec();
        Amounts { total: Money::from_fen(100), patient: patient.map(Money::from_fen), payers }
    }

    #[test]
    fn rows_of_both_sides_are_read_back_as_they_were() {
        let claim_id = || ClaimId::parse("住院-1", 64).expect("an id");
        let day = Day::new(2017, 6, 15).expect("a day");
        let mut listed = ListedClaim {
            row: u64::MAX,
            claim_id: claim_id(),
            settlement: Some(EntryId([3; 16])),
            day: Some(day),
            amounts: amounts(Some(94)),
        };
        for _ in 0..2 {
            let mut bytes = Vec::new();
            encode_listed(&mut bytes, &listed).expect("bytes");
            assert!(decode_listed(&bytes).expect("a row") == listed);
            assert!(decode_listed(&bytes[..bytes.len() - 1]).is_err());
            listed = ListedClaim { settlement: None, day: None, amounts: amounts(None), ..listed };
        }
        let later = Instant(1 << 50);
        let all = [
            BookedStatus::InForce,
            BookedStatus::ReversedLater(later),
            BookedStatus::ReversedEarlier(later),
            BookedStatus::SettledLater,
        ];
        for status in all {
            let booked = BookedClaim {
                settlement: EntryId([9; 16]),
                claim_id: claim_id(),
                day,
                revision: 3,
                has_other_revisions: true,
                status,
                amounts: amounts(Some(94)),
                person: [5; 16],
            };
            let mut bytes = Vec::new();
            encode_booked(&mut bytes, &booked).expect("bytes");
            assert!(decode_booked(&bytes).expect("a row") == booked);
        }
    }
}
