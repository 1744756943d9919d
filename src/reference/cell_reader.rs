//! Reads typed values from the cells of one row, and collects a fault for every cell that is invalid.

use std::sync::Arc;

use crate::domain::claim::UnitPrice;
use crate::domain::day::{Day, Interval};
use crate::domain::facts::{Class, Region, is_region_prefix};
use crate::domain::fault::{FaultReason, FieldFault};
use crate::domain::ids::{TextError, check_id};
use crate::domain::rate::{ParseRateError, Rate};
use crate::domain::words::{Tag, WordSet, is_word};

use super::table::MAX_COLUMNS;

/// The maximum number of region prefixes in a row of the catalogue; more than regions exist.
const REGION_PREFIXES: usize = 4_000;

/// The maximum bytes of a word of the vocabulary.
const WORD_BYTES: usize = 64;

/// The maximum number of tags of a hospital.
const TAGS: usize = 100;

/// The cells of one row. A method that returns `None` has recorded a fault.
pub(super) struct CellReader<'a> {
    columns: &'static [&'static str],
    cells: [&'a str; MAX_COLUMNS],
    id_bytes: usize,
    faults: Vec<FieldFault>,
}

impl<'a> CellReader<'a> {
    pub(super) fn new(
        columns: &'static [&'static str],
        cells: impl Iterator<Item = &'a str>,
        id_bytes: usize,
    ) -> CellReader<'a> {
        let mut of_row = [""; MAX_COLUMNS];
        of_row.iter_mut().zip(cells).for_each(|(place, cell)| *place = cell);
        CellReader { columns, cells: of_row, id_bytes, faults: Vec::new() }
    }

    /// The row that was read, unless a cell is at fault.
    pub(super) fn finish<T>(self, row: Option<T>) -> Result<T, Vec<FieldFault>> {
        row.filter(|_| self.faults.is_empty()).ok_or(self.faults)
    }

    fn cell(&self, column: &str) -> &'a str {
        let at = self.columns.iter().position(|known| *known == column);
        at.and_then(|at| self.cells.get(at)).copied().unwrap_or_default()
    }

    fn add_fault(&mut self, column: &str, reason: FaultReason, message: impl Into<String>) {
        self.faults.push(FieldFault::new(column, reason, message));
    }

    /// An id or a code: `parse` is that of its type.
    pub(super) fn id<T>(&mut self, column: &str, parse: fn(&'a str, usize) -> Result<T, TextError>) -> Option<T> {
        let parsed = parse(self.cell(column), self.id_bytes);
        parsed.map_err(|error| self.add_fault(column, error.reason(), error.to_string())).ok()
    }

    /// A text of 1 to `max_bytes` bytes, under the same rule as an id.
    pub(super) fn text(&mut self, column: &str, max_bytes: usize) -> Option<&'a str> {
        let text = self.cell(column);
        let checked = check_id(text, max_bytes);
        checked.map_err(|error| self.add_fault(column, error.reason(), error.to_string())).ok().map(|()| text)
    }

    /// A word of the vocabulary. Which words there are is the book's business: the engine checks them.
    pub(super) fn word<W: for<'w> From<&'w str>>(&mut self, column: &str) -> Option<W> {
        let text = self.cell(column);
        let possible = (1..=WORD_BYTES).contains(&text.len());
        if !possible {
            self.add_fault(column, FaultReason::UnknownWord, "is no word of the vocabulary in use");
        }
        possible.then(|| W::from(text))
    }

    pub(super) fn region(&mut self, column: &str) -> Option<Region> {
        let region = Region::parse(self.cell(column));
        if region.is_none() {
            self.add_fault(column, FaultReason::Unreadable, "is not a region of six digits");
        }
        region
    }

    /// The texts of a list separated by spaces; an empty cell is an empty list. White space at an end and control
    /// characters are refused.
    fn list(&mut self, column: &str) -> Option<Vec<&'a str>> {
        let text = self.cell(column);
        match check_id(text, usize::MAX) {
            Ok(()) | Err(TextError::Missing) => Some(text.split(' ').filter(|part| !part.is_empty()).collect()),
            Err(error) => {
                self.add_fault(column, error.reason(), error.to_string());
                None
            }
        }
    }

    /// The prefixes in `regions`, sorted and without duplicates; none means everywhere.
    pub(super) fn region_prefixes(&mut self) -> Option<Vec<Arc<str>>> {
        let mut prefixes = self.list("regions")?;
        prefixes.sort_unstable();
        prefixes.dedup();
        if !prefixes.iter().all(|prefix| is_region_prefix(prefix)) {
            self.add_fault("regions", FaultReason::Unreadable, "is not a list of prefixes of one to six digits");
            return None;
        }
        if prefixes.len() > REGION_PREFIXES {
            let message = format!("has {} prefixes; the limit is {REGION_PREFIXES}", prefixes.len());
            self.add_fault("regions", FaultReason::TooMany, message);
            return None;
        }
        Some(prefixes.into_iter().map(Arc::from).collect())
    }

    /// The words in `tags`, sorted and without duplicates.
    pub(super) fn tags(&mut self) -> Option<WordSet<Tag>> {
        let mut tags = self.list("tags")?;
        tags.sort_unstable();
        tags.dedup();
        if !tags.iter().all(|tag| is_word(tag)) {
            self.add_fault("tags", FaultReason::Unreadable, "is not a list of words, such as tcm, separated by spaces");
            return None;
        }
        if tags.len() > TAGS {
            self.add_fault("tags", FaultReason::TooMany, format!("has {} tags; the limit is {TAGS}", tags.len()));
            return None;
        }
        Some(tags.into_iter().map(Tag::from).collect())
    }

    /// The interval of `from` and `until`; an empty cell leaves it open. With `until` equal to `from` it is empty, which
    /// withdraws the row.
    pub(super) fn interval(&mut self) -> Option<Interval> {
        let (from, until) = (self.optional_day("from"), self.optional_day("until"));
        let days = Interval { from: from?, until: until? };
        if days.from > days.until && days.until.is_some() {
            self.add_fault("until", FaultReason::Unreadable, "lies before `from`");
        }
        Some(days)
    }

    fn optional_day(&mut self, column: &str) -> Option<Option<Day>> {
        match self.cell(column) {
            "" => Some(None),
            text => match text.parse() {
                Ok(day) => Some(Some(day)),
                Err(_) => {
                    self.add_fault(column, FaultReason::NotADay, "is not a day, such as 2017-06-15");
                    None
                }
            },
        }
    }

    /// The class, with its self-pay ratio. Which classes have one is the book's business: the engine checks it.
    pub(super) fn class(&mut self) -> Option<Class> {
        let ratio = match self.cell("self_pay_ratio") {
            "" => Some(None),
            text => self.ratio(text).map(Some),
        };
        Some(Class { word: self.word("class")?, self_pay_ratio: ratio? })
    }

    fn ratio(&mut self, text: &str) -> Option<Rate> {
        let unreadable = |error: ParseRateError| {
            self.add_fault("self_pay_ratio", FaultReason::Unreadable, error.to_string());
        };
        text.parse().map_err(unreadable).ok()
    }

    pub(super) fn price_ceiling(&mut self) -> Option<Option<UnitPrice>> {
        let text = self.cell("price_ceiling");
        if text.is_empty() {
            return Some(None);
        }
        match text.parse::<UnitPrice>() {
            Ok(price) if price >= UnitPrice(0) => Some(Some(price)),
            Ok(_) => {
                self.add_fault("price_ceiling", FaultReason::Negative, "is negative");
                None
            }
            Err(error) => {
                self.add_fault("price_ceiling", FaultReason::Unreadable, error.to_string());
                None
            }
        }
    }
}
