//! The fences of a table in a run: the first key of each page with rows, and the last key of all.

use super::key::{Key, Table};
use super::page::{PAGE_HEAD, Page};

/// Fences in memory.
#[derive(Default)]
pub(super) struct Fences {
    key_length: usize,
    /// The fences as in the file.
    bytes: Vec<u8>,
    /// The first eight bytes of each fence: what a search compares.
    prefixes: Vec<u64>,
}

impl Fences {
    /// No fences, with room for this many.
    pub(super) fn with_room(table: Table, count: usize) -> Fences {
        let key_length = table.key_length();
        Fences { key_length, bytes: Vec::with_capacity(count * key_length), prefixes: Vec::with_capacity(count) }
    }

    /// Appends a fence.
    pub(super) fn push(&mut self, key: &Key) {
        self.bytes.extend_from_slice(&key.padded_bytes()[..self.key_length]);
        self.prefixes.push(key.prefix());
    }

    /// Appends the fences of a page.
    pub(super) fn load(&mut self, page: &Page, count: usize) {
        let bytes = &page[PAGE_HEAD..][..count * self.key_length];
        self.bytes.extend_from_slice(bytes);
        let prefix = |fence: &[u8]| fence.first_chunk().map_or(0, |prefix| u64::from_be_bytes(*prefix));
        self.prefixes.extend(bytes.chunks_exact(self.key_length).map(prefix));
    }

    /// The number of fences.
    pub(super) fn count(&self) -> usize {
        self.prefixes.len()
    }

    /// The bytes, up to this many fences at a time.
    pub(super) fn chunks(&self, fences: usize) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks((fences * self.key_length).max(1))
    }

    /// The bytes of memory that they take.
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity() + self.prefixes.capacity() * size_of::<u64>()
    }

    /// The page that holds a key, if the table holds it.
    pub(super) fn page_of(&self, key: &Key) -> Option<u64> {
        if self.is_after_last(key) {
            return None;
        }
        self.count_leading_pages(key, |first, key| first <= key).checked_sub(1)
    }

    /// The first page with a key that is not before this one; the number of pages if there is none.
    pub(super) fn first_page_from(&self, key: &Key) -> u64 {
        if self.is_after_last(key) {
            return self.pages() as u64;
        }
        self.count_leading_pages(key, |first, key| first <= key).saturating_sub(1)
    }

    /// The last page with a key before this one, or the last page.
    pub(super) fn last_page_before(&self, end: Option<&Key>) -> Option<u64> {
        end.map_or(self.pages() as u64, |end| self.count_leading_pages(end, |first, end| first < end)).checked_sub(1)
    }

    fn pages(&self) -> usize {
        self.count().saturating_sub(1)
    }

    fn is_after_last(&self, key: &Key) -> bool {
        self.count().checked_sub(1).is_none_or(|last| key.padded_bytes()[..self.key_length] > *self.fence(last))
    }

    fn fence(&self, number: usize) -> &[u8] {
        &self.bytes[number * self.key_length..][..self.key_length]
    }

    /// How many pages, from the first on, have a first key that compares so with this key.
    fn count_leading_pages(&self, key: &Key, compares: impl Fn(&[u8], &[u8]) -> bool) -> u64 {
        let prefixes = &self.prefixes[..self.pages()];
        let mut low = count_below(prefixes, key.prefix());
        if prefixes.get(low).is_none_or(|prefix| *prefix != key.prefix()) {
            return low as u64;
        }
        let mut high = low + prefixes[low..].partition_point(|prefix| *prefix == key.prefix());
        let bytes = key.padded_bytes();
        while low < high {
            let middle = (low + high) / 2;
            if compares(self.fence(middle), &bytes[..self.key_length]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low as u64
    }
}

/// How many of these numbers, which are in order, are less than another.
///
/// Nearly all keys are digests or times, so that the numbers are spread evenly: the search begins where the number would
/// be, and widens until it is enclosed. That reads two or three cache lines, where halving all of them reads one for each
/// half. Keys of lists are of few hospitals and spread unevenly: for them it takes up to twice as many steps as halving.
fn count_below(ordered: &[u64], number: u64) -> usize {
    const CACHE_LINE: usize = 64 / size_of::<u64>();
    let (Some(first), Some(last)) = (ordered.first(), ordered.last()) else { return 0 };
    if number <= *first {
        return 0;
    }
    if number > *last {
        return ordered.len();
    }
    // In the order of numbers `first < number <= last`, so that the last index is the greatest.
    let share = u128::from(number - first) * (ordered.len() as u128 - 1) / u128::from(last - first);
    let (mut low, mut high, mut width) = (share as usize, share as usize + 1, CACHE_LINE);
    while low > 0 && ordered[low] >= number {
        high = low;
        low = low.saturating_sub(width);
        width *= 2;
    }
    while ordered[high - 1] < number {
        low = high;
        high = (high + width).min(ordered.len());
        width *= 2;
    }
    low + ordered[low..high].partition_point(|other| *other < number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_a_key_is_the_one_between_whose_fences_it_is() {
        let key = |first: u8| Key::entry(std::array::from_fn(|at| if at == 0 { first } else { 0 }));
        let mut fences = Fences::with_room(Table::Entry, 4);
        [10, 20, 30, 35].iter().for_each(|first| fences.push(&key(*first)));
        let page_of = |first| fences.page_of(&key(first));
        assert_eq!([9, 10, 19, 20, 30, 35, 36].map(page_of), [None, Some(0), Some(0), Some(1), Some(2), Some(2), None]);
        let first = |first| fences.first_page_from(&key(first));
        assert_eq!([0, 10, 19, 20, 35, 36].map(first), [0, 0, 0, 1, 2, 3]);
        let last = |first| fences.last_page_before(Some(&key(first)));
        assert_eq!([10, 11, 20, 21, 99].map(last), [None, Some(0), Some(0), Some(1), Some(2)]);
        assert_eq!((fences.last_page_before(None), fences.count()), (Some(2), 4));
    }

    #[test]
    fn fences_with_the_same_first_bytes_are_distinguished() {
        let key = |number: u8| Key::list_position(std::array::from_fn(|at| if at == 27 { number } else { 3 }));
        let mut fences = Fences::with_room(Table::ListPosition, 4);
        [10, 20, 30, 35].iter().for_each(|number| fences.push(&key(*number)));
        assert_eq!(
            [9, 10, 19, 20, 35, 36].map(|number| fences.page_of(&key(number))),
            [None, Some(0), Some(0), Some(1), Some(2), None]
        );
        assert_eq!([10, 11, 31].map(|number| fences.last_page_before(Some(&key(number)))), [None, Some(0), Some(2)]);
    }

    #[test]
    fn numbers_below_another_are_counted_however_they_are_spread() {
        let mut random = 7_u64;
        let mut next = move || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            random >> 1
        };
        let spreads: [fn(u64) -> u64; 4] = [|n| n, |n| n % 50, |n| n >> (n % 63), |n| u64::MAX - (n >> (n % 63))];
        for spread in spreads {
            for length in (0..40).chain([1_000, 5_000]) {
                let mut ordered: Vec<u64> = (0..length).map(|_| spread(next())).collect();
                ordered.sort_unstable();
                let near =
                    ordered.iter().flat_map(|number| [number.saturating_sub(1), *number, number.saturating_add(1)]);
                for number in near.chain([0, u64::MAX, spread(next())]) {
                    let expected = ordered.partition_point(|other| *other < number);
                    assert_eq!(count_below(&ordered, number), expected, "{number} in {ordered:?}");
                }
            }
        }
    }

    #[test]
    fn an_empty_table_has_no_page() {
        let fences = Fences::default();
        let key = Key::entry([1; 16]);
        assert_eq!(
            (fences.page_of(&key), fences.first_page_from(&key), fences.last_page_before(None)),
            (None, 0, None)
        );
    }
}
