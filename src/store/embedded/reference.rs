//! Reference tables in the database: persons by key, parts of imports, and the log of imports.

use crate::journal::record;
use crate::store::import_parts::{Part, apply_parts};
use crate::store::imports::{Import, ImportEnd, ImportEvent, ImportStart};
use crate::store::{ReferenceRead, ReferenceWrite, StoreError};

use super::redb_table::{RedbTable, TableRow};
use super::snapshot::Snapshot;

/// The event in the key of the log: start or end.
const START: u8 = 0;
const END: u8 = 1;

/// The rows of a part of an import.
pub fn rows(import: u64, part: u32, mut write: ReferenceWrite) -> Vec<TableRow> {
    let mut rows = Vec::with_capacity(write.persons.len() + 1);
    for person in std::mem::take(&mut write.persons) {
        rows.push(TableRow { table: RedbTable::Persons, key: person.key.to_vec(), value: person.record });
    }
    if !write.hospitals.is_empty() || !write.catalogue.is_empty() {
        let key = [&import.to_be_bytes()[..], &part.to_be_bytes()].concat();
        rows.push(TableRow { table: RedbTable::Parts, key, value: record::encode(&Part::from(write)) });
    }
    rows
}

/// The row of an import event.
pub fn event_row(number: u64, event: ImportEvent) -> TableRow {
    let (kind, value) = match event {
        ImportEvent::Start(start) => (START, record::encode(&start)),
        ImportEvent::End(end) => (END, record::encode(&end)),
    };
    TableRow { table: RedbTable::Imports, key: event_key(number, kind).to_vec(), value }
}

fn event_key(number: u64, kind: u8) -> [u8; 9] {
    let mut key = [kind; 9];
    key[..8].copy_from_slice(&number.to_be_bytes());
    key
}

/// Hospitals and catalogue as of all completed imports.
pub fn read(snapshot: &Snapshot) -> Result<ReferenceRead, StoreError> {
    let mut parts = Vec::new();
    for import in imports(snapshot, u64::MAX, usize::MAX)?.into_iter().rev().filter(|import| import.end.is_some()) {
        let (first, next) = (import.number.to_be_bytes(), (import.number + 1).to_be_bytes());
        let of_import: Vec<(_, Part)> = snapshot.range(RedbTable::Parts, (&first, &next), usize::MAX)?;
        parts.extend(of_import.into_iter().map(|(_, part)| part));
    }
    Ok(apply_parts(parts))
}

/// Up to `limit` imports before a number, newest first.
pub fn imports(snapshot: &Snapshot, before: u64, limit: usize) -> Result<Vec<Import>, StoreError> {
    let mut imports: Vec<Import> = Vec::new();
    let mut end = None;
    for (key, row) in snapshot.rows_before(RedbTable::Imports, &event_key(before, START), limit.saturating_mul(2))? {
        let (number, kind) = key.split_at_checked(8).ok_or_else(damaged)?;
        let number = u64::from_be_bytes(number.try_into().map_err(|_| damaged())?);
        if kind == [END] {
            end = Some(record::decode::<ImportEnd>(&row)?);
        } else {
            let start = record::decode::<ImportStart>(&row)?;
            imports.push(Import { number, start, end: end.take() });
        }
    }
    imports.truncate(limit);
    Ok(imports)
}

fn damaged() -> StoreError {
    StoreError::Damaged("a key in the log of imports has a wrong length".to_owned())
}
