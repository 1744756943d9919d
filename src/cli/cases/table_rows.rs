//! The rows of a case's tables that no import would take: each is refused with the line of its person, hospital or code.

use std::collections::HashSet;

use toml::de::DeTable;

use crate::domain::claim::ClaimLimits;
use crate::domain::fault::{FaultReason, FieldFault};
use crate::domain::file_fault::{FaultText, FileFault, line_at};
use crate::domain::vocabulary::Vocabulary;
use crate::grpc::texts::fault_in_chinese;
use crate::reference::row::ReferenceRow;
use crate::reference::row_words::word_faults;
use crate::reference::table::ReferenceTable;

/// The faults of all rows; unknown words aside, which are found in the text itself.
pub(super) fn row_faults(
    file: &str,
    text: &str,
    tables: &[(ReferenceTable, Vec<Vec<String>>)],
    vocabulary: &Vocabulary,
) -> Vec<FileFault> {
    let root = DeTable::parse_recoverable(text).0;
    let (mut seen, mut found) = (HashSet::new(), Vec::new());
    for (table, cells) in tables.iter().flat_map(|(table, rows)| rows.iter().map(move |cells| (*table, cells))) {
        let id = cells.first().map_or("", String::as_str);
        for fault in faults_of_row(table, cells, vocabulary) {
            let line = line_of_id(root.get_ref(), text, table, id);
            let fault = FileFault::bilingual(file, line, fault_text(table, id, &fault));
            found.extend(seen.insert(fault.clone().into_chinese().to_string()).then_some(fault));
        }
    }
    found
}

fn faults_of_row(table: ReferenceTable, cells: &[String], vocabulary: &Vocabulary) -> Vec<FieldFault> {
    let mut faults = match ReferenceRow::from_cells(table, cells, ClaimLimits::default().id_bytes) {
        Ok(row) => word_faults(&row, vocabulary),
        Err(faults) => faults,
    };
    faults.retain(|fault| fault.reason != FaultReason::UnknownWord);
    faults
}

fn fault_text(table: ReferenceTable, id: &str, fault: &FieldFault) -> FaultText {
    let (table, FieldFault { field, reason, message, message_zh }) = (table.as_str(), fault);
    let zh = message_zh.as_deref().unwrap_or(fault_in_chinese(*reason));
    FaultText::new(
        format!("{table} of `{id}`: {field} {message} ({})", reason.as_str()),
        format!("`{id}` 的 {table}：{field} {zh}"),
    )
}

/// The line of the first person, hospital or code with this id; the first line if there is none.
fn line_of_id(root: &DeTable<'_>, text: &str, table: ReferenceTable, id: &str) -> usize {
    let (array, key) = match table {
        ReferenceTable::Enrolments | ReferenceTable::Categories | ReferenceTable::Approvals => ("persons", "person_id"),
        ReferenceTable::Hospitals | ReferenceTable::Designations => ("hospitals", "hospital_id"),
        ReferenceTable::Catalogue => ("catalogue", "code"),
    };
    let rows = root.get(array).and_then(|rows| rows.get_ref().as_array());
    let ids = rows.into_iter().flat_map(|rows| rows.iter()).filter_map(|row| row.get_ref().as_table()?.get(key));
    let found = ids.into_iter().find(|value| value.get_ref().as_str() == Some(id));
    found.map_or(1, |value| line_at(text, value.span().start))
}
