//! Rows of an import that are sound, but by which nothing can be settled as things are: of an insurance or a region that no
//! policy in use has, or of a hospital that has no row of its own.
//!
//! They are counted and named, not refused: the policies of a new province are activated after its persons are known, and a
//! hospital may come after its designation. A row that is withdrawn says nothing.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::ids::HospitalId;
use crate::policy::Book;
use crate::reference::hospital::HospitalPart;
use crate::reference::lookup_tables::LookupTables;
use crate::reference::person::{Enrolment, PersonPart};

/// How many different names are kept.
const NAMES: usize = 5;

/// Rows by what they name that does not exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnmatchedRows {
    /// Enrolments in an insurance that no policy in use has.
    pub insurance: UnmatchedName,
    /// Enrolments in a region for which no policy of their insurance in use is.
    pub insured_region: UnmatchedName,
    /// Designations of hospitals that have no row in the table of hospitals.
    pub hospital: UnmatchedName,
}

/// Rows that name something of one kind that does not exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnmatchedName {
    /// How many rows.
    pub rows: u64,
    /// The first different names in them.
    pub names: Vec<Arc<str>>,
}

impl UnmatchedName {
    fn add(&mut self, name: &str) {
        self.rows += 1;
        if self.names.len() < NAMES && self.names.iter().all(|known| **known != *name) {
            self.names.push(name.into());
        }
    }
}

/// The regions, as prefixes, for which the policies of each insurance are.
pub(super) struct CoveredRegions(HashMap<Arc<str>, Vec<Arc<str>>>);

impl CoveredRegions {
    /// Those of the policies of a book.
    pub(super) fn of_book(book: &Book) -> CoveredRegions {
        let mut regions: HashMap<_, Vec<_>> = HashMap::new();
        for rule in book.rules() {
            regions.entry(Arc::clone(&rule.insurance)).or_default().extend(rule.regions.iter().cloned());
        }
        CoveredRegions(regions)
    }
}

impl UnmatchedRows {
    /// Counts a row about a person, if no policy is for its insurance and region.
    pub(super) fn add_person(&mut self, part: &PersonPart, covered: &CoveredRegions) {
        let PersonPart::Enrolment(Enrolment { insurance, insured_region }, days) = part else { return };
        if days.is_empty() {
            return;
        }
        match covered.0.get(insurance) {
            None => self.insurance.add(insurance),
            Some(prefixes) if prefixes.iter().any(|prefix| insured_region.as_str().starts_with(&**prefix)) => {}
            Some(_) => self.insured_region.add(insured_region.as_str()),
        }
    }

    /// Counts the designations of hospitals that are in no row of the table of hospitals with those of the import.
    pub(super) fn add_hospitals(&mut self, rows: &[(u64, HospitalId, HospitalPart)], tables: &LookupTables) {
        for (_, id, part) in rows {
            let HospitalPart::Designation(days) = part else { continue };
            let is_known = tables.hospitals.get(id).is_some_and(|record| !record.statuses().is_empty());
            if !days.is_empty() && !is_known {
                self.hospital.add(id.as_str());
            }
        }
    }
}
