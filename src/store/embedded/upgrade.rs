//! From a directory of format 1 to format 2: the settlements of every hospital's day are listed.
//!
//! Records of format 1 stay as they are. What was begun and not ended is begun anew: the list is filled in one
//! transaction, and the format is noted after it.

use std::collections::HashMap;

use redb::ReadableTable;

use super::committer::{DayKey, place_key};
use super::database::{Table, Tables, definition};
use super::day_key;
use crate::store::keys::Secret;
use crate::store::{forms, record};

/// Lists every settlement of the journal.
///
/// # Errors
/// If an entry cannot be read, or the list not written.
pub fn to_format_2(tables: &Tables, secret: &Secret) -> Result<(), Box<dyn std::error::Error>> {
    let write = tables.begin()?;
    {
        let journal = write.open_table(definition(Table::Journal))?;
        let mut listed = write.open_table(definition(Table::Listed))?;
        let mut numbers: HashMap<DayKey, u64> = HashMap::new();
        for row in journal.iter()? {
            let (entry, _) = forms::decode_entry(row?.1.value())?;
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
