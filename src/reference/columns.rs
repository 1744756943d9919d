//! The columns of a file or of an import: found by name, in any order.

use super::table::ReferenceTable;

/// The columns that were named, by those of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnOrder {
    /// For each column of the table, its position among the named ones; an optional one may be absent.
    positions: Vec<Option<usize>>,
    named: usize,
}

/// What is wrong with named columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnFault {
    /// The table has no column of the name at this position.
    Unknown(usize),
    /// The name at this position stands before it too.
    Repeated(usize),
    /// A column that the table requires is not named.
    Missing(&'static str),
}

impl ColumnOrder {
    /// The order of these columns of a table.
    ///
    /// # Errors
    /// All names that are none of the table's or repeated, and all required columns that are not named.
    pub fn from_names(table: ReferenceTable, names: &[&str]) -> Result<ColumnOrder, Vec<ColumnFault>> {
        let columns = table.columns();
        let fault = |(at, name): (usize, &&str)| match (columns.contains(name), names[..at].contains(name)) {
            (false, _) => Some(ColumnFault::Unknown(at)),
            (true, true) => Some(ColumnFault::Repeated(at)),
            (true, false) => None,
        };
        let missing = columns.iter().filter(|column| !table.is_optional(column) && !names.contains(column));
        let faults = names.iter().enumerate().filter_map(fault).chain(missing.map(|name| ColumnFault::Missing(name)));
        let faults: Vec<_> = faults.collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        let position = |column: &&str| names.iter().position(|name| name == column);
        Ok(ColumnOrder { positions: columns.iter().map(position).collect(), named: names.len() })
    }

    /// How many columns are named.
    pub fn named(&self) -> usize {
        self.named
    }

    /// The cells of a row in the order of the table's columns; an absent column has empty cells.
    pub fn arrange<'a>(&self, cell: impl Fn(usize) -> &'a str) -> Vec<&'a str> {
        self.positions.iter().map(|at| at.map_or("", &cell)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_in_any_order_and_optional_ones_may_be_absent() {
        let order = ColumnOrder::from_names(ReferenceTable::Enrolments, &["insured_region", "person_id", "insurance"]);
        let cells = ["370100", "P1", "resident"];
        assert_eq!(order.map(|order| order.arrange(|at| cells[at])), Ok(vec!["P1", "", "resident", "370100", ""]));
    }

    #[test]
    fn unknown_repeated_and_missing_columns_are_all_named() {
        let faults = ColumnOrder::from_names(ReferenceTable::Categories, &["person_id", "name", "person_id"]);
        let wanted = [ColumnFault::Unknown(1), ColumnFault::Repeated(2), ColumnFault::Missing("category")];
        assert_eq!(faults, Err(wanted.to_vec()));
    }
}
