//! The catalogue: the entry of a code, by the region of the hospital and by day.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::domain::day::{Day, Interval};
use crate::domain::facts::{CatalogueEntry, Region};
use crate::domain::ids::ItemCode;

use super::dated::RowChange;

/// The maximum rows of one code; an imported row is compared with all others of its code.
pub(crate) const ROWS_PER_CODE: usize = 1_000;

/// One row. Its key is code, regions and first day.
#[derive(Clone, PartialEq, Eq)]
pub struct CatalogueRow {
    /// Prefixes of hospital regions, sorted; none means everywhere.
    pub regions: Vec<Arc<str>>,
    /// The days on which the row applies.
    pub days: Interval,
    /// The entry.
    pub entry: Arc<CatalogueEntry>,
}

crate::domain::ids::silent_debug!(CatalogueRow);

impl CatalogueRow {
    /// The key of the row: code, regions and first day. A row with the same key replaces it.
    pub(crate) fn key(&self) -> (&ItemCode, &[Arc<str>], Option<Day>) {
        (&self.entry.code, &self.regions, self.days.from)
    }

    /// Whether both rows have the same key.
    pub fn same_key(&self, other: &CatalogueRow) -> bool {
        self.key() == other.key()
    }

    /// Whether two rows of one code have a prefix and a day in common.
    pub(crate) fn conflicts_with(&self, other: &CatalogueRow) -> bool {
        let everywhere = self.regions.is_empty() && other.regions.is_empty();
        self.days.overlaps(&other.days) && (everywhere || any_in_common(&self.regions, &other.regions))
    }

    /// The length of the longest prefix of this region; 0 for a row that applies everywhere.
    fn match_length(&self, region: &Region) -> Option<usize> {
        if self.regions.is_empty() {
            return Some(0);
        }
        let matching = self.regions.iter().filter(|prefix| region.as_str().starts_with(&***prefix));
        matching.map(|prefix| prefix.len()).max()
    }
}

/// Whether two sorted lists have an element in common.
fn any_in_common(one: &[Arc<str>], other: &[Arc<str>]) -> bool {
    let mut other = other.iter().peekable();
    one.iter().any(|prefix| {
        while other.next_if(|before| *before < prefix).is_some() {}
        other.peek() == Some(&prefix)
    })
}

/// The rows of the catalogue, by code.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    rows: HashMap<ItemCode, Vec<CatalogueRow>, RandomState>,
    /// The same codes in order, for pages.
    codes: BTreeSet<ItemCode>,
}

impl Catalogue {
    /// Adds a row, in place of one with the same key.
    pub fn put(&mut self, row: CatalogueRow) -> RowChange {
        let rows = match self.rows.entry(row.entry.code.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                self.codes.insert(new.key().clone());
                new.insert(Vec::new())
            }
        };
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

    /// Whether the row can be added: it replaces another, or its code has fewer rows than [`ROWS_PER_CODE`].
    pub(crate) fn has_room_for(&self, row: &CatalogueRow) -> bool {
        let rows = self.rows.get(&row.entry.code).map(Vec::as_slice).unwrap_or_default();
        rows.len() < ROWS_PER_CODE || rows.iter().any(|known| known.same_key(row))
    }

    /// Every code with its rows, in no particular order.
    pub fn rows_by_code(&self) -> impl Iterator<Item = (&ItemCode, &[CatalogueRow])> {
        self.rows.iter().map(|(code, rows)| (code, rows.as_slice()))
    }

    /// The rows of one code.
    pub(crate) fn rows_of(&self, code: &str) -> Option<(&ItemCode, &[CatalogueRow])> {
        let (code, rows) = self.rows.get_key_value(&ItemCode::from_stored(code).ok()?)?;
        Some((code, rows))
    }

    /// The codes after this text in ascending order, each with its rows; the empty text is before all codes.
    pub(crate) fn rows_after(&self, after: &str) -> impl Iterator<Item = (&ItemCode, &[CatalogueRow])> {
        let after = ItemCode::from_stored(after).map_or(Bound::Unbounded, Bound::Excluded);
        let codes = self.codes.range((after, Bound::Unbounded));
        codes.filter_map(|code| Some((code, self.rows.get(code)?.as_slice())))
    }

    /// Whether the row conflicts with another row of its code.
    pub(crate) fn conflicts_with(&self, row: &CatalogueRow) -> bool {
        let rows = self.rows.get(&row.entry.code).map(Vec::as_slice).unwrap_or_default();
        rows.iter().any(|known| !known.same_key(row) && known.conflicts_with(row))
    }

    /// The entry of a code in a hospital's region on a day: that of the row with the longest matching prefix.
    pub fn look_up(&self, code: &ItemCode, region: &Region, day: Day) -> Option<&Arc<CatalogueEntry>> {
        let in_force = self.rows.get(code)?.iter().filter(|row| row.days.contains(day));
        let matching = in_force.filter_map(|row| Some((row.match_length(region)?, &row.entry)));
        matching.max_by_key(|(length, _)| *length).map(|(_, entry)| entry)
    }
}
