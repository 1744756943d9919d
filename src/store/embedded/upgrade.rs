//! Upgrade of directories of older formats.
//!
//! | format | difference |
//! | --- | --- |
//! | 1 | there is no list of a hospital's settlements |
//! | 2 | there is |
//! | 3 | records of persons contain the id, which older releases do not read |
//!
//! Records of older formats stay as they are; importing the same rows again adds the id to the record of a person. An
//! interrupted upgrade starts again: the list is written in one transaction, and the format after it.

use std::collections::HashMap;

use redb::ReadableTable;

use super::database::{RedbTable, Tables, definition};
use super::list_keys::{DayKey, day_key, position_key};
use super::open_error::UpgradeError;
use crate::store::keys::Secret;
use crate::store::{codec, record};

/// Upgrades the tables of a directory of this format.
///
/// # Errors
/// If an entry cannot be decoded, or the list cannot be written.
pub fn upgrade_from(format: u32, tables: &Tables, secret: &Secret) -> Result<(), UpgradeError> {
    if format == 1 { build_list(tables, secret) } else { Ok(()) }
}

/// Builds the list of every hospital from the journal.
fn build_list(tables: &Tables, secret: &Secret) -> Result<(), UpgradeError> {
    let write = tables.begin()?;
    {
        let journal = write.open_table(definition(RedbTable::Journal)).map_err(redb::Error::from)?;
        let mut listed = write.open_table(definition(RedbTable::Listed)).map_err(redb::Error::from)?;
        let mut numbers: HashMap<DayKey, u64> = HashMap::new();
        for row in journal.iter().map_err(redb::Error::from)? {
            let (entry, _) = codec::decode_entry(row.map_err(redb::Error::from)?.1.value())?;
            if entry.settled().is_none() {
                continue;
            }
            let day = entry.committed.china_day();
            let key = day_key(secret, entry.parties().0, day);
            let number = numbers.entry(key).or_default();
            *number += 1;
            let row = record::encode(&(entry.id, day))?.0;
            listed.insert(&position_key(&key, *number)[..], &*row).map_err(redb::Error::from)?;
        }
    }
    write.commit().map_err(redb::Error::from)?;
    Ok(tables.publish()?)
}
