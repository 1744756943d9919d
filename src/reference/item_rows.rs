//! Looks up the catalogue rows of the lines of a bill (stage 4): of each as of its own day, else the day of discharge.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::domain::claim::{Claim, Item};
use crate::domain::day::Day;
use crate::domain::facts::{CatalogueEntry, Region};
use crate::domain::fault::{FaultReason, FieldFault, FieldFaults};
use crate::domain::ids::ItemCode;
use crate::domain::money::Money;
use crate::domain::refusal::ClaimRefusal;

use super::catalogue::Catalogue;

/// The catalogue rows of a bill.
#[derive(Default)]
pub(super) struct ItemRows {
    /// The entries in the order in which their rows first apply, each row once.
    pub(super) catalogue: Vec<Arc<CatalogueEntry>>,
    /// For each line that has an entry, its position.
    pub(super) entry_of_item: Vec<u16>,
}

/// Looks up the rows of all lines at a hospital in this region.
///
/// # Errors
/// All codes that the catalogue does not hold, and beside them all refunds that exceed what was charged under their row.
pub(super) fn item_rows(claim: &Claim, region: &Region, catalogue: &Catalogue) -> Result<ItemRows, ClaimRefusal> {
    let mut rows = ItemRows {
        catalogue: Vec::with_capacity(claim.items.len()),
        entry_of_item: Vec::with_capacity(claim.items.len()),
    };
    let mut positions = Positions::for_lines(claim.items.len());
    let (mut unknown, mut unknown_lines) = (FieldFaults::default(), Vec::new());
    for (at, item) in claim.items.iter().enumerate() {
        let day = item.day.unwrap_or(claim.discharged);
        if let Some(position) = positions.of_line(&item.code, day) {
            rows.entry_of_item.push(position);
            continue;
        }
        let Some(entry) = catalogue.look_up(&item.code, region, day) else {
            unknown.push(not_in_catalogue(at, item));
            unknown_lines.push(at);
            continue;
        };
        let position = positions.of_entry(entry, &rows.catalogue).unwrap_or_else(|| {
            rows.catalogue.push(Arc::clone(entry));
            (rows.catalogue.len() - 1) as u16
        });
        positions.note(&item.code, day, entry, position);
        rows.entry_of_item.push(position);
    }
    let refunds = refunds_above_charges(claim, &rows, &unknown_lines);
    if unknown.is_empty() {
        return refunds.into_result(rows).map_err(ClaimRefusal::UnchargedRefund);
    }
    unknown.append(refunds);
    Err(ClaimRefusal::UnknownItem(unknown))
}

/// The most lines of a bill whose entries are compared with each other: fewer than that are found sooner than hashed.
const SHORT_BILL: usize = 64;

/// The positions of the entries of a long bill; of a short one nothing is noted.
#[derive(Default)]
struct Positions<'a> {
    is_long: bool,
    on_day: HashMap<(&'a ItemCode, Day), u16, RandomState>,
    /// Rows of one code on several days are often the same one.
    of_entry: HashMap<*const CatalogueEntry, u16, RandomState>,
}

impl<'a> Positions<'a> {
    fn for_lines(lines: usize) -> Positions<'a> {
        Positions { is_long: lines > SHORT_BILL, ..Positions::default() }
    }

    fn of_line(&self, code: &'a ItemCode, day: Day) -> Option<u16> {
        self.on_day.get(&(code, day)).copied()
    }

    fn of_entry(&self, entry: &Arc<CatalogueEntry>, known: &[Arc<CatalogueEntry>]) -> Option<u16> {
        if self.is_long {
            return self.of_entry.get(&Arc::as_ptr(entry)).copied();
        }
        known.iter().position(|known| Arc::ptr_eq(known, entry)).map(|at| at as u16)
    }

    fn note(&mut self, code: &'a ItemCode, day: Day, entry: &Arc<CatalogueEntry>, position: u16) {
        if self.is_long {
            self.on_day.insert((code, day), position);
            self.of_entry.insert(Arc::as_ptr(entry), position);
        }
    }
}

fn not_in_catalogue(at: usize, item: &Item) -> FieldFault {
    let message = match item.day {
        None => "is not in the catalogue of the hospital's region on the day of discharge",
        Some(_) => "is not in the catalogue of the hospital's region on the day of the line",
    };
    FieldFault::new(format!("claim.items[{at}].code"), FaultReason::NotInCatalogue, message)
}

/// A fault for every code whose refunds at a price exceed, in quantity or in amount, what was charged for it at that
/// price under the same row; unknown lines have no row. Where no line has a day, a code has one row, and the claim by
/// itself was checked.
fn refunds_above_charges(claim: &Claim, rows: &ItemRows, unknown_lines: &[usize]) -> FieldFaults {
    let refunded = claim.items.iter().any(|item| item.quantity.0 < 0 || item.amount < Money::ZERO);
    if !refunded || claim.items.iter().all(|item| item.day.is_none()) {
        return FieldFaults::default();
    }
    let mut net: HashMap<_, (usize, i128, Money)> = HashMap::new();
    let known_lines = claim.items.iter().enumerate().filter(|(at, _)| unknown_lines.binary_search(at).is_err());
    for ((at, item), row) in known_lines.zip(&rows.entry_of_item) {
        let (_, quantity, amount) = net.entry((*row, item.unit_price)).or_insert((at, 0, Money::ZERO));
        *quantity += i128::from(item.quantity.0);
        *amount += item.amount;
    }
    let mut exceeding: Vec<usize> = Vec::new();
    exceeding.extend(net.into_values().filter(|(_, q, amount)| *q < 0 || *amount < Money::ZERO).map(|(at, ..)| at));
    exceeding.sort_unstable();
    let message = "is refunded at this price beyond what was charged under the same row of the catalogue";
    let fault = |at| FieldFault::new(format!("claim.items[{at}].code"), FaultReason::RefundsExceedCharges, message);
    exceeding.into_iter().map(fault).collect()
}
