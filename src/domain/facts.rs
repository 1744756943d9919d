//! The facts of a claim: what the service looks up and never takes from the caller.

use std::sync::Arc;

use super::claim::UnitPrice;
use super::fixed_words::{Locality, Referral};
use super::ids::ItemCode;
use super::rate::Rate;
use super::words::{Categories, ClassWord, Level, Tag, WordSet};

/// A region's code (GB/T 2260), six digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(Arc<str>);

impl Region {
    /// The region of this code; `None` unless it is six digits.
    pub fn parse(code: &str) -> Option<Region> {
        let digits = code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| Region(code.into()))
    }

    /// The six digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the codes of some regions may begin with this text: one to six digits.
pub fn is_region_prefix(text: &str) -> bool {
    (1..=6).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// The class of a catalogue row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// The word, whose meaning the vocabulary states.
    pub word: ClassWord,
    /// The share that the patient bears first, for a class that has one.
    pub self_pay_ratio: Option<Rate>,
}

/// The catalogue row of a code at the place of treatment on the day of a line.
#[derive(Clone, PartialEq, Eq)]
pub struct CatalogueEntry {
    /// The code.
    pub code: ItemCode,
    /// Its name.
    pub name: Arc<str>,
    /// Its class.
    pub class: Class,
    /// The price above which the patient bears the excess (限价), if any.
    pub price_ceiling: Option<UnitPrice>,
}

/// The catalogue entries of a bill, shared by its facts and its split.
pub type CatalogueEntries = Arc<[Arc<CatalogueEntry>]>;

/// The person's facts, on the day of discharge if nothing else is stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonFacts {
    /// The insurance in which the person is enrolled.
    pub insurance: Arc<str>,
    /// The region in which the person is insured (参保地).
    pub insured_region: Region,
    /// The categories held.
    pub categories: Categories,
    /// Whether the person held a cross-region approval (异地就医备案/转诊) on the day of admission or of discharge.
    pub cross_region_approved: bool,
}

/// The hospital's facts on the day of discharge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HospitalFacts {
    /// Its level.
    pub level: Level,
    /// Its region (就医地).
    pub region: Region,
    /// Its tags.
    pub tags: WordSet<Tag>,
}

/// All facts looked up for one claim; stored with the settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The person.
    pub person: PersonFacts,
    /// The hospital.
    pub hospital: HospitalFacts,
    /// The catalogue entries, one for each row that applies, in the order in which the rows first apply.
    pub catalogue: CatalogueEntries,
    /// For each item, the position of its entry in `catalogue`.
    pub entry_of_item: Vec<u16>,
}

impl Facts {
    /// Where the hospital lies, seen from the insured region. Two regions that begin with the same prefix of `pooling`
    /// (统筹区) count as one city.
    pub fn locality(&self, pooling: &[Arc<str>]) -> Locality {
        let (hospital, insured) = (self.hospital.region.as_str(), self.person.insured_region.as_str());
        let agree = |digits: usize| hospital[..digits] == insured[..digits];
        let pooled = || pooling.iter().any(|prefix| hospital.starts_with(&**prefix) && insured.starts_with(&**prefix));
        if agree(6) {
            Locality::County
        } else if agree(4) || pooled() {
            Locality::City
        } else if agree(2) {
            Locality::Province
        } else {
            Locality::Elsewhere
        }
    }

    /// The referral; an approval takes precedence over an emergency.
    pub fn referral(&self, emergency: bool) -> Referral {
        match (self.person.cross_region_approved, emergency) {
            (true, _) => Referral::Registered,
            (false, true) => Referral::Emergency,
            (false, false) => Referral::None,
        }
    }
}

super::ids::silent_debug!(CatalogueEntry);
