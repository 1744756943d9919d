//! Reference rows as they are in force on a day.

use crate::domain::day::Day;
use crate::domain::ids::PersonId;
use crate::reference::cells::{self, Cells};
use crate::reference::table::ReferenceTable;
use crate::store::Store;

use super::{Engine, EngineError};

impl<S: Store> Engine<S> {
    /// A person's rows of a table; none of a person who is not known there.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn rows_of_person(
        &self,
        table: ReferenceTable,
        id: &PersonId,
        on: Day,
    ) -> Result<Vec<Cells>, EngineError> {
        let mut records = self.store.persons(std::slice::from_ref(id)).await.map_err(EngineError::from_read)?;
        let record = records.pop().flatten().unwrap_or_default();
        Ok(cells::of_person(table, id, &record, on))
    }

    /// A page of the rows of another table: of one key alone or of all, behind one. Gives the key that the page
    /// ends with, if there may be more.
    pub fn rows_of_table(
        &self,
        table: ReferenceTable,
        key: &str,
        behind: &str,
        on: Day,
        most: usize,
    ) -> (Vec<Cells>, Option<String>) {
        cells::page(table, &self.tables.load(), key, behind, on, most)
    }
}
