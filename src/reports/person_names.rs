//! The ids of persons in a report, in place of the keys under which the store keeps them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::store::keys::StoreKey;
use crate::store::{ReferenceStore, StoreError};

use super::dimension::Dimension;
use super::report::Report;

/// After so many rows others get their turn, and a report that nobody waits for any more ends.
const PAUSE: usize = 256;

/// Puts ids in place of keys, if rows stand for persons; the rows are then in the order of ids.
///
/// # Errors
/// If the store cannot be read, or has no record of a person.
pub async fn name_persons<S: ReferenceStore>(store: &S, report: &mut Report) -> Result<(), StoreError> {
    let Some(at) = report.by.iter().position(|dimension| *dimension == Dimension::Person) else { return Ok(()) };
    // A walk that begins now leaves out nobody of the report.
    store.person_records(None, 1).await?;
    let mut names: HashMap<Arc<str>, Arc<str>> = HashMap::new();
    for (named, row) in report.rows.iter_mut().enumerate() {
        if (named + 1).is_multiple_of(PAUSE) {
            tokio::task::yield_now().await;
        }
        let Some(text) = row.key.get_mut(at) else { continue };
        let name = match names.get(text) {
            Some(name) => name.clone(),
            None => {
                let key = key_of_hex(text).ok_or_else(|| StoreError::Damaged("a report names no person".to_owned()))?;
                let name = person_id(store, key).await?;
                names.insert(text.clone(), name.clone());
                name
            }
        };
        *text = name;
    }
    report.rows.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    Ok(())
}

/// The id of the person with this key, who came before the last walk over the persons began.
///
/// # Errors
/// If the store cannot be read, or has no record of the person.
pub async fn person_id<S: ReferenceStore>(store: &S, key: StoreKey) -> Result<Arc<str>, StoreError> {
    // The record is the first one after the key before its own.
    let before = u128::from_be_bytes(key).checked_sub(1).map(u128::to_be_bytes);
    let found = store.person_records(before, 1).await?.into_iter().next().filter(|(known, _)| *known == key);
    let missing = || StoreError::Damaged("a person of the journal has no reference record".to_owned());
    let (_, record) = found.ok_or_else(missing)?;
    Ok(record?.id().as_str().into())
}

fn key_of_hex(text: &str) -> Option<StoreKey> {
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}
