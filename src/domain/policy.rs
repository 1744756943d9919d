//! A policy as it is applied: an ordered list of layers, each with its terms resolved.
//!
//! Every layer is the same thing: a payer, the pools it may draw on, and a schedule over a cumulative
//! amount. No code knows what "critical illness" is.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::day::{Day, Interval};
use super::ids::Digest;
use super::terms::TermsTable;
use super::vocabulary::{BenefitYear, Categories, Period, Pool, Visit};

/// What names a layer and says what it does; the same for every claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerHead {
    /// Its id; the accumulators are named by it.
    pub id: Arc<str>,
    /// Its name for people.
    pub name: Arc<str>,
    /// Who pays.
    pub payer: Arc<str>,
    /// What it may draw on, in order.
    pub pools: Vec<Pool>,
    /// Over what the schedule runs.
    pub period: Period,
}

/// Why a layer was not considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SkipReason {
    /// Not in force on the day.
    NotInForce,
    /// Not for this kind of visit.
    OtherVisit,
    /// Not for any category the person holds.
    OtherCategory,
}

/// One payer's terms.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Id, name, payer, pools, period.
    pub head: Arc<LayerHead>,
    /// For which visits.
    pub visits: Vec<Visit>,
    /// When; within the policy's own days.
    pub in_force: Interval,
    /// For whom alone, if it is not for all.
    pub only: Option<Categories>,
    /// What holds, by circumstances.
    pub terms: TermsTable,
}

impl Layer {
    /// Why this layer is not considered for a claim, if it is not.
    pub fn skipped(&self, day: Day, visit: Visit, categories: Categories) -> Option<SkipReason> {
        if !self.in_force.contains(day) {
            return Some(SkipReason::NotInForce);
        }
        if !self.visits.contains(&visit) {
            return Some(SkipReason::OtherVisit);
        }
        let held = self.only.is_none_or(|only| only.meets(categories));
        (!held).then_some(SkipReason::OtherCategory)
    }
}

/// The id and digest of a policy: which law was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRef {
    /// The id of the file.
    pub id: Arc<str>,
    /// The digest of its canonical text, after `use`.
    pub digest: Digest,
}

/// One policy, checked and resolved.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Which it is.
    pub reference: PolicyRef,
    /// Its title.
    pub title: Arc<str>,
    /// Of which insurance.
    pub insurance: Arc<str>,
    /// Prefixes of the insured region; none for a library.
    pub regions: Vec<Arc<str>>,
    /// When.
    pub in_force: Interval,
    /// By which day it judges itself.
    pub benefit_year: BenefitYear,
    /// In the order of payment.
    pub layers: Vec<Layer>,
}

impl Policy {
    /// The day by which this policy judges itself.
    pub fn own_day(&self, admitted: Day, discharged: Day) -> Day {
        match self.benefit_year {
            BenefitYear::Discharge => discharged,
            BenefitYear::Admission => admitted,
        }
    }
}
