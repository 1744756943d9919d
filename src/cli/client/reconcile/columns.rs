//! The columns of a file that is reconciled: found by name, in any order.

use crate::domain::file_fault::FaultText;

/// The columns of a list that are no payers.
const LIST: &[&str] = &["claim_id", "settlement_id", "settled_on", "total", "patient"];

/// The columns of sums that are no payers.
const TOTALS: &[&str] = &["settled_on", "settlements", "total", "patient"];

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// A settlement in each row.
    List,
    /// The sums of a day in each row, or of all days in the only row.
    Totals,
}

/// The columns of a file.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    kind: FileKind,
    names: Vec<String>,
}

impl Columns {
    /// The columns of this header: those of a list if it has `claim_id`.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence that begins with the header.
    pub(super) fn from_header(names: Vec<String>) -> Result<Columns, FaultText> {
        let kind = if names.iter().any(|name| name == "claim_id") { FileKind::List } else { FileKind::Totals };
        let columns = Columns { kind, names };
        for (at, name) in columns.names.iter().enumerate() {
            if columns.names[..at].contains(name) {
                return Err(FaultText::new(format!("has the column `{name}` twice"), format!("列 `{name}` 重复")));
            }
            if name.is_empty() {
                let number = at + 1;
                let (en, zh) = (format!("has no name for column {number}"), format!("第 {number} 列没有列名"));
                return Err(FaultText::new(en, zh));
            }
        }
        if columns.has("total") {
            Ok(columns)
        } else {
            Err(FaultText::new("lacks the column `total`", "缺少列 `total`（总额）"))
        }
    }

    /// What the file holds.
    pub(super) fn kind(&self) -> FileKind {
        self.kind
    }

    /// The number of columns.
    pub(super) fn width(&self) -> usize {
        self.names.len()
    }

    /// Whether the file has this column.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// The payers that columns are named after.
    pub(super) fn payers(&self) -> Vec<String> {
        let fixed = if self.kind == FileKind::List { LIST } else { TOTALS };
        self.names.iter().filter(|name| !fixed.contains(&name.as_str())).cloned().collect()
    }

    /// The cell of a column in a row; empty if the file does not have the column.
    pub(super) fn cell<'a>(&self, row: &[&'a str], name: &str) -> &'a str {
        let at = self.names.iter().position(|known| known == name);
        at.and_then(|at| row.get(at)).map_or("", |cell| cell.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(header: &str) -> Result<Columns, FaultText> {
        Columns::from_header(header.split(',').map(str::to_owned).collect())
    }

    #[test]
    fn columns_are_found_in_any_order_and_all_others_are_payers() {
        let list = columns("basic_fund,total,claim_id,hospital").expect("a list");
        assert_eq!(
            (list.kind(), list.payers()),
            (FileKind::List, vec!["basic_fund".to_owned(), "hospital".to_owned()])
        );
        assert_eq!(list.cell(&["1.00", "2.00", " C1 "], "claim_id"), "C1");
        let totals = columns("settled_on,total,settlements").expect("sums");
        assert_eq!((totals.kind(), totals.payers().len()), (FileKind::Totals, 0));
    }

    #[test]
    fn a_header_without_a_total_or_with_a_column_twice_is_refused() {
        let refused = |header: &str| columns(header).err().map(|fault| fault.en).unwrap_or_default();
        assert_eq!(refused("claim_id,patient"), "lacks the column `total`");
        assert_eq!(refused("claim_id,total,total"), "has the column `total` twice");
        assert_eq!(refused("claim_id,,total"), "has no name for column 2");
    }
}
