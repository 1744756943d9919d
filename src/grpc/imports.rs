//! Tables and imports as messages.

use crate::domain::fault::{FaultReason, FieldFault};
use crate::pb::reference as pb;
use crate::reference::columns::{ColumnFault, ColumnOrder};
use crate::reference::table::ReferenceTable;
use crate::store::imports::Import;

use super::error::CallError;
use super::to_proto::{digest, timestamp};

/// An import.
pub fn import(import: Import) -> pb::Import {
    let Import { number, start: begun, end: ended } = import;
    let word = ReferenceTable::from_word(&begun.table).map_or(pb::Table::Unspecified, table);
    pb::Import {
        number,
        table: word.into(),
        source: begun.source,
        imported_by: begun.imported_by,
        start_time: Some(timestamp(begun.instant)),
        rows: begun.rows,
        digest: digest(begun.digest),
        end_time: ended.as_ref().map(|ended| timestamp(ended.instant)),
        changed: ended.as_ref().map_or(0, |ended| ended.changed),
        unchanged: ended.as_ref().map_or(0, |ended| ended.unchanged),
    }
}

/// A table.
pub fn table(table: ReferenceTable) -> pb::Table {
    match table {
        ReferenceTable::Enrolments => pb::Table::Enrolments,
        ReferenceTable::Categories => pb::Table::Categories,
        ReferenceTable::Approvals => pb::Table::Approvals,
        ReferenceTable::Hospitals => pb::Table::Hospitals,
        ReferenceTable::Designations => pb::Table::Designations,
        ReferenceTable::Catalogue => pb::Table::Catalogue,
    }
}

/// The table of a message; none if it is unspecified.
pub fn table_from_message(message: pb::Table) -> Option<ReferenceTable> {
    ReferenceTable::ALL.iter().copied().find(|known| table(*known) == message)
}

/// The table of a message, which must be specified.
///
/// # Errors
/// [`CallError::InvalidMessage`] if it is not.
pub fn required_table(table: pb::Table) -> Result<ReferenceTable, CallError> {
    table_from_message(table).ok_or_else(|| CallError::missing_field("table"))
}

/// The names of the columns of a table, in its order.
pub fn column_names(table: ReferenceTable) -> Vec<String> {
    table.columns().iter().map(|column| (*column).to_owned()).collect()
}

/// The order of the columns that a message names.
///
/// # Errors
/// If it names none, or not those of the table.
pub fn column_order(table: ReferenceTable, names: &[String]) -> Result<ColumnOrder, CallError> {
    if names.is_empty() {
        return Err(CallError::missing_field("columns"));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let fault = |fault| match fault {
        ColumnFault::Unknown(at) => {
            let message = format!("is not a column of this table; its columns are {}", table.columns().join(", "));
            FieldFault::new(format!("columns[{at}]"), FaultReason::Unreadable, message)
        }
        ColumnFault::Repeated(at) => {
            FieldFault::new(format!("columns[{at}]"), FaultReason::Repeated, "names a column twice")
        }
        ColumnFault::Missing(column) => {
            FieldFault::new("columns", FaultReason::Missing, format!("lack the required column {column}"))
        }
    };
    let order = ColumnOrder::from_names(table, &names);
    order.map_err(|faults| CallError::InvalidMessage(faults.into_iter().map(fault).collect()))
}
