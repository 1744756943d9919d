//! Reference tables in the database: persons by key, parts of imports, and the log of imports.

use crate::store::embedded::committer::KeyValue;
use crate::store::imports::{self, Import, ImportEnd, ImportEvent, ImportStart, Part};
use crate::store::keys::Secret;
use crate::store::{ReferenceRead, ReferenceWrite, StoreError, record};

use super::database::{RedbTable, View};

/// Which of the two notes of an import.
const BEGUN: u8 = 0;
const ENDED: u8 = 1;

/// The rows of a part of an import.
pub fn rows(secret: &Secret, import: u64, part: u32, write: ReferenceWrite) -> Result<Vec<KeyValue>, StoreError> {
    let mut rows = Vec::with_capacity(write.persons.len() + 1);
    for (id, person) in &write.persons {
        rows.push((RedbTable::Persons, secret.person(id).to_vec(), record::encode(person)?.0));
    }
    if !write.hospitals.is_empty() || !write.catalogue.is_empty() {
        let key = [&import.to_be_bytes()[..], &part.to_be_bytes()].concat();
        rows.push((RedbTable::Parts, key, record::encode(&Part::from(write))?.0));
    }
    Ok(rows)
}

/// The row of a note.
pub fn note_row(number: u64, note: ImportEvent) -> Result<KeyValue, StoreError> {
    let (which, record) = match note {
        ImportEvent::Start(begun) => (BEGUN, record::encode(&begun)?.0),
        ImportEvent::End(ended) => (ENDED, record::encode(&ended)?.0),
    };
    Ok((RedbTable::Imports, note_key(number, which).to_vec(), record))
}

fn note_key(number: u64, which: u8) -> [u8; 9] {
    let mut key = [which; 9];
    key[..8].copy_from_slice(&number.to_be_bytes());
    key
}

/// Hospitals and catalogue by all imports that ended, and by what format 1 wrote before.
pub fn read(view: &View) -> Result<ReferenceRead, StoreError> {
    let base = ReferenceRead { hospitals: view.all(RedbTable::Hospitals)?, catalogue: view.all(RedbTable::Catalogue)? };
    let mut parts = Vec::new();
    for import in imports(view, u64::MAX, usize::MAX)?.into_iter().rev().filter(|import| import.ended.is_some()) {
        let (first, behind) = (import.number.to_be_bytes(), (import.number + 1).to_be_bytes());
        let of_import: Vec<(_, Part)> = view.range(RedbTable::Parts, (&first, &behind), usize::MAX)?;
        parts.extend(of_import.into_iter().map(|(_, part)| part));
    }
    Ok(imports::read(base, parts))
}

/// The last imports before a number, newest first.
pub fn imports(view: &View, before: u64, most: usize) -> Result<Vec<Import>, StoreError> {
    let mut imports: Vec<Import> = Vec::new();
    let mut ended = None;
    for (key, row) in view.last_before(RedbTable::Imports, &note_key(before, BEGUN), most.saturating_mul(2))? {
        let (number, which) = key.split_at_checked(8).ok_or_else(damaged)?;
        let number = u64::from_be_bytes(number.try_into().map_err(|_| damaged())?);
        if which == [ENDED] {
            ended = Some(record::decode::<ImportEnd>(&row)?.0);
        } else {
            let begun = record::decode::<ImportStart>(&row)?.0;
            imports.push(Import { number, begun, ended: ended.take() });
        }
    }
    imports.truncate(most);
    Ok(imports)
}

fn damaged() -> StoreError {
    StoreError::Damaged("the key of an import's note is cut short".to_owned())
}
