//! The record of one hospital, with the days on which it is designated (定点).

use std::sync::Arc;

use crate::domain::day::{Day, Interval};
use crate::domain::facts::{HospitalFacts, Region};
use crate::domain::words::{Level, Tag, WordSet};

use super::dated::{Dated, RowChange};
use super::timeline::Timeline;

/// What hospitals.csv says of a hospital for some days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HospitalStatus {
    /// The name.
    pub name: Arc<str>,
    /// The level.
    pub level: Level,
    /// The region in which it lies.
    pub region: Region,
    /// Marks of the hospital, such as `tcm`: sorted, without duplicates.
    pub tags: WordSet<Tag>,
}

/// All rows of one hospital, in all tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HospitalRecord {
    statuses: Timeline<HospitalStatus>,
    designations: Dated<()>,
}

/// A row of one of the tables about hospitals, without the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HospitalPart {
    /// A row of hospitals.csv.
    Status(HospitalStatus, Interval),
    /// A row of designations.csv.
    Designation(Interval),
}

/// The table of a row about a hospital and its key there, without the id.
#[derive(PartialEq, Eq, Hash)]
pub(crate) enum HospitalPartKey {
    Status(Option<Day>),
    Designation(Option<Day>),
}

impl HospitalPart {
    /// The key of the row; a row with the same key replaces it.
    pub(crate) fn key(&self) -> HospitalPartKey {
        match self {
            HospitalPart::Status(_, days) => HospitalPartKey::Status(days.from),
            HospitalPart::Designation(days) => HospitalPartKey::Designation(days.from),
        }
    }
}

impl HospitalRecord {
    /// Adds a row, in place of one with the same key.
    pub fn put(&mut self, part: HospitalPart) -> RowChange {
        match part {
            HospitalPart::Status(status, days) => self.statuses.put(status, days),
            HospitalPart::Designation(days) => self.designations.put((), days),
        }
    }

    /// The rows of hospitals.csv, in succession.
    pub fn statuses(&self) -> &Timeline<HospitalStatus> {
        &self.statuses
    }

    /// The days on which the hospital is designated.
    pub fn designations(&self) -> &Dated<()> {
        &self.designations
    }

    /// Whether the hospital is designated on this day.
    pub fn is_designated(&self, day: Day) -> bool {
        self.designations.applies(&(), day)
    }

    /// The facts that a settlement of this day uses, if the hospital is known on it.
    pub fn facts(&self, day: Day) -> Option<HospitalFacts> {
        let (status, _) = self.statuses.on(day)?;
        Some(HospitalFacts { level: status.level.clone(), region: status.region.clone(), tags: status.tags.clone() })
    }
}
