//! One hospital with the days on which it is designated (定点).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::day::{Day, Interval};
use crate::domain::facts::{HospitalFacts, Region};
use crate::domain::vocabulary::Level;

use super::dated::{Dated, RowChange};

/// What hospitals.csv says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HospitalHead {
    /// Its name.
    pub name: Arc<str>,
    /// Its level.
    pub level: Level,
    /// Where it stands.
    pub region: Region,
}

/// All rows of one hospital.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HospitalRecord {
    head: Option<HospitalHead>,
    designations: Dated<()>,
}

/// A row of one of the tables about hospitals, without the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HospitalPart {
    /// hospitals.csv
    Head(HospitalHead),
    /// designations.csv
    Designation(Interval),
}

impl HospitalRecord {
    /// Takes a row.
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

    /// What hospitals.csv says of it, if it is known.
    pub fn head(&self) -> Option<&HospitalHead> {
        self.head.as_ref()
    }

    /// When it is designated.
    pub fn designations(&self) -> &Dated<()> {
        &self.designations
    }

    /// Whether the hospital is known.
    pub fn is_known(&self) -> bool {
        self.head.is_some()
    }

    /// Whether it is designated that day.
    pub fn is_designated(&self, day: Day) -> bool {
        self.designations.holds((), day)
    }

    /// The facts, if the hospital is known.
    pub fn facts(&self) -> Option<HospitalFacts> {
        let head = self.head.as_ref()?;
        Some(HospitalFacts { level: head.level, region: head.region.clone() })
    }
}
