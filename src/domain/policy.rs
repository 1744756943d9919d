//! A policy as it is applied: an ordered list of layers with resolved terms.
//!
//! Every layer has the same form: a payer, the pools it may draw on, and a schedule over a cumulative
//! amount. No code knows what "critical illness" is.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::day::{Day, Interval};
use super::ids::Digest;
use super::terms::TermsTable;
use super::vocabulary::{BenefitYear, Categories, Period, Pool, Visit};

/// The part of a layer that is the same for every claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerHead {
    /// Its id, which also names its accumulators.
    pub id: Arc<str>,
    /// Its name for people.
    pub name: Arc<str>,
    /// Who pays.
    pub payer: Arc<str>,
    /// The pools it may draw on, in order.
    pub pools: Vec<Pool>,
    /// The period over which the schedule accumulates.
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
    /// The visits it applies to.
    pub visits: Vec<Visit>,
    /// The days on which it is in force, within the days of the policy.
    pub in_force: Interval,
    /// The categories it is limited to; `None` for everyone.
    pub only: Option<Categories>,
    /// Its terms, by circumstances.
    pub terms: TermsTable,
}

impl Layer {
    /// Why this layer is not considered for a claim; `None` if it is.
    pub fn skip_reason(&self, day: Day, visit: Visit, categories: Categories) -> Option<SkipReason> {
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

/// The id and digest of a policy, which identify the law that was applied.
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
    /// Its id and digest.
    pub reference: PolicyRef,
    /// Its title.
    pub title: Arc<str>,
    /// The insurance it governs.
    pub insurance: Arc<str>,
    /// The prefixes of the insured regions it governs; none for a library.
    pub regions: Vec<Arc<str>>,
    /// The days on which it is in force.
    pub in_force: Interval,
    /// Whether the day of discharge or of admission decides.
    pub benefit_year: BenefitYear,
    /// Its layers, in the order of payment.
    pub layers: Vec<Layer>,
}

impl Policy {
    /// The day that decides the benefit year and whether policy and layers are in force.
    pub fn policy_day(&self, admitted: Day, discharged: Day) -> Day {
        match self.benefit_year {
            BenefitYear::Discharge => discharged,
            BenefitYear::Admission => admitted,
        }
    }
}
