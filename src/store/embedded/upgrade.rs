//! Directories of older formats.
//!
//! | format | differs |
//! | --- | --- |
//! | 1 | the settlements of a hospital's day are not listed |
//! | 2 | they are |
//! | 3 | records of persons hold the id, which an older release does not read |
//!
//! Records of older formats stay as they are; an import of the same rows gives the record of a person its id. What
//! was begun and not ended is begun anew: the list is filled in one transaction, and the format is noted after it.

use std::collections::HashMap;

use redb::ReadableTable;

use super::committer::{DayKey, place_key};
use super::database::{RedbTable, Tables, definition};
use super::day_key;
use crate::store::keys::Secret;
use crate::store::{codec, record};

/// Brings the tables of a directory of this format up to date.
///
/// # Errors
/// If an entry cannot be read, or the list not written.
pub fn from(format: u32, tables: &Tables, secret: &Secret) -> Result<(), Box<dyn std::error::Error>> {
    if format == 1 { list(tables, secret) } else { Ok(()) }
}

/// Lists every settlement of the journal.
fn list(tables: &Tables, secret: &Secret) -> Result<(), Box<dyn std::error::Error>> {
    let write = tables.begin()?;
    {
        let journal = write.open_table(definition(RedbTable::Journal))?;
        let mut listed = write.open_table(definition(RedbTable::Listed))?;
        let mut numbers: HashMap<DayKey, u64> = HashMap::new();
        for row in journal.iter()? {
            let (entry, _) = codec::decode_entry(row?.1.value())?;
            if entry.settled().is_none() {
                continue;
            }
            let day = entry.committed.china_day();
            let key = day_key(secret, entry.parties().0, day);
            let number = numbers.entry(key).or_default();
            *number += 1;
            listed.insert(&place_key(&key, *number)[..], &*record::encode(&(entry.id, day))?.0)?;
        }
    }
    write.commit()?;
    Ok(tables.publish()?)
}
