//! One person with everything dated about them, held and written as one record: no reader sees half.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::day::Day;
use crate::domain::facts::{PersonFacts, Region};
use crate::domain::ids::PersonId;
use crate::domain::vocabulary::{Approval, Category};

use super::dated::{Dated, RowChange};

/// One person: the id, and all rows. A store's key does not tell the id; the record does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRecord {
    id: Option<PersonId>,
    rows: PersonRows,
}

/// All rows of one person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRows {
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
    /// The record of a person whose id was not kept with the rows.
    pub fn nameless(rows: PersonRows) -> PersonRecord {
        PersonRecord { id: None, rows }
    }

    /// Whose record it is; not known of what was imported before the id was kept with it.
    pub fn id(&self) -> Option<&PersonId> {
        self.id.as_ref()
    }

    /// Notes whose record it is.
    pub fn name(&mut self, id: &PersonId) -> RowChange {
        let change = if self.id() == Some(id) { RowChange::Unchanged } else { RowChange::Changed };
        self.id = Some(id.clone());
        change
    }

    /// Takes a row.
    pub fn put(&mut self, part: PersonPart) -> RowChange {
        match part {
            PersonPart::Insured(insurance, region) => self.insure(insurance, region),
            PersonPart::Enrolment(days) => self.rows.enrolments.put((), days),
            PersonPart::Category(category, days) => self.rows.categories.put(category, days),
            PersonPart::Approval(approval, days) => self.rows.approvals.put(approval, days),
        }
    }

    fn insure(&mut self, insurance: Arc<str>, region: Region) -> RowChange {
        let insured = Some((insurance, region));
        let change = if self.rows.insured == insured { RowChange::Unchanged } else { RowChange::Changed };
        self.rows.insured = insured;
        change
    }

    /// Insurance and insured region, if the person is known.
    pub fn insured(&self) -> Option<(&Arc<str>, &Region)> {
        self.rows.insured.as_ref().map(|(insurance, region)| (insurance, region))
    }

    /// When the person is enrolled.
    pub fn enrolments(&self) -> &Dated<()> {
        &self.rows.enrolments
    }

    /// Which categories the person holds, and when.
    pub fn categories(&self) -> &Dated<Category> {
        &self.rows.categories
    }

    /// Which approvals the person holds, and when.
    pub fn approvals(&self) -> &Dated<Approval> {
        &self.rows.approvals
    }

    /// Whether the person is known, and not only named by another table.
    pub fn is_known(&self) -> bool {
        self.rows.insured.is_some()
    }

    /// Whether the person is enrolled that day.
    pub fn is_enrolled(&self, day: Day) -> bool {
        self.rows.enrolments.holds((), day)
    }

    /// Whether the person holds this approval that day.
    pub fn is_approved(&self, approval: Approval, day: Day) -> bool {
        self.rows.approvals.holds(approval, day)
    }

    /// The facts of that day, if the person is known.
    pub fn facts(&self, day: Day) -> Option<PersonFacts> {
        let (insurance, insured_region) = self.rows.insured.clone()?;
        Some(PersonFacts {
            insurance,
            insured_region,
            categories: self.rows.categories.on(day).collect(),
            cross_region_approved: self.is_approved(Approval::CrossRegion, day),
        })
    }
}
