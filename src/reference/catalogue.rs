//! The catalogue: what a code is, by the region of the hospital and by day.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::day::{Day, Interval};
use crate::domain::facts::{CatalogueEntry, Region};
use crate::domain::ids::ItemCode;

use super::dated::RowChange;

/// The most rows of one code: each that is imported is compared with the others.
pub const ROWS_A_CODE: usize = 1_000;

/// One row; code, regions and first day are its key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueRow {
    /// Prefixes of the hospital's region, sorted; none = everywhere.
    pub regions: Vec<Arc<str>>,
    /// When.
    pub days: Interval,
    /// What it says.
    pub entry: Arc<CatalogueEntry>,
}

crate::domain::ids::silent_debug!(CatalogueRow);

impl CatalogueRow {
    /// Whether two rows have the same key.
    pub fn same_key(&self, other: &CatalogueRow) -> bool {
        self.entry.code == other.entry.code && self.regions == other.regions && self.days.from == other.days.from
    }

    /// Whether two rows of one code name the same prefix on a common day.
    pub fn clashes(&self, other: &CatalogueRow) -> bool {
        let everywhere = self.regions.is_empty() && other.regions.is_empty();
        self.days.overlaps(&other.days) && (everywhere || have_common(&self.regions, &other.regions))
    }

    /// The length of the longest prefix that names this region.
    fn reach(&self, region: &Region) -> Option<usize> {
        if self.regions.is_empty() {
            return Some(0);
        }
        let named = self.regions.iter().filter(|prefix| region.as_str().starts_with(&***prefix));
        named.map(|prefix| prefix.len()).max()
    }
}

/// Whether two sorted lists have a member in common.
fn have_common(one: &[Arc<str>], other: &[Arc<str>]) -> bool {
    let mut other = other.iter().peekable();
    one.iter().any(|prefix| {
        while other.next_if(|before| *before < prefix).is_some() {}
        other.peek() == Some(&prefix)
    })
}

/// All rows, by code.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    rows: HashMap<ItemCode, Vec<CatalogueRow>>,
}

impl Catalogue {
    /// Takes a row: one with the same key is replaced.
    pub fn put(&mut self, row: CatalogueRow) -> RowChange {
        let rows = self.rows.entry(row.entry.code.clone()).or_default();
        match rows.iter_mut().find(|known| known.same_key(&row)) {
            Some(known) if *known == row => RowChange::Unchanged,
            Some(known) => {
                *known = row;
                RowChange::Changed
            }
            None => {
                rows.push(row);
                RowChange::Changed
            }
        }
    }

    /// Whether the code of this row has room for it: it replaces one, or they are fewer than [`ROWS_A_CODE`].
    pub fn has_room(&self, row: &CatalogueRow) -> bool {
        let rows = self.rows.get(&row.entry.code).map(Vec::as_slice).unwrap_or_default();
        rows.len() < ROWS_A_CODE || rows.iter().any(|known| known.same_key(row))
    }

    /// Every code with its rows, in no order.
    pub fn codes(&self) -> impl Iterator<Item = (&ItemCode, &[CatalogueRow])> {
        self.rows.iter().map(|(code, rows)| (code, rows.as_slice()))
    }

    /// Whether another row of the same code clashes with this one.
    pub fn clashes(&self, row: &CatalogueRow) -> bool {
        let rows = self.rows.get(&row.entry.code).map(Vec::as_slice).unwrap_or_default();
        rows.iter().any(|known| !known.same_key(row) && known.clashes(row))
    }

    /// What holds for a code in a hospital's region on a day: the longest matching prefix.
    pub fn look_up(&self, code: &ItemCode, region: &Region, day: Day) -> Option<&Arc<CatalogueEntry>> {
        let in_force = self.rows.get(code)?.iter().filter(|row| row.days.contains(day));
        let reaching = in_force.filter_map(|row| Some((row.reach(region)?, &row.entry)));
        reaching.max_by_key(|(reach, _)| *reach).map(|(_, entry)| entry)
    }
}
