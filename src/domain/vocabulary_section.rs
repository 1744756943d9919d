//! The sections of a vocabulary.

/// A section of a vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// Categories of persons.
    Category,
    /// Levels of hospitals.
    Level,
    /// Kinds of visits.
    Visit,
    /// Kinds of approvals.
    Approval,
    /// Pools.
    Pool,
    /// Classes of catalogue rows.
    Class,
    /// Payers.
    Payer,
    /// Marks of hospitals.
    Tag,
    /// Diseases.
    Disease,
}

impl Section {
    /// All of them.
    pub const ALL: &'static [Section] = &[
        Section::Category,
        Section::Level,
        Section::Visit,
        Section::Approval,
        Section::Pool,
        Section::Class,
        Section::Payer,
        Section::Tag,
        Section::Disease,
    ];

    /// The section of this name.
    pub fn from_word(word: &str) -> Option<Section> {
        Section::ALL.iter().copied().find(|section| section.as_str() == word)
    }

    /// Its name in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Section::Category => "category",
            Section::Level => "level",
            Section::Visit => "visit",
            Section::Approval => "approval",
            Section::Pool => "pool",
            Section::Class => "class",
            Section::Payer => "payer",
            Section::Tag => "tag",
            Section::Disease => "disease",
        }
    }
}
