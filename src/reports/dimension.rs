//! What a report can be broken down by, and restricted to.

/// What the rows of a report stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// The region in which the person is insured, six digits.
    Region,
    /// The city in which the person is insured, the first four digits of the region.
    City,
    /// The region of the hospital, six digits.
    HospitalRegion,
    /// The hospital.
    Hospital,
    /// The level of the hospital.
    Level,
    /// The categories that the person held, all of them as one value; empty for an ordinary person.
    Category,
    /// The kind of the visit.
    Visit,
    /// The insurance.
    Insurance,
    /// The benefit year.
    Year,
    /// The policy that decided.
    Policy,
    /// Who pays.
    Payer,
    /// The layer that pays.
    Layer,
    /// The day that the report goes by.
    Day,
    /// The month of the day that the report goes by.
    Month,
    /// The person.
    Person,
}

impl Dimension {
    /// Every dimension.
    pub const ALL: &'static [Dimension] = &[
        Dimension::Region,
        Dimension::City,
        Dimension::HospitalRegion,
        Dimension::Hospital,
        Dimension::Level,
        Dimension::Category,
        Dimension::Visit,
        Dimension::Insurance,
        Dimension::Year,
        Dimension::Policy,
        Dimension::Payer,
        Dimension::Layer,
        Dimension::Day,
        Dimension::Month,
        Dimension::Person,
    ];

    /// The word, which also heads its column.
    pub const fn word(self) -> &'static str {
        match self {
            Dimension::Region => "region",
            Dimension::City => "city",
            Dimension::HospitalRegion => "hospital_region",
            Dimension::Hospital => "hospital",
            Dimension::Level => "level",
            Dimension::Category => "category",
            Dimension::Visit => "visit",
            Dimension::Insurance => "insurance",
            Dimension::Year => "year",
            Dimension::Policy => "policy",
            Dimension::Payer => "payer",
            Dimension::Layer => "layer",
            Dimension::Day => "day",
            Dimension::Month => "month",
            Dimension::Person => "person",
        }
    }

    /// The dimension with this word.
    pub fn from_word(word: &str) -> Option<Dimension> {
        Dimension::ALL.iter().copied().find(|dimension| dimension.word() == word)
    }

    /// Whether a settlement has several values of it, one for each amount that is paid.
    pub const fn is_of_payment(self) -> bool {
        matches!(self, Dimension::Payer | Dimension::Layer)
    }
}
