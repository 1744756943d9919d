//! The facts of a claim: what the service looked up, and never takes from the caller.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::claim::UnitPrice;
use super::ids::ItemCode;
use super::rate::Rate;
use super::vocabulary::{Categories, Level, Locality, Referral};

/// A region's code (GB/T 2260), six digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

    /// The city: the first four digits.
    pub fn city(&self) -> &str {
        &self.0[..4]
    }
}

/// The class of a catalogue row, with what that class alone has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    /// 甲类
    A,
    /// 乙类, with the share the patient bears first.
    B(Rate),
    /// 丙类
    C,
    /// 大病保险特殊用药
    Special,
    /// A special drug that the 2017 national catalogue took in.
    Transitional,
}

impl Class {
    /// The word of tables and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Class::A => "A",
            Class::B(_) => "B",
            Class::C => "C",
            Class::Special => "special",
            Class::Transitional => "transitional",
        }
    }
}

/// What the catalogue of the place of treatment says of a code on a day.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueEntry {
    /// The code.
    pub code: ItemCode,
    /// Its name.
    pub name: Arc<str>,
    /// Its class.
    pub class: Class,
    /// The most that a unit may cost before the excess is the patient's (限价), if any.
    pub price_ceiling: Option<UnitPrice>,
}

/// What is known of the person on the day of discharge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonFacts {
    /// Which insurance the person is enrolled in.
    pub insurance: Arc<str>,
    /// Where the person is insured (参保地).
    pub insured_region: Region,
    /// The categories held.
    pub categories: Categories,
    /// Whether a cross-region approval (异地就医备案/转诊) was held.
    pub cross_region_approved: bool,
}

/// What is known of the hospital on the day of discharge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HospitalFacts {
    /// Its level.
    pub level: Level,
    /// Where it stands (就医地).
    pub region: Region,
}

/// All that was looked up for one claim; stored with the settlement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The person.
    pub person: PersonFacts,
    /// The hospital.
    pub hospital: HospitalFacts,
    /// The catalogue's entries, one for each code, in order of first appearance.
    pub catalogue: Vec<Arc<CatalogueEntry>>,
    /// For each item, the position of its entry in `catalogue`.
    pub entry_of_item: Vec<u16>,
}

impl Facts {
    /// Whether the patient was treated in the insured city.
    pub fn locality(&self) -> Locality {
        if self.hospital.region.city() == self.person.insured_region.city() {
            Locality::Local
        } else {
            Locality::CrossRegion
        }
    }

    /// With what leave: an approval counts before an emergency.
    pub fn referral(&self, emergency: bool) -> Referral {
        match (self.person.cross_region_approved, emergency) {
            (true, _) => Referral::Registered,
            (false, true) => Referral::Emergency,
            (false, false) => Referral::None,
        }
    }
}

super::ids::silent_debug!(CatalogueEntry);
