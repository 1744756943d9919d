//! Filters: whether a key may be among the rows of a group of pages.
//!
//! A filter is one page: a split-block Bloom filter as in the Parquet format, 127 blocks of eight 32-bit words after the
//! head of the page, for the 3,212 keys of 22 pages: 10.1 bits a key, about one false answer in a hundred. The upper half
//! of the hash chooses the block, the lower half sets one bit in each word. The hash is XXH3 (64 bits) of the key.
//!
//! Why not a crate: the bits are stored, so they must be the same in every release, which crates of Bloom filters do not
//! promise. A key that was added and is not found would be settled twice.

use xxhash_rust::xxh3::xxh3_64;

use super::key::Key;
use super::page::{PAGE, PAGE_HEAD, Page};

/// The number of pages with rows that one filter covers.
pub(super) const FILTER_GROUP: u64 = 22;

const BLOCK: usize = 32;
const BLOCKS: u64 = ((PAGE - PAGE_HEAD) / BLOCK) as u64;

const SALTS: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

/// The hash of a key.
#[derive(Clone, Copy)]
pub(super) struct KeyHash(u64);

impl KeyHash {
    pub(super) fn new(key: &Key) -> KeyHash {
        KeyHash(xxh3_64(&key.padded_bytes()[..key.table().key_length()]))
    }

    /// Where the block begins in a page.
    fn block(self) -> usize {
        PAGE_HEAD + (((self.0 >> 32) * BLOCKS) >> 32) as usize * BLOCK
    }

    /// The bit in each word of the block.
    fn bits(self) -> impl Iterator<Item = u32> {
        SALTS.into_iter().map(move |salt| 1 << ((self.0 as u32).wrapping_mul(salt) >> 27))
    }
}

/// Adds a key to the filter in this page.
pub(super) fn add(page: &mut Page, hash: KeyHash) {
    let block = &mut page[hash.block()..][..BLOCK];
    for (word, bit) in block.as_chunks_mut::<4>().0.iter_mut().zip(hash.bits()) {
        *word = (u32::from_le_bytes(*word) | bit).to_le_bytes();
    }
}

/// Whether a key may have been added to the filter in this page; `false` is certain.
pub(super) fn may_contain(page: &Page, hash: KeyHash) -> bool {
    let block = &page[hash.block()..][..BLOCK];
    block.as_chunks::<4>().0.iter().zip(hash.bits()).all(|(word, bit)| u32::from_le_bytes(*word) & bit != 0)
}

#[cfg(test)]
mod tests {
    use super::super::key::Table;
    use super::super::page::rows_per_page;
    use super::*;

    fn hash(number: u64) -> KeyHash {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        KeyHash::new(&Key::entry(id))
    }

    #[test]
    fn every_added_key_is_found_and_one_other_in_fifty_at_most() {
        let mut page = [0; PAGE];
        let keys = FILTER_GROUP * rows_per_page(Table::Entry) as u64;
        assert_eq!(keys, 3_212);
        (0..keys).for_each(|number| add(&mut page, hash(number)));
        assert!((0..keys).all(|number| may_contain(&page, hash(number))));
        let false_answers = (keys..keys + 100_000).filter(|number| may_contain(&page, hash(*number))).count();
        println!("{false_answers} false answers in 100,000");
        assert!(false_answers < 2_000, "{false_answers}");
        assert_eq!(page[..PAGE_HEAD], [0; PAGE_HEAD]);
    }

    #[test]
    fn the_stored_bits_are_those_of_the_format() {
        let mut page = [0; PAGE];
        add(&mut page, KeyHash(0x8000_0000_0000_0001));
        let block = PAGE_HEAD + 63 * BLOCK;
        let words: Vec<_> = page[block..block + BLOCK].chunks(4).map(|word| word.to_vec()).collect();
        let expected: Vec<_> = SALTS.iter().map(|salt| (1u32 << (salt >> 27)).to_le_bytes().to_vec()).collect();
        assert_eq!(words, expected);
        assert_eq!(xxh3_64(&[0; 16]), 0xd0a6_6a65_c752_8968, "as the reference implementation");
    }
}
