//! The commits of a store in the order of its log, read sequentially: what an audit is made of.
//!
//! A store with a log implements [`CommitLog`]; others are read chain by chain.

use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::StoreError;
use super::keys::{Secret, StoreKey};
use crate::domain::ids::EntryId;

/// The position of a commit in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordPosition {
    /// The byte of the log at which it begins.
    pub lsn: u64,
    /// Its length in bytes.
    pub length: u32,
}

/// The log of a store that serves nothing meanwhile.
pub trait CommitLog: Send + Sync {
    /// Reads the log from its start to its end in a thread of its own, and hands every commit to every visitor; each
    /// visitor runs in a thread of its own and meets the commits in order. Memory is bounded by the longest frame.
    /// Returns what is damaged in the log apart from commits that visitors meet.
    ///
    /// # Errors
    /// If a file cannot be read, or a thread cannot be started or panics.
    fn scan(&self, visitors: &mut [Box<dyn CommitVisitor + '_>]) -> Result<Vec<ScanDamage>, StoreError>;

    /// The secret that keys are hashed with.
    fn secret(&self) -> &Secret;

    /// The number of entries in the log.
    fn entry_count(&self) -> u64;

    /// The byte behind the last of the log.
    fn end(&self) -> u64;

    /// An empty tally of index rows, to be compared with that of this log's index.
    ///
    /// # Errors
    /// If there is no randomness.
    fn tally(&self) -> Result<IndexTally, StoreError>;

    /// Adds all rows of the index to a tally.
    ///
    /// # Errors
    /// If the index cannot be read or is damaged.
    fn tally_index(&self, tally: &mut IndexTally) -> Result<(), StoreError>;

    /// Which row of a commit the index does not lead to, or to an earlier commit; `None` if it leads to all.
    ///
    /// # Errors
    /// If the index cannot be read or is damaged.
    fn misled(&self, commit: &dyn ScannedCommit) -> Result<Option<IndexTable>, StoreError>;

    /// The record of an entry that the index leads to, and the position of its commit.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    fn entry(&self, id: EntryId) -> Result<Option<(RecordPosition, Vec<u8>)>, StoreError>;

    /// The row of a claim in the commit at a position.
    ///
    /// # Errors
    /// `Damaged` if there is none, or if it cannot be read.
    fn claim_row(&self, at: RecordPosition, claim: &StoreKey) -> Result<Vec<u8>, StoreError>;
}

/// What is done with each commit of a scan.
pub trait CommitVisitor: Send {
    /// Takes the next commit.
    fn visit(&mut self, commit: &dyn ScannedCommit);
}

/// A damaged place of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanDamage {
    /// The byte of the log.
    pub lsn: u64,
    /// What is damaged, with its file and byte.
    pub error: StoreError,
}

/// A commit as it is in the log.
pub trait ScannedCommit {
    /// Its position.
    fn position(&self) -> RecordPosition;

    /// The person whose chain it extends, as its first row says; `None` if it extends none. In a damaged frame only a row
    /// with a right checksum says so.
    fn person(&self) -> Option<StoreKey>;

    /// Its rows and entries, their checksums verified.
    ///
    /// # Errors
    /// `Damaged` with file, byte and frame.
    fn parts(&self) -> Result<CommitParts<'_>, StoreError>;

    /// The last entry of a commit that is damaged, if a part of it with a right checksum names it.
    fn salvaged_entry(&self) -> Option<EntryId>;

    /// Adds the index rows that no later commit replaces: all but those of persons and claims.
    ///
    /// # Errors
    /// `Damaged` if it does not have the form of a commit.
    fn tally(&self, tally: &mut IndexTally) -> Result<(), StoreError>;
}

/// The rows and entries of a commit.
#[derive(Default)]
pub struct CommitParts<'a> {
    /// The state of the person.
    pub person: Option<KeyAndValue<'a>>,
    /// The row of the request.
    pub request: Option<KeyAndValue<'a>>,
    /// The rows of claims.
    pub claims: Vec<KeyAndValue<'a>>,
    /// The rows of lists: the key of a hospital's day (20 bytes), and the row.
    pub listed: Vec<(&'a [u8], &'a [u8])>,
    /// The entries: id and record, in the order of the chain.
    pub entries: Vec<(EntryId, &'a [u8])>,
}

/// A key and the value under it.
pub type KeyAndValue<'a> = (StoreKey, &'a [u8]);

/// A table of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexTable {
    /// The newest commit of a person.
    Person,
    /// The commit of a request.
    Request,
    /// The newest commit of a claim.
    Claim,
    /// The commit of an entry.
    Entry,
    /// The commit of a settlement in the list of a hospital.
    List,
    /// A record with rows of reference tables.
    Reference,
}

impl IndexTable {
    /// Every table.
    pub const ALL: [IndexTable; 6] = [
        IndexTable::Person,
        IndexTable::Request,
        IndexTable::Claim,
        IndexTable::Entry,
        IndexTable::List,
        IndexTable::Reference,
    ];

    /// The table in words, as in "the row of its person".
    pub fn as_str(self) -> &'static str {
        match self {
            IndexTable::Person => "person",
            IndexTable::Request => "request",
            IndexTable::Claim => "claim",
            IndexTable::Entry => "entry",
            IndexTable::List => "list",
            IndexTable::Reference => "reference table",
        }
    }
}

/// A sum over index rows that does not depend on their order: two sets of rows have equal tallies only if they are equal,
/// but for a chance of 2^-128. The hash has a random seed, so that no rows can be made to cancel out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexTally {
    seed: u64,
    sums: [u128; 6],
    counts: [u64; 6],
}

impl IndexTally {
    /// A tally of no rows with a random seed.
    pub fn new(seed: u64) -> IndexTally {
        IndexTally { seed, sums: [0; 6], counts: [0; 6] }
    }

    /// A tally of no rows that can be compared with another one.
    #[must_use]
    pub fn new_with_same_seed(&self) -> IndexTally {
        IndexTally::new(self.seed)
    }

    /// Adds a row.
    pub fn add(&mut self, table: IndexTable, key: &[u8], position: RecordPosition) {
        let at = table as usize;
        self.sums[at] = self.sums[at].wrapping_add(self.hash(table, key, position));
        self.counts[at] = self.counts[at].wrapping_add(1);
    }

    /// Takes out a row that a later commit replaces.
    pub fn remove(&mut self, table: IndexTable, key: &[u8], position: RecordPosition) {
        let at = table as usize;
        self.sums[at] = self.sums[at].wrapping_sub(self.hash(table, key, position));
        self.counts[at] = self.counts[at].wrapping_sub(1);
    }

    /// Adds all rows of another tally with the same seed.
    pub fn merge(&mut self, other: &IndexTally) {
        for at in 0..self.sums.len() {
            self.sums[at] = self.sums[at].wrapping_add(other.sums[at]);
            self.counts[at] = self.counts[at].wrapping_add(other.counts[at]);
        }
    }

    /// The tables in which two tallies differ.
    pub fn differing<'a>(&'a self, other: &'a IndexTally) -> impl Iterator<Item = IndexTable> + 'a {
        let differs = |table: &IndexTable| {
            let at = *table as usize;
            (self.sums[at], self.counts[at]) != (other.sums[at], other.counts[at])
        };
        IndexTable::ALL.into_iter().filter(differs)
    }

    fn hash(&self, table: IndexTable, key: &[u8], position: RecordPosition) -> u128 {
        let mut bytes = [0; 48];
        let length = key.len().min(32);
        bytes[..length].copy_from_slice(&key[..length]);
        bytes[32] = table as u8;
        bytes[33..41].copy_from_slice(&position.lsn.to_le_bytes());
        bytes[41..45].copy_from_slice(&position.length.to_le_bytes());
        xxh3_128_with_seed(&bytes, self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_depends_on_every_part_of_a_row_but_not_on_their_order() {
        let position = |lsn| RecordPosition { lsn, length: 5_000 };
        let rows = [(IndexTable::Person, [1; 16], position(4_160)), (IndexTable::Claim, [1; 16], position(4_160))];
        let tally = |rows: &[(IndexTable, [u8; 16], RecordPosition)]| {
            let mut tally = IndexTally::new(7);
            rows.iter().for_each(|(table, key, position)| tally.add(*table, key, *position));
            tally
        };
        let (forth, back) = (tally(&rows), tally(&[rows[1], rows[0]]));
        assert_eq!(forth, back);
        let others = [
            (IndexTable::Claim, (IndexTable::Claim, [2; 16], position(4_160))),
            (IndexTable::Claim, (IndexTable::Claim, [1; 16], position(4_161))),
            (IndexTable::Claim, (IndexTable::Claim, [1; 16], RecordPosition { lsn: 4_160, length: 5_001 })),
        ];
        for (table, other) in others {
            assert!(forth.differing(&tally(&[rows[0], other])).eq([table]));
        }
        assert!(forth.differing(&tally(&rows[..1])).eq([IndexTable::Claim]));
        let mut replaced = forth.clone();
        replaced.add(rows[0].0, &rows[0].1, position(9_000));
        replaced.remove(rows[0].0, &rows[0].1, rows[0].2);
        assert!(replaced.differing(&tally(&[rows[1], (IndexTable::Person, [1; 16], position(9_000))])).eq([]));
    }
}
