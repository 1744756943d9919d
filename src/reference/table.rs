//! The reference tables: their names, order of import and columns.

/// A reference table; its name is that of its CSV file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceTable {
    /// enrolments.csv
    Enrolments,
    /// categories.csv
    Categories,
    /// approvals.csv
    Approvals,
    /// hospitals.csv
    Hospitals,
    /// designations.csv
    Designations,
    /// catalogue.csv
    Catalogue,
}

/// The number of columns of the table that has the most.
pub(super) const MAX_COLUMNS: usize = 8;

impl ReferenceTable {
    /// All tables, in the order in which a directory is imported. The table that makes a person or hospital known
    /// comes after all others about them, so that a new one never appears in part: a poor patient must not be
    /// settled as an ordinary one.
    pub const ALL: &'static [ReferenceTable] = &[
        ReferenceTable::Catalogue,
        ReferenceTable::Designations,
        ReferenceTable::Hospitals,
        ReferenceTable::Categories,
        ReferenceTable::Approvals,
        ReferenceTable::Enrolments,
    ];

    /// The name of the file, without `.csv`.
    pub const fn as_str(self) -> &'static str {
        match self {
            ReferenceTable::Enrolments => "enrolments",
            ReferenceTable::Categories => "categories",
            ReferenceTable::Approvals => "approvals",
            ReferenceTable::Hospitals => "hospitals",
            ReferenceTable::Designations => "designations",
            ReferenceTable::Catalogue => "catalogue",
        }
    }

    /// The table with this name.
    pub fn from_word(word: &str) -> Option<ReferenceTable> {
        ReferenceTable::ALL.iter().copied().find(|table| table.as_str() == word)
    }

    /// Whether the rows of the table are about persons.
    pub(crate) const fn is_about_persons(self) -> bool {
        matches!(self, ReferenceTable::Enrolments | ReferenceTable::Categories | ReferenceTable::Approvals)
    }

    /// Whether a column may be absent: every one whose cells may be empty.
    pub(crate) fn is_optional(self, column: &str) -> bool {
        matches!(column, "from" | "until" | "tags" | "regions" | "self_pay_ratio" | "price_ceiling")
    }

    /// The names of the columns, in the order of a row's cells.
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            ReferenceTable::Enrolments => &["person_id", "from", "insurance", "insured_region", "until"],
            ReferenceTable::Categories => &["person_id", "category", "from", "until"],
            ReferenceTable::Approvals => &["person_id", "kind", "from", "until"],
            ReferenceTable::Hospitals => &["hospital_id", "from", "name", "level", "region", "tags", "until"],
            ReferenceTable::Designations => &["hospital_id", "from", "until"],
            ReferenceTable::Catalogue => {
                &["code", "regions", "from", "name", "class", "self_pay_ratio", "price_ceiling", "until"]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_table_has_more_columns_than_a_row_has_room_for() {
        assert_eq!(ReferenceTable::ALL.iter().map(|table| table.columns().len()).max(), Some(MAX_COLUMNS));
    }
}
