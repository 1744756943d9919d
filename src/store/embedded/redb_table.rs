//! The tables of the database of reference tables, and their rows.

use redb::TableDefinition;

use super::cursor::Bytes;

/// A table; its number is its index in [`NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedbTable {
    /// Persons' reference records.
    Persons,
    /// Canonical texts of policies, by digest.
    Policies,
    /// Parts of imports with hospitals and catalogue, by import and part.
    Parts,
    /// The log of imports: by number, its start (0) and end (1).
    Imports,
}

impl RedbTable {
    /// The table with this number.
    pub fn from_number(number: u8) -> Option<RedbTable> {
        let all = [RedbTable::Persons, RedbTable::Policies, RedbTable::Parts, RedbTable::Imports];
        all.into_iter().find(|table| *table as u8 == number)
    }
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRow {
    /// The table.
    pub table: RedbTable,
    /// The key.
    pub key: Vec<u8>,
    /// The row as stored.
    pub value: Vec<u8>,
}

/// Their names, each at the number of its table.
pub(super) const NAMES: [&str; 4] = ["persons", "policies", "parts", "imports"];

/// The definition of a table.
pub(super) fn definition(table: RedbTable) -> TableDefinition<'static, Bytes, Bytes> {
    TableDefinition::new(NAMES[table as usize])
}
