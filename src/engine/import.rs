//! Import of reference rows: all of one table's rows are taken, or none and every fault is named.

use std::collections::HashMap;
use std::hash::Hash;

use crate::domain::fault::{Fault, FaultReason};
use crate::domain::ids::PersonId;
use crate::domain::refusal::{Reason, Refusal};
use crate::reference::catalogue::CatalogueRow;
use crate::reference::dated::Change;
use crate::reference::person::PersonPart;
use crate::reference::row::Row;
use crate::reference::tables::Tables;
use crate::store::{ReferenceWrite, Store};

use super::{Engine, read_failed, write_failed};

/// How many rows an import took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// New rows, and rows that replaced one of their key.
    pub changed: u64,
    /// Rows that the table held already.
    pub unchanged: u64,
}

impl Imported {
    fn count(&mut self, change: Change) {
        match change {
            Change::Changed => self.changed += 1,
            Change::Unchanged => self.unchanged += 1,
        }
    }
}

/// The records that an import changes, on the way to one write.
struct Draft {
    tables: Tables,
    write: ReferenceWrite,
    count: Imported,
    faults: Vec<Fault>,
}

impl<S: Store> Engine<S> {
    /// Takes these rows; settlements that begin afterwards see all of them.
    ///
    /// # Errors
    /// Every row that contradicts another; then none is taken. Or the store cannot be written.
    pub async fn import(&self, rows: Vec<Row>) -> Result<Imported, Refusal> {
        let _one_at_a_time = self.importing.lock().await;
        let mut draft = Draft {
            tables: Tables::clone(&self.tables.load()),
            write: ReferenceWrite::default(),
            count: Imported::default(),
            faults: Vec::new(),
        };
        let persons = draft.take(rows);
        self.take_persons(&mut draft, persons).await?;
        if !draft.faults.is_empty() {
            return Err(Refusal::naming(Reason::InvalidRequest, draft.faults));
        }
        if draft.count.changed > 0 {
            self.store.put_reference(draft.write).await.map_err(write_failed)?;
            self.tables.store(draft.tables.into());
        }
        Ok(draft.count)
    }

    async fn take_persons(&self, draft: &mut Draft, parts: PersonParts) -> Result<(), Refusal> {
        let ids: Vec<_> = parts.keys().cloned().collect();
        let records = self.store.persons(&ids).await.map_err(read_failed)?;
        for ((id, parts), record) in parts.into_iter().zip(records) {
            let mut record = record.unwrap_or_default();
            let mut changed = Change::Unchanged;
            for part in parts {
                let change = record.put(part);
                draft.count.count(change);
                changed = changed.max(change);
            }
            if changed == Change::Changed {
                draft.write.persons.push((id, record));
            }
        }
        Ok(())
    }
}

type PersonParts = HashMap<PersonId, Vec<PersonPart>>;

impl Draft {
    /// Takes hospitals and catalogue; gives back what belongs to persons, by person.
    fn take(&mut self, rows: Vec<Row>) -> PersonParts {
        let mut persons = PersonParts::new();
        let mut hospitals = Vec::new();
        let mut catalogue = Vec::new();
        for (at, row) in rows.into_iter().enumerate() {
            match row {
                Row::Person(id, part) => persons.entry(id).or_default().push(part),
                Row::Hospital(id, part) => {
                    self.count.count(self.tables.hospitals.entry(id.clone()).or_default().put(part));
                    hospitals.push(id);
                }
                Row::Catalogue(row) => catalogue.push((at, row)),
            }
        }
        self.take_catalogue(catalogue);
        let records = distinct(hospitals).into_iter().map(|id| {
            let record = self.tables.hospitals.get(&id).cloned().unwrap_or_default();
            (id, record)
        });
        self.write.hospitals = records.collect();
        persons
    }

    /// Takes all rows first and looks for clashes then: a successor may stand before the row whose end makes
    /// room for it.
    fn take_catalogue(&mut self, rows: Vec<(usize, CatalogueRow)>) {
        for (_, row) in &rows {
            let change = self.tables.catalogue.put(row.clone());
            self.count.count(change);
            if change == Change::Changed {
                self.write.catalogue.push(row.clone());
            }
        }
        for (at, row) in rows {
            if self.tables.catalogue.clashes(&row) {
                let told = "names a code and a region prefix that another row names on a common day";
                self.faults.push(Fault::new(format!("rows[{at}].code"), FaultReason::Overlap, told));
            }
        }
    }
}

fn distinct<T: Hash + Eq + Clone>(mut ids: Vec<T>) -> Vec<T> {
    let mut seen = std::collections::HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    ids
}
