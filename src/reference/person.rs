//! The record of one person: all rows about the person, stored as one value so that no reader sees part of an import.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::day::{Day, Interval};
use crate::domain::facts::{PersonFacts, Region};
use crate::domain::ids::PersonId;
use crate::domain::vocabulary::{Approval, Category};

use super::dated::{Dated, RowChange};

/// One person: the id and all rows. The key under which a store keeps the record is a hash, so the record contains
/// the id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRecord {
    id: Option<PersonId>,
    rows: PersonRows,
}

/// All rows of one person, in all tables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRows {
    /// Insurance and insured region; `None` while persons.csv does not contain the person.
    insured: Option<(Arc<str>, Region)>,
    enrolments: Dated<()>,
    categories: Dated<Category>,
    approvals: Dated<Approval>,
}

/// A row of one of the tables about persons, without the id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PersonPart {
    /// A row of persons.csv: insurance and insured region.
    Insured(Arc<str>, Region),
    /// A row of enrolments.csv.
    Enrolment(Interval),
    /// A row of categories.csv.
    Category(Category, Interval),
    /// A row of approvals.csv.
    Approval(Approval, Interval),
}

impl PersonRecord {
    /// The id; `None` in a record that was stored before records contained it.
    pub fn id(&self) -> Option<&PersonId> {
        self.id.as_ref()
    }

    /// Sets the id.
    pub fn set_id(&mut self, id: &PersonId) -> RowChange {
        let change = if self.id() == Some(id) { RowChange::Unchanged } else { RowChange::Changed };
        self.id = Some(id.clone());
        change
    }

    /// Adds a row, in place of one with the same key.
    pub fn put(&mut self, part: PersonPart) -> RowChange {
        match part {
            PersonPart::Insured(insurance, region) => self.set_insured(insurance, region),
            PersonPart::Enrolment(days) => self.rows.enrolments.put((), days),
            PersonPart::Category(category, days) => self.rows.categories.put(category, days),
            PersonPart::Approval(approval, days) => self.rows.approvals.put(approval, days),
        }
    }

    fn set_insured(&mut self, insurance: Arc<str>, region: Region) -> RowChange {
        let insured = Some((insurance, region));
        let change = if self.rows.insured == insured { RowChange::Unchanged } else { RowChange::Changed };
        self.rows.insured = insured;
        change
    }

    /// Insurance and insured region, if persons.csv contains the person.
    pub fn insured(&self) -> Option<(&Arc<str>, &Region)> {
        self.rows.insured.as_ref().map(|(insurance, region)| (insurance, region))
    }

    /// The days on which the person is enrolled.
    pub fn enrolments(&self) -> &Dated<()> {
        &self.rows.enrolments
    }

    /// The categories of the person, with their days.
    pub fn categories(&self) -> &Dated<Category> {
        &self.rows.categories
    }

    /// The approvals of the person, with their days.
    pub fn approvals(&self) -> &Dated<Approval> {
        &self.rows.approvals
    }

    /// Whether persons.csv contains the person.
    pub(crate) fn is_known(&self) -> bool {
        self.rows.insured.is_some()
    }

    /// Whether the person is enrolled on this day.
    pub fn is_enrolled(&self, day: Day) -> bool {
        self.rows.enrolments.applies((), day)
    }

    /// Whether the person has this approval on this day.
    pub(crate) fn is_approved(&self, approval: Approval, day: Day) -> bool {
        self.rows.approvals.applies(approval, day)
    }

    /// The facts that a settlement of this day uses, if the person is known.
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
