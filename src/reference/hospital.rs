//! The record of one hospital, with the days on which it is designated (定点).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::day::{Day, Interval};
use crate::domain::facts::{HospitalFacts, Region};
use crate::domain::vocabulary::Level;

use super::dated::{Dated, RowChange};

/// The row of a hospital in hospitals.csv.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HospitalHead {
    /// The name.
    pub name: Arc<str>,
    /// The level.
    pub level: Level,
    /// The region in which it lies.
    pub region: Region,
}

/// All rows of one hospital, in all tables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HospitalRecord {
    head: Option<HospitalHead>,
    designations: Dated<()>,
}

/// A row of one of the tables about hospitals, without the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HospitalPart {
    /// A row of hospitals.csv.
    Head(HospitalHead),
    /// A row of designations.csv.
    Designation(Interval),
}

impl HospitalRecord {
    /// Adds a row, in place of one with the same key.
    pub fn put(&mut self, part: HospitalPart) -> RowChange {
        match part {
            HospitalPart::Designation(days) => self.designations.put((), days),
            HospitalPart::Head(head) => {
                let change = if self.head.as_ref() == Some(&head) { RowChange::Unchanged } else { RowChange::Changed };
                self.head = Some(head);
                change
            }
        }
    }

    /// The row of hospitals.csv, if there is one.
    pub fn head(&self) -> Option<&HospitalHead> {
        self.head.as_ref()
    }

    /// The days on which the hospital is designated.
    pub fn designations(&self) -> &Dated<()> {
        &self.designations
    }

    /// Whether hospitals.csv contains the hospital.
    pub(crate) fn is_known(&self) -> bool {
        self.head.is_some()
    }

    /// Whether the hospital is designated on this day.
    pub fn is_designated(&self, day: Day) -> bool {
        self.designations.applies((), day)
    }

    /// The facts that a settlement uses, if the hospital is known.
    pub fn facts(&self) -> Option<HospitalFacts> {
        let head = self.head.as_ref()?;
        Some(HospitalFacts { level: head.level, region: head.region.clone() })
    }
}
