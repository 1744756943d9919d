//! Reference rows as they are in force on a day.

use crate::domain::day::Day;
use crate::domain::ids::PersonId;
use crate::reference::cells::{self, Cells, KeySelection};
use crate::reference::table::ReferenceTable;
use crate::store::Store;

use super::{Engine, EngineError};

impl<S: Store> Engine<S> {
    /// The rows of a person in a table; none if the person is unknown there.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn rows_of_person(
        &self,
        table: ReferenceTable,
        id: &PersonId,
        on: Day,
    ) -> Result<Vec<Cells>, EngineError> {
        let mut records = self.store.persons(std::slice::from_ref(id)).await.map_err(EngineError::from_read_error)?;
        let record = records.pop().flatten();
        Ok(record.map(|record| cells::person_rows(table, &record, on)).unwrap_or_default())
    }

    /// A page of the rows of a table that is not about persons. Returns the last key of the page too if further rows
    /// may follow.
    pub fn page_of_table(
        &self,
        table: ReferenceTable,
        keys: KeySelection<'_>,
        on: Day,
        limit: usize,
    ) -> (Vec<Cells>, Option<String>) {
        cells::table_page(table, &self.tables.load(), keys, on, limit)
    }
}
