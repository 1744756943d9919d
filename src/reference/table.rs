//! The reference tables: their names, order of import and columns.

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceTable {
    /// persons.csv
    Persons,
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

impl ReferenceTable {
    /// All of them, in the order in which a directory is imported: what is told of a person or hospital comes
    /// before the table that makes them known, so that a new one is never seen in part, a poor patient never
    /// settled as an ordinary one.
    pub const ALL: &'static [ReferenceTable] = &[
        ReferenceTable::Catalogue,
        ReferenceTable::Designations,
        ReferenceTable::Hospitals,
        ReferenceTable::Categories,
        ReferenceTable::Approvals,
        ReferenceTable::Enrolments,
        ReferenceTable::Persons,
    ];

    /// The name of its file, without `.csv`.
    pub const fn as_str(self) -> &'static str {
        match self {
            ReferenceTable::Persons => "persons",
            ReferenceTable::Enrolments => "enrolments",
            ReferenceTable::Categories => "categories",
            ReferenceTable::Approvals => "approvals",
            ReferenceTable::Hospitals => "hospitals",
            ReferenceTable::Designations => "designations",
            ReferenceTable::Catalogue => "catalogue",
        }
    }

    /// The table of this name.
    pub fn from_word(word: &str) -> Option<ReferenceTable> {
        ReferenceTable::ALL.iter().copied().find(|table| table.as_str() == word)
    }

    /// Whether it is about persons.
    pub const fn is_of_persons(self) -> bool {
        matches!(
            self,
            ReferenceTable::Persons
                | ReferenceTable::Enrolments
                | ReferenceTable::Categories
                | ReferenceTable::Approvals
        )
    }

    /// Its columns.
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            ReferenceTable::Persons => &["person_id", "insurance", "insured_region"],
            ReferenceTable::Enrolments => &["person_id", "from", "until"],
            ReferenceTable::Categories => &["person_id", "category", "from", "until"],
            ReferenceTable::Approvals => &["person_id", "kind", "from", "until"],
            ReferenceTable::Hospitals => &["hospital_id", "name", "level", "region"],
            ReferenceTable::Designations => &["hospital_id", "from", "until"],
            ReferenceTable::Catalogue => {
                &["code", "regions", "from", "name", "class", "self_pay_ratio", "price_ceiling", "until"]
            }
        }
    }
}
