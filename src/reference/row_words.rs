//! Checks the words of a row against the vocabulary of the policy book in use.

use crate::domain::facts::Class;
use crate::domain::fault::{FaultReason, FieldFault};
use crate::domain::rate::Rate;
use crate::domain::vocabulary::Vocabulary;

use super::hospital::HospitalPart;
use super::person::PersonPart;
use super::row::ReferenceRow;
use super::table::ReferenceTable;

/// The faults of a row's words, by column.
pub fn word_faults(row: &ReferenceRow, vocabulary: &Vocabulary) -> Vec<FieldFault> {
    match row {
        ReferenceRow::Person(_, PersonPart::Category(category, _)) => {
            unknown_word_fault("category", vocabulary.category(category.as_str()).is_some())
        }
        ReferenceRow::Person(_, PersonPart::Approval(approval, _)) => {
            unknown_word_fault("kind", vocabulary.approval(approval.as_str()).is_some())
        }
        ReferenceRow::Hospital(_, HospitalPart::Status(status, _)) => {
            let mut faults = unknown_word_fault("level", vocabulary.level(status.level.as_str()).is_some());
            let known = status.tags.iter().all(|tag| vocabulary.tag(tag.as_str()).is_some());
            faults.extend(unknown_word_fault("tags", known));
            faults
        }
        ReferenceRow::Catalogue(row) => class_faults(row.entry.code.as_str(), &row.entry.class, vocabulary),
        ReferenceRow::Person(..) | ReferenceRow::Hospital(..) => Vec::new(),
    }
}

fn unknown_word_fault(column: &str, known: bool) -> Vec<FieldFault> {
    let fault = || FieldFault::new(column, FaultReason::UnknownWord, "is no word of the vocabulary in use");
    if known { Vec::new() } else { vec![fault()] }
}

/// A class is known, and has a self-pay ratio exactly if its rows have a first share.
fn class_faults(code: &str, class: &Class, vocabulary: &Vocabulary) -> Vec<FieldFault> {
    let word = class.word.as_str();
    let Some(rule) = vocabulary.class(word) else { return unknown_word_fault("class", false) };
    let fault = |reason, message: String| vec![FieldFault::new("self_pay_ratio", reason, message)];
    match (rule.first_share, class.self_pay_ratio) {
        (true, None) => fault(
            FaultReason::Missing,
            format!("of the code `{code}` is missing: items of class {word} have a share that the patient bears first"),
        ),
        (false, Some(_)) => fault(
            FaultReason::Unreadable,
            format!(
                "of the code `{code}` must be empty: items of class {word} have no share that the patient bears first"
            ),
        ),
        (true, Some(_)) | (false, None) => Vec::new(),
    }
}

/// The faults of the words in the cells of a row that has other faults; what the other faults cover is left out.
pub fn cell_word_faults(table: ReferenceTable, cells: &[impl AsRef<str>], vocabulary: &Vocabulary) -> Vec<FieldFault> {
    let columns = table.columns();
    if cells.len() != columns.len() {
        return Vec::new();
    }
    let cell = |column: &str| -> Option<&str> {
        let at = columns.iter().position(|known| *known == column);
        at.and_then(|at| cells.get(at)).map(AsRef::as_ref).filter(|cell| !cell.is_empty())
    };
    let mut faults = Vec::new();
    let mut check = |column: &str, known: &dyn Fn(&str) -> bool| {
        if let Some(word) = cell(column) {
            faults.extend(unknown_word_fault(column, known(word)));
        }
    };
    check("category", &|word| vocabulary.category(word).is_some());
    check("kind", &|word| vocabulary.approval(word).is_some());
    check("level", &|word| vocabulary.level(word).is_some());
    if let (ReferenceTable::Catalogue, Some(word)) = (table, cell("class")) {
        let ratio = cell("self_pay_ratio");
        let readable = ratio.map(str::parse::<Rate>).transpose();
        if let Ok(self_pay_ratio) = readable {
            let class = Class { word: word.into(), self_pay_ratio };
            faults.extend(class_faults(cell("code").unwrap_or_default(), &class, vocabulary));
        }
    }
    faults
}
