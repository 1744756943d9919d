//! One person with everything dated about them, held and written as one record: no reader sees half.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::day::Day;
use crate::domain::facts::{PersonFacts, Region};
use crate::domain::vocabulary::{Approval, Category};

use super::dated::{Change, Dated};

/// All rows of one person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRecord {
    /// Insurance and insured region; `None` while only other tables name the person.
    insured: Option<(Arc<str>, Region)>,
    enrolments: Dated<()>,
    categories: Dated<Category>,
    approvals: Dated<Approval>,
}

/// A row of one of the tables about persons, without the id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PersonPart {
    /// persons.csv
    Insured(Arc<str>, Region),
    /// enrolments.csv
    Enrolment(crate::domain::day::Interval),
    /// categories.csv
    Category(Category, crate::domain::day::Interval),
    /// approvals.csv
    Approval(Approval, crate::domain::day::Interval),
}

impl PersonRecord {
    /// Takes a row.
    pub fn put(&mut self, part: PersonPart) -> Change {
        match part {
            PersonPart::Insured(insurance, region) => self.insure(insurance, region),
            PersonPart::Enrolment(days) => self.enrolments.put((), days),
            PersonPart::Category(category, days) => self.categories.put(category, days),
            PersonPart::Approval(approval, days) => self.approvals.put(approval, days),
        }
    }

    fn insure(&mut self, insurance: Arc<str>, region: Region) -> Change {
        let insured = Some((insurance, region));
        let change = if self.insured == insured { Change::Unchanged } else { Change::Changed };
        self.insured = insured;
        change
    }

    /// Insurance and insured region, if the person is known.
    pub fn insured(&self) -> Option<(&Arc<str>, &Region)> {
        self.insured.as_ref().map(|(insurance, region)| (insurance, region))
    }

    /// When the person is enrolled.
    pub fn enrolments(&self) -> &Dated<()> {
        &self.enrolments
    }

    /// Which categories the person holds, and when.
    pub fn categories(&self) -> &Dated<Category> {
        &self.categories
    }

    /// Which approvals the person holds, and when.
    pub fn approvals(&self) -> &Dated<Approval> {
        &self.approvals
    }

    /// Whether the person is known, and not only named by another table.
    pub fn is_known(&self) -> bool {
        self.insured.is_some()
    }

    /// Whether the person is enrolled that day.
    pub fn is_enrolled(&self, day: Day) -> bool {
        self.enrolments.holds((), day)
    }

    /// Whether the person holds this approval that day.
    pub fn is_approved(&self, approval: Approval, day: Day) -> bool {
        self.approvals.holds(approval, day)
    }

    /// The facts of that day, if the person is known.
    pub fn facts(&self, day: Day) -> Option<PersonFacts> {
        let (insurance, insured_region) = self.insured.clone()?;
        Some(PersonFacts {
            insurance,
            insured_region,
            categories: self.categories.on(day).collect(),
            cross_region_approved: self.is_approved(Approval::CrossRegion, day),
        })
    }
}
