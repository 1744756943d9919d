//! The bill of a derivation: its codes with their entries of the catalogue, and its lines.

use std::cmp::Ordering;
use std::sync::Arc;

use super::form::{Malformed, id, rate};
use super::message_reader::fields;
use crate::domain::claim::UnitPrice;
use crate::domain::facts::{CatalogueEntries, CatalogueEntry, Class};
use crate::domain::ids::ItemCode;
use crate::domain::money::Money;
use crate::domain::pools::Pools;
use crate::domain::split::{CodeSplit, LineSplit};
use crate::domain::words::Pool;

/// The fields of a `Code`.
#[derive(Clone, Copy, Default)]
pub(super) struct CodeFields<'a> {
    code: &'a str,
    name: &'a str,
    class: &'a str,
    self_pay_ratio: &'a str,
    price_ceiling: Option<i64>,
    unit_price: i64,
    net: i64,
    over_limit: i64,
    preliminary_self_pay: i64,
    pool: &'a str,
}

impl<'a> CodeFields<'a> {
    pub(super) fn read(message: &'a [u8]) -> Result<CodeFields<'a>, Malformed> {
        let mut code = CodeFields::default();
        for field in fields(message) {
            let (number, value) = field?;
            match number {
                1 => code.code = value.text("codes.code")?,
                2 => code.name = value.text("codes.name")?,
                3 => code.class = value.text("codes.class")?,
                4 => code.self_pay_ratio = value.text("codes.self_pay_ratio")?,
                5 => code.price_ceiling = Some(value.number("codes.price_ceiling")?),
                6 => code.unit_price = value.number("codes.unit_price")?,
                7 => code.net = value.number("codes.net")?,
                8 => code.over_limit = value.number("codes.over_limit")?,
                9 => code.preliminary_self_pay = value.number("codes.preliminary_self_pay")?,
                11 => code.pool = value.text("codes.pool")?,
                _ => {}
            }
        }
        Ok(code)
    }

    fn entry(&self) -> Result<CatalogueEntry, Malformed> {
        let ratio = Some(self.self_pay_ratio).filter(|ratio| !ratio.is_empty());
        Ok(CatalogueEntry {
            code: id("code", self.code, ItemCode::from_stored)?,
            name: self.name.into(),
            class: Class {
                word: self.class.into(),
                self_pay_ratio: ratio.map(|ratio| rate("self_pay_ratio", ratio)).transpose()?,
            },
            price_ceiling: self.price_ceiling.map(UnitPrice),
        })
    }

    fn split(&self, row: u32, pools: &Pools) -> Result<CodeSplit, Malformed> {
        Ok(CodeSplit {
            position: row_position(row)?,
            unit_price: UnitPrice(self.unit_price),
            net: Money::from_fen(self.net),
            over_limit: Money::from_fen(self.over_limit),
            preliminary_self_pay: Money::from_fen(self.preliminary_self_pay),
            pool: pools.position(&Pool::from(self.pool)).ok_or(Malformed("codes.pool"))?,
        })
    }
}

/// The codes of a bill that fell into these pools.
pub(super) fn codes(codes: &[CodeFields<'_>], row_of_code: &[u32], pools: &Pools) -> Result<Vec<CodeSplit>, Malformed> {
    codes.iter().zip(row_of_code).map(|(code, row)| code.split(*row, pools)).collect()
}

/// The entries of the catalogue in the order in which they first appear in the codes of a bill.
pub(super) fn catalogue(codes: &[CodeFields<'_>], row_of_code: &[u32]) -> Result<CatalogueEntries, Malformed> {
    if codes.len() != row_of_code.len() {
        return Err(Malformed("row_of_code"));
    }
    let mut entries = Vec::with_capacity(codes.len());
    for (code, row) in codes.iter().zip(row_of_code) {
        match usize::from(row_position(*row)?).cmp(&entries.len()) {
            Ordering::Less => {}
            Ordering::Equal => entries.push(Arc::new(code.entry()?)),
            Ordering::Greater => return Err(Malformed("row_of_code")),
        }
    }
    Ok(entries.into())
}

fn row_position(row: u32) -> Result<u16, Malformed> {
    u16::try_from(row).map_err(|_| Malformed("row_of_code"))
}

/// A `Line`.
pub(super) fn line(message: &[u8]) -> Result<LineSplit, Malformed> {
    let mut line = LineSplit::default();
    for field in fields(message) {
        let (number, value) = field?;
        match number {
            1 => line.over_limit = Money::from_fen(value.number("lines.over_limit")?),
            2 => line.preliminary_self_pay = Money::from_fen(value.number("lines.preliminary_self_pay")?),
            _ => {}
        }
    }
    Ok(line)
}
