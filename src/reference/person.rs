//! The record of one person: all rows about the person, stored as one value so that no reader sees part of an import.

use std::sync::Arc;

use crate::domain::day::{Day, Interval};
use crate::domain::facts::{PersonFacts, Region};
use crate::domain::ids::PersonId;
use crate::domain::words::{Approval, Category};

use super::dated::{Dated, RowChange};
use super::timeline::Timeline;

/// One person: the id and all rows. The key under which a store keeps the record is a hash, so the record contains
/// the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRecord {
    id: PersonId,
    enrolments: Timeline<Enrolment>,
    categories: Dated<Category>,
    approvals: Dated<Approval>,
}

/// In what and where a person is insured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// The insurance.
    pub insurance: Arc<str>,
    /// The region in which the person is insured (参保地).
    pub insured_region: Region,
}

/// A row of one of the tables about persons, without the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonPart {
    /// A row of enrolments.csv.
    Enrolment(Enrolment, Interval),
    /// A row of categories.csv.
    Category(Category, Interval),
    /// A row of approvals.csv.
    Approval(Approval, Interval),
}

/// The table of a row about a person and its key there, without the id.
#[derive(PartialEq, Eq, Hash)]
pub(crate) enum PersonPartKey<'a> {
    Enrolment(Option<Day>),
    Category(&'a Category, Option<Day>),
    Approval(&'a Approval, Option<Day>),
}

impl PersonPart {
    /// The key of the row; a row with the same key replaces it.
    pub(crate) fn key(&self) -> PersonPartKey<'_> {
        match self {
            PersonPart::Enrolment(_, days) => PersonPartKey::Enrolment(days.from),
            PersonPart::Category(category, days) => PersonPartKey::Category(category, days.from),
            PersonPart::Approval(approval, days) => PersonPartKey::Approval(approval, days.from),
        }
    }
}

impl PersonRecord {
    /// A person about whom there is no row yet.
    pub fn new(id: PersonId) -> PersonRecord {
        PersonRecord { id, enrolments: Timeline::default(), categories: Dated::default(), approvals: Dated::default() }
    }

    /// The id.
    pub fn id(&self) -> &PersonId {
        &self.id
    }

    /// Adds a row, in place of one with the same key.
    pub fn put(&mut self, part: PersonPart) -> RowChange {
        match part {
            PersonPart::Enrolment(enrolment, days) => self.enrolments.put(enrolment, days),
            PersonPart::Category(category, days) => self.categories.put(category, days),
            PersonPart::Approval(approval, days) => self.approvals.put(approval, days),
        }
    }

    /// In what and where the person is insured, in succession.
    pub fn enrolments(&self) -> &Timeline<Enrolment> {
        &self.enrolments
    }

    /// The categories of the person, with their days.
    pub fn categories(&self) -> &Dated<Category> {
        &self.categories
    }

    /// The approvals of the person, with their days.
    pub fn approvals(&self) -> &Dated<Approval> {
        &self.approvals
    }

    /// Whether the person is or was enrolled on any day: a person is whoever has an enrolment.
    pub fn is_known(&self) -> bool {
        !self.enrolments.is_empty()
    }

    /// Whether the person has this approval on this day.
    pub(crate) fn is_approved(&self, approval: &Approval, day: Day) -> bool {
        self.approvals.applies(approval, day)
    }

    /// Whether an approval holds for a stay: that of cross-region treatment on the day of admission or of discharge, since a
    /// stay begun within the filing is covered to its end, and a filing made up for before discharge counts
    /// (医保发〔2022〕22号); any other on the day of discharge.
    pub(crate) fn is_approved_for(&self, approval: &Approval, admitted: Day, discharged: Day) -> bool {
        let also_on_admission = *approval == Approval::cross_region();
        self.is_approved(approval, discharged) || also_on_admission && self.is_approved(approval, admitted)
    }

    /// The facts of a stay, if the person is enrolled on the day of discharge.
    pub fn facts(&self, admitted: Day, discharged: Day) -> Option<PersonFacts> {
        let (enrolment, _) = self.enrolments.on(discharged)?;
        Some(PersonFacts {
            insurance: enrolment.insurance.clone(),
            insured_region: enrolment.insured_region.clone(),
            categories: self.categories.on(discharged).cloned().collect(),
            cross_region_approved: self.is_approved_for(&Approval::cross_region(), admitted, discharged),
        })
    }
}
